/* SPDX-License-Identifier: MIT */
#include "query/object_lines.h"

#include "query/tracemalloc/traced_objects.h"

/* Gives each stack the row of its most recent frame. */
static int number_rows(struct object_lines *lines, const struct query *query)
{
	const struct traced *traced = &lines->lines.traced;
	struct address_map known = { .slots = NULL };
	int status = OK;
	for (size_t i = 0; status == OK && i < traced->stacks.count; i++) {
		const struct traced_stack *stack = &traced->stacks.items[i];
		uint32_t row = 0;
		if (stack->count > 0) {
			/* spread: address_map's hash drops four bits */
			const uint64_t key = ((uint64_t)lines->lines.frame_files.items[stack->first] + 1) << 36 |
			                     (uint64_t)traced->frames.items[stack->first].line << 4 | 1;
			row = address_map_get(&known, key);
			if (row == ADDRESS_MAP_NONE) {
				if (!array_push(&lines->row_frames, stack->first) ||
				    !address_map_set(&known, key, (uint32_t)lines->row_frames.count))
					status = query_no_memory(query, "the lines of objects");
				row = (uint32_t)lines->row_frames.count;
			}
		}
		if (!array_push(&lines->row_of_stack, row))
			status = query_no_memory(query, "the lines of objects");
	}
	address_map_clear(&known);
	return status;
}

int object_lines_open(struct object_lines *ret_lines, const struct query *query)
{
	const struct traced_lines_question question = { .by = TRACED_BY_LINE };
	*ret_lines = (struct object_lines){ .traces = { .slots = NULL } };
	if (!target_traced(query->target)->is_tracing)
		return error_set(query->error, ERROR_STATE,
		                 "tracemalloc was not on in this process, so no line is known: start it by -X "
		                 "tracemalloc or PYTHONTRACEMALLOC=1");
	TRY(query_traced_lines(query, &question, &ret_lines->lines));
	TRY(traced_objects_index(&ret_lines->lines, &ret_lines->traces, query->error));
	return number_rows(ret_lines, query);
}

void object_lines_close(struct object_lines *lines)
{
	traced_lines_answer_clear(&lines->lines);
	address_map_clear(&lines->traces);
	array_free(&lines->row_of_stack);
	array_free(&lines->row_frames);
}

uint32_t object_lines_row(const struct object_lines *lines, uint64_t address, const struct type_info *type)
{
	const uint32_t trace = address_map_get(&lines->traces, address - type->preheader);
	return trace != ADDRESS_MAP_NONE ? lines->row_of_stack.items[lines->lines.traced.traces.items[trace].stack] : 0;
}

void object_lines_name(const struct object_lines *lines, uint32_t row, struct text *text)
{
	if (row == 0)
		text_add(text, "not traced: made before tracemalloc was on, or static");
	else
		traced_lines_name(&lines->lines, lines->row_frames.items[row - 1], text);
}
