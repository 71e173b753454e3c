/* SPDX-License-Identifier: MIT
 * Holders are numbered over rows and frames alike, and frames that differ in place only are put together again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/holders.h"

enum { FRAMES = 1000, FRAME_BYTES = 96, OBJECT = 0x7000, FIRST_FRAME = 0x10000 };

/* A recursion: one form, but for the last frame, which has a frame object. */
static void make_frames(struct frame_list *frames)
{
	struct python_frame frame = { .address = FIRST_FRAME,
		                      .code = 0x5000,
		                      .localsplus = FIRST_FRAME + 80,
		                      .stack = FIRST_FRAME + 88,
		                      .stack_depth = 1 };
	*frames = (struct frame_list){ .count = 0 };
	assert_true(frame_list_reserve(frames, FRAMES));
	assert_true(frame_list_push(frames, &frame));
	for (uint64_t i = 1; i + 1 < FRAMES; i++)
		frame_list_push_alike(frames, 0, FIRST_FRAME + i * FRAME_BYTES, (int32_t)(i % 3) - 1);
	frame.address = FIRST_FRAME + (FRAMES - 1) * FRAME_BYTES;
	frame.frame_object = OBJECT;
	frame.ends_call = true;
	frame.stack = 0;
	assert_true(frame_list_push(frames, &frame));
}

static void frames_are_put_together(void **state)
{
	(void)state;
	struct frame_list frames;
	make_frames(&frames);
	assert_int_equal(frames.count, FRAMES);
	assert_int_equal(frames.forms.count, 2);
	for (uint64_t i = 1; i + 1 < FRAMES; i++) {
		const struct python_frame frame = frame_list_at(&frames, i);
		const uint64_t address = FIRST_FRAME + i * FRAME_BYTES;
		assert_int_equal(frame.address, address);
		assert_int_equal(frame.localsplus, address + 80);
		assert_int_equal(frame.stack, address + 88);
		assert_int_equal(frame.stack_depth, (int32_t)(i % 3) - 1);
		assert_false(frame.ends_call);
		assert_int_equal(frame_list_code(&frames, i), 0x5000);
	}
	const struct python_frame last = frame_list_at(&frames, FRAMES - 1);
	assert_int_equal(last.frame_object, OBJECT);
	assert_int_equal(last.stack, 0);
	assert_true(last.ends_call);
	frame_list_clear(&frames);
}

static void check_frames(const struct holders *holders, const struct frame_list *frames, uint32_t first,
                         uint32_t thread)
{
	for (uint32_t i = 0; i < frames->count; i++) {
		const struct holder holder = holders_at(holders, first + i);
		assert_int_equal(holders_kind(holders, first + i), HOLDER_FRAME);
		assert_int_equal(holder.kind, HOLDER_FRAME);
		assert_int_equal(holder.number, first + i);
		assert_int_equal(holder.parent, first - 1);
		assert_int_equal(holder.thread, thread);
		assert_int_equal(holder.depth, i);
		assert_int_equal(holder.address, frames->places[i].address);
		assert_int_equal(holders_frame(holders, first + i).address, frames->places[i].address);
	}
}

static void numbers_go_through_rows_and_frames(void **state)
{
	(void)state;
	struct frame_list frames, none = { .count = 0 };
	struct holders holders = { .count = 0 };
	make_frames(&frames);
	assert_true(holders_push(&holders, &(struct holder){ .kind = HOLDER_PROCESS }));
	for (uint32_t thread = 0; thread < 4; thread++) {
		const struct holder row = { .kind = HOLDER_THREAD, .thread = thread };
		assert_true(holders_push(&holders, &row));
		assert_true(holders_push_frames(&holders, thread % 2 == 0 ? &frames : &none));
	}
	assert_true(holders_push(&holders, &(struct holder){ .kind = HOLDER_STATIC, .file = 7 }));
	assert_int_equal(holders.count, 6 + 2 * FRAMES);
	assert_int_equal(holders.rows.count, 6);
	for (size_t i = 0; i < holders.rows.count; i++) {
		const struct holder *row = &holders.rows.items[i];
		assert_int_equal(holders_kind(&holders, row->number), row->kind);
		assert_int_equal(holders_at(&holders, row->number).number, row->number);
	}
	check_frames(&holders, &frames, 2, 0);
	check_frames(&holders, &frames, 2 + FRAMES + 2, 2);
	assert_int_equal(holders_at(&holders, holders.count - 1).file, 7);
	/* Of all these frames two are more than memory of their thread. */
	struct python_frame frame;
	uint32_t number = 0;
	assert_true(holders_next_with_object(&holders, &number, &frame));
	assert_int_equal(number, 2 + FRAMES - 1);
	assert_int_equal(frame.frame_object, OBJECT);
	number++;
	assert_true(holders_next_with_object(&holders, &number, &frame));
	assert_int_equal(number, 2 + FRAMES + 2 + FRAMES - 1);
	number++;
	assert_false(holders_next_with_object(&holders, &number, &frame));
	holders_clear(&holders);
	frame_list_clear(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_put_together),
		cmocka_unit_test(numbers_go_through_rows_and_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
