/* SPDX-License-Identifier: MIT
 * Cores of every shape: what is dumped, cut off, unaligned, overlapping, damaged. */
#include <elf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/core_writer.h"
#include "memory/address_space.h"

enum { HEAP_BYTES = 3 * 4096 };

static uint8_t heap[HEAP_BYTES];

static void fill(void)
{
	for (size_t i = 0; i < sizeof heap; i++)
		heap[i] = (uint8_t)(i * 13 + 1);
}

static void expect_failure(const uint8_t *image, size_t size, int status, const char *word)
{
	struct address_space *space;
	struct error error = { .status = OK };
	assert_int_equal(address_space_open_core_image(&space, image, size, &error), status);
	assert_null(space);
	assert_non_null(strstr(error.message, word));
}

static struct address_space *open_image(const uint8_t *image, size_t size)
{
	struct address_space *space;
	struct error error = { .status = OK };
	int status = address_space_open_core_image(&space, image, size, &error);
	assert_string_equal(error.message, "");
	assert_int_equal(status, OK);
	return space;
}

static void add_facts(struct core_writer *writer)
{
	uint8_t process[136] = { 0 };
	int32_t pid = 4242;
	memcpy(process + 24, &pid, sizeof pid);
	memcpy(process + 40, "python3.11-with-", 16); /* fills its field: no NUL */
	core_writer_thread(writer, 4243, SIGABRT, 0x7ffe1000);
	core_writer_note(writer, "CORE", NT_PRPSINFO, process, sizeof process);
	core_writer_thread(writer, 4242, SIGABRT, 0x7ffe2000);
	core_writer_note(writer, "CORE", NT_SIGINFO, process, 128);
}

static void check_facts(const struct address_space *space)
{
	assert_int_equal(space->pid, 4242);
	assert_int_equal(space->signal, SIGABRT);
	assert_string_equal(space->command, "python3.11-with-");
	assert_int_equal(space->threads.count, 2);
	assert_int_equal(space->threads.items[0].tid, 4243);
	assert_int_equal(space->threads.items[1].stack_pointer, 0x7ffe2000);
}

static void states_and_facts(void **state)
{
	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		struct core_writer writer = { .notes_last = (variant & 1) != 0, .skew = (variant & 2) != 0 ? 3 : 0 };
		add_facts(&writer);
		core_writer_load(&writer, 0x10000, PF_R | PF_W, heap, HEAP_BYTES, HEAP_BYTES);
		core_writer_load(&writer, 0x20000, PF_R, heap, 4096, 3 * 4096);
		core_writer_load(&writer, 0x30000, PF_R | PF_W, NULL, 0, 4096);
		size_t size;
		uint8_t *image = core_writer_image(&writer, &size);
		struct address_space *space = open_image(image, size);
		struct reader reader;
		uint8_t copy[HEAP_BYTES];
		reader_init(&reader, space);
		check_facts(space);
		assert_int_equal(space->word_bytes, 8);
		assert_int_equal(space->machine, EM_X86_64);
		assert_true(reader_copy(&reader, 0x10000, copy, HEAP_BYTES));
		assert_memory_equal(copy, heap, HEAP_BYTES);
		assert_non_null(reader_at(&reader, 0x20fff, 1));
		assert_null(reader_at(&reader, 0x20fff, 2));
		assert_int_equal(address_space_state(space, 0x21000), MEMORY_ABSENT);
		assert_int_equal(address_space_find(space, 0x21000)->absent, ABSENT_NOT_DUMPED);
		assert_int_equal(address_space_state(space, 0x23000), MEMORY_UNMAPPED);
		assert_int_equal(space->coverage.writable_absent, 4096);
		assert_int_equal(space->coverage.absent_not_dumped, 3 * 4096);
		assert_true(address_space_find(space, 0x10000)->writable_private);
		assert_false(address_space_find(space, 0x20000)->writable_private);
		assert_int_equal(space->coverage.file_size, space->coverage.file_expected_size);
		address_space_close(space);
		free(image);
	}
}

/* The image lies at the end of an allocation of its very size, so that a sanitizer sees a byte read too much. */
static void every_truncation(void **state)
{
	(void)state;
	for (int variant = 0; variant < 2; variant++) {
		struct core_writer writer = { .notes_last = variant == 1 };
		add_facts(&writer);
		core_writer_load(&writer, 0x10000, PF_R | PF_W, heap, 64, 64);
		core_writer_load(&writer, 0x20000, PF_R | PF_W, heap, 32, 48);
		size_t size;
		uint8_t *image = core_writer_image(&writer, &size);
		size_t headers = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
		for (size_t length = 0; length < size; length++) {
			uint8_t *cut = malloc(length > 0 ? length : 1);
			assert_non_null(cut);
			memcpy(cut, image, length);
			if (length < headers) {
				expect_failure(cut, length, ERROR_FORMAT, "");
				free(cut);
				continue;
			}
			struct address_space *space = open_image(cut, length);
			struct reader reader;
			reader_init(&reader, space);
			assert_int_equal(space->coverage.file_size, length);
			assert_int_equal(space->coverage.file_expected_size, size);
			assert_int_equal(space->coverage.mapped, 64 + 48);
			assert_int_equal(space->coverage.absent_not_dumped, 16);
			assert_int_equal(space->coverage.present + space->coverage.absent_truncated, 64 + 32);
			for (uint64_t i = 0; i < 64; i++) {
				const uint8_t *byte = reader_at(&reader, 0x10000 + i, 1);
				assert_int_equal(address_space_state(space, 0x10000 + i),
				                 byte != NULL ? MEMORY_PRESENT : MEMORY_ABSENT);
				if (byte != NULL)
					assert_int_equal(*byte, heap[i]);
				else
					assert_int_equal(address_space_find(space, 0x10000 + i)->absent,
					                 ABSENT_TRUNCATED);
			}
			address_space_close(space);
			free(cut);
		}
		free(image);
	}
}

/* gcore left a mapping when it could not read a guard page: zeros from the next piece of 1 MiB on. */
static void stacks_of_zeros_are_absent(void **state)
{
	enum { MIB = 1 << 20, SIZE = 3 * MIB + 4096 };
	(void)state;
	uint8_t *bytes = calloc(1, SIZE);
	assert_non_null(bytes);
	for (int variant = 0; variant < 3; variant++) {
		struct core_writer writer = { .notes_last = variant == 1 };
		bytes[10] = 1; /* the first piece was copied */
		bytes[2 * MIB + 256] = variant == 2; /* what the thread uses is there */
		core_writer_thread(&writer, 1, SIGABRT, 0x10000000 + 2 * MIB + 256);
		core_writer_load(&writer, 0x10000000, PF_R | PF_W, bytes, SIZE, SIZE);
		core_writer_load(&writer, 0x20000000, PF_R | PF_W, bytes + MIB, MIB, MIB);
		size_t size;
		uint8_t *image = core_writer_image(&writer, &size);
		struct address_space *space = open_image(image, size);
		enum memory_state lost = variant == 2 ? MEMORY_PRESENT : MEMORY_ABSENT;
		assert_int_equal(address_space_state(space, 0x10000000 + MIB - 1), MEMORY_PRESENT);
		assert_int_equal(address_space_state(space, 0x10000000 + MIB), lost);
		assert_int_equal(address_space_state(space, 0x10000000 + SIZE - 1), lost);
		assert_int_equal(address_space_state(space, 0x20000000), MEMORY_PRESENT); /* no thread's stack */
		assert_int_equal(space->warnings.count, variant == 2 ? 0 : 1);
		address_space_close(space);
		free(image);
	}
	free(bytes);
}

static void more_segments_than_16_bits_count(void **state)
{
	(void)state;
	enum { LOADS = 70000 };
	struct core_writer writer = { .many = true };
	add_facts(&writer);
	for (uint64_t i = 0; i < LOADS; i++)
		core_writer_load(&writer, 0x7f0000000000 + i * 8192, PF_R | PF_W, heap + i % 4096, 16, 16);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	/* Once whole, once without the section header that counts, which truncation takes first. */
	for (size_t lost = 0; lost <= sizeof(Elf64_Shdr); lost += sizeof(Elf64_Shdr)) {
		struct address_space *space = open_image(image, size - lost);
		struct reader reader;
		reader_init(&reader, space);
		assert_int_equal(space->segment_count, LOADS);
		for (uint64_t i = 0; i < LOADS; i++) {
			const uint8_t *bytes = reader_at(&reader, 0x7f0000000000 + i * 8192, 16);
			assert_non_null(bytes);
			assert_memory_equal(bytes, heap + i % 4096, 16);
			assert_null(reader_at(&reader, 0x7f0000000000 + i * 8192 + 16, 1));
		}
		address_space_close(space);
	}
	free(image);
}

static void overlaps_are_resolved_by_order(void **state)
{
	(void)state;
	struct core_writer writer = { .skew = 1 };
	core_writer_load(&writer, 0x2000, PF_R, NULL, 0, 0x1000);
	core_writer_load(&writer, 0x1000, PF_R, heap, 0x1800, 0x1800);
	core_writer_load(&writer, 0x1400, PF_R, heap + 0x2000, 0x400, 0x400);
	core_writer_load(&writer, UINT64_MAX - 0xff, PF_R, heap, 0x200, 0x200); /* wraps */
	core_writer_load(&writer, 0x3000, PF_R, heap, 0x100, 0x10); /* more in the file than in memory */
	core_writer_load(&writer, 0x2900, PF_R, heap + 0x1000, 0x10, 0x10);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	struct address_space *space = open_image(image, size);
	struct reader reader;
	reader_init(&reader, space);
	const uint8_t *bytes = reader_at(&reader, 0x1000, 0x1800);
	assert_non_null(bytes);
	assert_memory_equal(bytes, heap, 0x1800);
	assert_int_equal(address_space_state(space, 0x2800), MEMORY_ABSENT);
	assert_non_null(reader_at(&reader, 0x2900, 0x10));
	assert_int_equal(address_space_state(space, 0x300f), MEMORY_PRESENT);
	assert_int_equal(address_space_state(space, 0x3010), MEMORY_UNMAPPED);
	assert_int_equal(address_space_state(space, UINT64_MAX - 0x10), MEMORY_UNMAPPED);
	address_space_close(space);
	free(image);
}

/* A small file must not stand for more memory, notes or work than it has bytes. */
static void forged_core_is_bounded(void **state)
{
	(void)state;
	enum { LOADS = 2000, ROWS = 2000 };
	static struct core_row rows[ROWS];
	struct core_writer writer = { .skew = 0 };
	for (uint64_t i = 0; i < ROWS; i++)
		rows[i] = (struct core_row){ .start = 0x1000 + i, .end = UINT64_C(1) << 46, .path = "/a" };
	core_writer_files(&writer, rows, ROWS);
	for (uint64_t i = 0; i < LOADS; i++)
		core_writer_load(&writer, i << 32, PF_R | PF_W, NULL, 0, 4096);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	Elf64_Phdr *table = calloc(LOADS + 1, sizeof *table);
	assert_non_null(table);
	memcpy(table, image + sizeof(Elf64_Ehdr), (LOADS + 1) * sizeof *table);
	for (size_t i = 1; i <= LOADS; i++) {
		Elf64_Phdr alias = table[i];
		table[i] = i % 4 == 0 ? table[0] : alias;
		if (i % 4 != 0) {
			table[i].p_offset = 0;
			table[i].p_filesz = table[i].p_memsz = size;
		}
	}
	memcpy(image + sizeof(Elf64_Ehdr), table, (LOADS + 1) * sizeof *table);
	struct address_space *space = open_image(image, size);
	assert_true(space->coverage.present <= size);
	assert_true(space->segment_count <= 2 * (LOADS + ROWS) + 2);
	assert_int_equal(space->warnings.count, 1);
	assert_non_null(strstr(space->warnings.items[0], "damaged or forged"));
	address_space_close(space);
	free(table);
	free(image);
}

static void others_are_refused_by_name(void **state)
{
	(void)state;
	struct core_writer writer = { .skew = 0 };
	core_writer_load(&writer, 0x1000, PF_R, heap, 16, 16);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	expect_failure(image, 0, ERROR_FORMAT, "not an ELF core");
	image[EI_CLASS] = ELFCLASS32;
	expect_failure(image, size, ERROR_UNSUPPORTED, "32-bit");
	image[EI_CLASS] = 3;
	expect_failure(image, size, ERROR_FORMAT, "header");
	image[EI_CLASS] = ELFCLASS64;
	image[EI_DATA] = ELFDATA2MSB;
	expect_failure(image, size, ERROR_FORMAT, "header");
	image[EI_DATA] = ELFDATA2LSB;
	Elf64_Ehdr header;
	memcpy(&header, image, sizeof header);
	Elf64_Ehdr other = header;
	other.e_machine = EM_AARCH64;
	memcpy(image, &other, sizeof other);
	expect_failure(image, size, ERROR_UNSUPPORTED, "x86-64");
	other = header;
	other.e_type = ET_EXEC;
	memcpy(image, &other, sizeof other);
	expect_failure(image, size, ERROR_FORMAT, "not a core");
	other = header;
	other.e_phnum = 0;
	memcpy(image, &other, sizeof other);
	expect_failure(image, size, ERROR_FORMAT, "no program headers");
	other = header;
	other.e_phoff = UINT64_MAX - 8;
	memcpy(image, &other, sizeof other);
	expect_failure(image, size, ERROR_FORMAT, "within its 2 program headers");
	free(image);
	const char *foreign[] = { "KDUMP   and more", "MDMP and more", "BZh91AY and more" };
	const char *words[] = { "kdump", "minidump", "bunzip2" };
	for (size_t i = 0; i < 3; i++)
		expect_failure((const uint8_t *)foreign[i], strlen(foreign[i]), ERROR_UNSUPPORTED, words[i]);
}

static void word_size_and_byte_order_are_recognised(void **state)
{
	(void)state;
	/* A 32-bit big-endian header, written out by hand: type 4, machine PowerPC. */
	uint8_t image[52] = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2MSB, 1 };
	image[17] = ET_CORE;
	image[19] = EM_PPC;
	expect_failure(image, sizeof image, ERROR_UNSUPPORTED, "32-bit");
	uint8_t wide[64] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, 1 };
	wide[17] = ET_CORE;
	wide[19] = EM_S390;
	expect_failure(wide, sizeof wide, ERROR_UNSUPPORTED, "big-endian");
}

/* Any byte of the headers and notes may be anything: nothing but a clean answer may follow. */
static void damaged_bytes_do_no_harm(void **state)
{
	(void)state;
	struct core_writer writer = { .skew = 5 };
	add_facts(&writer);
	struct core_row rows[] = { { 0x10000, 0x12000, 0, "/no/such/file" }, { 0x12000, 0x13000, 2, "/no/such/file" } };
	core_writer_files(&writer, rows, 2);
	core_writer_load(&writer, 0x10000, PF_R | PF_W, heap, 64, 64);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	for (size_t i = 4; i < size; i++) {
		uint8_t before = image[i];
		for (size_t value = 0; value < sizeof values; value++) {
			struct address_space *space;
			struct error error = { .status = OK };
			image[i] = values[value];
			int status = address_space_open_core_image(&space, image, size, &error);
			assert_true(status == OK ? space != NULL : error.message[0] != '\0');
			struct reader reader;
			if (status == OK) {
				reader_init(&reader, space);
				for (size_t n = 0; n < space->segment_count; n++) {
					const struct segment *segment = &space->segments[n];
					volatile uint8_t byte = 0;
					if (segment->data != NULL)
						byte = *reader_at(&reader, segment->end - 1, 1);
					(void)byte;
					assert_true(segment->start < segment->end);
				}
			}
			address_space_close(space);
		}
		image[i] = before;
	}
	free(image);
}

static void files_that_are_no_cores(void **state)
{
	(void)state;
	struct address_space *space;
	struct error error = { .status = OK };
	char *directory = temporary_directory();
	assert_int_equal(address_space_open_core(&space, directory, NULL, &error), ERROR_IO);
	assert_non_null(strstr(error.message, "is a directory"));
	char *path = temporary_file(directory, "empty", "", 0);
	assert_int_equal(address_space_open_core(&space, path, NULL, &error), ERROR_FORMAT);
	assert_non_null(strstr(error.message, "empty"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(address_space_open_core(&space, path, NULL, &error), ERROR_IO);
	assert_non_null(strstr(error.message, path));
	free(path);
	assert_int_equal(address_space_open_core(&space, "/dev/null", NULL, &error), ERROR_IO);
	assert_non_null(strstr(error.message, "regular"));
	temporary_directory_remove(directory);
}

static void core_of_gdb_has_no_fatal_signal(void **state)
{
	(void)state;
	struct core_writer writer = { .notes_last = true };
	core_writer_thread(&writer, 7, SIGSTOP, 0x1000);
	core_writer_load(&writer, 0x1000, PF_R, heap, 16, 16);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	struct address_space *space = open_image(image, size);
	assert_int_equal(space->signal, 0);
	assert_int_equal(space->pid, 7);
	address_space_close(space);
	free(image);
}

int main(void)
{
	fill();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_facts),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(stacks_of_zeros_are_absent),
		cmocka_unit_test(more_segments_than_16_bits_count),
		cmocka_unit_test(overlaps_are_resolved_by_order),
		cmocka_unit_test(forged_core_is_bounded),
		cmocka_unit_test(others_are_refused_by_name),
		cmocka_unit_test(word_size_and_byte_order_are_recognised),
		cmocka_unit_test(damaged_bytes_do_no_harm),
		cmocka_unit_test(files_that_are_no_cores),
		cmocka_unit_test(core_of_gdb_has_no_fatal_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
