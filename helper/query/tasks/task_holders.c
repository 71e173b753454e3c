/* SPDX-License-Identifier: MIT
 * asyncio's locks do not say who has them: it is the task that is inside `async with` of one and does not wait for it.
 */
#include <stdlib.h>

#include "query/tasks/task_builder.h"
#include "query/threads/with_blocks.h"

bool task_holders_note(struct task_builder *builder, uint32_t row)
{
	object_array objects = { .items = NULL };
	bool done = true;
	for (size_t i = 0; done && i < builder->chain.steps.count; i++) {
		const struct await_step *step = &builder->chain.steps.items[i];
		/* What it awaits is one word, the way out of a block is more. */
		if (step->state != AWAITABLE_SUSPENDED || step->frame.stack_depth < 2 ||
		    library_has(&builder->library, step->frame.code))
			continue;
		objects.count = 0;
		done = with_blocks_find(builder->decoder, &step->frame, "__aexit__", &objects);
		const struct task_place place = { .code = step->frame.code,
			                          .instruction = step->frame.last_instruction,
			                          .is_address = step->frame.last_instruction_is_address,
			                          .object = step->object };
		for (size_t k = 0; done && k < objects.count; k++)
			done = array_push(&builder->withs, (struct task_with){ objects.items[k], row, place });
	}
	array_free(&objects);
	return done;
}

static int compare(const void *left_with, const void *right_with)
{
	const struct task_with *left = left_with, *right = right_with;
	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

/* The first task that is inside `async with` of the object and does not wait to get there; NULL: none. */
static const struct task_with *find_holder(const struct task_builder *builder, uint64_t object)
{
	for (size_t i = array_first_not_below(&builder->withs, object, object);
	     i < builder->withs.count && builder->withs.items[i].object == object; i++)
		if (builder->tasks->rows.items[builder->withs.items[i].row].wait_object != object)
			return &builder->withs.items[i];
	return NULL;
}

bool task_holders_find(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	const struct task_with *holder = NULL;
	uint64_t object = 0;
	if (builder->withs.count > 1)
		qsort(builder->withs.items, builder->withs.count, sizeof *builder->withs.items, compare);
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
		}
		if (!array_push(&tasks->edges, (struct task_edge){ i, holder->row, EDGE_LOCK }))
			return false;
	}
	return true;
}
