/* SPDX-License-Identifier: MIT */
#include "query/tracemalloc/allocated_at.h"

void query_allocated_at(const struct query *query, const struct allocation *own, struct allocated_at *ret_at)
{
	*ret_at = (struct allocated_at){ .is_traced = false };
	ret_at->is_traced = traced_lines_of_block(&ret_at->lines, query, own->address, &ret_at->bytes, &ret_at->stack);
	ret_at->is_reused = ret_at->bytes < own->requested || ret_at->bytes > own->most;
}

bool query_allocated_line(const struct query *query, uint64_t object, struct text *text)
{
	struct decoder *decoder = &query->target->naming;
	struct allocated_at at;
	if (!target_traced(query->target)->is_tracing || !decode_object(decoder, object))
		return false;
	const struct allocated allocated = allocated_of_object(decoder);
	query_allocated_at(query, &allocated.own, &at);
	const bool is_known = at.is_traced && !at.is_reused && at.stack.count > 0;
	if (is_known)
		traced_lines_name(&at.lines, at.stack.first, text);
	allocated_at_clear(&at);
	return is_known;
}

void allocated_at_clear(struct allocated_at *at)
{
	traced_lines_answer_clear(&at->lines);
}
