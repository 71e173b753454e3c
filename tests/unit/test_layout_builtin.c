/* SPDX-License-Identifier: MIT
 * The choice of a table row and its refusals, and that every row has what the decoders cannot do without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "layout/builtin_layouts.h"
#include "layout_samples/debug_offsets.h"

static struct layout layout;
static bool exact;

static const char *choose(const struct layout_fingerprint *fingerprint, uint32_t index)
{
	return builtin_layout(fingerprint, index, &layout, &exact) ? layout.row_name : NULL;
}

static void test_exact_version_first(void **state)
{
	(void)state;
	struct layout_fingerprint fingerprint = {
		.version = { .hex = 0x030b07f0 }, .runtime_bytes = 166688, .type_type_bytes = 408, .none_bytes = 16
	};
	assert_string_equal(choose(&fingerprint, 0), "3.11.7");
	assert_true(exact);
	assert_int_equal(layout.version.hex, 0x030b07f0);
	assert_int_equal(layout.struct_sources[STRUCT_PyListObject], LAYOUT_SOURCE_TABLE);
	assert_true(layout_feature(&layout, FEATURE_MANAGED_DICT));
	assert_string_equal(choose(&fingerprint, 1), "3.11.2-debian");
	assert_false(exact);
	assert_null(choose(&fingerprint, 2));
	/* A patch release without a row: those of its minor version, the nearest first, none exact, the version as the
	 * target says. */
	fingerprint.version.hex = 0x030b03f0;
	assert_string_equal(choose(&fingerprint, 0), "3.11.2-debian");
	fingerprint.version.hex = 0x030b09f0;
	assert_string_equal(choose(&fingerprint, 0), "3.11.7");
	assert_false(exact);
	assert_int_equal(layout.version.hex, 0x030b09f0);
	/* Sizes that nobody knows exclude nothing. */
	fingerprint = (struct layout_fingerprint){ .version = { .hex = 0x030b0000 } };
	assert_non_null(choose(&fingerprint, 0));
	assert_false(exact);
}

static void test_refusals(void **state)
{
	(void)state;
	const struct layout_fingerprint good = {
		.version = { .hex = 0x030b07f0 }, .runtime_bytes = 166688, .type_type_bytes = 408, .none_bytes = 16
	};
	struct layout_fingerprint bad = good;
	assert_non_null(choose(&bad, 0));
	bad.runtime_bytes = 166696;
	assert_null(choose(&bad, 0));
	bad = good;
	bad.type_type_bytes = 416;
	assert_null(choose(&bad, 0));
	bad = good;
	bad.none_bytes = 32;
	assert_null(choose(&bad, 0));
	bad = good;
	bad.version.is_free_threaded = true;
	assert_null(choose(&bad, 0));
	bad = good;
	bad.version.has_trace_refs = true;
	assert_null(choose(&bad, 0));
	bad = good;
	bad.version.is_debug = true; /* Debian's debug build is of another size */
	bad.runtime_bytes = 166680;
	assert_null(choose(&bad, 0));
	/* Another minor version, never, whatever its sizes. */
	const uint32_t unknown[] = { 0, 0x02071200, 0x030711f0, 0x031000f0, 0x040b07f0 };
	for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		bad = good;
		bad.version.hex = unknown[i];
		assert_null(choose(&bad, 0));
	}
	bad = good;
	bad.version.hex = 0x030a0df0; /* 3.10.13 with the sizes of 3.11 */
	assert_null(choose(&bad, 0));
}

static struct debug_offsets offsets;

static struct layout_fingerprint with_offsets(const uint64_t *words, size_t bytes)
{
	static struct error error;
	assert_int_equal(debug_offsets_parse(&offsets, (const uint8_t *)words, bytes, &error), OK);
	return (struct layout_fingerprint){ .version = offsets.layout.version, .debug_offsets = &offsets };
}

static void test_debug_offsets_choose(void **state)
{
	(void)state;
	struct layout_fingerprint fingerprint = with_offsets(offsets_3_13_0, sizeof offsets_3_13_0);
	fingerprint.runtime_bytes = 283320;
	assert_string_equal(choose(&fingerprint, 0), "3.13.0");
	assert_true(exact);
	fingerprint = with_offsets(offsets_3_14_10_debian, sizeof offsets_3_14_10_debian);
	assert_string_equal(choose(&fingerprint, 0), "3.14.10-debian");
	assert_true(exact);
	fingerprint = with_offsets(offsets_3_15_2_debian, sizeof offsets_3_15_2_debian);
	assert_string_equal(choose(&fingerprint, 0), "3.15.2-debian");
	assert_true(exact);
}

/* An interpreter state of another size: the objects are the row's, the interpreter is what the offsets say. */
static void test_row_with_other_runtime_structs(void **state)
{
	(void)state;
	uint64_t words[DEBUG_OFFSETS_BYTES / 8];
	memcpy(words, offsets_3_13_0, sizeof offsets_3_13_0);
	words[1] = 0x030d03f0;
	words[6] += 4096; /* sizeof PyInterpreterState */
	words[11] += 16; /* imports.modules */
	struct layout_fingerprint fingerprint = with_offsets(words, sizeof offsets_3_13_0);
	bool seen = false;
	for (uint32_t i = 0; choose(&fingerprint, i) != NULL; i++) {
		assert_false(exact);
		seen = true;
		assert_int_equal(layout.struct_sources[STRUCT_PyInterpreterState], LAYOUT_SOURCE_DEBUG_OFFSETS);
		assert_int_equal(layout.struct_sources[STRUCT_PyDictObject], LAYOUT_SOURCE_TABLE);
		assert_int_equal(layout.struct_sources[STRUCT__PyThreadStateImpl], LAYOUT_SOURCE_NONE);
		assert_int_equal(layout_offset(&layout, FIELD_PyInterpreterState_modules), 7672);
		assert_false(layout_has(&layout, FIELD_PyInterpreterState_codec_search_path));
		assert_true(layout_feature(&layout, FEATURE_STATIC_BUILTIN_STATE));
	}
	assert_true(seen);
	/* An object struct that differs: no row at all. */
	memcpy(words, offsets_3_13_0, sizeof offsets_3_13_0);
	words[57] += 8; /* PyDictObject.ma_keys */
	fingerprint = with_offsets(words, sizeof offsets_3_13_0);
	assert_null(choose(&fingerprint, 0));
}

/* Debian's alignment of PyGC_Head against upstream's: both are offered, the row as it is first. */
static void test_generations_of_3_13(void **state)
{
	(void)state;
	const enum layout_field field = FIELD__gc_runtime_state_generations;
	const struct layout_fingerprint fingerprint = { .version = { .hex = 0x030d12f0 }, .runtime_bytes = 283408 };
	bool at_20 = false, at_24 = false;
	assert_string_equal(choose(&fingerprint, 0), "3.13.18-debian");
	assert_true(exact);
	assert_int_equal(layout_offset(&layout, field), 20);
	for (uint32_t i = 1; choose(&fingerprint, i) != NULL; i++) {
		at_20 |= layout_offset(&layout, field) == 20;
		at_24 |= layout_offset(&layout, field) == 24;
		assert_false(exact && layout_offset(&layout, field) == 24);
	}
	assert_true(at_20 && at_24);
}

/* Present in every row from one minor version to another. */
static const struct {
	enum layout_field field;
	unsigned first, last;
} required[] = {
#define ALWAYS(field) { FIELD_##field, 8, 99 },
#define SINCE(minor, field) { FIELD_##field, minor, 99 },
#define UNTIL(minor, field) { FIELD_##field, 8, minor },
#define BETWEEN(from, to, field) { FIELD_##field, from, to },
#include "layout_samples/required_fields.h"
#undef ALWAYS
#undef SINCE
#undef UNTIL
#undef BETWEEN
};

static void assert_row(unsigned minor)
{
	for (unsigned i = 0; i < sizeof required / sizeof required[0]; i++) {
		bool expected = minor >= required[i].first && minor <= required[i].last;
		if (layout_has(&layout, required[i].field) != expected)
			fail_msg("%s %s %s", layout.row_name, expected ? "lacks" : "has",
			         layout_field_name(required[i].field));
	}
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct layout_place *place = &layout.fields[i];
		uint32_t bytes = layout.struct_bytes[layout_field_struct(i)];
		if (place->size == 0)
			continue;
		if (bytes == 0 || place->offset > bytes || place->bit_offset + place->bit_width > 64)
			fail_msg("%s: %s is at %u of %u bytes", layout.row_name, layout_field_name(i), place->offset,
			         bytes);
	}
}

static void test_every_row_is_complete(void **state)
{
	(void)state;
	unsigned rows = 0;
	for (unsigned minor = 8; minor <= 15; minor++)
		for (int debug = 0; debug < 2; debug++) {
			const struct layout_fingerprint fingerprint = { .version = { .hex = 0x03000000 | minor << 16,
				                                                     .is_debug = debug != 0 } };
			for (uint32_t i = 0; choose(&fingerprint, i) != NULL; i++, rows++)
				assert_row(minor);
		}
	assert_true(rows >= 20);
}

/* No path of fields.def leads nowhere: what no row has is of builds that no row is of. */
static void test_every_field_is_somewhere(void **state)
{
	(void)state;
	static const char *const elsewhere[] = { "PyObject.ob_tid",
		                                 "PyObject.ob_mutex",
		                                 "PyObject.ob_gc_bits",
		                                 "PyObject.ob_ref_",
		                                 "PyObject._ob_",
		                                 "PyHeapTypeObject.unique_id",
		                                 "PyCodeObject.co_tlbc",
		                                 "PyModuleObject.md_gil",
		                                 "PyModuleObject.md_requires_gil",
		                                 "PyWeakReference.weakrefs_lock",
		                                 "_gc_runtime_state.young",
		                                 "_gc_runtime_state.old",
		                                 "_gc_runtime_state.immortalize",
		                                 "bytesio.buf_shared",
		                                 "TaskObj.task_tid",
		                                 "_PyInterpreterFrame.tlbc_index",
		                                 "_PyThreadStateImpl.",
		                                 "StgInfo.mutex",
		                                 "_PyCodeArray.",
		                                 "mi_",
		                                 "_mi_" };
	static bool seen[FIELD_COUNT];
	for (unsigned minor = 8; minor <= 15; minor++) {
		const struct layout_fingerprint fingerprint = { .version = { .hex = 0x03000000 | minor << 16 } };
		for (uint32_t i = 0; choose(&fingerprint, i) != NULL; i++)
			for (unsigned field = 0; field < FIELD_COUNT; field++)
				seen[field] |= layout_has(&layout, field);
	}
	for (unsigned field = 0; field < FIELD_COUNT; field++) {
		bool excused = seen[field];
		for (unsigned i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
			excused |= strncmp(layout_field_name(field), elsewhere[i], strlen(elsewhere[i])) == 0;
		if (!excused)
			fail_msg("no row has %s: a wrong path in fields.def, or tables that were not made anew",
			         layout_field_name(field));
	}
}

static void test_versions(void **state)
{
	(void)state;
	assert_string_equal(builtin_layout_versions(), "3.8, 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, 3.15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_version_first),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_debug_offsets_choose),     cmocka_unit_test(test_row_with_other_runtime_structs),
		cmocka_unit_test(test_generations_of_3_13),      cmocka_unit_test(test_every_row_is_complete),
		cmocka_unit_test(test_every_field_is_somewhere), cmocka_unit_test(test_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
