/* SPDX-License-Identifier: MIT */
#include "graph/native/native_graph.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "base/sort.h"

enum {
	SPARSE_BYTES =
	        4096, /* a block at least as large, with fewer than one pointer in SPARSE_WORDS words, is a buffer */
	SPARSE_WORDS = 64,
	FARTHER = 2, /* a way longer by as many blocks says nothing against a shorter one */
	TREE_STEPS = 4096, /* up the dominator tree for one meeting point; further up it is the process's */
};

struct claim;

struct builder {
	struct native_graph *graph;
	const struct native_sources *sources;
	struct progress *progress;
	struct error *error;
	struct native_edges edges;
	struct edge_rows rows; /* edges between blocks */
	struct components components;
	struct claim *claims; /* of components */
	uint8_t *has_exact;
	uint64_t steps;
};

enum claim_strength {
	CLAIM_SPARSE, /* a word among much that is no pointer: a buffer, of which much was not written since it had
	               * another use */
	CLAIM_STRUCTURE, /* a word in a block of C */
	CLAIM_BODY, /* a word in an object's body */
	CLAIM_EXACT, /* what a decoder knows */
};

/* What leads to a component: of ways that differ in strength the strongest one says whose it is, and of those that
 * are alike one that is shorter by far. */
struct claim {
	uint32_t owner;
	uint32_t distance; /* blocks between */
	uint8_t holder; /* enum native_holder */
	uint8_t strength; /* enum claim_strength */
};

static int no_memory(struct builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for native blocks");
}

/* ---- Blocks ---- */

static int compare_blocks(const void *left, const void *right)
{
	const uint64_t a = ((const struct native_block *)left)->address,
	               b = ((const struct native_block *)right)->address;
	return a < b ? -1 : a > b;
}

static int sort_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	if (sort_items(graph->blocks.items, graph->blocks.count, sizeof *graph->blocks.items, compare_blocks,
	               builder->progress) < 0)
		return progress_cancelled(builder->error);
	return OK;
}

static int add_chunk(struct builder *builder, struct reader *reader, const struct glibc_chunk *chunk)
{
	struct native_graph *graph = builder->graph;
	if (python_blocks_has(builder->sources->python, reader, chunk->address))
		return OK;
	if (graph->blocks.count >= NATIVE_INSIDE - 1)
		return error_set(builder->error, ERROR_LIMIT, "more than 2^31 native blocks");
	if (!array_push(&graph->blocks, (struct native_block){ .address = chunk->address,
	                                                       .bytes = chunk->bytes,
	                                                       .holder = NATIVE_UNSEEN,
	                                                       .is_malloc = true }))
		return no_memory(builder);
	return progress_look(builder->progress, &builder->steps) == OK ? OK : progress_cancelled(builder->error);
}

/* Of one malloc: those in heaps and those mapped alone, each in order of address. */
static int collect_chunks(struct builder *builder, struct reader *reader, const struct glibc_walk *walk)
{
	size_t heap = 0, mapped = walk->mapped_first;
	while (heap < walk->mapped_first || mapped < walk->chunks.count) {
		const bool is_heap = heap < walk->mapped_first &&
		                     (mapped >= walk->chunks.count ||
		                      walk->chunks.items[heap].address < walk->chunks.items[mapped].address);
		TRY(add_chunk(builder, reader, &walk->chunks.items[is_heap ? heap++ : mapped++]));
	}
	return OK;
}

static bool is_in_order(const struct native_graph *graph)
{
	for (size_t i = 1; i < graph->blocks.count; i++)
		if (graph->blocks.items[i - 1].address >= graph->blocks.items[i].address)
			return false;
	return true;
}

/* Blocks that decoders know: those of a malloc are there already, the others (of a library's own pool) are added. */
static int add_known(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct python_blocks *python = builder->sources->python;
	const size_t found = graph->blocks.count;
	uint64_t end = 0;
	for (size_t i = 0; i < python->known.count; i++) {
		const struct known_block *known = &python->known.items[i];
		struct native_block *same = known->is_shared ? NULL : native_graph_among(graph, found, known->address);
		if (same != NULL)
			same->is_data = true; /* its words were looked at with the object, or are none */
		/* What overlaps one before is a view of it. */
		if (known->is_shared || same != NULL || known->address < end)
			continue;
		end = known->address + known->bytes;
		if (!array_push(&graph->blocks, (struct native_block){ .address = known->address,
		                                                       .bytes = known->bytes,
		                                                       .holder = NATIVE_UNSEEN,
		                                                       .is_data = true }))
			return no_memory(builder);
	}
	return graph->blocks.count > found ? sort_blocks(builder) : OK;
}

static int collect_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct memory_map *memory = builder->sources->memory;
	struct reader reader;
	reader_init(&reader, memory->allocators->space);
	for (size_t i = 0; i < memory->walks.count; i++)
		if (memory->walks.items[i].is_confirmed)
			TRY(collect_chunks(builder, &reader, &memory->walks.items[i]));
	if (!is_in_order(graph))
		TRY(sort_blocks(builder));
	return add_known(builder);
}

static int number_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct address_space *space = builder->sources->memory->allocators->space;
	TRY(object_index_open(&graph->index, space, builder->error));
	struct reader reader;
	reader_init(&reader, space);
	for (size_t i = 0; i < graph->blocks.count; i++) {
		const uint64_t address = graph->blocks.items[i].address;
		const struct segment *segment = reader_segment(&reader, address);
		if (segment != NULL && segment->data != NULL)
			(void)visited_add(&graph->index.objects,
			                  visited_place(&graph->index.objects, segment, address));
	}
	return object_index_number(&graph->index, builder->error);
}

/* ---- Edges ---- */

static void mark_exact(struct builder *builder, const native_edge_array *edges)
{
	for (size_t i = 0; i < edges->count; i++)
		if ((edges->items[i].target & NATIVE_INSIDE) == 0)
			builder->has_exact[edges->items[i].target] = 1;
}

/* The block that an edge leads to; UINT32_MAX: it points inside a block that others name by its address. */
static uint32_t target_of(const struct builder *builder, const struct native_edge *edge)
{
	const uint32_t target = edge->target & ~NATIVE_INSIDE;
	return edge->target != target && builder->has_exact[target] ? UINT32_MAX : target;
}

static int turn_edges(struct builder *builder)
{
	const size_t count = builder->graph->blocks.count;
	const native_edge_array *edges = &builder->edges.from_blocks;
	builder->rows.node_count = (uint32_t)count;
	builder->rows.first = calloc(count + 1, sizeof *builder->rows.first);
	builder->rows.targets = malloc((edges->count + 1) * sizeof *builder->rows.targets);
	builder->has_exact = calloc(count + 1, 1);
	if (builder->rows.first == NULL || builder->rows.targets == NULL || builder->has_exact == NULL)
		return no_memory(builder);
	mark_exact(builder, &builder->edges.exact);
	mark_exact(builder, &builder->edges.from_objects);
	mark_exact(builder, &builder->edges.from_blocks);
	mark_exact(builder, &builder->edges.from_files);
	/* The scan went from block to block: edges are in order of their sources. */
	uint32_t kept = 0;
	size_t next = 0;
	for (size_t i = 0; i < count; i++) {
		builder->rows.first[i] = kept;
		for (; next < edges->count && edges->items[next].source == i; next++) {
			const uint32_t target = target_of(builder, &edges->items[next]);
			if (target != UINT32_MAX && target != i)
				builder->rows.targets[kept++] = target;
		}
	}
	builder->rows.first[count] = kept;
	array_free(&builder->edges.from_blocks);
	return components_find(&builder->components, &builder->rows, builder->progress, builder->error);
}

/* ---- Owners ---- */

/* Where two numbers meet in the dominator tree. */
static uint32_t meet(const struct dominators *dominators, uint32_t left, uint32_t right)
{
	for (unsigned step = 0; left != right; step++) {
		if (step >= TREE_STEPS)
			return 0;
		if (left > right)
			left = dominators->idom[left];
		else
			right = dominators->idom[right];
	}
	return left;
}

/* Whether a way says better whose a component is than what is known. */
static bool is_better(const struct claim *more, const struct claim *known)
{
	if (known->holder == NATIVE_UNSEEN)
		return true;
	if (more->holder != known->holder || more->strength < known->strength)
		return false;
	return more->strength > known->strength || more->distance + FARTHER <= known->distance;
}

/* One more way leads to a component. */
static void lead_to(struct builder *builder, uint32_t component, struct claim more)
{
	struct claim *claim = &builder->claims[component];
	if (is_better(&more, claim)) {
		*claim = more;
	} else if (claim->holder == NATIVE_OBJECT && more.holder == NATIVE_OBJECT && claim->strength == more.strength &&
	           more.distance < claim->distance + FARTHER) {
		claim->owner = meet(builder->sources->dominators, claim->owner, more.owner);
		claim->distance = more.distance < claim->distance ? more.distance : claim->distance;
	}
}

static uint8_t strength_of(const struct builder *builder, uint32_t node)
{
	const uint64_t edges = builder->rows.first[node + 1] - builder->rows.first[node];
	const uint64_t bytes = builder->graph->blocks.items[node].bytes;
	return bytes >= SPARSE_BYTES && edges * SPARSE_WORDS * 8 < bytes ? CLAIM_SPARSE : CLAIM_STRUCTURE;
}

/* From components to those that they lead to, which have smaller numbers: each is final when its turn comes. */
static int spread(struct builder *builder)
{
	const struct components *components = &builder->components;
	for (uint32_t c = components->count; c-- > 0;) {
		struct claim claim = builder->claims[c];
		if (claim.holder == NATIVE_UNSEEN)
			continue;
		claim.distance++;
		for (uint32_t i = components->first[c]; i < components->first[c + 1]; i++) {
			const uint32_t node = components->nodes[i];
			claim.strength = strength_of(builder, node);
			for (uint32_t j = builder->rows.first[node]; j < builder->rows.first[node + 1]; j++) {
				const uint32_t other = components->of[builder->rows.targets[j]];
				if (other != c)
					lead_to(builder, other, claim);
			}
			if (progress_look(builder->progress, &builder->steps) != OK)
				return progress_cancelled(builder->error);
		}
	}
	return OK;
}

static void seed(struct builder *builder, const native_edge_array *edges, enum native_holder holder,
                 enum claim_strength strength)
{
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = target_of(builder, &edges->items[i]);
		if (target != UINT32_MAX)
			lead_to(builder, builder->components.of[target],
			        (struct claim){ edges->items[i].source, 0, (uint8_t)holder, (uint8_t)strength });
	}
}

/* Objects first: libraries keep lists of all that lives in variables, which is not what keeps it alive. */
static int find_owners(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	builder->claims = malloc((builder->components.count + 1) * sizeof *builder->claims);
	if (builder->claims == NULL)
		return no_memory(builder);
	for (uint32_t c = 0; c < builder->components.count; c++)
		builder->claims[c] = (struct claim){ 0, 0, NATIVE_UNSEEN, CLAIM_SPARSE };
	seed(builder, &builder->edges.exact, NATIVE_OBJECT, CLAIM_EXACT);
	seed(builder, &builder->edges.from_objects, NATIVE_OBJECT, CLAIM_BODY);
	TRY(spread(builder));
	seed(builder, &builder->edges.from_files, NATIVE_STATIC, CLAIM_BODY);
	TRY(spread(builder));
	for (size_t i = 0; i < graph->blocks.count; i++) {
		const struct claim *claim = &builder->claims[builder->components.of[i]];
		graph->blocks.items[i].holder = claim->holder;
		graph->blocks.items[i].owner = claim->owner;
		graph->blocks.items[i].is_exact = claim->strength == CLAIM_EXACT;
	}
	return OK;
}

static void sum_up(struct native_graph *graph)
{
	for (size_t i = 0; i < graph->blocks.count; i++) {
		const struct native_block *block = &graph->blocks.items[i];
		graph->holders[block->holder].blocks++;
		graph->holders[block->holder].bytes += block->bytes;
		graph->all.blocks++;
		graph->all.bytes += block->bytes;
		graph->exact.blocks += block->is_exact;
		graph->exact.bytes += block->is_exact ? block->bytes : 0;
	}
}

static int build(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	TRY(collect_blocks(builder));
	TRY(number_blocks(builder));
	TRY(native_edges_find(&builder->edges, graph, builder->sources, builder->progress, builder->error));
	graph->edge_count =
	        builder->edges.from_objects.count + builder->edges.from_blocks.count + builder->edges.from_files.count;
	TRY(turn_edges(builder));
	TRY(find_owners(builder));
	sum_up(graph);
	return OK;
}

int native_graph_open(struct native_graph **ret_graph, const struct native_sources *sources, struct progress *progress,
                      struct error *error)
{
	*ret_graph = NULL;
	struct builder builder = { .sources = sources, .progress = progress, .error = error };
	builder.graph = calloc(1, sizeof *builder.graph);
	if (builder.graph == NULL)
		return no_memory(&builder);
	const int status = build(&builder);
	native_edges_clear(&builder.edges);
	edge_rows_free(&builder.rows);
	components_clear(&builder.components);
	free(builder.claims);
	free(builder.has_exact);
	if (status != OK) {
		native_graph_close(builder.graph);
		return status;
	}
	*ret_graph = builder.graph;
	return OK;
}

void native_graph_close(struct native_graph *graph)
{
	if (graph == NULL)
		return;
	array_free(&graph->blocks);
	object_index_close(&graph->index);
	free(graph);
}
