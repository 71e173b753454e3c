/* SPDX-License-Identifier: MIT
 * Every place lies within its struct, whatever a target's debug information says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "layout/builtin_layouts.h"
#include "layout/layout.h"

static struct layout layout;

static void set(enum layout_field field, uint32_t offset, uint16_t size)
{
	layout.fields[field] = (struct layout_place){ .offset = offset, .size = size };
}

static void rows_are_sound(void **state)
{
	(void)state;
	static const uint32_t versions[] = { 0x03080000, 0x03090000, 0x030a0000, 0x030b0000,
		                             0x030c0000, 0x030d0000, 0x030e0000, 0x030f0000 };
	uint32_t rows = 0;
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		struct layout_fingerprint fingerprint = { .version = { .hex = versions[i] } };
		bool is_exact;
		for (uint32_t index = 0; builtin_layout(&fingerprint, index, &layout, &is_exact); index++, rows++) {
			assert_true(layout_has(&layout, FIELD_PyObject_ob_type));
			assert_true(layout_has(&layout, FIELD_PyDictKeysObject_dk_indices)); /* flexible: at the end */
			assert_int_equal(layout_check(&layout), 0);
		}
	}
	assert_true(rows > 5);
}

static void places_outside_are_absent(void **state)
{
	(void)state;
	memset(&layout, 0, sizeof layout);
	layout.struct_bytes[STRUCT_PyListObject] = 40;
	set(FIELD_PyListObject_ob_item, 24, 8);
	set(FIELD_PyListObject_allocated, 36, 8);
	layout.struct_bytes[STRUCT_PyDictObject] = 48;
	set(FIELD_PyDictObject_ma_keys, 4000, 8);
	layout.struct_bytes[STRUCT_PyASCIIObject] = 40;
	layout.fields[FIELD_PyASCIIObject_state_kind] =
	        (struct layout_place){ .offset = 32, .size = 4, .bit_offset = 30, .bit_width = 8 };
	layout.struct_bytes[STRUCT_mi_page_t] = 80;
	set(FIELD_mi_page_t_capacity, 8, 4);
	assert_int_equal(layout_check(&layout), 4);
	assert_true(layout_has(&layout, FIELD_PyListObject_ob_item));
	assert_false(layout_has(&layout, FIELD_PyListObject_allocated));
	assert_false(layout_has(&layout, FIELD_PyDictObject_ma_keys));
	assert_false(layout_has(&layout, FIELD_PyASCIIObject_state_kind));
	assert_false(layout_has(&layout, FIELD_mi_page_t_capacity));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(places_outside_are_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
