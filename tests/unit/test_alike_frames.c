/* SPDX-License-Identifier: MIT
 * Frames that are given out together have the words that they have one by one: whatever lies between them, wherever
 * their memory ends, and with runs of their own that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/holder_runs.h"

enum {
	BASE = 0x100000,
	FRAMES = 5000,
	DISTANCE = 128,
	BYTES = FRAMES * DISTANCE,
	LOCALS = 72,
	SLOTS = 3,
	MOST_WORDS = FRAMES * 12,
};

struct word {
	uint32_t holder;
	uint16_t label;
	uint64_t target;
};

static struct {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct decoder decoder;
	struct frame_list frames;
	struct roots roots;
	struct word expected[MOST_WORDS], found[MOST_WORDS];
	size_t alike; /* frames that were given out together with others */
} test;

static void put(uint64_t address, uint64_t value)
{
	memcpy(test.bytes + (address - BASE), &value, sizeof value);
}

static void set_field(enum layout_field field, uint32_t offset)
{
	test.layout.fields[field] = (struct layout_place){ .offset = offset, .size = 8 };
}

/* Words of a frame: what its form has, then locals and stack of its own, a few of them empty. */
static void fill(uint64_t address, uint64_t code)
{
	const uint64_t number = (address - BASE) / DISTANCE;
	put(address, code);
	put(address + 16, code + 0x100); /* the function */
	put(address + 40, 0);
	put(address + 48, 0);
	for (uint64_t i = 0; i < SLOTS + 2; i++)
		put(address + LOCALS + 8 * i, (number + i) % 7 == 0 ? 0 : 0x900000 + 16 * number + 0x100000 * i);
}

/* The oldest frame has the lowest address, as a thread's data stack is. */
static uint64_t place(size_t index)
{
	return BASE + (uint64_t)(FRAMES - 1 - index) * DISTANCE;
}

static void push(size_t index, uint32_t form, int32_t depth)
{
	const uint64_t code = 0x500000 + 0x1000 * (uint64_t)form;
	fill(place(index), code);
	if (form < test.frames.forms.count) {
		frame_list_push_alike(&test.frames, form, place(index), depth);
		return;
	}
	const struct python_frame frame = { .address = place(index),
		                            .code = code,
		                            .function = code + 0x100,
		                            .localsplus = place(index) + LOCALS,
		                            .slot_count = SLOTS,
		                            .stack = place(index) + LOCALS + 8 * SLOTS,
		                            .stack_size = 2,
		                            .stack_depth = depth };
	assert_true(frame_list_push(&test.frames, &frame));
}

/* Long recursions of one form, two forms in turn, gaps, other depths of stack, a frame whose memory is not there. */
static void make_frames(void)
{
	assert_true(frame_list_reserve(&test.frames, FRAMES + 1));
	for (size_t i = 0; i < FRAMES; i++) {
		if (i >= 3000 && i < 3100)
			push(i, 1 + i % 2, 1);
		else if (i % 1700 == 5)
			continue;
		else
			push(i, 0, i >= 4000 && i % 3 == 0 ? 2 : i >= 4500 ? -1 : 0);
		if (i == 2000)
			frame_list_push_alike(&test.frames, 0, BASE + BYTES, 0);
	}
}

static int open_test(void **state)
{
	(void)state;
	memset(&test, 0, sizeof test);
	assert_int_equal(address_space_open_buffer(&test.space, BASE, test.bytes, BYTES, NULL), OK);
	test.layout.features[FEATURE_INTERPRETER_FRAMES] = true;
	set_field(FIELD__PyInterpreterFrame_f_executable, 0);
	set_field(FIELD__PyInterpreterFrame_f_funcobj, 16);
	set_field(FIELD__PyInterpreterFrame_f_locals, 40);
	set_field(FIELD__PyInterpreterFrame_frame_obj, 48);
	set_field(FIELD__PyInterpreterFrame_localsplus, LOCALS);
	test.decoder.layout = &test.layout;
	reader_init(&test.decoder.reader, test.space);
	make_frames();
	assert_true(holders_push(&test.roots.holders, &(struct holder){ .kind = HOLDER_PROCESS }));
	assert_true(holders_push(&test.roots.holders, &(struct holder){ .kind = HOLDER_THREAD }));
	assert_true(holders_push_frames(&test.roots.holders, &test.frames));
	assert_true(holders_push(&test.roots.holders, &(struct holder){ .kind = HOLDER_C }));
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	array_free(&test.roots.runs);
	holders_clear(&test.roots.holders);
	frame_list_clear(&test.frames);
	address_space_close(test.space);
	return 0;
}

/* A run that the roots keep: of holders in ascending order. */
static void keep(uint32_t holder)
{
	const struct run run = { .slots = test.bytes, .address = BASE, .count = 1, .stride = 8, .label = LABEL_WORD };
	assert_true(array_push(&test.roots.runs, ((struct holder_run){ holder, run })));
}

static size_t add(struct word *words, size_t count, uint32_t holder, const struct run *run)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		const uint64_t target = run_target(run, slot);
		if (target == 0)
			continue;
		assert_true(count < MOST_WORDS);
		words[count++] = (struct word){ .holder = holder, .label = run->label, .target = target };
	}
	return count;
}

static size_t one_by_one(struct word *words)
{
	static struct holder_runs runs;
	size_t count = 0;
	holder_runs_open(&runs, &test.roots, &test.decoder);
	for (const struct run *run; (run = holder_runs_next(&runs)) != NULL;)
		count = add(words, count, runs.holder, run);
	return count;
}

static size_t together(struct word *words)
{
	static struct holder_runs runs;
	struct alike_frames alike;
	const struct run *run;
	size_t count = 0;
	holder_runs_open(&runs, &test.roots, &test.decoder);
	for (;;) {
		if (!holder_runs_next_alike(&runs, &alike)) {
			if ((run = holder_runs_next(&runs)) == NULL)
				return count;
			count = add(words, count, runs.holder, run);
			continue;
		}
		assert_in_range(alike.count, 1, FRAMES_TOGETHER);
		test.alike += alike.count > 1 ? alike.count : 0;
		for (uint32_t i = 0; i < alike.count; i++)
			for (uint32_t k = 0; k < alike.form->count; k++) {
				const struct run of_frame = form_run(alike.form, k, alike_bytes(&alike, i));
				count = add(words, count, runs.holder + i, &of_frame);
			}
	}
}

static void compare(size_t least_alike)
{
	const size_t expected = one_by_one(test.expected);
	test.alike = 0;
	assert_int_equal(together(test.found), expected);
	assert_true(expected > 4 * FRAMES);
	assert_true(test.alike >= least_alike);
	for (size_t i = 0; i < expected; i++) {
		assert_int_equal(test.found[i].holder, test.expected[i].holder);
		assert_int_equal(test.found[i].label, test.expected[i].label);
		assert_int_equal(test.found[i].target, test.expected[i].target);
	}
}

static void frames_together_are_frames_one_by_one(void **state)
{
	(void)state;
	compare(3500);
}

static void kept_runs_come_behind_their_holder(void **state)
{
	(void)state;
	keep(0);
	keep(1);
	for (uint32_t frame = 10; frame < 30; frame += 3)
		keep(2 + frame);
	keep(2 + 1500);
	keep(2 + 3050);
	keep(test.roots.holders.count - 1);
	compare(3000);
}

/* What all frames of a form have in common is counted: the references, not the empty words. */
static void common_words_are_counted(void **state)
{
	(void)state;
	static struct holder_runs runs;
	struct alike_frames alike;
	holder_runs_open(&runs, &test.roots, &test.decoder);
	while (!holder_runs_next_alike(&runs, &alike))
		assert_non_null(holder_runs_next(&runs));
	assert_int_equal(alike.form->common_count, 2);
	assert_int_equal(alike.distance, -DISTANCE);
	assert_int_equal(alike.form->own_count, 1); /* locals; the stack is empty */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_together_are_frames_one_by_one, open_test, close_test),
		cmocka_unit_test_setup_teardown(kept_runs_come_behind_their_holder, open_test, close_test),
		cmocka_unit_test_setup_teardown(common_words_are_counted, open_test, close_test),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
