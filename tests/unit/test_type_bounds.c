/* SPDX-License-Identifier: MIT
 * Types whose tp_basicsize is less than what their base, or their decoder, needs: torn or hostile memory. Instances lie
 * at the end of what there is, so that AddressSanitizer sees whoever believes in more of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/small_heap.h"

enum { HEAP_BYTES = 1 << 20, HEAD_BYTES = 16, CELL_BYTES = 24 };

static void make(struct small_heap *heap)
{
	small_heap_make(heap, HEAP_BYTES);
	assert_int_equal(heap->layout.struct_bytes[STRUCT_PyCellObject], CELL_BYTES);
}

/* Each number of bytes that an object may have at the end of memory, 16 to 24, whatever its class says. */
static void check_end(uint64_t basicsize, uint64_t there, uint32_t expected)
{
	struct small_heap heap;
	make(&heap);
	const uint64_t type = small_heap_class(&heap, "Small", heap.cell_type, basicsize);
	const uint64_t object = small_heap_object(&heap, type, there);
	small_heap_open(&heap);
	assert_true(decode_object(&heap.decoder, object));
	assert_int_equal(heap.decoder.out.flags & (DECODED_CORRUPT | DECODED_UNREADABLE), expected);
	assert_true(expected == 0 || heap.decoder.out.reason != NULL);
	small_heap_close(&heap);
}

static void instance_smaller_than_its_base(void **state)
{
	(void)state;
	check_end(CELL_BYTES, CELL_BYTES, 0);
	check_end(HEAD_BYTES, CELL_BYTES, DECODED_CORRUPT);
	check_end(HEAD_BYTES, HEAD_BYTES, DECODED_CORRUPT | DECODED_UNREADABLE);
	check_end(CELL_BYTES, HEAD_BYTES, DECODED_UNREADABLE);
}

static void impossible_sizes_are_no_types(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 0, 8, HEAD_BYTES - 1, UINT64_C(1) << 24, UINT64_MAX };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct small_heap heap;
		make(&heap);
		const uint64_t type = small_heap_class(&heap, "Impossible", heap.cell_type, sizes[i]);
		const uint64_t object = small_heap_object(&heap, type, CELL_BYTES);
		small_heap_open(&heap);
		assert_false(decode_object(&heap.decoder, object));
		assert_int_equal(heap.decoder.out.flags, DECODED_CORRUPT);
		small_heap_close(&heap);
	}
}

/* A chain of classes, each below the last one's numbers: the damage of one is that of all which derive from it. */
static void damage_is_inherited(void **state)
{
	(void)state;
	struct small_heap heap;
	make(&heap);
	const uint64_t sound = small_heap_class(&heap, "Sound", heap.cell_type, CELL_BYTES + 8);
	const uint64_t torn = small_heap_class(&heap, "Torn", sound, CELL_BYTES);
	const uint64_t good = small_heap_object(&heap, sound, CELL_BYTES + 8);
	const uint64_t bad = small_heap_object(&heap, torn, CELL_BYTES + 8);
	small_heap_open(&heap);
	assert_true(decode_object(&heap.decoder, good));
	assert_int_equal(heap.decoder.out.flags & DECODED_CORRUPT, 0);
	assert_true(decode_object(&heap.decoder, bad));
	assert_int_equal(heap.decoder.out.flags & DECODED_CORRUPT, DECODED_CORRUPT);
	small_heap_close(&heap);
}

/* The body that a decoder gets answers 0 for what lies outside. */
static void fields_outside_the_body_are_absent(void **state)
{
	(void)state;
	uint8_t bytes[CELL_BYTES] = { [16] = 7 };
	const struct body body = { bytes, sizeof bytes };
	struct layout layout = { .struct_bytes = { 0 } };
	for (uint32_t offset = 0; offset < 40; offset++) {
		layout.fields[FIELD_PyCellObject_ob_ref] = (struct layout_place){ .offset = offset, .size = 8 };
		assert_int_equal(body_field(&layout, FIELD_PyCellObject_ob_ref, body) != 0, offset > 8 && offset <= 16);
		assert_int_equal(body_has(body, offset, 8), offset <= CELL_BYTES - 8);
	}
	assert_false(body_has(body, UINT32_MAX, 8));
	assert_false(body_has(body, 8, UINT32_MAX));
	assert_int_equal(body_word(body_part(body, 16), 0), 7);
	assert_null(body_part(body, CELL_BYTES + 1).bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instance_smaller_than_its_base),
		cmocka_unit_test(impossible_sizes_are_no_types),
		cmocka_unit_test(damage_is_inherited),
		cmocka_unit_test(fields_outside_the_body_are_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
