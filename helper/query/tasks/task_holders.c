/* SPDX-License-Identifier: MIT
 * asyncio's locks do not say who has them: it is the task that is inside `async with` of one and does not wait for it.
 * If none is, then perhaps the only one that knows the lock and calls acquire(). */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"

/* Whether an object is of a class of asyncio, by itself or by a base. */
static bool is_a(struct decoder *decoder, uint64_t object, const char *name)
{
	const uint64_t address = value_type(&decoder->objects, object, NULL);
	const struct type_info *type = address != 0 ? decode_type(decoder, address) : NULL;
	for (unsigned i = 0; type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		if (strcmp(type->name, name) == 0)
			return true;
		type = type->tp_base != 0 ? decode_type(decoder, type->tp_base) : NULL;
	}
	return false;
}

static bool takes_locks(struct task_builder *builder, uint64_t code)
{
	uint32_t known = address_map_get(&builder->taking_codes, code);
	if (known == ADDRESS_MAP_NONE) {
		known = code_takes_locks(builder->decoder, code);
		(void)address_map_set(&builder->taking_codes, code, known);
	}
	return known != 0;
}

/* What the step is inside `async with` of. Of a Condition it has the lock; who waits in it waits for a notify(). */
static bool note_blocks(struct task_builder *builder, const struct await_step *step, struct task_with with,
                        object_array *objects)
{
	struct decoder *decoder = builder->decoder;
	objects->count = 0;
	bool done = with_blocks_find(&builder->blocks, &step->frame, objects);
	for (size_t i = 0; done && i < objects->count; i++) {
		with.object = objects->items[i];
		with.through = 0;
		if (is_a(decoder, with.object, "asyncio.locks.Condition")) {
			with.through = with.object;
			with.object = value_attribute(&decoder->objects, with.through, "_lock");
		}
		done = with.object == 0 || array_push(&builder->withs, with);
	}
	return done;
}

static struct task_place place_of(uint64_t coroutine, const struct python_frame *frame)
{
	return (struct task_place){ .code = frame->code,
		                    .instruction = frame->last_instruction,
		                    .is_address = frame->last_instruction_is_address,
		                    .object = coroutine };
}

bool task_holders_note(struct task_builder *builder, uint32_t row)
{
	object_array objects = { .items = NULL };
	bool done = true;
	for (size_t i = 0; done && i < builder->chain.steps.count; i++) {
		const struct await_step *step = &builder->chain.steps.items[i];
		if (step->is_frame || (step->state != AWAITABLE_SUSPENDED && step->state != AWAITABLE_RUNNING) ||
		    library_has(&builder->library, step->frame.code))
			continue;
		const struct task_with with = { .row = row, .place = place_of(step->object, &step->frame) };
		/* What it awaits is one word, the way out of a block is more. */
		if (step->state == AWAITABLE_SUSPENDED && step->frame.stack_depth >= 2)
			done = note_blocks(builder, step, with, &objects);
		if (done && takes_locks(builder, step->frame.code))
			done = array_push(&builder->takers, (struct task_taker){ step->object, row });
	}
	array_free(&objects);
	return done;
}

static int compare(const void *left_with, const void *right_with)
{
	const struct task_with *left = left_with, *right = right_with;
	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	if (left->is_guess != right->is_guess)
		return left->is_guess ? 1 : -1;
	return left->row < right->row ? -1 : left->row > right->row;
}

/* The first task that is inside `async with` of the object and does not wait to get there, or the only one that may
 * have it; NULL: none. */
static const struct task_with *find_holder(const struct task_builder *builder, uint64_t object)
{
	const struct task_with *found = NULL;
	for (size_t i = array_first_not_below(&builder->withs, object, object);
	     i < builder->withs.count && builder->withs.items[i].object == object; i++) {
		const struct task_with *with = &builder->withs.items[i];
		const uint64_t waits_for = builder->tasks->rows.items[with->row].wait_object;
		/* In Condition.wait() the lock is given back. */
		if (waits_for == object || (with->through != 0 && waits_for == with->through))
			continue;
		if (!with->is_guess)
			return with;
		if (found != NULL && found->row != with->row)
			return NULL;
		found = with;
	}
	return found;
}

/* ---- Guesses ---- */

enum { SEVERAL = UINT32_MAX - 1 };

/* The locks that are waited for and that no task is inside of: the row that may have each, + 1; 0: none yet. */
static bool find_wanted(struct task_builder *builder, struct address_map *wanted, uint32_t *ret_count)
{
	struct tasks_answer *tasks = builder->tasks;
	uint64_t before = 0;
	*ret_count = 0;
	for (size_t i = 0; i < tasks->rows.count; i++) {
		const uint64_t object = tasks->rows.items[i].wait_object;
		if (object == 0 || object == before ||
		    tasks->groups.items[tasks->rows.items[i].group].wait != WAIT_METHOD)
			continue;
		before = object;
		if (address_map_get(wanted, object) != ADDRESS_MAP_NONE || find_holder(builder, object) != NULL ||
		    !is_a(builder->decoder, object, "asyncio.locks.Lock"))
			continue;
		if (!address_map_set(wanted, object, 0))
			return false;
		++*ret_count;
	}
	return true;
}

/* Notes which wanted locks a coroutine knows; of one that several rows know no more than two are kept. */
static bool guess(struct task_builder *builder, const struct task_taker *taker, struct address_map *wanted,
                  uint32_t *count, object_array *objects)
{
	struct python_frame frame;
	const enum awaitable_state state = awaitable_frame(builder->decoder, taker->coroutine, &frame);
	objects->count = 0;
	if (state != AWAITABLE_SUSPENDED && state != AWAITABLE_RUNNING)
		return true;
	bool done = frame_objects_find(builder->decoder, &frame, objects);
	for (size_t i = 0; done && i < objects->count; i++) {
		const uint64_t object = objects->items[i];
		const uint32_t known = address_map_get(wanted, object);
		if (known == ADDRESS_MAP_NONE || known == SEVERAL || known == taker->row + 1 ||
		    builder->tasks->rows.items[taker->row].wait_object == object)
			continue;
		const struct task_with with = { .object = object,
			                        .row = taker->row,
			                        .is_guess = true,
			                        .place = place_of(taker->coroutine, &frame) };
		*count -= known != 0;
		done = address_map_set(wanted, object, known == 0 ? taker->row + 1 : SEVERAL) &&
		       array_push(&builder->withs, with);
	}
	return done;
}

static void sort_withs(struct task_builder *builder)
{
	if (builder->withs.count > 1)
		qsort(builder->withs.items, builder->withs.count, sizeof *builder->withs.items, compare);
}

static bool find_guesses(struct task_builder *builder)
{
	struct address_map wanted = { .slots = NULL };
	object_array objects = { .items = NULL };
	uint32_t count = 0;
	bool done = find_wanted(builder, &wanted, &count);
	/* Once several tasks may have each of them, there is nothing more to find out. */
	for (size_t i = 0; done && count > 0 && i < builder->takers.count; i++)
		done = guess(builder, &builder->takers.items[i], &wanted, &count, &objects);
	array_free(&objects);
	address_map_clear(&wanted);
	sort_withs(builder);
	return done;
}

bool task_holders_find(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	const struct task_with *holder = NULL;
	uint64_t object = 0;
	sort_withs(builder);
	if (!find_guesses(builder))
		return false;
	for (uint32_t i = 0; i < tasks->rows.count; i++) {
		const struct task_row *row = &tasks->rows.items[i];
		struct task_group *group = &tasks->groups.items[row->group];
		if (group->wait != WAIT_METHOD || row->wait_object == 0)
			continue;
		if (row->wait_object != object) {
			object = row->wait_object;
			holder = find_holder(builder, object);
		}
		if (holder == NULL)
			continue;
		if (row->wait_object == group->wait_object && group->wait_holder == 0) {
			group->wait_holder = tasks->rows.items[holder->row].address;
			group->holder_place = holder->place;
			group->holder_is_guess = holder->is_guess;
		}
		/* A circle is said to be one for certain. */
		if (!holder->is_guess && !array_push(&tasks->edges, (struct task_edge){ i, holder->row, EDGE_LOCK }))
			return false;
	}
	return true;
}
