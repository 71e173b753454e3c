/* SPDX-License-Identifier: MIT
 * Rows are put together by the places their chains go through: equal code at equal instructions, whatever it is called.
 * Names are made of groups only, so a hundred thousand tasks are as many chains and a few names. */
#include <stdlib.h>
#include <string.h>

#include "query/tasks/task_builder.h"

static int no_memory(const struct task_builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15) >> 7 ^ hash << 11;
}

static uint64_t instruction_of(const struct await_step *step)
{
	return step->state == AWAITABLE_ENDED ? UINT64_MAX : step->frame.last_instruction;
}

static uint64_t hash_chain(const struct await_chain *chain, const struct task_row *row, const struct waited *waited)
{
	uint64_t hash = mix(mix(mix(row->state, waited->wait), waited->code), waited->keeper_type);
	for (size_t i = 0; i < chain->steps.count; i++)
		hash = mix(mix(hash, chain->steps.items[i].frame.code), instruction_of(&chain->steps.items[i]));
	return hash;
}

static bool is_group(const struct task_group *group, const struct await_chain *chain, const struct task_row *row,
                     const struct waited *waited)
{
	if (group->state != row->state || group->wait != waited->wait || group->wait_code != waited->code ||
	    group->keeper_type != waited->keeper_type || group->chain.count != chain->steps.count)
		return false;
	for (size_t i = 0; i < chain->steps.count; i++)
		if (group->chain.items[i].code != chain->steps.items[i].frame.code ||
		    group->chain.items[i].instruction != instruction_of(&chain->steps.items[i]))
			return false;
	return true;
}

static bool grow_slots(struct task_builder *builder)
{
	const uint32_t count = builder->slots == NULL ? 256 : 2 * (builder->slot_mask + 1);
	struct group_slot *slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	for (uint32_t i = 0; builder->slots != NULL && i <= builder->slot_mask; i++) {
		const struct group_slot *slot = &builder->slots[i];
		uint32_t at = (uint32_t)slot->hash & (count - 1);
		if (slot->group == 0)
			continue;
		while (slots[at].group != 0)
			at = (at + 1) & (count - 1);
		slots[at] = *slot;
	}
	free(builder->slots);
	builder->slots = slots;
	builder->slot_mask = count - 1;
	return true;
}

static bool new_group(struct task_builder *builder, const struct task_row *row, const struct waited *waited)
{
	struct task_group group = { .state = row->state,
		                    .wait = waited->wait,
		                    .wait_code = waited->code,
		                    .wait_object = waited->object,
		                    .keeper_type = waited->keeper_type,
		                    .first = row->address,
		                    .runs_in = UINT32_MAX,
		                    .keeper = UINT32_MAX };
	bool done = true;
	for (size_t i = 0; done && i < builder->chain.steps.count; i++) {
		const struct await_step *step = &builder->chain.steps.items[i];
		const struct task_place place = { .code = step->frame.code,
			                          .instruction = instruction_of(step),
			                          .is_address = step->frame.last_instruction_is_address,
			                          .object_is_frame = step->is_frame,
			                          .object = step->object };
		done = array_push(&group.chain, place);
	}
	if (done && array_push(&builder->tasks->groups, group))
		return true;
	array_free(&group.chain);
	return false;
}

int task_builder_add(struct task_builder *builder, const struct task_row *row, const struct waited *waited)
{
	struct tasks_answer *tasks = builder->tasks;
	const uint64_t hash = hash_chain(&builder->chain, row, waited);
	if (2 * (tasks->groups.count + 1) > (size_t)builder->slot_mask + 1 && !grow_slots(builder))
		return no_memory(builder);
	uint32_t at = (uint32_t)hash & builder->slot_mask;
	while (builder->slots[at].group != 0 &&
	       (builder->slots[at].hash != hash ||
	        !is_group(&tasks->groups.items[builder->slots[at].group - 1], &builder->chain, row, waited)))
		at = (at + 1) & builder->slot_mask;
	if (builder->slots[at].group == 0) {
		if (!new_group(builder, row, waited))
			return no_memory(builder);
		builder->slots[at] = (struct group_slot){ hash, (uint32_t)tasks->groups.count };
	}
	struct task_group *group = &tasks->groups.items[builder->slots[at].group - 1];
	struct task_row added = *row;
	added.group = builder->slots[at].group - 1;
	added.wait_object = waited->object;
	added.order = (uint32_t)tasks->rows.count;
	added.number = retained_number(builder->heap, row->address);
	if (added.number != UINT32_MAX)
		added.retained = builder->heap->bytes[added.number];
	group->count++;
	group->waits_differ |= group->wait_object != waited->object;
	tasks->truncated += builder->chain.truncated;
	return array_push(&tasks->rows, added) ? OK : no_memory(builder);
}

/* ---- Weights and order ---- */

static uint32_t common_dominator(const struct dominators *dominators, uint32_t left, uint32_t right)
{
	/* A dominator's number is the smaller one. */
	while (left != right)
		if (left > right)
			left = dominators->idom[left];
		else
			right = dominators->idom[right];
	return left;
}

static void find_keepers(struct task_builder *builder)
{
	const struct dominators *dominators = &builder->heap->dominators;
	for (size_t i = 0; i < builder->tasks->rows.count; i++) {
		const struct task_row *row = &builder->tasks->rows.items[i];
		struct task_group *group = &builder->tasks->groups.items[row->group];
		if (row->number == UINT32_MAX)
			continue;
		const uint32_t keeper = dominators->idom[row->number];
		group->keeper =
		        group->keeper == UINT32_MAX ? keeper : common_dominator(dominators, group->keeper, keeper);
	}
}

static int weigh(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	const size_t numbers = builder->heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	uint64_t *bytes = calloc(tasks->groups.count + 1, sizeof *bytes);
	int status = group == NULL || bytes == NULL ? no_memory(builder) : OK;
	if (status == OK) {
		memset(group, 0xff, (numbers + 1) * sizeof *group);
		for (size_t i = 0; i < tasks->rows.count; i++)
			if (tasks->rows.items[i].number != UINT32_MAX)
				group[tasks->rows.items[i].number] = tasks->rows.items[i].group;
		status = retained_groups(builder->heap, group, (uint32_t)tasks->groups.count, bytes, builder->progress,
		                         builder->error);
	}
	for (size_t i = 0; status == OK && i < tasks->groups.count; i++)
		tasks->groups.items[i].retained = bytes[i];
	free(group);
	free(bytes);
	return status;
}

static int compare_groups(const void *left_group, const void *right_group)
{
	const struct task_group *left = left_group, *right = right_group;
	if (left->retained != right->retained)
		return left->retained > right->retained ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return left->first < right->first ? -1 : left->first > right->first;
}

int task_groups_finish(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	TRY(weigh(builder));
	find_keepers(builder);
	uint32_t *places = malloc((tasks->groups.count + 1) * sizeof *places);
	if (places == NULL)
		return no_memory(builder);
	for (size_t i = 0; i < tasks->groups.count; i++)
		tasks->groups.items[i].order = (uint32_t)i;
	if (tasks->groups.count > 1)
		qsort(tasks->groups.items, tasks->groups.count, sizeof *tasks->groups.items, compare_groups);
	for (size_t i = 0; i < tasks->groups.count; i++)
		places[tasks->groups.items[i].order] = (uint32_t)i;
	for (size_t i = 0; i < tasks->rows.count; i++)
		tasks->rows.items[i].group = places[tasks->rows.items[i].group];
	free(places);
	return OK;
}
