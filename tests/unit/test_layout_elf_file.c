/* SPDX-License-Identifier: MIT
 * Symbols, sections and bytes of this very test program, and files that are not what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <link.h>
#include <unistd.h>
#include <cmocka.h>

#include "layout/elf_file.h"

/* Seen by the linker, not by the dynamic linker. */
extern const char sample_text[24];
__attribute__((used)) const char sample_text[24] = "bytes of this program";
__attribute__((used)) static uint64_t sample_static = 7;
extern uint64_t sample_zeroed[32];
__attribute__((used)) uint64_t sample_zeroed[32];

static struct error error;

static int program_bias(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uint64_t *)context = info->dlpi_addr;
	return 1; /* the first is the program */
}

static uint64_t bias(void)
{
	uint64_t value = 0;
	dl_iterate_phdr(program_bias, &value);
	return value;
}

static void test_symbols(void **state)
{
	(void)state;
	struct elf_file *file;
	struct elf_symbol symbol;
	assert_int_equal(elf_file_open(&file, "/proc/self/exe", &error), OK);
	assert_false(elf_file_is_stripped(file));
	assert_true(elf_file_symbol(file, "sample_text", &symbol));
	assert_int_equal(symbol.address + bias(), (uintptr_t)sample_text);
	assert_int_equal(symbol.bytes, sizeof sample_text);
	assert_true(elf_file_symbol(file, "sample_static", &symbol));
	assert_int_equal(symbol.address + bias(), (uintptr_t)&sample_static);
	assert_true(elf_file_symbol(file, "main", &symbol));
	/* Undefined here, a file's name, a name that nobody has. */
	assert_false(elf_file_symbol(file, "dl_iterate_phdr", &symbol));
	assert_false(elf_file_symbol(file, "test_layout_elf_file.c", &symbol));
	assert_false(elf_file_symbol(file, "sample_tex", &symbol));
	assert_false(elf_file_symbol(file, "", &symbol));
	elf_file_close(file);
}

static void test_bytes(void **state)
{
	(void)state;
	struct elf_file *file;
	struct elf_symbol symbol;
	assert_int_equal(elf_file_open(&file, "/proc/self/exe", &error), OK);
	assert_true(elf_file_symbol(file, "sample_text", &symbol));
	const uint8_t *bytes = elf_file_bytes(file, symbol.address, symbol.bytes);
	assert_non_null(bytes);
	assert_memory_equal(bytes, sample_text, sizeof sample_text);
	/* Zeroed memory is not in the file; neither is anything beyond a segment. */
	assert_true(elf_file_symbol(file, "sample_zeroed", &symbol));
	assert_null(elf_file_bytes(file, symbol.address, symbol.bytes));
	assert_null(elf_file_bytes(file, symbol.address, UINT64_MAX));
	assert_null(elf_file_bytes(file, UINT64_MAX - 7, 8));
	assert_true(elf_file_symbol(file, "sample_text", &symbol));
	assert_null(elf_file_bytes(file, symbol.address, UINT64_C(1) << 40));
	elf_file_close(file);
}

static void test_sections(void **state)
{
	(void)state;
	struct elf_file *file;
	struct elf_symbol symbol;
	uint64_t address, size;
	assert_int_equal(elf_file_open(&file, "/proc/self/exe", &error), OK);
	assert_true(elf_file_section(file, ".text", &address, &size));
	assert_true(elf_file_symbol(file, "main", &symbol));
	assert_true(symbol.address >= address && symbol.address < address + size);
	assert_false(elf_file_section(file, ".PyRuntime", &address, &size));
	elf_file_close(file);
}

static void test_what_is_no_file(void **state)
{
	(void)state;
	struct elf_file *file = (void *)1;
	assert_int_equal(elf_file_open(&file, "/nonexistent", &error), ERROR_IO);
	assert_null(file);
	assert_non_null(strstr(error.message, "/nonexistent"));
	assert_int_equal(elf_file_open(&file, "/tmp", &error), ERROR_FORMAT);
	assert_int_equal(elf_file_open(&file, "/dev/null", &error), ERROR_FORMAT);
	assert_int_equal(elf_file_open(&file, "/etc/passwd", &error), ERROR_FORMAT);
	elf_file_close(NULL);
}

/* Asks everything; the answers of a damaged file do not matter, that they end does. */
static void ask_everything(const char *path)
{
	struct elf_file *file;
	struct elf_symbol symbol;
	uint64_t address, size;
	if (elf_file_open(&file, path, &error) != OK)
		return;
	(void)elf_file_is_stripped(file);
	(void)elf_file_has_dwarf(file);
	(void)elf_file_symbol(file, "no such symbol", &symbol);
	if (elf_file_symbol(file, "sample_text", &symbol)) {
		const uint8_t *bytes = elf_file_bytes(file, symbol.address, 1);
		if (bytes != NULL)
			assert_true(*bytes <= UINT8_MAX); /* can be read */
	}
	if (elf_file_section(file, ".text", &address, &size)) {
		const uint8_t *bytes = elf_file_bytes(file, address, size);
		if (bytes != NULL && size > 0)
			assert_true(bytes[size - 1] <= UINT8_MAX);
	}
	elf_file_close(file);
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_damaged_files(void **state)
{
	(void)state;
	static uint8_t image[64 << 20];
	FILE *self = fopen("/proc/self/exe", "rb");
	assert_non_null(self);
	size_t size = fread(image, 1, sizeof image, self);
	fclose(self);
	assert_true(size > 4096 && size < sizeof image);
	char path[] = "/tmp/pyds-elf-XXXXXX";
	int descriptor = mkstemp(path);
	assert_true(descriptor >= 0);
	close(descriptor);
	for (size_t part = 0; part < 40; part++) {
		write_file(path, image, part < 8 ? part * 16 + 1 : size * part / 40);
		ask_everything(path);
	}
	/* The file header, the program headers, and the section headers at the end. */
	uint32_t random = 4711;
	for (unsigned round = 0; round < 400; round++) {
		random = random * 1664525 + 1013904223;
		uint32_t choice = random >> 8;
		size_t position = round % 2 == 0 ? choice % 1024 : size - 1 - choice % 4096;
		uint8_t before = image[position];
		image[position] = (uint8_t)(random >> 24 | 0x80);
		write_file(path, image, size);
		ask_everything(path);
		image[position] = before;
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols),       cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sections),      cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_damaged_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
