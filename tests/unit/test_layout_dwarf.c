/* SPDX-License-Identifier: MIT
 * Places read from debug information are those of the compiler that wrote it, in every debug format, with the debug
 * information in the file or beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "layout/dwarf_layout.h"
#include "layout/elf_file.h"
#include "layout_samples/samples.h"

/* As second.c says. */
struct _frame {
	PyObject ob_base;
	struct _frame *f_back;
	PyObject *f_localsplus[1];
};

static struct layout layout;
static struct error error;

static void assert_place(enum layout_field field, size_t offset, size_t size)
{
	if (layout.fields[field].offset != offset || layout.fields[field].size != size ||
	    layout.fields[field].bit_width != 0)
		fail_msg("%s is at %u, %u bytes, %u bits; expected at %zu, %zu bytes", layout_field_name(field),
		         layout.fields[field].offset, layout.fields[field].size, layout.fields[field].bit_width, offset,
		         size);
}

#define ASSERT_MEMBER(owner, field, type, member)                                                                      \
	assert_place(FIELD_##owner##_##field, offsetof(type, member), sizeof(((type *)0)->member))

static void assert_plain_members(void)
{
	ASSERT_MEMBER(PyObject, ob_refcnt, PyObject, ob_refcnt);
	ASSERT_MEMBER(PyObject, ob_overflow, PyObject, ob_overflow);
	ASSERT_MEMBER(PyObject, ob_gc_bits, PyObject, ob_gc_bits);
	ASSERT_MEMBER(PyObject, ob_type, PyObject, ob_type);
	assert_false(layout_has(&layout, FIELD_PyObject_ob_tid));
	ASSERT_MEMBER(PyASCIIObject, length, PyASCIIObject, length);
	ASSERT_MEMBER(PyFrameObject, f_back, PyFrameObject, f_back);
	ASSERT_MEMBER(PyFrameObject, f_localsplus, PyFrameObject, f_localsplus);
	ASSERT_MEMBER(PyInterpreterState, id, PyInterpreterState, id);
	ASSERT_MEMBER(PyInterpreterState, threads_head, PyInterpreterState, threads.head);
	ASSERT_MEMBER(PyInterpreterState, modules, PyInterpreterState, imports.modules);
	ASSERT_MEMBER(PyInterpreterState, small_ints, PyInterpreterState, small_ints);
	ASSERT_MEMBER(PyInterpreterState, codec_search_path, PyInterpreterState, codec_search_path);
	ASSERT_MEMBER(_PyRuntimeState, interpreters_head, _PyRuntimeState, interpreters.head);
	ASSERT_MEMBER(_PyRuntimeState, finalizing, _PyRuntimeState, _finalizing);
	assert_int_equal(layout.struct_bytes[STRUCT_PyObject], sizeof(PyObject));
	assert_int_equal(layout.struct_bytes[STRUCT_PyFrameObject], sizeof(PyFrameObject));
	assert_int_equal(layout.struct_bytes[STRUCT__PyRuntimeState], sizeof(_PyRuntimeState));
}

static void assert_arrays(void)
{
	/* Without a bound or without elements: the size of one element, since size 0 would mean absent. */
	assert_place(FIELD_PyDictKeysObject_dk_indices, offsetof(PyDictKeysObject, dk_indices), 1);
	assert_place(FIELD_PyDictValues_values, offsetof(PyDictValues, values), sizeof(PyObject *));
	assert_place(FIELD__PyRuntimeState_main_interpreter, offsetof(_PyRuntimeState, _main_interpreter), UINT16_MAX);
}

#define ASSERT_BITS(type, member, field, wanted)                                                                       \
	do {                                                                                                           \
		type object;                                                                                           \
		memset(&object, 0, sizeof object);                                                                     \
		assert_int_equal(layout_get(&layout, FIELD_##type##_##field, (const uint8_t *)&object), 0);            \
		memset(&object, 0xff, sizeof object);                                                                  \
		object.member = (wanted);                                                                              \
		assert_int_equal(layout_get(&layout, FIELD_##type##_##field, (const uint8_t *)&object), (wanted));     \
	} while (0)

static void assert_bit_fields(void)
{
	ASSERT_BITS(PyASCIIObject, state.interned, state_interned, 2);
	ASSERT_BITS(PyASCIIObject, state.kind, state_kind, 5);
	ASSERT_BITS(PyASCIIObject, state.compact, state_compact, 0);
	ASSERT_BITS(PyASCIIObject, state.compact, state_compact, 1);
	ASSERT_BITS(PyASCIIObject, state.ascii, state_ascii, 0);
	ASSERT_BITS(PyASCIIObject, state.ready, state_ready, 0);
	ASSERT_BITS(PyASCIIObject, state.statically_allocated, state_statically_allocated, 21);
	ASSERT_BITS(PyDictKeysObject, dk_kind, dk_kind, 5);
	assert_int_equal(layout.fields[FIELD_PyASCIIObject_state_kind].bit_width, 3);
}

/* The definition with the fields, though another of the same name and size comes first. */
static void assert_chosen_definitions(void)
{
	assert_place(FIELD_block_ab_size, 0, 8);
	assert_place(FIELD_block_ab_next, 16, 8);
	assert_place(FIELD_formatcode_repeat, 24, 8);
}

static void assert_absent_structs(void)
{
	/* A struct of that name without any field asked for is another struct. */
	assert_int_equal(layout.struct_sources[STRUCT_PyTypeObject], LAYOUT_SOURCE_NONE);
	assert_int_equal(layout.struct_sources[STRUCT_PyListObject], LAYOUT_SOURCE_NONE);
	assert_int_equal(layout.struct_bytes[STRUCT_PyListObject], 0);
}

static void assert_all(void)
{
	assert_plain_members();
	assert_arrays();
	assert_bit_fields();
	assert_chosen_definitions();
	assert_absent_structs();
}

static void sample_path(char path[4096], const char *format)
{
	(void)snprintf(path, 4096, "%s/liblayout_samples_%s.so", LAYOUT_SAMPLES, format);
}

static uint32_t merge(const char *path, const char *debug_directory, char *ret_debug_path)
{
	const struct dwarf_options options = { .debug_directory = debug_directory };
	uint32_t structs = 0;
	memset(&layout, 0, sizeof layout);
	error_clear(&error);
	if (dwarf_layout_merge(&layout, path, &options, &structs, ret_debug_path, &error) != OK)
		fail_msg("%s", error.message);
	return structs;
}

static void test_every_format(void **state)
{
	(void)state;
	const char *formats[] = { "dwarf2", "dwarf3", "dwarf4", "dwarf5", "type_units" };
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		char path[4096], debug_path[4096];
		sample_path(path, formats[i]);
		uint32_t structs = merge(path, NULL, debug_path);
		uint32_t filled = 0;
		for (unsigned which = 0; which < STRUCT_COUNT; which++)
			filled += layout.struct_sources[which] == LAYOUT_SOURCE_DWARF;
		assert_int_equal(structs, filled);
		assert_string_equal(debug_path, path);
		assert_all();
	}
}

static void test_merge_leaves_what_has_a_source(void **state)
{
	(void)state;
	char path[4096];
	uint32_t structs, again;
	sample_path(path, "dwarf5");
	memset(&layout, 0, sizeof layout);
	layout.struct_sources[STRUCT_PyObject] = LAYOUT_SOURCE_TABLE;
	layout.fields[FIELD_PyObject_ob_type] = (struct layout_place){ .offset = 24, .size = 8 };
	assert_int_equal(dwarf_layout_merge(&layout, path, NULL, &structs, NULL, &error), OK);
	assert_place(FIELD_PyObject_ob_type, 24, 8);
	assert_int_equal(layout.struct_sources[STRUCT_PyObject], LAYOUT_SOURCE_TABLE);
	assert_true(structs > 0);
	assert_int_equal(dwarf_layout_merge(&layout, path, NULL, &again, NULL, &error), OK);
	assert_int_equal(again, 0);
}

/* Runs a command in a new directory; its debug files are looked for there. */
static void run(const char *directory, const char *format)
{
	char command[8192];
	(void)snprintf(command, sizeof command, "cd '%s' && s='%s/liblayout_samples_dwarf5.so' && %s", directory,
	               LAYOUT_SAMPLES, format);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void make_directory(char directory[32])
{
	memcpy(directory, "/tmp/pyds-layout-XXXXXX", 24);
	assert_non_null(mkdtemp(directory));
}

static void remove_directory(const char *directory)
{
	char command[64];
	(void)snprintf(command, sizeof command, "rm -r '%s'", directory);
	assert_int_equal(system(command), 0);
}

static void assert_stripped(const char *path, bool has_symbols, bool has_dwarf)
{
	struct elf_file *file;
	assert_int_equal(elf_file_open(&file, path, &error), OK);
	assert_int_equal(elf_file_is_stripped(file), !has_symbols);
	assert_int_equal(elf_file_has_dwarf(file), has_dwarf);
	elf_file_close(file);
}

static void test_what_is_stripped(void **state)
{
	(void)state;
	char directory[32], path[64], sample[4096];
	sample_path(sample, "dwarf5");
	assert_stripped(sample, true, true);
	make_directory(directory);
	(void)snprintf(path, sizeof path, "%s/s.so", directory);
	run(directory, "objcopy --strip-debug $s s.so");
	assert_stripped(path, true, false);
	run(directory, "objcopy --strip-all $s s.so");
	assert_stripped(path, false, false);
	remove_directory(directory);
}

static const char by_build_id[] = "objcopy --only-keep-debug $s d && objcopy --strip-debug $s s.so && "
                                  "id=$(readelf -n $s | sed -n 's/.*Build ID: //p') && rest=${id#??} && "
                                  "mkdir -p .build-id/${id%$rest} && mv d .build-id/${id%$rest}/$rest.debug";

static void test_separate_file_by_build_id(void **state)
{
	(void)state;
	char directory[32], path[64], debug_path[4096];
	make_directory(directory);
	run(directory, by_build_id);
	(void)snprintf(path, sizeof path, "%s/s.so", directory);
	(void)merge(path, directory, debug_path);
	assert_non_null(strstr(debug_path, "/.build-id/"));
	assert_all();
	remove_directory(directory);
}

static void test_separate_file_by_link(void **state)
{
	(void)state;
	const char *places[] = { "d.debug", ".debug/d.debug" };
	for (size_t i = 0; i < 2; i++) {
		char directory[32], path[64], debug_path[4096];
		make_directory(directory);
		run(directory, "objcopy --remove-section=.note.gnu.build-id $s n.so && mkdir .debug && "
		               "objcopy --only-keep-debug n.so d.debug && "
		               "objcopy --strip-debug --add-gnu-debuglink=d.debug n.so s.so");
		if (i == 1)
			run(directory, "mv d.debug .debug/");
		(void)snprintf(path, sizeof path, "%s/s.so", directory);
		(void)merge(path, NULL, debug_path);
		assert_non_null(strstr(debug_path, places[i]));
		assert_all();
		remove_directory(directory);
	}
}

static void test_file_of_another_binary_is_refused(void **state)
{
	(void)state;
	char directory[32], path[64];
	uint32_t structs = 7;
	make_directory(directory);
	run(directory, by_build_id);
	/* The same place, the debug information of another build. */
	run(directory, "f=$(echo .build-id/*/*.debug) && objcopy --only-keep-debug ${s%dwarf5.so}dwarf4.so $f");
	(void)snprintf(path, sizeof path, "%s/s.so", directory);
	const struct dwarf_options options = { .debug_directory = directory };
	memset(&layout, 0, sizeof layout);
	assert_int_equal(dwarf_layout_merge(&layout, path, &options, &structs, NULL, &error), ERROR_NOT_FOUND);
	assert_int_equal(structs, 0);
	assert_non_null(strstr(error.message, "of another binary"));
	assert_non_null(strstr(error.message, ".build-id"));
	/* By link: a checksum that is not the file's. */
	run(directory,
	    "objcopy --remove-section=.note.gnu.build-id $s n.so && objcopy --only-keep-debug n.so d.debug && "
	    "objcopy --strip-debug --add-gnu-debuglink=d.debug n.so s.so && echo >>d.debug");
	assert_int_equal(dwarf_layout_merge(&layout, path, NULL, &structs, NULL, &error), ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "d.debug (of another binary)"));
	remove_directory(directory);
}

static void test_supplementary_file(void **state)
{
	(void)state;
	if (system("command -v dwz >/dev/null") != 0) {
		print_message("skipped: dwz is not installed\n");
		skip();
	}
	char directory[32], path[64];
	make_directory(directory);
	/* DWARF 4: dwz does not know all of what clang writes as 5. */
	run(directory, "s=${s%dwarf5.so}dwarf4.so && cp $s a.so && cp $s b.so && chmod u+w *.so && "
	               "dwz -m common.debug a.so b.so && readelf -SW a.so | grep -q gnu_debugaltlink");
	(void)snprintf(path, sizeof path, "%s/a.so", directory);
	(void)merge(path, NULL, NULL);
	assert_all();
	remove_directory(directory);
}

/* A server that is a folder. Asked only when the user allows it. */
static void test_debuginfod(void **state)
{
	(void)state;
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW);
	if (library == NULL) {
		print_message("skipped: libdebuginfod.so.1 is not installed\n");
		skip();
	}
	char directory[32], path[64], text[128], debug_path[4096];
	uint32_t structs;
	make_directory(directory);
	run(directory, "objcopy --strip-debug $s s.so && id=$(readelf -n $s | sed -n 's/.*Build ID: //p') && "
	               "mkdir -p buildid/$id && objcopy --only-keep-debug $s buildid/$id/debuginfo");
	(void)snprintf(path, sizeof path, "%s/s.so", directory);
	(void)snprintf(text, sizeof text, "file://%s/", directory);
	setenv("DEBUGINFOD_URLS", text, 1);
	(void)snprintf(text, sizeof text, "%s/cache", directory);
	setenv("DEBUGINFOD_CACHE_PATH", text, 1);
	memset(&layout, 0, sizeof layout);
	assert_int_equal(dwarf_layout_merge(&layout, path, NULL, &structs, NULL, &error), ERROR_NOT_FOUND);
	assert_null(strstr(error.message, "debuginfod"));
	const struct dwarf_options options = { .use_debuginfod = true };
	error_clear(&error);
	if (dwarf_layout_merge(&layout, path, &options, &structs, debug_path, &error) != OK)
		fail_msg("%s", error.message);
	assert_non_null(strstr(debug_path, "/cache/"));
	assert_all();
	/* A server that has nothing: the message says so. */
	run(directory, "rm -r buildid cache");
	assert_int_equal(dwarf_layout_merge(&layout, path, &options, &structs, NULL, &error), ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "debuginfod (No such file"));
	unsetenv("DEBUGINFOD_URLS");
	unsetenv("DEBUGINFOD_CACHE_PATH");
	remove_directory(directory);
}

static void test_nothing_there(void **state)
{
	(void)state;
	uint32_t structs = 7;
	assert_int_equal(dwarf_layout_merge(&layout, "/nonexistent", NULL, &structs, NULL, &error), ERROR_IO);
	assert_int_equal(structs, 0);
	assert_int_equal(dwarf_layout_merge(&layout, "/etc/passwd", NULL, &structs, NULL, &error), ERROR_FORMAT);
}

/* One byte after another of the debug information is wrong: any answer, but no crash and no end of time. */
static void test_corrupt_debug_information(void **state)
{
	(void)state;
	char directory[32], path[64], sample[4096];
	make_directory(directory);
	(void)snprintf(path, sizeof path, "%s/bad.so", directory);
	sample_path(sample, "dwarf5");
	FILE *file = fopen(sample, "rb");
	assert_non_null(file);
	static uint8_t image[1 << 20];
	size_t size = fread(image, 1, sizeof image, file);
	fclose(file);
	assert_true(size > 4096 && size < sizeof image);
	uint32_t random = 12345;
	for (unsigned round = 0; round < 1500; round++) {
		random = random * 1664525 + 1013904223;
		/* Headers, and the debug sections, which lie behind the code. */
		size_t position = round % 8 == 0 ? random % 512 : size / 3 + random % (size - size / 3);
		uint8_t before = image[position];
		image[position] = (uint8_t)(random >> 24);
		file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(image, 1, size, file), size);
		fclose(file);
		image[position] = before;
		uint32_t structs;
		memset(&layout, 0, sizeof layout);
		(void)dwarf_layout_merge(&layout, path, NULL, &structs, NULL, &error);
		for (unsigned i = 0; i < FIELD_COUNT; i++)
			assert_true(layout.fields[i].size == 0 ||
			            layout.fields[i].offset <= layout.struct_bytes[layout_field_struct(i)]);
	}
	remove_directory(directory);
}

static void collect(void *context, const char *sentence)
{
	char *text = context;
	(void)snprintf(text + strlen(text), 4096 - strlen(text), "%s\n", sentence);
}

static void test_compare(void **state)
{
	(void)state;
	char path[4096], text[4096] = "";
	static struct layout other;
	sample_path(path, "dwarf5");
	(void)merge(path, NULL, NULL);
	other = layout;
	layout_compare((struct named_layout){ &layout, "left" }, (struct named_layout){ &other, "right" }, collect,
	               text);
	assert_string_equal(text, "");
	other.fields[FIELD_PyObject_ob_type].offset += 16;
	other.struct_bytes[STRUCT_PyObject] += 16;
	other.fields[FIELD_PyASCIIObject_state_kind].bit_width = 2;
	other.fields[FIELD_PyASCIIObject_length].size = 0;
	other.struct_sources[STRUCT_PyFrameObject] = LAYOUT_SOURCE_NONE;
	other.fields[FIELD_PyFrameObject_f_back].offset = 0;
	layout_compare((struct named_layout){ &layout, "left" }, (struct named_layout){ &other, "right" }, collect,
	               text);
	assert_string_equal(text,
	                    "PyObject has 16 bytes in left, but 32 in right\n"
	                    "PyObject.ob_type is at 8, 8 bytes in left, but at 24, 8 bytes in right\n"
	                    "PyASCIIObject.length is at 16, 8 bytes in left, but absent in right\n"
	                    "PyASCIIObject.state_kind is bits 2 to 4 of the 4 bytes at 24 in left, but bits 2 to 3 of "
	                    "the 4 bytes at 24 in right\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_format),
		cmocka_unit_test(test_merge_leaves_what_has_a_source),
		cmocka_unit_test(test_what_is_stripped),
		cmocka_unit_test(test_separate_file_by_build_id),
		cmocka_unit_test(test_separate_file_by_link),
		cmocka_unit_test(test_file_of_another_binary_is_refused),
		cmocka_unit_test(test_supplementary_file),
		cmocka_unit_test(test_debuginfod),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_corrupt_debug_information),
		cmocka_unit_test(test_compare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
