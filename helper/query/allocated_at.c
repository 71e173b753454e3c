/* SPDX-License-Identifier: MIT */
#include "query/allocated_at.h"

void query_allocated_at(const struct query *query, const struct allocation *own, struct allocated_at *ret_at)
{
	*ret_at = (struct allocated_at){ .is_traced = false };
	ret_at->is_traced = traced_lines_of_block(&ret_at->lines, query, own->address, &ret_at->bytes, &ret_at->stack);
	ret_at->is_reused = ret_at->bytes < own->requested || ret_at->bytes > own->most;
}

void allocated_at_clear(struct allocated_at *at)
{
	traced_lines_answer_clear(&at->lines);
}
