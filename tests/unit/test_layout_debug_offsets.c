/* SPDX-License-Identifier: MIT
 * _Py_DebugOffsets as three builds write them, and as nobody should: refused or harmless, never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "layout/builtin_layouts.h"
#include "layout/debug_offsets.h"
#include "layout_samples/debug_offsets.h"

static const struct sample {
	const uint64_t *words;
	size_t bytes;
} samples[] = {
	{ offsets_3_13_0, sizeof offsets_3_13_0 },
	{ offsets_3_14_10_debian, sizeof offsets_3_14_10_debian },
	{ offsets_3_15_2_debian, sizeof offsets_3_15_2_debian },
};

enum { SAMPLES = sizeof samples / sizeof samples[0], WORDS = DEBUG_OFFSETS_BYTES / 8 };

static struct debug_offsets offsets;
static struct error error;

static int parse(const uint64_t *words, size_t bytes)
{
	error_clear(&error);
	return debug_offsets_parse(&offsets, (const uint8_t *)words, bytes, &error);
}

static void assert_at(enum layout_field field, uint32_t offset)
{
	if (offsets.layout.fields[field].size == 0 || offsets.layout.fields[field].offset != offset)
		fail_msg("%s is at %u of size %u, expected at %u", layout_field_name(field),
		         offsets.layout.fields[field].offset, offsets.layout.fields[field].size, offset);
}

static void test_3_13(void **state)
{
	(void)state;
	assert_int_equal(parse(offsets_3_13_0, sizeof offsets_3_13_0), OK);
	assert_int_equal(offsets.version_hex, 0x030d00f0);
	assert_false(offsets.is_free_threaded);
	assert_int_equal(offsets.layout.struct_bytes[STRUCT__PyRuntimeState], 283320);
	assert_int_equal(offsets.layout.struct_bytes[STRUCT_PyASCIIObject], 40);
	assert_int_equal(offsets.layout.fields[FIELD_PyInterpreterState_gc].size, 240);
	assert_at(FIELD_PyInterpreterState_threads_head, 7344);
	assert_at(FIELD_PyThreadState_current_frame, 72);
	assert_at(FIELD__PyInterpreterFrame_localsplus, 72);
	assert_at(FIELD__PyInterpreterFrame_owner, 70);
	assert_at(FIELD_PyVarObject_ob_size, 16);
	assert_at(FIELD__gc_runtime_state_collecting, 200);
	assert_false(layout_has(&offsets.layout, FIELD_PySetObject_table));
	assert_int_equal(offsets.layout.struct_sources[STRUCT_PySetObject], LAYOUT_SOURCE_NONE);
	assert_int_equal(offsets.layout.struct_sources[STRUCT_PyListObject], LAYOUT_SOURCE_DEBUG_OFFSETS);
}

static void test_3_14(void **state)
{
	(void)state;
	assert_int_equal(parse(offsets_3_14_10_debian, sizeof offsets_3_14_10_debian), OK);
	assert_at(FIELD_PyInterpreterState_gc, 7408);
	assert_at(FIELD_PyTupleObject_ob_item, 32);
	assert_at(FIELD_PySetObject_table, 40);
	assert_at(FIELD__PyInterpreterFrame_stackpointer, 64);
	assert_at(FIELD__gc_runtime_state_collecting, 192);
	assert_int_equal(offsets.layout.struct_bytes[STRUCT_PyGenObject], 160);
}

static void test_3_15(void **state)
{
	(void)state;
	assert_int_equal(parse(offsets_3_15_2_debian, sizeof offsets_3_15_2_debian), OK);
	assert_at(FIELD_PyThreadState_base_frame, 80);
	assert_at(FIELD_PyThreadState_current_exception, 136);
	assert_at(FIELD_PyTypeObject_tp_dictoffset, 288);
	assert_at(FIELD_PyHeapTypeObject_ht_cached_keys, 888);
	assert_int_equal(offsets.layout.struct_bytes[STRUCT_PyCompactUnicodeObject], 56);
	assert_at(FIELD__gc_runtime_state_collecting, 112);
}

static void test_begin(void **state)
{
	(void)state;
	uint64_t words[WORDS];
	assert_true(debug_offsets_has_cookie((const uint8_t *)offsets_3_13_0, 8));
	assert_false(debug_offsets_has_cookie((const uint8_t *)offsets_3_13_0, 7));
	for (unsigned i = 0; i < SAMPLES; i++) {
		/* Cut off anywhere. */
		for (size_t size = 0; size < samples[i].bytes; size++)
			assert_int_equal(parse(samples[i].words, size), ERROR_FORMAT);
		memcpy(words, samples[i].words, samples[i].bytes);
		words[0] ^= 1;
		assert_int_equal(parse(words, samples[i].bytes), ERROR_FORMAT);
		words[0] ^= 1;
		const uint64_t unknown[] = { 0, 0x030c01f0, 0x031000f0, 0x040d00f0, 0x030e00a1, 0x030f00b3 };
		for (unsigned j = 0; j < sizeof unknown / sizeof unknown[0]; j++) {
			words[1] = unknown[j];
			assert_int_equal(parse(words, samples[i].bytes), ERROR_NO_LAYOUT);
		}
		words[1] = samples[i].words[1] | UINT64_C(1) << 32;
		assert_int_equal(parse(words, samples[i].bytes), ERROR_FORMAT);
		words[1] = samples[i].words[1];
		words[2] = 2;
		assert_int_equal(parse(words, samples[i].bytes), ERROR_FORMAT);
	}
}

/* What a parse that succeeds promises. */
static void assert_sane(void)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct layout_place *place = &offsets.layout.fields[i];
		uint32_t bytes = offsets.layout.struct_bytes[layout_field_struct(i)];
		if (place->size != 0)
			assert_true(place->offset <= (bytes != 0 ? bytes : 256) && place->bit_width == 0);
	}
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		assert_true(offsets.layout.struct_bytes[i] <= 1 << 24);
}

static void test_each_word_wrong(void **state)
{
	(void)state;
	static const uint64_t bad[] = { 0,          1,          3,          7,          UINT64_MAX,
		                        INT64_MAX,  UINT32_MAX, 1 << 25,    UINT16_MAX, 0x030d00f0,
		                        1000000007, 4096,       65536 + 12, 8,          UINT64_MAX - 7 };
	unsigned refused = 0, tried = 0;
	for (unsigned i = 0; i < SAMPLES; i++)
		for (size_t word = 3; word < samples[i].bytes / 8; word++)
			for (unsigned j = 0; j < sizeof bad / sizeof bad[0]; j++) {
				uint64_t words[WORDS];
				memcpy(words, samples[i].words, samples[i].bytes);
				words[word] = bad[j];
				tried++;
				if (parse(words, samples[i].bytes) != OK) {
					assert_true(error.status == ERROR_FORMAT && error.message[0] != '\0');
					refused++;
					continue;
				}
				assert_sane();
			}
	assert_true(refused > tried / 2);
}

/* A value that can be but is not so: a row is never taken over what the offsets say. */
static void test_wrong_offsets_choose_no_wrong_row(void **state)
{
	(void)state;
	static struct layout layout;
	for (unsigned i = 0; i < SAMPLES; i++)
		for (size_t word = 3; word < samples[i].bytes / 8; word++) {
			uint64_t words[WORDS];
			memcpy(words, samples[i].words, samples[i].bytes);
			words[word] += 8;
			if (parse(words, samples[i].bytes) != OK)
				continue;
			const struct layout_fingerprint fingerprint = { .version = offsets.layout.version,
				                                        .debug_offsets = &offsets };
			bool exact;
			for (uint32_t row = 0; builtin_layout(&fingerprint, row, &layout, &exact); row++)
				for (unsigned field = 0; field < FIELD_COUNT; field++)
					if (offsets.layout.fields[field].size != 0)
						assert_int_equal(offsets.layout.fields[field].offset,
						                 layout.fields[field].offset);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_3_13),
		cmocka_unit_test(test_3_14),
		cmocka_unit_test(test_3_15),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_each_word_wrong),
		cmocka_unit_test(test_wrong_offsets_choose_no_wrong_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
