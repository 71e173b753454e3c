/* SPDX-License-Identifier: MIT */
#include "runtime/thread_stacks.h"

#include <stdlib.h>

#include "base/bytes.h"

static int compare_addresses(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* What pthread_self() points at of each Python thread, sorted. NULL: out of memory. */
static uint64_t *control_blocks(const struct runtime *runtime)
{
	const size_t count = runtime->threads.count;
	uint64_t *blocks = malloc((count + 1) * sizeof *blocks);
	for (size_t i = 0; blocks != NULL && i < count; i++)
		blocks[i] = runtime->threads.items[i].thread_id;
	if (blocks != NULL && count > 0)
		qsort(blocks, count, sizeof *blocks, compare_addresses);
	return blocks;
}

/* Where the stack of a thread ends; 0: not known. */
static uint64_t stack_end(const struct runtime *runtime, const uint64_t *blocks, const struct native_thread *thread,
                          const struct segment *segment)
{
	size_t low = 0, high = runtime->threads.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (blocks[middle] > thread->stack_pointer)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < runtime->threads.count && blocks[low] < segment->end)
		return blocks[low];
	return runtime->space->pid == 0 || thread->tid == (uint64_t)runtime->space->pid ? segment->end : 0;
}

bool thread_stacks_find(struct thread_stacks *ret_stacks, const struct runtime *runtime)
{
	const struct address_space *space = runtime->space;
	uint64_t *blocks = control_blocks(runtime);
	bool is_found = blocks != NULL;
	*ret_stacks = (struct thread_stacks){ .ranges = { .items = NULL } };
	for (size_t i = 0; is_found && i < space->threads.count; i++) {
		const uint64_t start = round_up(space->threads.items[i].stack_pointer, 8);
		const struct segment *segment = start != 0 ? address_space_find(space, start) : NULL;
		if (segment == NULL || segment->data == NULL)
			continue;
		const uint64_t end = stack_end(runtime, blocks, &space->threads.items[i], segment);
		if (end > start)
			is_found = array_push(&ret_stacks->ranges, ((struct stack_range){ start, end }));
	}
	free(blocks);
	return is_found;
}

void thread_stacks_clear(struct thread_stacks *stacks)
{
	array_free(&stacks->ranges);
}
