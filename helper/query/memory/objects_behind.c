/* SPDX-License-Identifier: MIT
 * What is found is walked from, and may lead to further blocks: in rounds, until none finds more. */
#include "query/memory/objects_behind.h"

#include <stdlib.h>

#include "base/limits.h"

struct search {
	const struct query *query;
	const struct heap_graph *graph;
	struct walk *walk;
	enum policy policy;
	uint8_t *is_done; /* by reference */
	ARRAY(uint64_t) found; /* objects, in this round */
	uint64_t looks, steps;
};

/* Classes, modules and code that a policy leaves out are marked as reached all the same. */
static bool is_entered(const struct search *search, uint64_t object)
{
	const struct type_info *type = query_type(search->query, object);
	return type != NULL && policy_enters(search->policy, type);
}

static int look_at(struct search *search, size_t index)
{
	const struct block_reference *reference = &search->graph->block_references.items[index];
	const uint64_t owner = object_index_address(&search->graph->index, reference->owner);
	if (!walk_has_reached(search->walk, owner))
		return OK;
	search->is_done[index] = true;
	const uint64_t target = object_index_address(&search->graph->index, reference->target);
	if (walk_has_reached(search->walk, target) || !is_entered(search, owner) || !is_entered(search, target))
		return OK;
	return array_push(&search->found, target) ? OK
	                                          : query_no_memory(search->query, "what memory of C code leads to");
}

static int look_round(struct search *search)
{
	const size_t count = search->graph->block_references.count;
	search->found.count = 0;
	for (size_t i = 0; i < count; i++) {
		if (progress_look(search->query->progress, &search->steps) != OK)
			return query_cancelled(search->query);
		if (!search->is_done[i])
			TRY(look_at(search, i));
	}
	search->looks += count;
	return OK;
}

static int follow(struct search *search, struct objects_behind *behind)
{
	int status = look_round(search);
	while (status == OK && search->found.count > 0) {
		const struct walk_start start = { search->found.items, search->found.count, search->policy };
		struct walk_result more;
		status = walk_deep(search->walk, &start, search->query->progress, &more, search->query->error);
		behind->count += more.count;
		behind->bytes += more.bytes;
		walk_result_clear(&more);
		if (search->looks > LIMIT_BLOCK_LOOKS) {
			behind->is_partial = true;
			break;
		}
		if (status == OK)
			status = look_round(search);
	}
	return status;
}

int query_objects_behind(const struct query *query, struct walk *walk, enum policy policy,
                         struct objects_behind *ret_behind)
{
	const struct retained *heap;
	*ret_behind = (struct objects_behind){ .count = 0 };
	if (policy != POLICY_DATA && policy != POLICY_ALL)
		return OK;
	TRY(query_heap(query, &heap));
	const size_t count = heap->graph->block_references.count;
	if (count == 0)
		return OK;
	struct search search = { .query = query, .graph = heap->graph, .walk = walk, .policy = policy };
	search.is_done = calloc(count, 1);
	const int status = search.is_done != NULL ? follow(&search, ret_behind)
	                                          : query_no_memory(query, "what memory of C code leads to");
	free(search.is_done);
	array_free(&search.found);
	return status;
}
