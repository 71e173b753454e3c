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
#include "runtime/gc_lists.h"

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
	assert_string_equal(choose(&bad, 0), "3.11.7");
	assert_true(exact);
	bad.runtime_bytes = 166696; /* a patch release may have another number of static strings: a row to be tried */
	assert_string_equal(choose(&bad, 0), "3.11.7");
	assert_false(exact);
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
	/* Another minor version, never, whatever its sizes. */
	const uint32_t unknown[] = { 0, 0x02071200, 0x030711f0, 0x031000f0, 0x040b07f0 };
	for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		bad = good;
		bad.version.hex = unknown[i];
		assert_null(choose(&bad, 0));
	}
	bad = good;
	bad.version.hex = 0x030a0df0; /* 3.10.13 with the sizes of 3.11: a row of 3.10, for the target to refute */
	assert_string_equal(choose(&bad, 0), "3.10.13");
	assert_false(exact);
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
		/* It begins with a PyThreadState, which has the size of the row's. */
		assert_int_equal(layout.struct_sources[STRUCT__PyThreadStateImpl], LAYOUT_SOURCE_TABLE);
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

static void change_collector(uint64_t words[DEBUG_OFFSETS_BYTES / 8], unsigned smaller)
{
	memcpy(words, offsets_3_14_10_debian, sizeof offsets_3_14_10_debian);
	(void)with_offsets(words, sizeof offsets_3_14_10_debian);
	const uint32_t size = offsets.layout.struct_bytes[STRUCT__gc_runtime_state];
	bool changed = false;
	for (unsigned i = 0; i < sizeof offsets_3_14_10_debian / 8; i++)
		if (words[i] == size) {
			assert_false(changed);
			words[i] = size - smaller;
			changed = true;
		}
	assert_true(changed);
	words[1] = 0x030e04f0;
}

/* A collector's state of another size has its lists elsewhere: as the row has it whose state is of that size, and where
 * none is, none are known, rather than those of the row. */
static void test_row_with_other_collector(void **state)
{
	(void)state;
	uint64_t words[DEBUG_OFFSETS_BYTES / 8];
	struct layout_fingerprint fingerprint = with_offsets(offsets_3_14_10_debian, sizeof offsets_3_14_10_debian);
	assert_non_null(choose(&fingerprint, 0));
	assert_true(gc_lists_are_known(&layout));
	change_collector(words, 24); /* the incremental collector of 3.14.0 to 3.14.4 */
	fingerprint = with_offsets(words, sizeof offsets_3_14_10_debian);
	assert_non_null(choose(&fingerprint, 0));
	assert_false(exact);
	assert_int_equal(layout.struct_sources[STRUCT__gc_runtime_state], LAYOUT_SOURCE_TABLE);
	assert_true(layout_feature(&layout, FEATURE_INCREMENTAL_GC));
	assert_true(gc_lists_are_known(&layout));
	change_collector(words, 16);
	fingerprint = with_offsets(words, sizeof offsets_3_14_10_debian);
	assert_non_null(choose(&fingerprint, 0));
	assert_false(exact);
	assert_int_equal(layout.struct_sources[STRUCT__gc_runtime_state], LAYOUT_SOURCE_DEBUG_OFFSETS);
	assert_false(gc_lists_are_known(&layout));
}

/* 3.14.2 has the interpreter of 3.14.0 and the thread state of 3.14.4: each struct comes from the row that agrees. */
static void test_structs_of_several_rows(void **state)
{
	(void)state;
	const struct layout_fingerprint fingerprint = { .version = { .hex = 0x030e02f0 } };
	assert_string_equal(choose(&fingerprint, 0), "3.14.8-debian");
	const uint32_t later = layout_offset(&layout, FIELD_PyInterpreterState_sysdict);
	bool seen = false;
	for (uint32_t i = 0; builtin_struct(&fingerprint, STRUCT_PyInterpreterState, i, &layout); i++) {
		seen |= layout_offset(&layout, FIELD_PyInterpreterState_sysdict) == later - 24;
		assert_int_equal(layout.struct_sources[STRUCT_PyInterpreterState], LAYOUT_SOURCE_TABLE);
		assert_true(layout_has(&layout, FIELD_PyDictObject_ma_keys));
	}
	assert_true(seen);
}

/* With reference tracing an interpreter of 3.13 and later has one pointer more, behind the audit hooks. */
static void test_reference_tracing(void **state)
{
	(void)state;
	const struct layout_fingerprint fingerprint = { .version = { .hex = 0x030f02f0 }, .debug_offsets = &offsets };
	(void)with_offsets(offsets_3_15_2_debian, sizeof offsets_3_15_2_debian);
	assert_string_equal(choose(&fingerprint, 0), "3.15.2-debian");
	const uint32_t hooks = layout_offset(&layout, FIELD_PyInterpreterState_audit_hooks);
	const uint32_t interned = layout_offset(&layout, FIELD_PyInterpreterState_interned_strings);
	assert_false(layout.version.has_trace_refs);
	bool seen = false;
	for (uint32_t i = 1; choose(&fingerprint, i) != NULL; i++)
		if (strcmp(layout.row_name, "3.15.2-debian with reference tracing") == 0) {
			seen = true;
			assert_true(layout.version.has_trace_refs);
			assert_int_equal(layout_offset(&layout, FIELD_PyInterpreterState_audit_hooks), hooks);
			assert_int_equal(layout_offset(&layout, FIELD_PyInterpreterState_interned_strings),
			                 interned + 8);
		}
	assert_true(seen);
}

/* A struct of a module is the row's that has it in that size, of whatever patch release. */
static void test_struct_of_size(void **state)
{
	(void)state;
	const struct layout_fingerprint fingerprint = { .version = { .hex = 0x030c0ff0 } };
	assert_string_equal(choose(&fingerprint, 0), "3.12.1");
	assert_int_equal(layout.struct_bytes[STRUCT_xmlparseobject], 72);
	assert_true(builtin_struct_of_size(&layout, STRUCT_xmlparseobject, 80));
	assert_int_equal(layout_offset(&layout, FIELD_xmlparseobject_intern), 64);
	assert_int_equal(layout.struct_sources[STRUCT_xmlparseobject], LAYOUT_SOURCE_TABLE);
	/* Of no row: what is added stands behind the rest. */
	const uint32_t buffer = layout_offset(&layout, FIELD_ScannerObject_state_buffer);
	assert_true(builtin_struct_of_size(&layout, STRUCT_ScannerObject, 256));
	assert_int_equal(layout_offset(&layout, FIELD_ScannerObject_state_buffer), buffer);
	assert_int_equal(layout.struct_bytes[STRUCT_ScannerObject], 256);
	assert_int_equal(layout.struct_sources[STRUCT_ScannerObject], LAYOUT_SOURCE_INFERRED);
	assert_false(builtin_struct_of_size(&layout, STRUCT_ScannerObject, 4096));
	assert_int_equal(layout.struct_bytes[STRUCT_ScannerObject], 256);
	/* A row of headers alone has no structs of modules at all: others lend them, of builds with heads of that size.
	 */
	layout.struct_bytes[STRUCT_SemLockObject] = 0;
	layout.fields[FIELD_SemLockObject_handle] = (struct layout_place){ .size = 0 };
	assert_true(builtin_struct_of_size(&layout, STRUCT_SemLockObject, 56));
	assert_int_equal(layout_offset(&layout, FIELD_SemLockObject_handle), 16);
	assert_int_equal(layout_offset(&layout, FIELD_SemLockObject_count), 32);
}

/* The interpreter of a free-threaded build holds its allocator: of another size, the pages may be others too. */
static void test_allocator_of_free_threaded(void **state)
{
	(void)state;
	uint64_t words[DEBUG_OFFSETS_BYTES / 8];
	memcpy(words, offsets_3_13_15t, sizeof offsets_3_13_15t);
	struct layout_fingerprint fingerprint = with_offsets(words, sizeof offsets_3_13_15t);
	assert_string_equal(choose(&fingerprint, 0), "3.13.15t");
	assert_true(exact);
	assert_true(layout_has(&layout, FIELD_mi_page_t_block_size));
	words[1] = 0x030d13f0;
	fingerprint = with_offsets(words, sizeof offsets_3_13_15t);
	assert_string_equal(choose(&fingerprint, 0), "3.13.15t");
	assert_true(layout_has(&layout, FIELD_mi_page_t_block_size));
	words[6] += 3256; /* sizeof PyInterpreterState, as between 3.14.9 and 3.14.10 */
	fingerprint = with_offsets(words, sizeof offsets_3_13_15t);
	unsigned rows = 0;
	for (; choose(&fingerprint, rows) != NULL; rows++) {
		assert_false(layout_has(&layout, FIELD_mi_page_t_block_size));
		assert_false(layout_has(&layout, FIELD_mi_segment_t_slices));
		assert_true(layout_has(&layout, FIELD_PyObject_ob_gc_bits));
	}
	assert_true(rows > 0);
}

/* Debian's alignment of PyGC_Head against upstream's: whichever row comes first, the other's collector is offered. */
static void test_generations_of_3_13(void **state)
{
	(void)state;
	const enum layout_field field = FIELD__gc_runtime_state_generations;
	const struct layout_fingerprint fingerprint = { .version = { .hex = 0x030d12f0 }, .runtime_bytes = 283408 };
	bool at_20 = false, at_24 = false;
	assert_string_equal(choose(&fingerprint, 0), "3.13.18-debian");
	assert_true(exact);
	assert_int_equal(layout_offset(&layout, field), 20);
	for (uint32_t i = 0; builtin_struct(&fingerprint, STRUCT__gc_runtime_state, i, &layout); i++) {
		at_20 |= layout_offset(&layout, field) == 20;
		at_24 |= layout_offset(&layout, field) == 24;
	}
	assert_true(at_20 && at_24);
}

enum builds { ANY_BUILD, BUILD_WITH_GIL, BUILD_FREE_THREADED, BUILD_TRACE_REFS, BUILD_WITHOUT_TRACE_REFS };

/* Present in every row of these builds from one minor version to another, and in no other row of these builds. */
static const struct {
	enum layout_field field;
	unsigned first, last;
	enum builds builds;
} required[] = {
#define ALWAYS(field) { FIELD_##field, 8, 99, ANY_BUILD },
#define SINCE(minor, field) { FIELD_##field, minor, 99, ANY_BUILD },
#define UNTIL(minor, field) { FIELD_##field, 8, minor, ANY_BUILD },
#define BETWEEN(from, to, field) { FIELD_##field, from, to, ANY_BUILD },
#define WITH_GIL(minor, field) { FIELD_##field, minor, 99, BUILD_WITH_GIL },
#define FREE_THREADED(field) { FIELD_##field, 13, 99, BUILD_FREE_THREADED },
#define WITHOUT_TRACE_REFS(minor, field) { FIELD_##field, minor, 99, BUILD_WITHOUT_TRACE_REFS }, /* no _decimal */
#define TRACE_REFS(minor, field) { FIELD_##field, 8, minor, BUILD_TRACE_REFS },
#include "layout_samples/required_fields.h"
#undef ALWAYS
#undef SINCE
#undef UNTIL
#undef BETWEEN
#undef WITH_GIL
#undef FREE_THREADED
#undef TRACE_REFS
#undef WITHOUT_TRACE_REFS
};

static bool is_of(const struct python_version *version, enum builds builds)
{
	switch (builds) {
	case BUILD_WITH_GIL:
		return !version->is_free_threaded;
	case BUILD_FREE_THREADED:
		return version->is_free_threaded;
	case BUILD_TRACE_REFS:
		return version->has_trace_refs;
	case BUILD_WITHOUT_TRACE_REFS:
		return !version->has_trace_refs;
	default:
		return true;
	}
}

static void assert_row(unsigned minor)
{
	for (unsigned i = 0; i < sizeof required / sizeof required[0]; i++) {
		bool expected = minor >= required[i].first && minor <= required[i].last;
		if (!is_of(&layout.version, required[i].builds))
			continue;
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
		for (unsigned flags = 0; flags < 8; flags++) {
			const struct layout_fingerprint fingerprint = { .version = { .hex = 0x03000000 | minor << 16,
				                                                     .is_debug = flags & 1,
				                                                     .is_free_threaded = flags >> 1 & 1,
				                                                     .has_trace_refs = flags >> 2 } };
			for (uint32_t i = 0; choose(&fingerprint, i) != NULL; i++, rows++)
				assert_row(minor);
		}
	assert_true(rows >= 30);
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
		cmocka_unit_test(test_exact_version_first),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_debug_offsets_choose),
		cmocka_unit_test(test_row_with_other_runtime_structs),
		cmocka_unit_test(test_row_with_other_collector),
		cmocka_unit_test(test_structs_of_several_rows),
		cmocka_unit_test(test_reference_tracing),
		cmocka_unit_test(test_struct_of_size),
		cmocka_unit_test(test_allocator_of_free_threaded),
		cmocka_unit_test(test_generations_of_3_13),
		cmocka_unit_test(test_every_row_is_complete),
		cmocka_unit_test(test_every_field_is_somewhere),
		cmocka_unit_test(test_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
