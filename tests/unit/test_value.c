/* SPDX-License-Identifier: MIT
 * Readers of values and names on memory that is anything but a sane heap: under the layout of every Python there is a
 * table for, words that are pointers into each other, small numbers, flags and noise. They may say what they like, but
 * must come back, and AddressSanitizer must have nothing to say. What sane objects say: test_names_live.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "object/value.h"
#include "layout/builtin_layouts.h"
#include "names/locals.h"
#include "names/names.h"

enum { REGION_BYTES = 24 * 1024, TYPE_BYTES = 1024, HEAPS = 12 };

static const uint64_t region_start = UINT64_C(0x7f0000000000);
static const struct name_options options = { .show_values = true };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t random_word(uint64_t *state)
{
	uint64_t noise = next_random(state);

	switch (next_random(state) % 8) {
	case 0:
		return 0;
	case 1:
		return noise % 16;
	case 2:
		return region_start; /* the type */
	case 3:
	case 4:
	case 5:
		return region_start + (noise % (REGION_BYTES / 8)) * 8;
	case 6:
		return noise % 2048 << (noise % 3 * 16);
	default:
		return noise;
	}
}

/* A type object that is its own metatype and claims some of everything; the rest is noise. */
static void fill_region(uint8_t *region, const struct layout *layout, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;

	for (size_t i = 0; i < REGION_BYTES; i += 8) {
		uint64_t word = random_word(&state);
		memcpy(region + i, &word, 8);
	}
	uint64_t flags = next_random(&state) | UINT64_C(1) << 31;
	memcpy(region + layout_offset(layout, FIELD_PyTypeObject_tp_flags), &flags, 8);
	memcpy(region + layout_offset(layout, FIELD_PyObject_ob_type), &region_start, 8);
	uint64_t basicsize = 16 + next_random(&state) % 16 * 8;
	memcpy(region + layout_offset(layout, FIELD_PyTypeObject_tp_basicsize), &basicsize, 8);
	/* Objects all over the place. */
	for (size_t i = TYPE_BYTES; i + 64 < REGION_BYTES; i += 64)
		memcpy(region + i + layout_offset(layout, FIELD_PyObject_ob_type), &region_start, 8);
}

static void read_values(struct decoder *decoder, uint64_t address)
{
	struct dict_cursor cursor;
	struct text text = { 0 };
	uint64_t key, value, count, items, steps = 0;
	int64_t integer;
	double real;

	value_str(&decoder->objects, address, 100, &text);
	value_bytes(&decoder->objects, address, 100, &text);
	value_int(&decoder->objects, address, &integer);
	value_float(&decoder->objects, address, &real);
	if (value_items(&decoder->objects, address, &count, &items))
		assert_true(count <= REGION_BYTES / 8);
	if (dict_cursor_open(&cursor, &decoder->objects, address) ||
	    value_attribute_cursor(&cursor, &decoder->objects, address)) {
		while (dict_cursor_next(&cursor, &key, &value))
			assert_true(++steps <= REGION_BYTES);
	}
	value_attribute(&decoder->objects, address, "name");
	value_class_attribute(&decoder->objects, address, "name");
	keys_entry_key(&decoder->objects, address, 3);
	local_name(decoder, address, 1);
	text_free(&text);
}

static void read_names(struct decoder *decoder, uint64_t address)
{
	static const char *const trailers[] = { "",        ".name",       ".__dict__", ".__class__.name",
		                                "[0]",     "['name'][1]", "[-1].x",    "[key 2 of 9]",
		                                ".f_code", "[(1, 'a')]" };
	struct python_frame frame = { .code = address,
		                      .localsplus = address + 64,
		                      .slot_count = 4,
		                      .last_instruction = address + 200,
		                      .last_instruction_is_address = true };
	struct text text = { 0 }, file = { 0 };
	struct error error;
	uint64_t object;
	int64_t line;

	names_describe(decoder, address, &options, &text);
	names_frame(decoder, &frame, &file, &file, &line);
	local_value(decoder, &frame, 1);
	for (size_t i = 0; i < sizeof trailers / sizeof trailers[0]; i++) {
		char expression[64];
		snprintf(expression, sizeof expression, "%#llx%s", (unsigned long long)address, trailers[i]);
		error_clear(&error);
		int status = names_resolve(decoder, expression, &options, &object, &error);
		assert_true(status == 0 || error.message[0] != '\0');
	}
	if (decode_object(decoder, address)) {
		for (size_t i = 0; i < decoder->out.runs.count; i++) {
			struct run run = decoder->out.runs.items[i];
			for (uint64_t k = 0; k < run.count && k < 4; k++)
				names_label(decoder, &run, k, &options, &text);
		}
	}
	for (size_t i = 0; i < text.length; i++)
		assert_true((unsigned char)text.bytes[i] >= 0x20);
	text_free(&text);
	text_free(&file);
}

static void read_heap(const struct layout *layout, uint64_t seed)
{
	uint8_t *region = malloc(REGION_BYTES);
	struct runtime *runtime = calloc(1, sizeof *runtime);
	struct address_space *space;
	struct decode_context *context;
	struct decoder decoder;
	struct error error = { 0 };

	assert_non_null(region);
	assert_non_null(runtime);
	fill_region(region, layout, seed);
	assert_int_equal(address_space_open_buffer(&space, region_start, region, REGION_BYTES, &error), 0);
	runtime->space = space;
	runtime->layout = *layout;
	runtime->symbols[SYMBOL_PyType_Type] = region_start;
	assert_int_equal(decode_context_open(&context, runtime, &error), 0);
	decoder_init(&decoder, context);
	for (uint64_t offset = 0; offset < REGION_BYTES; offset += 8)
		read_values(&decoder, region_start + offset);
	for (uint64_t offset = 0; offset < REGION_BYTES; offset += 192)
		read_names(&decoder, region_start + offset);
	decoder_clear(&decoder);
	decode_context_close(context);
	address_space_close(space);
	free(runtime);
	free(region);
}

static void test_hostile_heaps(void **state)
{
	unsigned layouts = 0;

	(void)state;
	for (uint32_t minor = 8; minor <= 15; minor++) {
		struct layout_fingerprint fingerprint = { .version = { .hex = 0x03000000 | minor << 16 } };
		struct layout layout;
		bool exact;
		if (!builtin_layout(&fingerprint, 0, &layout, &exact))
			continue;
		layout_compute_features(&layout);
		layouts++;
		for (uint64_t seed = 1; seed <= HEAPS; seed++)
			read_heap(&layout, seed * 100 + minor);
	}
	assert_true(layouts >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hostile_heaps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
