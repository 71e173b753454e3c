/* SPDX-License-Identifier: MIT
 * Heads lie in struct _gc_runtime_state: generations[3] (an array of 24-byte struct gc_generation) and
 * permanent_generation; in 3.14.0 to 3.14.4 young and old[2] instead. The state is _PyRuntime's in 3.8, each
 * interpreter's since 3.9 (bpo-40521). While a collection runs, gc_next carries flags in its low bits. */
#include "runtime/gc_lists.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/thread_stacks.h"

enum {
	GC_HEAD_BYTES = 16,
	GENERATION_BYTES = 24, /* head, threshold, count */
	COLLECTED_GENERATION = 2, /* said of what is on no generation's list: where survivors end up at last */
	LIMIT_STACK_LISTS = 64, /* heads on stacks: a collection has three, and few nest */
	GC_NEXT_MASK = 3, /* NEXT_MASK_UNREACHABLE, and 3.14's old space (Include/internal/pycore_gc.h) */
};

static bool push_list(struct gc_list_array *lists, uint64_t head, uint64_t interpreter, int32_t generation)
{
	return array_push(lists,
	                  (struct gc_list){ .head = head, .interpreter = interpreter, .generation = generation });
}

static bool push_state(const struct runtime *runtime, struct reader *reader, uint64_t state, uint64_t interpreter,
                       struct gc_list_array *lists)
{
	const struct layout *layout = &runtime->layout;
	bool pushed = true;
	if (layout_feature(layout, FEATURE_INCREMENTAL_GC)) {
		uint64_t old = state + layout_offset(layout, FIELD__gc_runtime_state_old);
		pushed = push_list(lists, state + layout_offset(layout, FIELD__gc_runtime_state_young), interpreter,
		                   0) &&
		         push_list(lists, old, interpreter, 1) &&
		         push_list(lists, old + GENERATION_BYTES, interpreter, 2);
	} else {
		/* generation0 points at generations[0]; unlike the offset it is right where a distribution changed the
		 * alignment of the array (Debian's 3.13). */
		uint64_t first = 0;
		if (!layout_has(layout, FIELD__gc_runtime_state_generation0) ||
		    !reader_u64(reader, state + layout_offset(layout, FIELD__gc_runtime_state_generation0), &first))
			first = state + layout_offset(layout, FIELD__gc_runtime_state_generations);
		for (int32_t i = 0; pushed && i < 3; i++)
			pushed = push_list(lists, first + (uint64_t)i * GENERATION_BYTES, interpreter, i);
	}
	return pushed && push_list(lists, state + layout_offset(layout, FIELD__gc_runtime_state_permanent_generation),
	                           interpreter, 3);
}

bool gc_lists_are_known(const struct layout *layout)
{
	if (layout_feature(layout, FEATURE_INCREMENTAL_GC))
		return true;
	return layout_has(layout, FIELD__gc_runtime_state_generations) &&
	       layout_has(layout, FIELD__gc_runtime_state_permanent_generation);
}

/* A word of a PyGC_Head without the flags that it carries while a collection runs; 0: not readable. */
static uint64_t head_word(struct reader *reader, uint64_t address)
{
	uint64_t word;
	return (address & 7) == 0 && reader_u64(reader, address, &word) ? word & ~(uint64_t)GC_NEXT_MASK : 0;
}

/* Rings of the interpreter's own have such heads too, as those of threads that wait (Python/parking_lot.c): between
 * stacks and static memory, where nothing is that the collector tracks. */
static bool may_be_tracked(const struct runtime *runtime, const struct thread_stacks *stacks, uint64_t address)
{
	const struct segment *segment = address_space_find(runtime->space, address);
	for (size_t i = 0; segment != NULL && i < stacks->ranges.count; i++)
		if (address - stacks->ranges.items[i].start <
		    stacks->ranges.items[i].end - stacks->ranges.items[i].start)
			return false;
	for (size_t i = 0; segment != NULL && i < runtime->space->files.count; i++)
		if (address - runtime->space->files.items[i].start <
		    runtime->space->files.items[i].end - runtime->space->files.items[i].start)
			return false;
	return segment != NULL;
}

/* The heads on one stack: two words, of which the first names an object that names them as its predecessor, and the
 * second one that names them as its successor. */
static bool push_stack(const struct runtime *runtime, struct reader *reader, const struct thread_stacks *stacks,
                       struct stack_range range, struct gc_list_array *lists)
{
	const uint64_t interpreter = runtime->interpreters.count > 0 ? runtime->interpreters.items[0].address : 0;
	const uint8_t *words = reader_at(reader, range.start, range.end - range.start);
	if (words == NULL)
		return true;
	for (uint64_t at = range.start; at + GC_HEAD_BYTES <= range.end; at += 8) {
		uint64_t next = load_u64(words + (at - range.start)),
		         previous = load_u64(words + (at - range.start) + 8);
		if (next == at || next < GC_HEAD_BYTES || previous < GC_HEAD_BYTES || (next & 7) != 0 ||
		    (previous & 7) != 0 || head_word(reader, next + 8) != at || head_word(reader, previous) != at ||
		    !may_be_tracked(runtime, stacks, next) || !may_be_tracked(runtime, stacks, previous))
			continue;
		if (lists->count >= LIMIT_STACK_LISTS)
			return true;
		if (!push_list(lists, at, interpreter, COLLECTED_GENERATION))
			return false;
		lists->items[lists->count - 1].stack = range.start;
	}
	return true;
}

/* While a collection calls back into Python, what it found unreachable hangs on heads in C frames of the thread that
 * collects (Modules/gcmodule.c, Python/gc.c: unreachable, finalizers, seen), and on none of the generations. */
static bool push_stacks(const struct runtime *runtime, struct reader *reader, struct gc_list_array *lists)
{
	uint64_t budget = LIMIT_GC_STACK_BYTES;
	struct thread_stacks stacks;
	bool pushed = thread_stacks_find(&stacks, runtime);
	for (size_t i = 0; pushed && i < stacks.ranges.count && budget > 0; i++) {
		struct stack_range range = stacks.ranges.items[i];
		if (range.end - range.start > budget)
			range.end = range.start + budget;
		budget -= range.end - range.start;
		pushed = push_stack(runtime, reader, &stacks, range, lists);
	}
	thread_stacks_clear(&stacks);
	return pushed;
}

int gc_lists(const struct runtime *runtime, struct gc_list_array *lists, struct error *error)
{
	const struct layout *layout = &runtime->layout;
	struct reader reader;
	reader_init(&reader, runtime->space);
	if (layout_feature(layout, FEATURE_FREE_THREADED))
		return OK;
	bool pushed = true;
	if (!layout_has(layout, FIELD_PyInterpreterState_gc)) {
		uint64_t interpreter = runtime->interpreters.count > 0 ? runtime->interpreters.items[0].address : 0;
		pushed =
		        push_state(runtime, &reader, runtime->address + layout_offset(layout, FIELD__PyRuntimeState_gc),
		                   interpreter, lists);
	}
	for (size_t i = 0; layout_has(layout, FIELD_PyInterpreterState_gc) && pushed && i < runtime->interpreters.count;
	     i++) {
		uint64_t interpreter = runtime->interpreters.items[i].address;
		pushed = push_state(runtime, &reader, interpreter + layout_offset(layout, FIELD_PyInterpreterState_gc),
		                    interpreter, lists);
	}
	/* A collection keeps counts in gc_prev. */
	for (size_t i = 0; i < lists->count; i++)
		lists->items[i].is_exact = !runtime->is_collecting;
	if (pushed && runtime->is_collecting)
		pushed = push_stacks(runtime, &reader, lists);
	return pushed ? OK : error_set(error, ERROR_NO_MEMORY, "out of memory");
}

void gc_cursor_init(struct gc_cursor *cursor, struct reader *reader, const struct gc_list *list)
{
	*cursor = (struct gc_cursor){
		.reader = reader, .head = list->head, .at = list->head, .anchor = list->head, .is_exact = list->is_exact
	};
}

/* A link of the list without the flags in its low bits; false: not readable. The head of a generation may be 4 more
 * than a multiple of 8 (Debian's 3.13). */
static bool read_link(const struct gc_cursor *cursor, uint64_t head, uint64_t *ret_link)
{
	const uint64_t place = cursor->is_backward ? head + 8 : head;
	if ((head & GC_NEXT_MASK) != 0 || !reader_u64(cursor->reader, place, ret_link))
		return false;
	*ret_link &= ~(uint64_t)GC_NEXT_MASK;
	return true;
}

/* Whether the neighbour points back. */
static bool is_mutual(const struct gc_cursor *cursor, uint64_t from, uint64_t to)
{
	uint64_t back;
	const uint64_t place = cursor->is_backward ? to : to + 8;
	return (to & GC_NEXT_MASK) == 0 && reader_u64(cursor->reader, place, &back) &&
	       (back & ~(uint64_t)GC_NEXT_MASK) == from;
}

/* Where a link is broken, what comes behind it is reached from the list's other end, up to where that one is. */
static bool turn_back(struct gc_cursor *cursor)
{
	cursor->is_broken = true;
	if (!cursor->is_exact || cursor->is_backward)
		return false;
	cursor->is_backward = true;
	cursor->last = cursor->at;
	cursor->at = cursor->anchor = cursor->head;
	cursor->steps = 0;
	return true;
}

uint64_t gc_cursor_next(struct gc_cursor *cursor)
{
	uint64_t next = 0;
	if (cursor->is_ended)
		return 0;
	bool is_sound = read_link(cursor, cursor->at, &next) && next != 0;
	if (is_sound && cursor->is_exact)
		is_sound = is_mutual(cursor, cursor->at, next);
	if (is_sound && next != cursor->head && next == cursor->anchor)
		is_sound = false; /* a ring that leaves the head out */
	if (!is_sound && cursor->at == cursor->head && next == 0 && !cursor->is_broken) {
		cursor->is_ended = true; /* never set up */
		return 0;
	}
	if (!is_sound && turn_back(cursor))
		return gc_cursor_next(cursor);
	if (!is_sound || next == cursor->head || (cursor->is_backward && next == cursor->last)) {
		cursor->is_ended = true;
		return 0;
	}
	/* The anchor moves at powers of two, so that one of them lies in any ring (Brent). */
	if ((cursor->steps & (cursor->steps - 1)) == 0)
		cursor->anchor = next;
	cursor->steps++;
	cursor->count++;
	cursor->at = next;
	return next + GC_HEAD_BYTES;
}
