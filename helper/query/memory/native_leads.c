/* SPDX-License-Identifier: MIT */
#include "query/memory/native_leads.h"

#include <stdlib.h>

#include "base/sort.h"
#include "graph/native/native_ways.h"

/* By block; what a decoder knows before what a word says, a word for the start before one for a place inside. */
static int compare_ways(const void *left, const void *right)
{
	const struct native_way *a = left, *b = right;
	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	if ((a->at == 0) != (b->at == 0))
		return a->at == 0 ? -1 : 1;
	if (a->inside != b->inside)
		return a->inside < b->inside ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static int compare_leads(const void *left, const void *right)
{
	const struct native_lead *a = left, *b = right;
	return query_compare_bytes(a->bytes, a->block, b->bytes, b->block);
}

static int take(const struct query *query, const struct native_graph *native, const native_way_array *ways,
                struct native_leads_answer *answer)
{
	for (size_t i = 0; i < ways->count; i++) {
		const struct native_way *way = &ways->items[i];
		const struct native_block *block = &native->blocks.items[way->block];
		const struct native_lead lead = { block->address, native_block_bytes(block), way->at, way->inside };
		if (i > 0 && way[-1].block == way->block)
			continue;
		answer->count++;
		answer->bytes += native_block_bytes(block);
		answer->estimated += way->at != 0;
		if (!array_push(&answer->rows, lead))
			return query_no_memory(query, "the blocks that an object leads to");
	}
	return OK;
}

int query_native_leads(const struct query *query, uint64_t object, uint64_t limit,
                       struct native_leads_answer *ret_answer)
{
	const struct type_info *type = query_type(query, object);
	const struct native_graph *native;
	const struct retained *heap;
	native_way_array ways = { .items = NULL };
	*ret_answer = (struct native_leads_answer){ .count = 0 };
	if (type == NULL || (type->flags & TYPE_HAS_UNKNOWN_WORDS) == 0)
		return OK;
	TRY(query_heap(query, &heap));
	TRY(target_native(query->target, query->progress, &native, query->error));
	int status = native_ways_of_object(native, &query->target->decoder, object, &ways, query->progress);
	if (status == OK)
		status = sort_items(ways.items, ways.count, sizeof *ways.items, compare_ways, query->progress);
	if (status == OK)
		status = take(query, native, &ways, ret_answer);
	else
		status = status == ERROR_CANCELLED ? query_cancelled(query)
		                                   : query_no_memory(query, "the blocks that an object leads to");
	array_free(&ways);
	if (status == OK && sort_items(ret_answer->rows.items, ret_answer->rows.count, sizeof *ret_answer->rows.items,
	                               compare_leads, query->progress) < 0)
		status = query_cancelled(query);
	if (ret_answer->rows.count > limit)
		ret_answer->rows.count = (size_t)limit;
	return status;
}

void native_leads_clear(struct native_leads_answer *answer)
{
	array_free(&answer->rows);
}
