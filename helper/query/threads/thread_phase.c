/* SPDX-License-Identifier: MIT
 * Which thread is in a garbage collection, and which ends Python. Of a collection the interpreter says only that it is
 * under way. The thread it is in may have given the GIL away, in a __del__() or a callback, so its frames of C code are
 * looked for, and before them what it found unreachable, a list that hangs on its stack; where neither tells it is the
 * one that has the GIL, unless others are in a finalizer. */
#include <string.h>

#include "base/bytes.h"
#include "object/value.h"
#include "query/threads/thread_builder.h"
#include "query/threads/thread_native.h"
#include "runtime/gc_lists.h"

/* Modules/gcmodule.c, Python/gc.c, Python/gc_free_threading.c: all that a collection goes through, 3.8 to 3.15. */
static bool is_of_collector(const struct native_frame *frame)
{
	static const char *const names[] = { "collect",      "collect_main",           "collect_with_callback",
		                             "gc_collect",   "gc_collect_main",        "gc_collect_region",
		                             "PyGC_Collect", "gc_collect_generations", "gc_collect_with_callback" };
	for (size_t i = 0; frame->function != NULL && i < sizeof names / sizeof names[0]; i++) {
		const size_t length = strlen(names[i]);
		/* What a compiler makes of it has a dot and more. */
		if (strncmp(frame->function, names[i], length) == 0 &&
		    (frame->function[length] == '\0' || frame->function[length] == '.'))
			return true;
	}
	return false;
}

/* Whether a list of the collector's begins on the stack of some thread. */
static int find_by_lists(struct thread_builder *builder, bool *ret_found)
{
	enum { WORD = 8 };
	struct gc_list_array lists = { .items = NULL };
	const int status = gc_lists(builder->query->target->runtime, &lists, builder->query->error);
	for (size_t i = 0; status == OK && i < lists.count; i++)
		for (size_t k = 0; lists.items[i].stack != 0 && k < builder->threads->rows.count; k++) {
			struct thread_row *row = &builder->threads->rows.items[k];
			if (row->native == NULL || round_up(row->native->stack_pointer, WORD) != lists.items[i].stack)
				continue;
			row->is_collecting = *ret_found = true;
		}
	array_free(&lists);
	return status;
}

/* Whether some stack of C code tells; *ret_found: one does. */
static int find_by_native(struct thread_builder *builder, bool *ret_found)
{
	struct native_stacks_answer native;
	*ret_found = false;
	int status = query_native_stacks(builder->query, &native);
	if (status == ERROR_NOT_FOUND || status == ERROR_UNSUPPORTED) {
		error_clear(builder->query->error);
		return OK;
	}
	for (size_t i = 0; status == OK && i < builder->threads->rows.count; i++) {
		struct thread_row *row = &builder->threads->rows.items[i];
		const native_frame_array *frames =
		        row->index < native.stacks.count ? &native.stacks.items[row->index].frames : NULL;
		for (size_t k = 0; frames != NULL && k < frames->count && !row->is_collecting; k++)
			row->is_collecting = is_of_collector(&frames->items[k]);
		*ret_found |= row->is_collecting;
	}
	native_stacks_answer_clear(&native);
	return status;
}

static bool may_run(const struct thread_row *row)
{
	return row->gil == GIL_HOLDS || row->gil == GIL_ATTACHED;
}

int thread_collecting_find(struct thread_builder *builder)
{
	struct threads_answer *threads = builder->threads;
	size_t candidates = 0;
	bool found = false;
	if (!builder->query->target->runtime->is_collecting)
		return OK;
	TRY(find_by_lists(builder, &found));
	if (!found && threads->rows.count > 1)
		TRY(find_by_native(builder, &found));
	for (size_t i = 0; i < threads->rows.count; i++)
		candidates += may_run(&threads->rows.items[i]) || threads->rows.items[i].in_finalizer;
	for (size_t i = 0; !found && i < threads->rows.count; i++) {
		struct thread_row *row = &threads->rows.items[i];
		row->is_collecting = may_run(row) || row->in_finalizer;
		row->is_collecting_guessed = row->is_collecting && candidates > 1;
	}
	return OK;
}

/* At its end Python calls threading._shutdown(), which waits for all threads that are no daemons. */
bool thread_ends_python(struct decoder *decoder, const struct thread_row *row)
{
	return row->frames.count > 0 &&
	       code_is_named(decoder, frame_list_code(&row->frames, row->frames.count - 1), "_shutdown");
}

static bool is_in_shutdown(const struct thread_builder *builder, const struct thread_row *row)
{
	return row->frames.count == 1 && thread_ends_python(builder->decoder, row);
}

/* A Thread that the row waits for at Python's end, from *at on; 0: no more. */
static uint64_t next_awaited(const struct thread_builder *builder, uint32_t index, size_t *at, uint32_t *ret_row)
{
	struct object_reader *objects = &builder->decoder->objects;
	const struct thread_row *rows = builder->threads->rows.items;
	int64_t number;
	while (*at < builder->locks.count) {
		const struct instance *one = &builder->locks.items[(*at)++];
		if (one->role != LOCK_THREAD ||
		    !value_int(objects, value_attribute(objects, one->address, "_ident"), &number))
			continue;
		*ret_row = thread_row_of(builder, (uint64_t)number);
		if (*ret_row != THREAD_NONE && *ret_row != index && rows[*ret_row].is_known &&
		    !rows[*ret_row].is_daemon && rows[*ret_row].interpreter == rows[index].interpreter)
			return one->address;
	}
	return 0;
}

void thread_shutdown_wait_find(struct thread_builder *builder, uint32_t index)
{
	struct thread_row *row = &builder->threads->rows.items[index];
	size_t at = 0;
	uint32_t other;
	const uint64_t thread = is_in_shutdown(builder, row) ? next_awaited(builder, index, &at, &other) : 0;
	if (thread == 0)
		return;
	row->wait.primitive = row->wait.lock.address;
	row->wait.lock = (struct thread_lock){ .kind = LOCK_THREAD, .address = thread };
}

bool thread_shutdown_wakers_find(struct thread_builder *builder, uint32_t index)
{
	struct thread_row *row = &builder->threads->rows.items[index];
	size_t at = 0;
	uint32_t other;
	while (is_in_shutdown(builder, row) && next_awaited(builder, index, &at, &other) != 0)
		if (!thread_add_waker(&row->wait, other))
			return false;
	if (row->wait.wakers.count > 1)
		row->wait.owner = THREAD_NONE;
	return true;
}
