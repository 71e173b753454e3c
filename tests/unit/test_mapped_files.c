/* SPDX-License-Identifier: MIT
 * Files on disk stand in for what the dump lacks only if they are the very files. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/core_writer.h"
#include "memory/address_space.h"

enum { BASE = 0x555500000000 / 0x1000 }; /* in pages */
static const uint64_t base = (uint64_t)BASE * 0x1000;

static uint8_t library[ELF_BYTES]; /* as the process had it */
static uint8_t changed[4096]; /* its data page, written to */

struct setting {
	char *directory;
	char *path; /* that the core names */
	char *core;
};

struct shape {
	uint8_t build_id; /* of the core's library */
	bool no_header_page, no_rows, is_main;
	bool has_dynamic; /* its dynamic section is in the header page, as patchelf leaves it */
	const char *named; /* path in the core instead of setting.path */
};

/* Puts a dynamic section into the header page; running: as the dynamic linker leaves it. */
static void put_dynamic(uint8_t image[ELF_BYTES], bool running, uint64_t string_bytes)
{
	const uint64_t dynamic[] = { DT_STRTAB, running ? base + 0x200 : 0x200, DT_STRSZ, string_bytes,
		                     DT_DEBUG,  running ? 0x7fff12345678 : 0,   DT_NULL,  0 };
	Elf64_Phdr row = { .p_type = PT_DYNAMIC,
		           .p_offset = ELF_NOTE_OFFSET,
		           .p_vaddr = ELF_NOTE_OFFSET,
		           .p_filesz = sizeof dynamic,
		           .p_memsz = sizeof dynamic };
	memcpy(image + ELF_NOTE_OFFSET, dynamic, sizeof dynamic);
	memcpy(image + sizeof(Elf64_Ehdr) + 3 * sizeof row, &row, sizeof row);
}

/* A core with the library's header page and data, without its code: r-x only as a mapping in NT_FILE, like gcore, or as
 * an empty PT_LOAD, like the kernel. */
static void write_core(struct setting *setting, const struct shape *shape, bool like_kernel)
{
	struct core_writer writer = { .skew = 0 };
	const char *path = shape->named != NULL ? shape->named : setting->path;
	struct core_row rows[] = { { base, base + 0x1000, 0, path },
		                   { base + 0x1000, base + 0x3000, 1, path },
		                   { base + 0x4000, base + 0x5000, 3, path } };
	uint64_t vector[] = { AT_PHDR, base + sizeof(Elf64_Ehdr), AT_NULL, 0 };
	elf_writer_image(library, shape->build_id);
	if (shape->has_dynamic)
		put_dynamic(library, true, 64);
	if (!shape->no_rows)
		core_writer_files(&writer, rows, 3);
	if (shape->is_main)
		core_writer_note(&writer, "CORE", NT_AUXV, vector, sizeof vector);
	if (!shape->no_header_page)
		core_writer_load(&writer, base, PF_R, library, 4096, 4096);
	if (like_kernel)
		core_writer_load(&writer, base + 0x1000, PF_R | PF_X, NULL, 0, 0x2000);
	core_writer_load(&writer, base + 0x4000, PF_R | PF_W, changed, 4096, 4096);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	setting->core = temporary_file(setting->directory, "core", image, size);
	free(image);
}

static void put_library(struct setting *setting, const char *name, uint8_t build_id)
{
	uint8_t image[ELF_BYTES];
	elf_writer_image(image, build_id);
	free(temporary_file(setting->directory, name, image, sizeof image));
}

static struct address_space *open_with(const struct setting *setting, const struct memory_options *options)
{
	struct address_space *space;
	struct error error = { .status = OK };
	int status = address_space_open_core(&space, setting->core, options, &error);
	assert_string_equal(error.message, "");
	assert_int_equal(status, OK);
	return space;
}

static void expect_code(struct address_space *space, bool there, uint8_t reason)
{
	struct reader reader;
	reader_init(&reader, space);
	const uint8_t *code = reader_at(&reader, base + 0x1000, 0x2000);
	const struct segment *segment = address_space_find(space, base + 0x1000);
	assert_non_null(segment);
	assert_int_equal(code != NULL, there);
	assert_int_equal(segment->absent, reason);
	assert_int_equal(segment->from_file, there);
	if (there)
		assert_memory_equal(code, library + 0x1000, 0x2000);
	/* Whatever the file says, what was dumped counts. */
	const uint8_t *data = reader_at(&reader, base + 0x4000, 4096);
	assert_non_null(data);
	assert_memory_equal(data, changed, 4096);
	bool header_too = address_space_find(space, base)->from_file;
	assert_int_equal(space->coverage.from_files, (there ? 0x2000 : 0) + (header_too ? 0x1000 : 0));
}

static int set_up(void **state)
{
	struct setting *setting = calloc(1, sizeof *setting);
	memset(changed, 0xee, sizeof changed);
	setting->directory = temporary_directory();
	if (asprintf(&setting->path, "%s/library.so", setting->directory) < 0)
		return -1;
	*state = setting;
	return 0;
}

static int tear_down(void **state)
{
	struct setting *setting = *state;
	temporary_directory_remove(setting->directory);
	free(setting->path);
	free(setting->core);
	free(setting);
	return 0;
}

static void same_build_id_fills_code(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "library.so", 7);
	for (int like_kernel = 0; like_kernel < 2; like_kernel++) {
		write_core(setting, &(struct shape){ .build_id = 7 }, like_kernel == 1);
		struct address_space *space = open_with(setting, NULL);
		expect_code(space, true, ABSENT_NOT);
		assert_int_equal(space->files.count, 1);
		const struct mapped_file *file = &space->files.items[0];
		assert_string_equal(file->local_path, setting->path);
		assert_int_equal(file->build_id_bytes, 20);
		assert_int_equal(file->build_id[19], 7);
		assert_int_equal(file->load_bias, base);
		assert_int_equal(file->start, base);
		assert_int_equal(file->end, base + 0x6000); /* with .bss */
		assert_int_equal(file->absent, ABSENT_NOT);
		assert_true(file->is_elf);
		assert_false(file->is_executable);
		assert_int_equal(address_space_find(space, base + 0x1000)->protection, PROT_READ | PROT_EXEC);
		address_space_close(space);
		/* And not when no file may be used. */
		space = open_with(setting, &(struct memory_options){ .ignore_files = true });
		expect_code(space, false, ABSENT_NO_FILE);
		assert_null(space->files.items[0].local_path);
		address_space_close(space);
		free(setting->core);
	}
	setting->core = NULL;
}

/* strip and patchelf leave the build-id and move segments within the file. */
static void segments_moved_in_the_file(void **state)
{
	struct setting *setting = *state;
	uint8_t image[ELF_BYTES + 4096] = { 0 }, original[ELF_BYTES];
	Elf64_Phdr *rows = (Elf64_Phdr *)(void *)(image + sizeof(Elf64_Ehdr));
	elf_writer_image(original, 7);
	memcpy(image, original, 4096);
	memcpy(image + 2 * 4096, original + 4096, ELF_BYTES - 4096);
	rows[1].p_offset += 4096;
	rows[2].p_offset += 4096;
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	write_core(setting, &(struct shape){ .build_id = 7 }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, true, ABSENT_NOT);
	address_space_close(space);
}

static void other_build_id_does_not(void **state)
{
	struct setting *setting = *state;
	write_core(setting, &(struct shape){ .build_id = 7 }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_NO_FILE);
	address_space_close(space);
	put_library(setting, "library.so", 8);
	space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	assert_int_equal(space->coverage.absent_other_file, 0x2000);
	address_space_close(space);
	put_library(setting, "library.so", 0);
	space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	address_space_close(space);
}

static void deleted_file_is_looked_up_by_its_old_path(void **state)
{
	struct setting *setting = *state;
	char *named;
	assert_true(asprintf(&named, "%s (deleted)", setting->path) > 0);
	put_library(setting, "library.so", 7);
	write_core(setting, &(struct shape){ .build_id = 7, .named = named }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, true, ABSENT_NOT);
	address_space_close(space);
	free(named);
}

static void sysroot_comes_first(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "inside.so", 7);
	write_core(setting, &(struct shape){ .build_id = 7, .named = "/inside.so" }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_NO_FILE);
	address_space_close(space);
	space = open_with(setting, &(struct memory_options){ .sysroot = setting->directory });
	expect_code(space, true, ABSENT_NOT);
	address_space_close(space);
}

static void without_build_ids_the_header_page_decides(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "library.so", 0);
	write_core(setting, &(struct shape){ .build_id = 0 }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, true, ABSENT_NOT);
	address_space_close(space);
	uint8_t image[ELF_BYTES];
	elf_writer_image(image, 0);
	image[offsetof(Elf64_Ehdr, e_entry)] ^= 1; /* another build starts elsewhere */
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	address_space_close(space);
}

/* python-build-standalone, which uv installs. */
static void what_the_dynamic_linker_writes_is_no_difference(void **state)
{
	struct setting *setting = *state;
	uint8_t image[ELF_BYTES];
	elf_writer_image(image, 0);
	put_dynamic(image, false, 64);
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	write_core(setting, &(struct shape){ .has_dynamic = true }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, true, ABSENT_NOT);
	assert_int_equal(space->warnings.count, 0);
	address_space_close(space);
	put_dynamic(image, false, 65);
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	address_space_close(space);
}

static void named_without_build_ids(void **state)
{
	struct setting *setting = *state;
	uint8_t image[ELF_BYTES];
	elf_writer_image(image, 0);
	image[0x800] ^= 1; /* no header: nothing that says how the file is laid out */
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	write_core(setting, &(struct shape){ .is_main = true }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	address_space_close(space);
	space = open_with(setting, &(struct memory_options){ .executable = setting->path });
	expect_code(space, true, ABSENT_NOT);
	assert_int_equal(space->warnings.count, 1);
	assert_non_null(strstr(space->warnings.items[0], "because it was named"));
	address_space_close(space);
	((Elf64_Phdr *)(void *)(image + sizeof(Elf64_Ehdr)))[1].p_filesz ^= 4096; /* its headers speak against it */
	free(temporary_file(setting->directory, "library.so", image, sizeof image));
	space = open_with(setting, &(struct memory_options){ .executable = setting->path });
	expect_code(space, false, ABSENT_OTHER_FILE);
	assert_non_null(strstr(space->warnings.items[0], "headers are not those"));
	address_space_close(space);
}

static void without_header_page_only_the_user_decides(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "library.so", 7);
	write_core(setting, &(struct shape){ .build_id = 7, .no_header_page = true, .is_main = true }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_OTHER_FILE);
	assert_int_equal(space->files.items[0].build_id_bytes, 0);
	address_space_close(space);
	space = open_with(setting, &(struct memory_options){ .executable = setting->path });
	expect_code(space, true, ABSENT_NOT);
	assert_int_equal(space->files.items[0].load_bias, base);
	address_space_close(space);
}

static void executable_given_elsewhere(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "moved", 7);
	put_library(setting, "other", 9);
	write_core(setting, &(struct shape){ .build_id = 7, .is_main = true }, true);
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/moved", setting->directory);
	struct address_space *space = open_with(setting, &(struct memory_options){ .executable = path });
	expect_code(space, true, ABSENT_NOT);
	assert_true(space->files.items[0].is_executable);
	assert_string_equal(space->files.items[0].local_path, path);
	assert_int_equal(space->warnings.count, 0);
	address_space_close(space);
	(void)snprintf(path, sizeof path, "%s/other", setting->directory);
	space = open_with(setting, &(struct memory_options){ .executable = path });
	expect_code(space, false, ABSENT_OTHER_FILE);
	assert_int_equal(space->warnings.count, 1);
	assert_non_null(strstr(space->warnings.items[0], "build-id 0909"));
	assert_non_null(strstr(space->warnings.items[0], "0707"));
	address_space_close(space);
}

static void without_a_list_of_files_headers_tell(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "library.so", 7);
	write_core(setting, &(struct shape){ .build_id = 7, .no_rows = true }, true);
	struct address_space *space = open_with(setting, NULL);
	assert_int_equal(space->files.count, 1);
	assert_int_equal(space->files.items[0].load_bias, base);
	assert_string_equal(space->files.items[0].path, "");
	expect_code(space, false, ABSENT_NO_FILE);
	address_space_close(space);
	space = open_with(setting, &(struct memory_options){ .executable = setting->path });
	expect_code(space, true, ABSENT_NOT);
	assert_true(space->files.items[0].is_executable);
	address_space_close(space);
}

static void missing_data_is_never_taken_from_the_file(void **state)
{
	struct setting *setting = *state;
	put_library(setting, "library.so", 7);
	struct core_writer writer = { .skew = 0 };
	struct core_row rows[] = { { base, base + 0x1000, 0, setting->path },
		                   { base + 0x1000, base + 0x3000, 1, setting->path },
		                   { base + 0x4000, base + 0x5000, 3, setting->path } };
	elf_writer_image(library, 7);
	core_writer_files(&writer, rows, 3);
	core_writer_load(&writer, base, PF_R, library, 4096, 4096);
	/* RELRO: written by the dynamic linker, then made read-only. */
	core_writer_load(&writer, base + 0x4000, PF_R, NULL, 0, 4096);
	size_t size;
	uint8_t *image = core_writer_image(&writer, &size);
	setting->core = temporary_file(setting->directory, "core", image, size);
	free(image);
	struct address_space *space = open_with(setting, NULL);
	assert_int_equal(address_space_state(space, base + 0x1000), MEMORY_PRESENT);
	assert_int_equal(address_space_state(space, base + 0x4000), MEMORY_ABSENT);
	assert_int_equal(address_space_find(space, base + 0x4000)->absent, ABSENT_NOT_DUMPED);
	address_space_close(space);
}

static void shorter_file_fills_what_it_has(void **state)
{
	struct setting *setting = *state;
	uint8_t image[ELF_BYTES];
	elf_writer_image(image, 7);
	free(temporary_file(setting->directory, "library.so", image, 0x1800));
	write_core(setting, &(struct shape){ .build_id = 7 }, true);
	struct address_space *space = open_with(setting, NULL);
	assert_int_equal(address_space_state(space, base + 0x17ff), MEMORY_PRESENT);
	assert_int_equal(address_space_state(space, base + 0x1800), MEMORY_ABSENT);
	address_space_close(space);
}

static void paths_of_a_hostile_core_are_not_opened(void **state)
{
	struct setting *setting = *state;
	/* Opening a FIFO for reading would wait for a writer for ever. */
	assert_int_equal(mkfifo(setting->path, 0600), 0);
	write_core(setting, &(struct shape){ .build_id = 7 }, true);
	struct address_space *space = open_with(setting, NULL);
	expect_code(space, false, ABSENT_NO_FILE);
	address_space_close(space);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(same_build_id_fills_code),
		TEST(segments_moved_in_the_file),
		TEST(other_build_id_does_not),
		TEST(deleted_file_is_looked_up_by_its_old_path),
		TEST(sysroot_comes_first),
		TEST(without_build_ids_the_header_page_decides),
		TEST(what_the_dynamic_linker_writes_is_no_difference),
		TEST(named_without_build_ids),
		TEST(without_header_page_only_the_user_decides),
		TEST(executable_given_elsewhere),
		TEST(without_a_list_of_files_headers_tell),
		TEST(missing_data_is_never_taken_from_the_file),
		TEST(shorter_file_fills_what_it_has),
		TEST(paths_of_a_hostile_core_are_not_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
