/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decoder.h"
#include "decode/reference_count.h"
#include "object/type_flags.h"

enum { BASE = 0x100000, BYTES = 0x4000, OBJECT = BASE + 0x100, THREADS = BASE + 0x1000, VALUES = BASE + 0x2000 };
enum { THREAD_BYTES = 0x100, TYPE = BASE + 0x3000 };

static struct {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct runtime runtime;
	struct decode_context context;
	struct decoder decoder;
	struct python_thread threads[3];
	struct interpreter interpreters[2];
	struct type_info type, *types[1];
} target;

static void set_field(enum layout_field field, uint32_t offset, uint16_t size)
{
	target.layout.fields[field] = (struct layout_place){ .offset = offset, .size = size };
}

static void put(uint64_t address, uint64_t value, size_t size)
{
	memcpy(target.bytes + (address - BASE), &value, size);
}

static int open_target(void **state)
{
	(void)state;
	memset(&target, 0, sizeof target);
	assert_int_equal(address_space_open_buffer(&target.space, BASE, target.bytes, BYTES, NULL), OK);
	target.layout.struct_bytes[STRUCT_PyObject] = 16;
	set_field(FIELD_PyObject_ob_refcnt, 0, 8);
	set_field(FIELD_PyObject_ob_type, 8, 8);
	target.context.space = target.runtime.space = target.space;
	target.context.layout = &target.layout;
	target.context.runtime = &target.runtime;
	target.decoder.context = &target.context;
	decode_context_objects(&target.context, &target.decoder.reader, &target.decoder.objects);
	target.decoder.layout = &target.layout;
	reader_init(&target.decoder.reader, target.space);
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	address_map_clear(&target.context.types.by_address);
	decoder_clear(&target.decoder);
	address_space_close(target.space);
	return 0;
}

static struct reference_count count_at(uint64_t address)
{
	struct reference_count count;
	assert_true(reference_count_read(&target.decoder, address, &count));
	return count;
}

static void plain_counts(void **state)
{
	(void)state;
	put(OBJECT, 7, 8);
	assert_int_equal(count_at(OBJECT).count, 7);
	assert_true(count_at(OBJECT).is_known);
	put(OBJECT, UINT64_C(1) << 40, 8); /* None of a large program, up to 3.11 */
	assert_int_equal(count_at(OBJECT).count, INT64_C(1) << 40);
	assert_false(count_at(OBJECT).is_immortal);
	put(OBJECT, UINT64_MAX, 8);
	assert_int_equal(count_at(OBJECT).count, -1);
}

static void immortal_ones(void **state)
{
	(void)state;
	target.layout.features[FEATURE_IMMORTAL] = true;
	put(OBJECT, 0x7fffffff, 8);
	assert_false(count_at(OBJECT).is_immortal);
	assert_int_equal(count_at(OBJECT).count, 0x7fffffff);
	put(OBJECT, 0xffffffff, 8);
	assert_true(count_at(OBJECT).is_immortal);
	put(OBJECT, 0x80000001, 8);
	assert_true(count_at(OBJECT).is_immortal);
	/* 3.14: 32 bits, beside overflow and flags */
	set_field(FIELD_PyObject_ob_refcnt, 0, 4);
	put(OBJECT, UINT64_C(0x0005000300000004), 8);
	assert_false(count_at(OBJECT).is_immortal);
	assert_int_equal(count_at(OBJECT).count, 4);
	put(OBJECT, 0xc0000000, 4);
	assert_true(count_at(OBJECT).is_immortal);
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	struct reference_count count;
	const uint64_t wrong[] = { 0, BASE - 8, BASE + BYTES - 8, BASE + BYTES, UINT64_MAX, UINT64_MAX - 15 };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(reference_count_read(&target.decoder, wrong[i], &count));
	target.layout.struct_bytes[STRUCT_PyObject] = 0;
	assert_false(reference_count_read(&target.decoder, OBJECT, &count));
}

/* ---- Free-threaded builds ---- */

static void make_free_threaded(void)
{
	target.layout.features[FEATURE_FREE_THREADED] = true;
	target.layout.struct_bytes[STRUCT_PyObject] = 32;
	set_field(FIELD_PyObject_ob_gc_bits, 11, 1);
	set_field(FIELD_PyObject_ob_ref_local, 12, 4);
	set_field(FIELD_PyObject_ob_ref_shared, 16, 8);
	set_field(FIELD_PyObject_ob_type, 24, 8);
}

static void put_counts(uint32_t local, int64_t shared, unsigned flags, bool is_deferred)
{
	put(OBJECT + 11, is_deferred ? 64 : 0, 1);
	put(OBJECT + 12, local, 4);
	put(OBJECT + 16, (uint64_t)shared << 2 | flags, 8);
}

static void two_counts(void **state)
{
	(void)state;
	make_free_threaded();
	put_counts(3, 4, 1, false);
	assert_int_equal(count_at(OBJECT).count, 7);
	assert_false(count_at(OBJECT).is_deferred);
	/* what the owner holds may have been given up by others */
	put_counts(5, -2, 3, false);
	assert_int_equal(count_at(OBJECT).count, 3);
	put_counts(UINT32_MAX, 0, 0, true);
	assert_true(count_at(OBJECT).is_immortal);
	assert_true(count_at(OBJECT).is_deferred);
}

static void deferred_ones(void **state)
{
	(void)state;
	make_free_threaded();
	put_counts(3, 0, 0, true); /* 3.13: one more */
	assert_int_equal(count_at(OBJECT).count, 2);
	put_counts(3, INT64_MAX / 8, 0, true); /* 3.14: so many more */
	assert_int_equal(count_at(OBJECT).count, 3);
	assert_true(count_at(OBJECT).is_deferred);
}

/* An object of a type whose instances have a row in the tables of threads: a class with id 3. */
static void make_class(void)
{
	make_free_threaded();
	target.type = (struct type_info){ .address = TYPE, .tp_flags = TPFLAGS_TYPE_SUBCLASS };
	target.types[0] = &target.type;
	target.context.types.items = target.types;
	target.context.types.count = 1;
	assert_true(address_map_set(&target.context.types.by_address, TYPE, 0));
	set_field(FIELD_PyTypeObject_tp_flags, 40, 8);
	set_field(FIELD_PyHeapTypeObject_unique_id, 48, 8);
	set_field(FIELD__PyThreadStateImpl_refcounts_values, 8, 8);
	set_field(FIELD__PyThreadStateImpl_refcounts_size, 16, 8);
	put(OBJECT + 24, TYPE, 8);
	put(OBJECT + 40, TPFLAGS_HEAPTYPE, 8);
	put(OBJECT + 48, 3, 8);
	put_counts(2, INT64_MAX / 8, 0, true);
	for (unsigned i = 0; i < 3; i++) {
		target.threads[i].address = THREADS + i * THREAD_BYTES;
		put(target.threads[i].address + 8, VALUES + i * 64, 8);
		put(target.threads[i].address + 16, 8, 8);
		put(VALUES + i * 64 + 16, 10 * (i + 1), 8);
	}
	target.runtime.threads.items = target.threads;
	target.runtime.threads.count = 3;
	target.runtime.interpreters.items = target.interpreters;
	target.runtime.interpreters.count = 1;
}

static void counts_of_threads(void **state)
{
	(void)state;
	make_class();
	assert_int_equal(count_at(OBJECT).count, 2 + 10 + 20 + 30);
	assert_true(count_at(OBJECT).is_known);
	put(VALUES + 16, (uint64_t)-4, 8); /* a thread may have given up what others counted */
	assert_int_equal(count_at(OBJECT).count, 2 - 4 + 20 + 30);
	put(target.threads[1].address + 16, 2, 8); /* its table is shorter */
	assert_int_equal(count_at(OBJECT).count, 2 - 4 + 30);
	put(target.threads[2].address + 8, 0, 8); /* it has none */
	assert_int_equal(count_at(OBJECT).count, 2 - 4);
	assert_true(count_at(OBJECT).is_known);
	put(OBJECT + 40, 0, 8); /* a static type has no id */
	assert_int_equal(count_at(OBJECT).count, 2);
}

static void counts_that_are_not_known(void **state)
{
	(void)state;
	make_class();
	target.runtime.interpreters.count = 2; /* each numbers its own */
	assert_false(count_at(OBJECT).is_known);
	target.runtime.interpreters.count = 1;
	put(target.threads[0].address + 8, UINT64_C(0x7fff00000000), 8);
	assert_false(count_at(OBJECT).is_known);
	put(target.threads[0].address + 8, UINT64_MAX - 8, 8);
	put(target.threads[0].address + 16, UINT64_MAX, 8);
	assert_false(count_at(OBJECT).is_known);
	put(OBJECT + 48, UINT64_MAX, 8);
	assert_false(count_at(OBJECT).is_known);
	target.threads[0].address = BASE + BYTES;
	assert_false(count_at(OBJECT).is_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain_counts, open_target, close_target),
		cmocka_unit_test_setup_teardown(immortal_ones, open_target, close_target),
		cmocka_unit_test_setup_teardown(what_cannot_be_read, open_target, close_target),
		cmocka_unit_test_setup_teardown(two_counts, open_target, close_target),
		cmocka_unit_test_setup_teardown(deferred_ones, open_target, close_target),
		cmocka_unit_test_setup_teardown(counts_of_threads, open_target, close_target),
		cmocka_unit_test_setup_teardown(counts_that_are_not_known, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
