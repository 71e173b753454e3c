/* SPDX-License-Identifier: MIT */
#include "target/retained.h"

#include <string.h>

#include "analysis/groups.h"
#include "base/large_block.h"

static int allocate_bytes(struct retained *retained, struct error *error)
{
	struct dominators *dominators = &retained->dominators;
	const uint64_t count = (uint64_t)dominators->reached_count + 1;
	retained->bytes = dominators->spare_wide != NULL ? dominators->spare_wide : large_allocate(count, 8);
	dominators->spare_wide = NULL;
	if (retained->bytes == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for retained sizes");
	return OK;
}

static int sum_bytes(struct retained *retained, enum size_measure measure, const struct progress *progress,
                     struct error *error)
{
	uint64_t steps = 0;
	const struct heap_graph *graph = retained->graph;
	const struct dominators *dominators = &retained->dominators;
	memset(retained->bytes, 0, ((size_t)dominators->reached_count + 1) * sizeof *retained->bytes);
	retained->measure = measure;
	retained->is_summed = false;
	retained->total = 0;
	retained->object_count = retained->unreachable_count = 0;
	retained->unreachable_bytes = 0;
	for (uint32_t node = 0; node < graph->index.count; node++) {
		const uint32_t number = dominators->number[node];
		if (progress_look(progress, &steps) < 0)
			return progress_cancelled(error);
		if (number == UINT32_MAX) {
			retained->unreachable_count++;
			retained->unreachable_bytes += heap_graph_bytes(graph, node, measure);
			continue;
		}
		retained->bytes[number] = heap_graph_bytes(graph, node, measure);
		retained->total += retained->bytes[number];
		retained->object_count++;
	}
	/* What objects have in common may be a holder's only. */
	for (uint32_t node = graph->index.count; measure == SIZE_NATIVE && node < graph->node_count; node++) {
		const uint32_t number = dominators->number[node];
		if (number == UINT32_MAX)
			continue;
		retained->bytes[number] = byte_counts_at(&graph->native, node);
		retained->total += retained->bytes[number];
	}
	if (dominators_sum(dominators, retained->bytes, progress) < 0)
		return progress_cancelled(error);
	retained->is_summed = true;
	return OK;
}

int retained_open(struct retained **ret_retained, struct heap_graph *graph, struct progress *progress,
                  struct error *error)
{
	*ret_retained = NULL;
	struct retained *retained = calloc(1, sizeof *retained);
	if (retained == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for retained sizes");
	retained->graph = graph;
	struct dominators *dominators = &retained->dominators;
	int status = dominators_compute(dominators, &graph->edges, graph->node_process, progress, error);
	if (status == OK)
		status = allocate_bytes(retained, error);
	if (status == OK)
		status = dominators_children(dominators, &retained->children, progress, error);
	if (status == OK)
		status = sum_bytes(retained, SIZE_SHALLOW, progress, error);
	if (status < 0) {
		retained_close(retained);
		return status;
	}
	*ret_retained = retained;
	return OK;
}

int retained_set_measure(struct retained *retained, enum size_measure measure, struct progress *progress,
                         struct error *error)
{
	if (measure == retained->measure && retained->is_summed)
		return OK;
	if (measure == SIZE_ALLOCATED)
		TRY(heap_graph_find_allocated(retained->graph, progress, error));
	return sum_bytes(retained, measure, progress, error);
}

void retained_close(struct retained *retained)
{
	if (retained == NULL)
		return;
	dominators_clear(&retained->dominators);
	dominator_children_clear(&retained->children);
	large_free(retained->bytes);
	free(retained);
}

uint32_t retained_number(const struct retained *retained, uint64_t object)
{
	uint32_t node = object_index_find(&retained->graph->index, object);
	return node == UINT32_MAX ? UINT32_MAX : retained->dominators.number[node];
}

bool retained_of(const struct retained *retained, uint64_t object, uint64_t *ret_bytes)
{
	const uint32_t number = retained_number(retained, object);
	if (number == UINT32_MAX)
		return false;
	*ret_bytes = retained->bytes[number];
	return true;
}

uint32_t retained_holder_number(const struct retained *retained, uint32_t holder)
{
	return retained->dominators.number[retained->graph->index.count + holder];
}

uint64_t retained_node(const struct retained *retained, uint32_t number, uint32_t *ret_holder)
{
	uint32_t node = retained->dominators.node[number];
	uint32_t objects = retained->graph->index.count;
	if (node < objects)
		return object_index_address(&retained->graph->index, node);
	*ret_holder = node - objects;
	return 0;
}

int retained_groups(const struct retained *retained, const uint32_t *group, uint32_t group_count, uint64_t *bytes,
                    const struct progress *progress, struct error *error)
{
	const struct dominators *dominators = &retained->dominators;
	struct groups groups;
	TRY(groups_open(&groups, dominators, group, progress, error));
	uint64_t *set_bytes = calloc((size_t)groups.set_count + 1, sizeof *set_bytes);
	if (set_bytes == NULL) {
		groups_close(&groups);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for retained sizes");
	}
	uint64_t steps = 0;
	int status = OK;
	for (uint32_t i = 0; status == OK && i < dominators->reached_count; i++) {
		set_bytes[groups.set[i]] += heap_graph_bytes(retained->graph, dominators->node[i], retained->measure);
		status = progress_look(progress, &steps);
	}
	memset(bytes, 0, group_count * sizeof *bytes);
	for (uint32_t set = 0; status == OK && set < groups.set_count; set++) {
		for (uint64_t member = groups.first[set]; member < groups.first[set + 1]; member++)
			bytes[groups.members[member]] += set_bytes[set];
		status = progress_look(progress, &steps);
	}
	free(set_bytes);
	groups_close(&groups);
	return status < 0 ? progress_cancelled(error) : OK;
}
