/* SPDX-License-Identifier: MIT */
#include "analysis/edge_rows.h"

int edge_rows_turn(struct edge_rows *ret_turned, const struct edge_rows *edges, const struct progress *progress,
                   struct error *error)
{
	const uint32_t count = edges->node_count;
	const uint32_t edge_count = edges->first[count];
	uint32_t *first = large_allocate_zero((uint64_t)count + 2, sizeof *first);
	uint32_t *targets = large_allocate((uint64_t)edge_count + 1, sizeof *targets);
	*ret_turned = (struct edge_rows){ count, first, targets };
	if (first == NULL || targets == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for %u references", edge_count);
	uint32_t *at = first + 1; /* row n is filled through at[n], which ends as first[n + 1] */
	uint64_t steps = 0;
	for (uint32_t edge = 0; edge < edge_count; edge++) {
		at[edges->targets[edge] + 1]++;
		if (edge % PROGRESS_INTERVAL == 0)
			TRY(progress_check(progress, error));
	}
	for (uint32_t i = 1; i <= count; i++) {
		at[i] += at[i - 1];
		if (progress_look(progress, &steps) < 0)
			return progress_cancelled(error);
	}
	for (uint32_t node = 0; node < count; node++) {
		for (uint32_t edge = edges->first[node]; edge < edges->first[node + 1]; edge++)
			targets[at[edges->targets[edge]]++] = node;
		steps += (edges->first[node + 1] - edges->first[node]) / 2; /* one may have millions */
		if (progress_look(progress, &steps) < 0)
			return progress_cancelled(error);
	}
	return OK;
}
