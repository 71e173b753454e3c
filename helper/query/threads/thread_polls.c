/* SPDX-License-Identifier: MIT
 * What a thread waits for in poll(), select() or epoll_wait(): the first two say it in their arguments; of epoll the
 * kernel knows it, where the process is live, and Python's selector, whose method the thread is in. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "memory/live/procfs.h"
#include "object/value.h"
#include "query/memory/library.h"
#include "query/threads/thread_builder.h"

enum { CALL_POLL = 7, CALL_SELECT = 23, CALL_PSELECT = 270, CALL_PPOLL = 271 }; /* x86-64 */

static bool add(struct thread_row *row, int32_t number)
{
	for (size_t i = 0; i < row->polls.count; i++)
		if (row->polls.items[i].number == number)
			return true;
	return number < 0 || row->polls.count >= LIMIT_POLLED ||
	       array_push(&row->polls, ((struct thread_descriptor){ .number = number }));
}

/* struct pollfd: the descriptor, what is asked for, what came. */
static bool add_polled(struct thread_builder *builder, struct thread_row *row)
{
	enum { POLLFD_BYTES = 8 };
	const uint64_t address = row->native->call_arguments[0], count = row->native->call_arguments[1];
	bool done = true;
	for (uint64_t i = 0; done && i < count && i < LIMIT_POLLED; i++) {
		uint32_t number;
		if (!reader_u32(&builder->decoder->reader, address + i * POLLFD_BYTES, &number))
			break;
		done = add(row, (int32_t)number);
	}
	return done;
}

/* fd_set: a bit for each descriptor. */
static bool add_selected(struct thread_builder *builder, struct thread_row *row)
{
	const uint64_t most =
	        row->native->call_arguments[0] < LIMIT_POLLED ? row->native->call_arguments[0] : LIMIT_POLLED;
	bool done = true;
	for (int set = 1; set <= 2; set++) {
		const uint64_t address = row->native->call_arguments[set];
		for (uint64_t i = 0; done && address != 0 && i < most; i++) {
			uint64_t word;
			if (!reader_u64(&builder->decoder->reader, address + i / 64 * 8, &word))
				break;
			if (word >> i % 64 & 1)
				done = add(row, (int32_t)i);
		}
	}
	return done;
}

/* Lines "tfd:        7 events: ..." (Documentation/filesystems/proc.rst). False: the kernel does not say. */
static bool add_from_kernel(struct thread_builder *builder, struct thread_row *row, bool *ret_done)
{
	const struct address_space *space = builder->query->target->space;
	struct text text = { .bytes = NULL };
	const bool is_known =
	        space->live.mode != LIVE_NOT && space->pid > 0 &&
	        process_file_read(&text, "/proc/%d/fdinfo/%" PRId32, space->pid, row->descriptor.number) == 0;
	const char *at = is_known ? strstr(text_string(&text), "tfd:") : NULL;
	for (; *ret_done && at != NULL; at = strstr(at + 1, "tfd:")) {
		int number;
		if (sscanf(at, "tfd: %d", &number) == 1)
			*ret_done = add(row, number);
	}
	text_free(&text);
	return is_known;
}

/* selectors.py: _fd_to_key of the selector. */
static bool add_from_selector(struct thread_builder *builder, struct thread_row *row)
{
	struct object_reader *objects = &builder->decoder->objects;
	struct dict_cursor cursor;
	uint64_t key, value;
	int64_t number;
	bool done = true;
	if (row->frames.count == 0)
		return true;
	const struct python_frame frame = frame_list_at(&row->frames, 0);
	const uint64_t selector = frame_self(builder->decoder, &frame);
	const uint64_t keys = selector != 0 ? value_attribute(objects, selector, "_fd_to_key") : 0;
	if (keys == 0 || !dict_cursor_open(&cursor, objects, keys))
		return true;
	for (uint32_t i = 0; done && i < LIMIT_POLLED && dict_cursor_next(&cursor, &key, &value); i++)
		if (value_int(objects, key, &number) && number >= 0 && number <= INT32_MAX)
			done = add(row, (int32_t)number);
	return done;
}

static bool find(struct thread_builder *builder, struct thread_row *row)
{
	int32_t descriptor;
	bool done = true;
	const char *name = thread_call_name(row->native, &descriptor);
	if (name == NULL)
		return true;
	switch (row->native->call) {
	case CALL_POLL:
	case CALL_PPOLL:
		return add_polled(builder, row);
	case CALL_SELECT:
	case CALL_PSELECT:
		return add_selected(builder, row);
	default:
		if (strncmp(name, "epoll_", strlen("epoll_")) != 0)
			return true;
		return add_from_kernel(builder, row, &done) ? done : add_from_selector(builder, row);
	}
}

bool thread_polls_find(struct thread_builder *builder)
{
	for (size_t i = 0; i < builder->threads->rows.count; i++) {
		struct thread_row *row = &builder->threads->rows.items[i];
		if (!find(builder, row))
			return false;
		for (size_t k = 0; k < row->polls.count; k++)
			thread_descriptor_fill(builder, &row->polls.items[k]);
	}
	return true;
}
