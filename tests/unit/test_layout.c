/* SPDX-License-Identifier: MIT
 * layout_get on plain fields and bit-fields, names, and features against what each version is known to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "layout/builtin_layouts.h"
#include "layout/layout.h"

static struct layout layout;

static void place(enum layout_field field, uint32_t offset, uint16_t size, uint8_t bit, uint8_t width)
{
	layout.fields[field] =
	        (struct layout_place){ .offset = offset, .size = size, .bit_offset = bit, .bit_width = width };
}

static void test_get(void **state)
{
	(void)state;
	const uint8_t bytes[24] = { 0xff, 0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0x09, 0x0a, 0x0b,
		                    0x0c, 0x0d, 0x0e, 0x8f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17 };
	memset(&layout, 0, sizeof layout);
	const enum layout_field field = FIELD_PyObject_ob_type;
	assert_int_equal(layout_get(&layout, field, bytes), 0);
	assert_false(layout_has(&layout, field));
	place(field, 1, 1, 0, 0);
	assert_int_equal(layout_get(&layout, field, bytes), 0x81);
	place(field, 1, 2, 0, 0);
	assert_int_equal(layout_get(&layout, field, bytes), 0x0281);
	place(field, 1, 4, 0, 0);
	assert_int_equal(layout_get(&layout, field, bytes), 0x04030281);
	place(field, 8, 8, 0, 0);
	assert_true(layout_get(&layout, field, bytes) == UINT64_C(0x8f0e0d0c0b0a0988));
	place(field, 1, 3, 0, 0);
	assert_int_equal(layout_get(&layout, field, bytes), 0x030281);
	/* An embedded struct: its first word. */
	place(field, 8, 16, 0, 0);
	assert_true(layout_get(&layout, field, bytes) == UINT64_C(0x8f0e0d0c0b0a0988));
}

static void test_get_bit_fields(void **state)
{
	(void)state;
	const enum layout_field field = FIELD_PyASCIIObject_state_kind;
	const uint64_t value = UINT64_C(0xa5c3f00f12345678);
	const uint16_t sizes[] = { 1, 2, 4, 8 };
	uint8_t bytes[16] = { 0 };
	memcpy(bytes + 8, &value, sizeof value);
	memset(&layout, 0, sizeof layout);
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (uint8_t bit = 0; bit < sizes[i] * 8; bit++)
			for (uint8_t width = 1; bit + width <= sizes[i] * 8; width++) {
				uint64_t wanted = 0;
				for (unsigned j = 0; j < width; j++)
					wanted |= (value >> (bit + j) & 1) << j;
				place(field, 8, sizes[i], bit, width);
				assert_true(layout_get(&layout, field, bytes) == wanted);
			}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(layout_struct_name(STRUCT_PyListObject), "PyListObject");
	assert_string_equal(layout_field_name(FIELD_PyListObject_ob_item), "PyListObject.ob_item");
	assert_int_equal(layout_field_struct(FIELD_PyListObject_ob_item), STRUCT_PyListObject);
	assert_string_equal(layout_feature_name(FEATURE_IMMORTAL), "IMMORTAL");
	assert_string_equal(layout_source_name(LAYOUT_SOURCE_DEBUG_OFFSETS), "_Py_DebugOffsets");
	/* A field's name begins with its struct's, everywhere. */
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const char *owner = layout_struct_name(layout_field_struct(i));
		assert_memory_equal(layout_field_name(i), owner, strlen(owner));
		assert_int_equal(layout_field_name(i)[strlen(owner)], '.');
	}
}

/* First and last minor version with each feature, in default builds. */
static const struct {
	enum layout_feature feature;
	unsigned first, last;
} known[] = {
	{ FEATURE_FREE_THREADED, 99, 99 },
	{ FEATURE_GC_PRESIZE_BY_OBJECT, 8, 10 },
	{ FEATURE_PRESIZE_SKIPS_STATIC_TYPES, 13, 99 },
	{ FEATURE_MANAGED_DICT, 11, 99 },
	{ FEATURE_VALUES_POINTER_IN_PREHEADER, 11, 11 },
	{ FEATURE_TAGGED_DICT_OR_VALUES, 12, 12 },
	{ FEATURE_MANAGED_WEAKREF, 12, 99 },
	{ FEATURE_INLINE_VALUES, 13, 99 },
	{ FEATURE_SPLIT_DICT_VALUES_COUNTED_BY_USABLE, 11, 99 },
	{ FEATURE_COMPACT_INT, 12, 99 },
	{ FEATURE_INT_SIZEOF_AT_LEAST_ONE_DIGIT, 11, 99 },
	{ FEATURE_INT_SIZEOF_BY_TYPE, 12, 99 },
	{ FEATURE_STATIC_BUILTIN_STATE, 12, 99 },
	{ FEATURE_IMMORTAL, 12, 99 },
	{ FEATURE_REFCOUNT_32, 14, 99 },
	{ FEATURE_FRAME_EXECUTABLE, 13, 99 },
	{ FEATURE_TAGGED_STACK_REFS, 14, 99 },
	{ FEATURE_HEAP_TYPE_OWNED, 8, 99 },
	{ FEATURE_HEAP_TYPE_VISITED, 9, 99 },
	{ FEATURE_INTERPRETER_FRAMES, 11, 99 },
};

static void test_features_of_every_row(void **state)
{
	(void)state;
	unsigned rows = 0;
	for (unsigned minor = 8; minor <= 15; minor++)
		for (int debug = 0; debug < 2; debug++) {
			const struct layout_fingerprint fingerprint = { .version = { .hex = 0x03000000 | minor << 16,
				                                                     .is_debug = debug != 0 } };
			bool exact;
			for (uint32_t row = 0; builtin_layout(&fingerprint, row, &layout, &exact); row++, rows++)
				for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
					if (layout_feature(&layout, known[i].feature) !=
					    (minor >= known[i].first && minor <= known[i].last))
						fail_msg("%s of %s", layout_feature_name(known[i].feature),
						         layout.row_name);
		}
	assert_true(rows >= 20);
}

static void test_features_from_fields(void **state)
{
	(void)state;
	memset(&layout, 0, sizeof layout);
	layout.version.hex = 0x030e02f0;
	layout_compute_features(&layout);
	assert_false(layout_feature(&layout, FEATURE_INCREMENTAL_GC));
	place(FIELD__gc_runtime_state_young, 24, 16, 0, 0);
	place(FIELD__gc_runtime_state_old, 48, 48, 0, 0);
	place(FIELD_PyObject_ob_overflow, 4, 2, 0, 0);
	layout_compute_features(&layout);
	assert_true(layout_feature(&layout, FEATURE_INCREMENTAL_GC));
	assert_true(layout_feature(&layout, FEATURE_REFCOUNT_32));
	place(FIELD_PyObject_ob_tid, 0, 8, 0, 0);
	layout_compute_features(&layout);
	assert_true(layout_feature(&layout, FEATURE_FREE_THREADED));
	assert_false(layout_feature(&layout, FEATURE_REFCOUNT_32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_get_bit_fields),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_features_of_every_row),
		cmocka_unit_test(test_features_from_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
