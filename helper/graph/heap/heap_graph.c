/* SPDX-License-Identifier: MIT
 * Two passes over the heap: the first follows references to find the objects, in any order; the second goes through
 * them by address and writes the edges down. Between them stands only the bitmap of addresses. */
#include "decode/quick_size.h"
#include "graph/heap/heap_builder.h"
#include "graph/holder_runs.h"
#include "graph/owned_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "base/bytes.h"
#include "base/large_block.h"
#include "base/spill.h"
#include "allocator/tracked_objects.h"

enum { LEAST_BYTES = 1 << 22 }; /* of a target's memory that are worth a thread */

/* ---- First pass: which objects there are ---- */

/* What one thread of it does. */
struct finder {
	struct builder *builder;
	struct decoder *decoder;
	struct frontier frontier;
	struct coverage coverage;
	struct owned_blocks owned; /* by objects of unknown C types */
	uint64_t done;
	uint64_t large_bytes; /* of objects of more than LARGE_BYTES */
	bool gc_list_broken;
	bool has_begun;
	int status;
	struct decoder own_decoder;
};

/* Its entries are roots of their own: here it is only asked whether they can be known. */
static void look_at_interned(struct finder *finder, uint64_t address)
{
	struct decoder *decoder = finder->decoder;
	struct run_sink *sink = decoder->sink;
	decoder->sink = NULL;
	if (!decode_object(decoder, address) || decoder->out.flags != 0)
		coverage_count(&finder->coverage, &decoder->out);
	decoder->sink = sink;
}

static int visit(struct finder *finder, const struct upcoming *upcoming)
{
	struct decoder *decoder = finder->decoder;
	uint64_t shallow;
	if (quick_leaf(decoder, &upcoming->head, upcoming->type, &shallow)) {
		finder->large_bytes += shallow > LARGE_BYTES ? shallow : 0;
		return progress_step(finder->builder->progress, &finder->done);
	}
	if (roots_is_interned_dict(&finder->builder->graph->roots, upcoming->head.address)) {
		look_at_interned(finder, upcoming->head.address);
		return OK;
	}
	(void)frontier_decode(&finder->frontier, upcoming);
	shallow = decoder->out.shallow - decoder->out.included;
	finder->large_bytes += shallow > LARGE_BYTES ? shallow : 0;
	if (__builtin_expect(decoder->out.flags != 0, 0)) {
		coverage_count(&finder->coverage, &decoder->out);
		if (decoder->out.flags & DECODED_APPROXIMATE &&
		    !array_push(&finder->owned.owners, upcoming->head.address))
			return ERROR_NO_MEMORY;
	}
	if (decoder->out_of_memory || finder->frontier.out_of_memory)
		return ERROR_NO_MEMORY;
	return progress_step(finder->builder->progress, &finder->done);
}

static int drain(struct finder *finder)
{
	for (const struct upcoming *next; (next = frontier_next(&finder->frontier)) != NULL;)
		TRY(visit(finder, next));
	return finder->frontier.out_of_memory ? ERROR_NO_MEMORY : OK;
}

/* An object that no run leads to. */
static int reach(struct finder *finder, uint64_t address)
{
	struct upcoming upcoming;
	return frontier_take(&finder->frontier, address, &upcoming) ? visit(finder, &upcoming) : OK;
}

/* Static types are owned by nobody's reference: every one that an object was seen to have is there by itself. */
static int reach_static_types(struct finder *finder)
{
	struct builder *builder = finder->builder;
	const struct type_table *types = &builder->decoder->context->types;
	while (builder->types_rooted < types->count) {
		const struct type_info *type = types->items[builder->types_rooted++];
		if (!(type->flags & TYPE_IS_HEAP))
			TRY(reach(finder, type->address));
		if (builder->types_rooted == types->count)
			TRY(drain(finder));
	}
	return OK;
}

/* What the collector tracks: also what no root reaches, held from C alone or garbage in cycles. */
static int reach_tracked(struct finder *finder)
{
	struct tracked_objects tracked;
	int32_t generation;
	uint64_t seen = 0;
	/* Only for want of memory, which the status says. */
	int status = tracked_objects_open(&tracked, finder->decoder->context->runtime, NULL);
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		status = reach(finder, object);
		if (status == OK)
			status = drain(finder);
		/* Most were reached before, and are no progress. */
		if (status == OK)
			status = progress_look(finder->builder->progress, &seen);
	}
	finder->gc_list_broken |= tracked.is_broken;
	finder->coverage.tracked_unknown |= tracked.is_unknown;
	tracked_objects_close(&tracked);
	return status;
}

static int reach_doubtful(void *context, uint64_t address)
{
	struct finder *finder = context;
	TRY(reach(finder, address));
	return drain(finder);
}

/* Several threads find objects at once, the first from the roots, the last from the lists of the collector. */
struct search {
	struct builder *builder;
	unsigned crew;
	struct frontier_pool pool;
	struct finder finders[CREW_MOST];
};

static void begin_finder(struct builder *builder, struct finder *finder, struct decoder *decoder)
{
	finder->builder = builder;
	finder->decoder = decoder;
	finder->has_begun = true;
	frontier_init(&finder->frontier, decoder, &builder->graph->index.objects);
}

/* A slot that all these frames have, as one run upward. */
static void add_slot(struct frontier *frontier, const struct alike_frames *alike, const struct run *run, uint64_t slot)
{
	const int64_t distance = alike->distance;
	const uint8_t *lowest = alike_bytes(alike, distance < 0 ? alike->count - 1 : 0);
	frontier_add_words(frontier, (struct pending_run){ .slots = lowest + run->address + slot * run->stride,
	                                                   .count = alike->count,
	                                                   .stride = (uint32_t)(distance < 0 ? -distance : distance),
	                                                   .flags = run->flags });
}

/* What frames have in common was reached with the first of them. */
static void add_alike(struct frontier *frontier, const struct alike_frames *alike)
{
	const struct form_runs *form = alike->form;
	frontier->slots_drawn += (uint64_t)alike->count * form->common_count;
	for (uint32_t i = 0; i < form->own_count; i++)
		for (uint64_t slot = 0; slot < form->runs[i].count; slot++)
			add_slot(frontier, alike, &form->runs[i], slot);
}

/* What the holders refer to, by and by: there may be a million frames, and most of what a recursion refers to was
 * reached by then. */
static int reach_from_holders(struct finder *finder)
{
	enum { TOGETHER = 4096 };
	struct frontier *frontier = &finder->frontier;
	struct holder_runs runs;
	holder_runs_open(&runs, &finder->builder->graph->roots, finder->decoder);
	for (;;) {
		struct alike_frames alike;
		const bool is_alike = holder_runs_next_alike(&runs, &alike);
		const struct run *run = is_alike ? NULL : holder_runs_next(&runs);
		if (!is_alike && run == NULL)
			return drain(finder);
		if (is_alike)
			add_alike(frontier, &alike);
		else
			frontier_add_run(frontier, run);
		if (frontier->runs.count >= TOGETHER)
			TRY(drain(finder));
	}
}

static void find_together(void *context, unsigned member)
{
	struct search *search = context;
	struct finder *finder = &search->finders[member];
	if (member > 0) {
		decoder_init(&finder->own_decoder, search->builder->decoder->context);
		finder->own_decoder.skip_blocks = true;
		begin_finder(search->builder, finder, &finder->own_decoder);
		frontier_join(&finder->frontier, &search->pool);
	}
	finder->status = OK;
	if (member == 0)
		finder->status = reach_from_holders(finder);
	else if (member + 1 == search->crew)
		finder->status = reach_tracked(finder);
	finder->frontier.is_patient = true;
	if (finder->status == OK)
		finder->status = drain(finder);
	if (finder->status != OK)
		frontier_pool_stop(&search->pool);
	frontier_leave(&finder->frontier);
}

/* What the first finder began with is done by all. */
static int drain_together(struct search *search)
{
	struct finder *own = &search->finders[0];
	int status = OK;
	if (!frontier_pool_open(&search->pool))
		return ERROR_NO_MEMORY;
	visited_share(own->frontier.visited);
	own->frontier.pool = &search->pool;
	crew_run(search->crew, find_together, search);
	for (unsigned i = 0; i < search->crew; i++) {
		struct finder *finder = &search->finders[i];
		status = status == OK ? finder->status : status;
		finder->frontier.pool = NULL;
	}
	/* A thread that began late, when all others had nothing left to do, was told that all is done. */
	for (unsigned i = 0; status == OK && i < search->crew; i++)
		if (search->finders[i].has_begun)
			status = drain(&search->finders[i]);
	frontier_pool_close(&search->pool);
	own->frontier.is_patient = false;
	return status;
}

/* What only blocks of unknown C types refer to. The first finder does it for all: what it finds may own more. */
static int reach_owned(struct search *search)
{
	struct finder *own = &search->finders[0];
	for (unsigned i = 1; i < search->crew; i++) {
		const struct owned_blocks *others = &search->finders[i].owned;
		for (size_t k = 0; k < others->owners.count; k++)
			if (!array_push(&own->owned.owners, others->owners.items[k]))
				return ERROR_NO_MEMORY;
	}
	return owned_blocks_reach(&own->owned, &search->builder->words, own->frontier.visited, reach_doubtful, own);
}

static int find_all(struct search *search)
{
	struct finder *own = &search->finders[0];
	struct heap_graph *graph = search->builder->graph;
	TRY(search->crew > 1 ? drain_together(search) : reach_from_holders(own));
	TRY(reach_static_types(own));
	if (search->crew == 1)
		TRY(reach_tracked(own));
	TRY(reach_static_types(own));
	TRY(doubtful_reach(&search->builder->words, &graph->index.objects, reach_doubtful, own));
	TRY(reach_owned(search));
	return reach_static_types(own);
}

static int find_objects(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	struct search *search = calloc(1, sizeof *search);
	if (search == NULL)
		return builder_no_memory(builder);
	search->builder = builder;
	search->crew = builder_crew(builder, builder->decoder->reader.space->coverage.present / LEAST_BYTES);
	begin_finder(builder, &search->finders[0], builder->decoder);
	int status = find_all(search);
	builder->opaque.items = search->finders[0].owned.owners.items;
	builder->opaque.count = search->finders[0].owned.owners.count;
	builder->opaque.capacity = search->finders[0].owned.owners.capacity;
	search->finders[0].owned.owners.items = NULL;
	search->finders[0].owned.owners.count = search->finders[0].owned.owners.capacity = 0;
	for (unsigned i = 0; i < search->crew; i++) {
		struct finder *finder = &search->finders[i];
		if (!finder->has_begun)
			continue;
		coverage_add(&graph->coverage, &finder->coverage);
		coverage_add(&graph->coverage, &finder->frontier.coverage);
		graph->coverage.gc_list_broken |= finder->gc_list_broken;
		builder->slots_drawn += finder->frontier.slots_drawn;
		builder->large_bytes += finder->large_bytes;
		frontier_clear(&finder->frontier);
		owned_blocks_clear(&finder->owned);
		if (i > 0)
			decoder_clear(&finder->own_decoder);
	}
	free(search);
	graph->index.is_damaged = graph->coverage.corrupt > 0;
	return status == OK ? object_index_number(&graph->index, builder->error) : builder_failed(builder, status);
}

/* ---- Second pass: the edges ---- */

/* What the graph and the dominator tree have of each at most, while they are made: first, shallow, unexplained; number,
 * node, parent, idom, semi, two labels, path, next and stack; first and at of the edges turned round. */
enum { BYTES_OF_NODE = 4 * 15, BYTES_OF_EDGE = 4 * 2 + 1 };

/* A heap of honest objects has arrays of about its own size; what needs many times more than the memory that it came
 * from is damaged or forged. */
enum { TIMES_THE_TARGET = 8, ALWAYS_BYTES = 1 << 29 };

static int require_by_size(const struct builder *builder, uint64_t bytes)
{
	const struct memory_coverage *coverage = &builder->decoder->reader.space->coverage;
	const uint64_t most = (coverage->present + coverage->from_files) * TIMES_THE_TARGET;
	if (bytes <= ALWAYS_BYTES || bytes <= most)
		return OK;
	return error_set(builder->error, ERROR_LIMIT,
	                 "the graph of this heap would need %lu MiB for a target of %lu MiB: it is damaged or forged",
	                 bytes >> 20, (coverage->present + coverage->from_files) >> 20);
}

/* Over all nodes: this one, and five of the dominator tree, which is made of every graph. */
enum { PASSES = 6 };

/* An array for all objects. Clearing it may take the system a while: cancel is looked at before. */
static int provide(struct builder *builder, uint32_t **ret_array, uint64_t count)
{
	TRY(progress_check(builder->progress, builder->error));
	*ret_array = large_allocate(count, sizeof **ret_array);
	return *ret_array != NULL ? OK : builder_no_memory(builder);
}

/* Everything that will be taken for the graph and its dominator tree is known now: two sets of edges at once, and the
 * arrays of the nodes. */
static int require_arrays(struct builder *builder)
{
	uint64_t bytes, edges;
	if (spill_directory() != NULL)
		return OK;
	if (!checked_multiply(builder->slots_drawn, BYTES_OF_EDGE, &edges) ||
	    !checked_multiply(builder->graph->node_count, BYTES_OF_NODE, &bytes) || !checked_add(bytes, edges, &bytes))
		return builder_failed(builder, ERROR_LIMIT);
	TRY(require_by_size(builder, bytes));
	return address_space_require(builder->decoder->reader.space, bytes, "the graph of the heap", builder->error);
}

static int write_edges(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	const uint32_t objects = graph->index.count;
	graph->node_process = objects;
	graph->node_count = objects + (uint32_t)graph->roots.holders.count;
	progress_expect(builder->progress, (uint64_t)graph->node_count * PASSES);
	TRY(require_arrays(builder));
	TRY(provide(builder, &builder->first, (uint64_t)graph->node_count + 1));
	TRY(provide(builder, &graph->shallow, (uint64_t)objects + 1));
	TRY(provide(builder, &builder->unexplained, (uint64_t)objects + 1));
	memset(builder->unexplained, 0, ((size_t)objects + 1) * sizeof *builder->unexplained);
	if (!builder_find_static_ranges(builder))
		return builder_no_memory(builder);
	TRY(builder_write_objects(builder));
	TRY(builder_write_holders(builder));
	builder->first[graph->node_count] = (uint32_t)builder->edges.count;
	graph->edges = (struct edge_rows){ graph->node_count, builder->first, builder->edges.targets };
	graph->edge_count = builder->edges.count;
	builder->first = NULL;
	builder->edges = (struct edge_writer){ .count = 0 };
	return OK;
}

static void builder_clear(struct builder *builder)
{
	large_free(builder->first);
	large_free(builder->edges.targets);
	large_free(builder->unexplained);
	free(builder->static_ranges);
	object_places_close(&builder->places);
	array_free(&builder->guesses);
	array_free(&builder->opaque);
	array_free(&builder->permanent);
	array_free(&builder->uncounted);
	array_free(&builder->doubtful);
	shared_keys_clear(&builder->shared_keys);
}

int heap_graph_require(const struct address_space *space, struct error *error)
{
	const uint64_t unread = address_space_unread(space);
	const uint64_t heap = unread > 0 ? unread : space->coverage.present;
	if (spill_directory() != NULL && unread == 0)
		return OK;
	return address_space_require(space, heap / 64 + unread + (unread > 0 ? unread / 2 : 0), "the graph of the heap",
	                             error);
}

static int build(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	struct decoder *decoder = builder->decoder;
	TRY(heap_graph_require(decoder->reader.space, builder->error));
	TRY(object_index_open(&graph->index, decoder->context->space, builder->error));
	TRY(roots_collect(&graph->roots, decoder, builder->progress, builder->error));
	graph->coverage.frames_truncated = graph->roots.frames_truncated;
	if (!object_places_open(&builder->places, decoder->context->runtime))
		return builder_no_memory(builder);
	doubtful_init(&builder->words, &graph->roots, decoder, &builder->places, builder->progress);
	TRY(find_objects(builder));
	return graph->is_objects_only ? OK : write_edges(builder);
}

static int open_graph(struct heap_graph **ret_graph, struct builder builder, bool is_objects_only)
{
	struct decoder *decoder = builder.decoder;
	*ret_graph = NULL;
	struct heap_graph *graph = calloc(1, sizeof *graph);
	if (graph == NULL)
		return error_set(builder.error, ERROR_NO_MEMORY, "out of memory for the graph of the heap");
	graph->decoder = decoder;
	graph->is_objects_only = is_objects_only;
	builder.graph = graph;
	decoder->skip_blocks = true;
	int status = build(&builder);
	decoder->skip_blocks = false;
	builder_clear(&builder);
	if (status < 0) {
		heap_graph_close(graph);
		return status;
	}
	*ret_graph = graph;
	return OK;
}

int heap_graph_open(struct heap_graph **ret_graph, struct decoder *decoder, struct heap_block_notes *notes,
                    struct progress *progress, struct error *error)
{
	const struct builder builder = { .decoder = decoder, .notes = notes, .progress = progress, .error = error };
	return open_graph(ret_graph, builder, false);
}

int heap_graph_open_objects(struct heap_graph **ret_graph, struct decoder *decoder, struct progress *progress,
                            struct error *error)
{
	const struct builder builder = { .decoder = decoder, .progress = progress, .error = error };
	return open_graph(ret_graph, builder, true);
}

void heap_graph_close(struct heap_graph *graph)
{
	if (graph == NULL)
		return;
	object_index_close(&graph->index);
	roots_clear(&graph->roots);
	array_free(&graph->block_references);
	array_free(&graph->from_c);
	edge_rows_free(&graph->edges);
	array_free(&graph->boundaries);
	large_free(graph->shallow);
	large_free(graph->allocated);
	byte_counts_close(&graph->native);
	free(graph);
}

/* *ret_included: as of struct decoded. */
static uint64_t shallow_of(const struct heap_graph *graph, uint32_t node, uint64_t *ret_included)
{
	*ret_included = 0;
	if (node >= graph->index.count)
		return 0;
	if (graph->shallow[node] != HEAP_GRAPH_LARGE)
		return graph->shallow[node];
	if (!decode_object(graph->decoder, object_index_address(&graph->index, node)))
		return 0;
	*ret_included = graph->decoder->out.included;
	return graph->decoder->out.shallow;
}

uint64_t heap_graph_shallow(const struct heap_graph *graph, uint32_t node)
{
	uint64_t included;
	return shallow_of(graph, node, &included);
}

uint64_t heap_graph_own_large(const struct heap_graph *graph, uint32_t node)
{
	uint64_t included, shallow = shallow_of(graph, node, &included);
	return shallow - included;
}
