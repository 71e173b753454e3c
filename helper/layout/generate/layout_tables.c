/* SPDX-License-Identifier: MIT
 * layout_tables: prints one row of helper/layout/tables for a Python whose debug information is at hand. A development
 * tool; generate_tables.py knows its arguments.
 *   layout_tables NAME HEX FLAGS DEBUG_DIRECTORY FILE_WITH_RUNTIME [EXTENSION_MODULE...]
 * FLAGS are letters: d debug, t free-threaded, r trace refs, - none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/dwarf_layout.h"
#include "layout/elf_file.h"

enum { ARGUMENT_NAME = 1, ARGUMENT_HEX, ARGUMENT_FLAGS, ARGUMENT_DIRECTORY, ARGUMENT_RUNTIME, ARGUMENTS };

static int fail(const struct error *error)
{
	fprintf(stderr, "layout_tables: %s\n", error->message);
	return EXIT_FAILURE;
}

/* Prints words with blanks between, and a line break before column 120. */
static void print_word(unsigned *column, const char *word)
{
	unsigned length = (unsigned)strlen(word);
	if (*column != 0 && *column + 1 + length > 119) {
		putchar('\n');
		*column = 0;
	}
	if (*column != 0)
		putchar(' ');
	fputs(word, stdout);
	*column += length + (*column != 0);
}

static void print_structs(const struct layout *layout)
{
	unsigned column = 0;
	puts(".struct_bytes = {");
	for (unsigned i = 0; i < STRUCT_COUNT; i++) {
		char word[128];
		if (layout->struct_bytes[i] == 0)
			continue;
		(void)snprintf(word, sizeof word, "S(%s, %u)", layout_struct_name(i), layout->struct_bytes[i]);
		print_word(&column, word);
	}
	puts("\n},");
}

static void print_fields(const struct layout *layout)
{
	unsigned column = 0;
	puts(".fields = {");
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct layout_place *place = &layout->fields[i];
		char name[128], word[192];
		if (place->size == 0)
			continue;
		(void)snprintf(name, sizeof name, "%s", layout_field_name(i));
		*strchr(name, '.') = '_';
		if (place->bit_width != 0)
			(void)snprintf(word, sizeof word, "B(%s, %u, %u, %u, %u)", name, place->offset, place->size,
			               place->bit_offset, place->bit_width);
		else
			(void)snprintf(word, sizeof word, "F(%s, %u, %u)", name, place->offset, place->size);
		print_word(&column, word);
	}
	puts("\n},");
}

static int print_fingerprint(char **arguments, struct error *error)
{
	struct elf_file *file;
	TRY(elf_file_open(&file, arguments[ARGUMENT_RUNTIME], error));
	const char *flags = arguments[ARGUMENT_FLAGS];
	struct elf_symbol runtime = { 0 }, type = { 0 }, none = { 0 };
	uint64_t address, section_bytes = 0;
	bool complete = elf_file_symbol(file, "_PyRuntime", &runtime) && elf_file_symbol(file, "PyType_Type", &type) &&
	                elf_file_symbol(file, "_Py_NoneStruct", &none);
	if (!elf_file_section(file, ".PyRuntime", &address, &section_bytes))
		section_bytes = 0;
	elf_file_close(file);
	if (!complete)
		return error_set(error, ERROR_NO_PYTHON,
		                 "%s does not define _PyRuntime, PyType_Type and _Py_NoneStruct",
		                 arguments[ARGUMENT_RUNTIME]);
	printf(".name = \"%s\",\n", arguments[ARGUMENT_NAME]);
	printf(".version = { .hex = 0x%08lx, .is_debug = %d, .is_free_threaded = %d, .has_trace_refs = %d },\n",
	       strtoul(arguments[ARGUMENT_HEX], NULL, 0), strchr(flags, 'd') != NULL, strchr(flags, 't') != NULL,
	       strchr(flags, 'r') != NULL);
	printf(".runtime_bytes = %lu, .section_bytes = %lu, .type_type_bytes = %lu, .none_bytes = %lu,\n",
	       (unsigned long)runtime.bytes, (unsigned long)section_bytes, (unsigned long)type.bytes,
	       (unsigned long)none.bytes);
	return OK;
}

int main(int argument_count, char **arguments)
{
	static struct layout layout;
	static struct error error;
	if (argument_count < ARGUMENTS) {
		fputs("usage: layout_tables NAME HEX FLAGS DEBUG_DIRECTORY FILE_WITH_RUNTIME [EXTENSION_MODULE...]\n",
		      stderr);
		return 2;
	}
	const struct dwarf_options options = { .debug_directory = arguments[ARGUMENT_DIRECTORY] };
	uint32_t structs;
	for (int i = ARGUMENT_RUNTIME; i < argument_count; i++) {
		int status = dwarf_layout_merge(&layout, arguments[i], &options, &structs, NULL, &error);
		if (status == OK)
			continue;
		if (i == ARGUMENT_RUNTIME || status != ERROR_NOT_FOUND)
			return fail(&error);
		/* A module that its vendor ships without debug information leaves its structs absent. */
		fprintf(stderr, "layout_tables: %s\n", error.message);
		error_clear(&error);
	}
	puts("{");
	if (print_fingerprint(arguments, &error) != OK)
		return fail(&error);
	print_structs(&layout);
	print_fields(&layout);
	puts("},");
	return EXIT_SUCCESS;
}
