/* SPDX-License-Identifier: MIT */
#include "query/modules_shared.h"

#include <stdlib.h>
#include <string.h>

struct sharing {
	const struct query *query;
	const struct retained *heap;
	struct owner_sets sets;
	struct modules_answer *answer;
	struct set_sum {
		uint64_t count, bytes;
		uint32_t largest; /* number that retains most; 0: none */
	} * sums; /* by set */
};

static int no_memory(const struct sharing *sharing)
{
	return query_no_memory(sharing->query, "what modules share");
}

static int sum_sets(struct sharing *sharing)
{
	const struct retained *heap = sharing->heap;
	const uint32_t objects = heap->graph->index.count;
	uint64_t steps = 0;
	for (uint32_t i = 0; i < heap->dominators.reached_count; i++) {
		struct set_sum *sum = &sharing->sums[sharing->sets.set[i]];
		if (progress_look(sharing->query->progress, &steps) != OK)
			return query_cancelled(sharing->query);
		sum->bytes += heap_graph_bytes(heap->graph, heap->dominators.node[i], heap->measure);
		if (heap->dominators.node[i] >= objects)
			continue; /* a frame, a thread */
		sum->count++;
		if (sum->largest == 0 || heap->bytes[i] > heap->bytes[sum->largest])
			sum->largest = i;
	}
	return OK;
}

static int compare_rows(const void *left_row, const void *right_row)
{
	const struct modules_shared_row *left = left_row, *right = right_row;
	return query_compare_bytes(left->retained, left->largest, right->retained, right->largest);
}

static bool add_row(struct sharing *sharing, uint32_t set)
{
	const struct owner_set *owners = &sharing->sets.sets[set];
	const struct set_sum *sum = &sharing->sums[set];
	uint32_t holder;
	struct modules_shared_row row = { .count = sum->count, .retained = sum->bytes };
	row.largest = sum->largest != 0 ? retained_node(sharing->heap, sum->largest, &holder) : 0;
	row.largest_retained = sum->largest != 0 ? sharing->heap->bytes[sum->largest] : 0;
	for (uint32_t i = 0; i < owners->count; i++) {
		row.modules[i] = strdup(text_string(&sharing->answer->rows.items[owners->owners[i]].name));
		row.module_count += row.modules[i] != NULL;
	}
	if (row.module_count == owners->count && array_push(&sharing->answer->shared, row))
		return true;
	modules_shared_clear(&row);
	return false;
}

static int add_rows(struct sharing *sharing)
{
	struct modules_answer *answer = sharing->answer;
	answer->elsewhere = sharing->sums[OWNER_SET_OUTSIDE].bytes;
	for (uint32_t set = OWNER_SET_MANY; set < sharing->sets.set_count; set++) {
		if (sharing->sums[set].count == 0 || sharing->sets.sets[set].count == 1)
			continue;
		answer->shared_bytes += sharing->sums[set].bytes;
		if (!add_row(sharing, set))
			return no_memory(sharing);
	}
	if (answer->shared.count > 1)
		qsort(answer->shared.items, answer->shared.count, sizeof *answer->shared.items, compare_rows);
	return OK;
}

int modules_share(const struct query *query, const struct retained *heap, const uint32_t *owner,
                  struct modules_answer *answer)
{
	struct sharing sharing = { .query = query, .heap = heap, .answer = answer };
	int status = owner_sets_open(&sharing.sets, &heap->dominators, owner, query->progress, query->error);
	if (status == ERROR_LIMIT) { /* the other rows are right without it */
		answer->sharing_unknown = true;
		error_clear(query->error);
		return OK;
	}
	TRY(status);
	sharing.sums = calloc((size_t)sharing.sets.set_count + 1, sizeof *sharing.sums);
	status = sharing.sums != NULL ? sum_sets(&sharing) : no_memory(&sharing);
	if (status == OK)
		status = add_rows(&sharing);
	free(sharing.sums);
	owner_sets_close(&sharing.sets);
	return status;
}

void modules_shared_clear(struct modules_shared_row *row)
{
	for (uint32_t i = 0; i < OWNERS_TOLD; i++)
		free(row->modules[i]);
	text_free(&row->largest_name);
}
