/* SPDX-License-Identifier: MIT
 * Runs of frames that differ in place only are made once and remembered; whether an object is a frame's local is the
 * same for the first frame of a form and for all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/holder_runs.h"

enum {
	BASE = 0x10000,
	FRAME_WORDS = 8, /* the function, two others, three locals, a stack of two */
	FRAMES = 20, /* of each thread */
	BYTES = 2 * FRAMES * FRAME_WORDS * 8,
	CODE = 0x5000,
	OTHER_CODE = 0x6000,
	FUNCTION = 0x7000,
	STRAY = 0x8000,
	FIRST_HOLDER = 2, /* the process and a thread come before */
	SECOND_HOLDER = FIRST_HOLDER + FRAMES + 1,
};

struct target {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct decoder decoder;
	struct frame_list frames[2];
	struct roots roots;
};

static struct target target;

/* The word of a frame, counted over both threads. */
static void put(uint32_t frame, uint32_t word, uint64_t value)
{
	memcpy(target.bytes + ((size_t)frame * FRAME_WORDS + word) * 8, &value, sizeof value);
}

/* An object that only this frame has: as its local or on its stack. */
static uint64_t local_of(uint32_t frame, uint32_t slot)
{
	return UINT64_C(0x100000) + frame * 0x100 + slot * 0x10;
}

static uint64_t item_of(uint32_t frame)
{
	return UINT64_C(0x200000) + frame * 0x100;
}

/* A recursion whose frames have a call under way; in the second thread of another function, of whose stack nothing is
 * known, and the last frame of it is in no memory. */
static void make_frames(uint32_t thread)
{
	struct frame_list *frames = &target.frames[thread];
	for (uint32_t i = 0; i < FRAMES; i++) {
		const uint32_t number = thread * FRAMES + i;
		const bool is_absent = thread == 1 && i == FRAMES - 1;
		const uint64_t address = is_absent ? BASE + BYTES + 4096 : BASE + (uint64_t)number * FRAME_WORDS * 8;
		const struct python_frame frame = { .address = address,
			                            .code = thread == 0 ? CODE : OTHER_CODE,
			                            .localsplus = address + 24,
			                            .slot_count = 3,
			                            .stack = thread == 0 ? address + 48 : 0,
			                            .stack_depth = thread == 0 ? 2 : -1 };
		if (i == 0) {
			assert_true(frame_list_reserve(frames, FRAMES));
			assert_true(frame_list_push(frames, &frame));
		} else {
			frame_list_push_alike(frames, 0, address, frame.stack_depth);
		}
		put(number, 0, FUNCTION);
		for (uint32_t slot = 0; slot < 3; slot++)
			put(number, 3 + slot, slot == 1 ? 0 : local_of(number, slot));
		/* What is called is on the stack, and a local too. */
		put(number, 6, item_of(number));
		put(number, 7, local_of(number, 0));
	}
}

static int open_target(void **state)
{
	(void)state;
	memset(&target, 0, sizeof target);
	assert_int_equal(address_space_open_buffer(&target.space, BASE, target.bytes, BYTES, NULL), OK);
	target.layout.features[FEATURE_INTERPRETER_FRAMES] = true;
	target.layout.fields[FIELD__PyInterpreterFrame_f_func] = (struct layout_place){ .offset = 0, .size = 8 };
	target.decoder.layout = &target.layout;
	reader_init(&target.decoder.reader, target.space);
	struct holders *holders = &target.roots.holders;
	assert_true(holders_push(holders, &(struct holder){ .kind = HOLDER_PROCESS }));
	for (uint32_t thread = 0; thread < 2; thread++) {
		make_frames(thread);
		assert_true(holders_push(holders, &(struct holder){ .kind = HOLDER_THREAD, .thread = thread }));
		assert_true(holders_push_frames(holders, &target.frames[thread]));
	}
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	holders_clear(&target.roots.holders);
	frame_list_clear(&target.frames[0]);
	frame_list_clear(&target.frames[1]);
	address_space_close(target.space);
	return 0;
}

static void is_local(struct holder_runs *runs, uint32_t holder, uint64_t object, uint64_t code, uint64_t slot)
{
	uint64_t found_code = 0, found_slot = 0;
	assert_true(holder_runs_find_local(runs, holder, object, &found_code, &found_slot));
	assert_int_equal(found_code, code);
	assert_int_equal(found_slot, slot);
}

static void is_no_local(struct holder_runs *runs, uint32_t holder, uint64_t object)
{
	uint64_t code, slot;
	assert_false(holder_runs_find_local(runs, holder, object, &code, &slot));
}

static void locals_of_each_frame(void **state)
{
	struct holder_runs runs;
	(void)state;
	holder_runs_open_one(&runs, &target.roots, &target.decoder, FIRST_HOLDER);
	/* To and fro between the threads: each time another form is the last one. */
	for (uint32_t i = 0; i + 1 < FRAMES; i++) {
		const uint32_t first = FIRST_HOLDER + i, second = SECOND_HOLDER + i;
		is_local(&runs, first, local_of(i, 2), CODE, 2);
		is_local(&runs, second, local_of(FRAMES + i, 2), OTHER_CODE, 2);
		/* Locals come before the evaluation stack, where that is known. */
		is_local(&runs, first, local_of(i, 0), CODE, 0);
		is_local(&runs, second, local_of(FRAMES + i, 0), OTHER_CODE, 0);
		is_no_local(&runs, first, item_of(i));
		is_no_local(&runs, second, item_of(FRAMES + i));
		/* A field of the frame is none, nor what it has not or another frame has. */
		is_no_local(&runs, first, FUNCTION);
		is_no_local(&runs, first, STRAY);
		is_no_local(&runs, first, local_of(i + 1, 2));
		is_no_local(&runs, second, local_of(i, 2));
	}
	is_no_local(&runs, SECOND_HOLDER + FRAMES - 1, local_of(2 * FRAMES - 1, 2));
}

/* In 3.14 and later a slot has tags, and what is no reference is none. */
static void tags_are_cleared(void **state)
{
	struct holder_runs runs;
	(void)state;
	target.layout.features[FEATURE_TAGGED_STACK_REFS] = true;
	put(1, 5, local_of(1, 2) | 1);
	put(2, 5, local_of(2, 2) | 3);
	holder_runs_open_one(&runs, &target.roots, &target.decoder, FIRST_HOLDER);
	is_local(&runs, FIRST_HOLDER, local_of(0, 2), CODE, 2);
	is_local(&runs, FIRST_HOLDER + 1, local_of(1, 2), CODE, 2);
	is_no_local(&runs, FIRST_HOLDER + 2, local_of(2, 2));
}

/* Frames like one before are given with its runs, and each has its own words; the others one by one. */
static void alike_ones_come_together(void **state)
{
	struct holder_runs runs;
	struct alike_frames together;
	const struct run *run;
	uint32_t alike = 0, apart = 0;
	(void)state;
	holder_runs_open(&runs, &target.roots, &target.decoder);
	for (;;) {
		const bool are_alike = holder_runs_next_alike(&runs, &together);
		run = are_alike ? NULL : holder_runs_next(&runs);
		if (!are_alike && run == NULL)
			break;
		const uint32_t thread = runs.holder >= SECOND_HOLDER;
		const uint32_t frame = runs.holder - (thread ? SECOND_HOLDER - FRAMES : FIRST_HOLDER);
		if (!are_alike) {
			apart += run->label == LABEL_LOCAL;
			assert_true(run->label != LABEL_LOCAL || run_target(run, 2) == local_of(frame, 2));
			continue;
		}
		const struct form_runs *form = together.form;
		assert_int_equal(form->own_count, thread ? 1 : 2);
		assert_int_equal(form->common_count, 1);
		for (uint32_t i = 0; i < together.count; i++) {
			const struct run own = form_run(form, 0, alike_bytes(&together, i));
			assert_int_equal(own.label, LABEL_LOCAL);
			assert_int_equal(run_target(&own, 2), local_of(frame + i, 2));
			alike++;
		}
	}
	/* The first of each thread, and the one without memory, are not like others. */
	assert_int_equal(apart, 2);
	assert_int_equal(alike, 2 * FRAMES - 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(locals_of_each_frame, open_target, close_target),
		cmocka_unit_test_setup_teardown(tags_are_cleared, open_target, close_target),
		cmocka_unit_test_setup_teardown(alike_ones_come_together, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
