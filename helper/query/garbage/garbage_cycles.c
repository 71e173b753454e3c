/* SPDX-License-Identifier: MIT */
#include "query/garbage/garbage_cycles.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/dominators.h"
#include "base/address_map.h"
#include "query/garbage/garbage_tree.h"

enum {
	ALL_STARTS = 32, /* nodes of a component up to which a cycle through each is tried */
	ROWS_MOST = 4096, /* kinds of cycles; more are not told apart */
	NO_ROW = 0, /* the row of what is in no cycle */
};

struct finder {
	const struct query *query;
	const struct heap_graph *graph;
	struct garbage *garbage;
	struct garbage_answer *answer;
	const struct components *components; /* the garbage's */
	struct cycle_search search;
	uint32_t *row_of; /* of a component without referrers outside: its row; UINT32_MAX: it has some */
	uint32_t *top_of; /* of such a one: the node that the others are reached from */
	struct address_map rows; /* hash of a cycle to its row */
	uint64_t steps;
};

struct sums { /* by number of the garbage's dominator tree */
	uint64_t *bytes, *native, *objects;
};

struct cycle {
	uint32_t nodes[GARBAGE_CYCLE_STEPS];
	uint32_t count, length;
	uint64_t hash;
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "the cycles of the garbage");
}

static uint64_t address_of(const struct finder *finder, uint32_t place)
{
	return object_index_address(&finder->graph->index, finder->garbage->nodes[place]);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ hash >> 32;
}

/* The slot that refers from one object to the other: visited ones first. The object is then decoded. */
static bool find_slot(const struct finder *finder, uint64_t from, uint64_t to, struct run *ret_run, uint64_t *ret_slot,
                      bool *ret_seen)
{
	struct decoder *decoder = &finder->query->target->decoder;
	bool found = false;
	if (!decode_object(decoder, from))
		return false;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		const bool is_seen = garbage_is_visited(decoder->out.type, run);
		for (uint64_t slot = 0; slot < run->count; slot++) {
			if (run_target(run, slot) != to || (found && !is_seen))
				continue;
			*ret_run = *run;
			*ret_slot = slot;
			*ret_seen = is_seen;
			found = true;
			if (is_seen)
				return true;
			break;
		}
	}
	return found;
}

/* What a step of a cycle looks like: its type, and by which name or kind of name it refers to the next one. Places in
 * lists are as good as each other. */
static uint64_t step_hash(const struct finder *finder, uint32_t place, uint32_t next, struct text *label)
{
	struct decoder *naming = &finder->query->target->naming;
	struct run run;
	uint64_t slot, hash = 0;
	bool is_seen;
	const struct type_info *type = query_type(finder->query, address_of(finder, place));
	label->length = 0;
	if (!find_slot(finder, address_of(finder, place), address_of(finder, next), &run, &slot, &is_seen))
		return 1;
	if (run.label != LABEL_ITEM && run.label != LABEL_SET_ITEM)
		names_label(naming, &run, slot, &finder->query->names, label);
	for (size_t i = 0; i < label->length; i++)
		hash = mix(hash, (uint8_t)label->bytes[i]);
	return mix(mix(hash, run.label), type != NULL ? type->address : 0) | 1;
}

/* Turns the cycle so that the same one always begins alike. */
static void hash_cycle(const struct finder *finder, struct cycle *cycle, struct text *label)
{
	uint64_t hashes[GARBAGE_CYCLE_STEPS];
	uint32_t nodes[GARBAGE_CYCLE_STEPS], first = 0;
	const bool is_whole = cycle->count == cycle->length;
	for (uint32_t i = 0; i < cycle->count; i++) {
		const bool has_next = i + 1 < cycle->count;
		hashes[i] = has_next || is_whole
		                    ? step_hash(finder, cycle->nodes[i], cycle->nodes[has_next ? i + 1 : 0], label)
		                    : 1;
		if (is_whole && hashes[i] < hashes[first])
			first = i;
	}
	cycle->hash = cycle->length;
	for (uint32_t i = 0; i < cycle->count; i++) {
		nodes[i] = cycle->nodes[(first + i) % cycle->count];
		cycle->hash = mix(cycle->hash, hashes[(first + i) % cycle->count]);
	}
	cycle->hash |= 1;
	memcpy(cycle->nodes, nodes, cycle->count * sizeof *nodes);
}

/* A shortest cycle of a component; of a large one the shortest through its first object. */
static void find_cycle(struct finder *finder, uint32_t component, struct cycle *cycle)
{
	const uint32_t *members = finder->components->nodes + finder->components->first[component];
	const uint32_t count = finder->components->first[component + 1] - finder->components->first[component];
	uint32_t nodes[GARBAGE_CYCLE_STEPS];
	*cycle = (struct cycle){ .count = 0 };
	for (uint32_t i = 0; i < count && (i == 0 || count <= ALL_STARTS); i++) {
		const uint32_t length = cycle_search_from(&finder->search, members[i], nodes, GARBAGE_CYCLE_STEPS);
		if (length == 0 || (cycle->length != 0 && length >= cycle->length))
			continue;
		cycle->length = length;
		cycle->count = length < GARBAGE_CYCLE_STEPS ? length : GARBAGE_CYCLE_STEPS;
		memcpy(cycle->nodes, nodes, cycle->count * sizeof *nodes);
	}
	finder->steps += count;
}

static void describe(const struct finder *finder, const struct cycle *cycle, struct garbage_cycle_row *row)
{
	struct decoder *naming = &finder->query->target->naming;
	row->length = cycle->length;
	row->step_count = cycle->count;
	for (uint32_t i = 0; i < cycle->count; i++) {
		struct garbage_step *step = &row->steps[i];
		const uint32_t place = cycle->nodes[i];
		const int8_t generation = finder->garbage->generation[place];
		struct run run;
		uint64_t slot;
		bool is_seen = true;
		step->address = address_of(finder, place);
		step->type = query_type(finder->query, step->address);
		if (i + 1 == cycle->count && cycle->count < cycle->length)
			break;
		if (find_slot(finder, step->address, address_of(finder, cycle->nodes[(i + 1) % cycle->count]), &run,
		              &slot, &is_seen))
			names_label(naming, &run, slot, &finder->query->names, &step->label);
		step->is_unseen = !is_seen || generation == GARBAGE_UNTRACKED || generation == GC_GENERATIONS - 1;
	}
}

static int add_row(struct finder *finder, const struct cycle *cycle, enum garbage_kind kind, uint32_t *ret_row)
{
	struct garbage_answer *answer = finder->answer;
	const uint64_t hash = cycle->hash << 1 | (kind == GARBAGE_STUCK);
	*ret_row = address_map_get(&finder->rows, hash);
	if (*ret_row != ADDRESS_MAP_NONE || answer->cycles.count >= ROWS_MOST) {
		*ret_row = *ret_row != ADDRESS_MAP_NONE ? *ret_row : NO_ROW;
		return OK;
	}
	*ret_row = (uint32_t)answer->cycles.count;
	if (!array_push(&answer->cycles, (struct garbage_cycle_row){ .kind = kind }) ||
	    !address_map_set(&finder->rows, hash, *ret_row))
		return no_memory(finder);
	describe(finder, cycle, &answer->cycles.items[*ret_row]);
	return OK;
}

/* Components that no other one refers to; the others hang on them. */
static void find_tops(struct finder *finder)
{
	const struct edge_rows *edges = &finder->garbage->edges;
	const struct components *components = finder->components;
	memset(finder->row_of, 0, components->count * sizeof *finder->row_of);
	for (uint32_t place = 0; place < finder->garbage->count; place++)
		for (uint32_t edge = edges->first[place]; edge < edges->first[place + 1]; edge++)
			if (components->of[edges->targets[edge]] != components->of[place])
				finder->row_of[components->of[edges->targets[edge]]] = UINT32_MAX;
}

static int describe_tops(struct finder *finder)
{
	struct text label = { .bytes = NULL };
	int status = OK;
	for (uint32_t i = 0; status == OK && i < finder->components->count; i++) {
		struct cycle cycle;
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			status = query_cancelled(finder->query);
		if (status != OK || finder->row_of[i] == UINT32_MAX)
			continue;
		const uint32_t first = finder->components->nodes[finder->components->first[i]];
		find_cycle(finder, i, &cycle);
		finder->top_of[i] = cycle.count > 0 ? cycle.nodes[0] : first;
		if (cycle.count == 0)
			continue;
		hash_cycle(finder, &cycle, &label);
		status = add_row(finder, &cycle, (enum garbage_kind)finder->garbage->kind[first], &finder->row_of[i]);
		if (status == OK)
			finder->answer->cycles.items[finder->row_of[i]].cycles++;
	}
	text_free(&label);
	return status;
}

/* What all the rest is reached from, in the order of components. */
static uint32_t list_starts(struct finder *finder)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < finder->components->count; i++)
		if (finder->row_of[i] != UINT32_MAX)
			finder->top_of[count++] = finder->top_of[i];
	return count;
}

static int sum_rows(struct finder *finder, const struct dominators *dominators, const struct sums *sums)
{
	for (uint32_t number = 1; number < dominators->reached_count; number++) {
		const uint32_t place = dominators->node[number];
		sums->bytes[number] =
		        heap_graph_bytes(finder->graph, finder->garbage->nodes[place], finder->query->measure);
		sums->native[number] = garbage_native(finder->answer, finder->graph, finder->garbage->nodes[place]);
		sums->objects[number] = 1;
	}
	if (dominators_sum(dominators, sums->bytes, finder->query->progress) < 0 ||
	    dominators_sum(dominators, sums->native, finder->query->progress) < 0 ||
	    dominators_sum(dominators, sums->objects, finder->query->progress) < 0)
		return query_cancelled(finder->query);
	for (uint32_t number = 1; number < dominators->reached_count; number++) {
		if (dominators->idom[number] != 0)
			continue;
		const uint32_t place = dominators->node[number];
		const uint32_t component = finder->components->of[place];
		const bool is_top = finder->row_of[component] != UINT32_MAX;
		struct garbage_cycle_row *row =
		        &finder->answer->cycles.items[is_top ? finder->row_of[component] : NO_ROW];
		row->sum.bytes += sums->bytes[number];
		row->sum.native += sums->native[number];
		row->sum.count += sums->objects[number];
		if (row->step_count == 0 && finder->garbage->kind[place] == GARBAGE_STUCK)
			row->kind = GARBAGE_STUCK;
	}
	return OK;
}

static int weigh_rows(struct finder *finder)
{
	const struct query *query = finder->query;
	struct dominators dominators;
	int status = garbage_dominators(query, finder->garbage, finder->top_of, list_starts(finder), &dominators);
	const size_t count = (size_t)finder->garbage->count + 2;
	const struct sums sums = { .bytes = calloc(count, sizeof *sums.bytes),
		                   .native = calloc(count, sizeof *sums.native),
		                   .objects = calloc(count, sizeof *sums.objects) };
	if (status == OK && (sums.bytes == NULL || sums.native == NULL || sums.objects == NULL))
		status = no_memory(finder);
	if (status == OK)
		status = sum_rows(finder, &dominators, &sums);
	free(sums.bytes);
	free(sums.native);
	free(sums.objects);
	dominators_clear(&dominators);
	return status;
}

int garbage_cycles(const struct query *query, const struct heap_graph *graph, struct garbage *garbage,
                   struct garbage_answer *answer)
{
	struct finder finder = {
		.query = query, .graph = graph, .garbage = garbage, .answer = answer, .components = &garbage->components
	};
	if (garbage->count == 0)
		return OK;
	finder.row_of = malloc(((size_t)finder.components->count + 1) * sizeof *finder.row_of);
	finder.top_of = malloc(((size_t)finder.components->count + 1) * sizeof *finder.top_of);
	int status = finder.row_of != NULL && finder.top_of != NULL &&
	                             cycle_search_open(&finder.search, &garbage->edges, finder.components) &&
	                             array_push(&answer->cycles, (struct garbage_cycle_row){ .length = 0 })
	                     ? OK
	                     : no_memory(&finder);
	if (status == OK) {
		find_tops(&finder);
		status = describe_tops(&finder);
	}
	if (status == OK)
		status = weigh_rows(&finder);
	cycle_search_close(&finder.search);
	address_map_clear(&finder.rows);
	free(finder.row_of);
	free(finder.top_of);
	return status;
}

void garbage_cycle_row_clear(struct garbage_cycle_row *row)
{
	for (uint32_t i = 0; i < row->step_count; i++)
		text_free(&row->steps[i].label);
}
