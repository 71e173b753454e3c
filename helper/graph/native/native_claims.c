/* SPDX-License-Identifier: MIT
 * Whose native blocks are, by the words that lead to them. In rounds, each for what the ones before left: from objects
 * through the structures of C; from objects through anything; from variables of C. Objects come first: libraries keep
 * lists of all that lives in variables, which is not what keeps it alive. Buffers come late: of a page of a database or
 * an image much was not written since it had another use. */
#include "graph/native/native_graph.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"

enum {
	SPARSE_BYTES =
	        4096, /* a block at least as large, with fewer than one pointer in SPARSE_WORDS words, is a buffer */
	SPARSE_WORDS = 64,
	FARTHER = 2, /* a way longer by as many blocks says nothing against a shorter one */
	TREE_STEPS = 4096, /* up the dominator tree for one meeting point; further up it is the process's */
};

enum block_mark {
	MARK_START = 1, /* some word is its address: words inside it say nothing */
	MARK_START_BY_OBJECT = 2, /* a word in an object's body is: those inside it say nothing in bodies either */
	MARK_TAKEN = 4, /* has its claim, or an object names it: words in other blocks say nothing */
	MARK_SPARSE = 8, /* a buffer */
	MARK_START_BY_BLOCK = 16, /* a word in another block, which is no buffer, is its address */
};

enum claim_strength {
	CLAIM_SPARSE, /* a word among much that is no pointer */
	CLAIM_INSIDE, /* a word in an object's body that points inside a block of which others have the address: where
	               * a stream wrote its output last (bz2's next_out), somebody else's memory may be by now */
	CLAIM_STRUCTURE, /* a word in a block of C */
	CLAIM_BODY, /* a word in an object's body */
	CLAIM_EXACT_OF_C, /* what a decoder knows of an object that only C code holds: of whom, nobody knows */
	CLAIM_EXACT, /* what a decoder knows */
};

/* What leads to a block: of ways that differ in strength the strongest one says whose it is, and of those that are
 * alike one that is shorter by far. */
struct claim {
	uint32_t owner;
	uint32_t distance; /* blocks between */
	uint8_t holder; /* enum native_holder */
	uint8_t strength; /* enum claim_strength */
};

struct claims {
	struct native_graph *graph;
	const struct dominators *dominators;
	uint32_t c_holder; /* number of what C code holds */
	const struct native_edges *edges;
	struct progress *progress;
	struct error *error;
	uint8_t *marks; /* enum block_mark, of blocks */
	struct claim *of; /* of blocks */
	/* Of one round: */
	struct edge_rows rows; /* edges between blocks */
	struct components components;
	struct claim *parts; /* of components */
	uint64_t steps;
};

static int no_memory(struct claims *claims)
{
	return error_set(claims->error, ERROR_NO_MEMORY, "out of memory for the owners of native blocks");
}

/* ---- Marks ---- */

static void mark_starts(struct claims *claims, const native_edge_array *edges, uint8_t marks)
{
	for (size_t i = 0; i < edges->count; i++)
		if ((edges->items[i].target & NATIVE_INSIDE) == 0)
			claims->marks[edges->items[i].target] |= marks;
}

/* The block that an edge leads to; UINT32_MAX: it points inside a block that others, with one of the marks, name by its
 * address. */
static uint32_t target_marked(const struct claims *claims, const struct native_edge *edge, uint8_t marks)
{
	const uint32_t target = edge->target & ~NATIVE_INSIDE;
	return edge->target != target && (claims->marks[target] & marks) != 0 ? UINT32_MAX : target;
}

/* Of a word in a body: arenas (upb's) begin inside a block of their own, whose address only their list of blocks has:
 * these make one component. */
static uint32_t target_of_object(const struct claims *claims, const struct native_edge *edge)
{
	return target_marked(claims, edge, MARK_START_BY_OBJECT);
}

static uint32_t target_of(const struct claims *claims, const struct native_edge *edge)
{
	return target_marked(claims, edge, MARK_START);
}

static void mark_starts_by_blocks(struct claims *claims)
{
	const native_edge_array *edges = &claims->edges->from_blocks;
	for (size_t i = 0; i < edges->count; i++) {
		const struct native_edge *edge = &edges->items[i];
		if (edge->target != edge->source && (edge->target & NATIVE_INSIDE) == 0 &&
		    (claims->marks[edge->source] & MARK_SPARSE) == 0)
			claims->marks[edge->target] |= MARK_START_BY_BLOCK;
	}
}

static bool is_weak(const struct claims *claims, const struct native_edge *edge)
{
	return (edge->target & NATIVE_INSIDE) != 0 &&
	       (claims->marks[edge->target & ~NATIVE_INSIDE] & MARK_START_BY_BLOCK) != 0;
}

/* What has a connection mostly knows its connection: that must not make one of all that hangs on it. */
static void mark_named(struct claims *claims, const native_edge_array *edges)
{
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = target_of_object(claims, &edges->items[i]);
		if (target != UINT32_MAX && !is_weak(claims, &edges->items[i]))
			claims->marks[target] |= MARK_TAKEN;
	}
}

static void mark_sparse(struct claims *claims)
{
	const native_edge_array *edges = &claims->edges->from_blocks;
	size_t next = 0;
	for (size_t i = 0; i < claims->graph->blocks.count; i++) {
		const uint64_t bytes = claims->graph->blocks.items[i].bytes;
		const size_t first = next;
		while (next < edges->count && edges->items[next].source == i)
			next++;
		if (bytes >= SPARSE_BYTES && (next - first) * SPARSE_WORDS * 8 < bytes)
			claims->marks[i] |= MARK_SPARSE;
	}
}

/* ---- Claims ---- */

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
static void lead_to(struct claims *claims, uint32_t component, struct claim more)
{
	struct claim *claim = &claims->parts[component];
	if (is_better(&more, claim)) {
		*claim = more;
	} else if (claim->holder == NATIVE_OBJECT && more.holder == NATIVE_OBJECT && claim->strength == more.strength &&
	           more.distance < claim->distance + FARTHER) {
		claim->owner = meet(claims->dominators, claim->owner, more.owner);
		claim->distance = more.distance < claim->distance ? more.distance : claim->distance;
	}
}

/* From components to those that they lead to, which have smaller numbers: each is final when its turn comes. */
static int spread(struct claims *claims)
{
	const struct components *components = &claims->components;
	for (uint32_t c = components->count; c-- > 0;) {
		struct claim claim = claims->parts[c];
		if (claim.holder == NATIVE_UNSEEN)
			continue;
		claim.distance++;
		for (uint32_t i = components->first[c]; i < components->first[c + 1]; i++) {
			const uint32_t node = components->nodes[i];
			claim.strength = (claims->marks[node] & MARK_SPARSE) != 0 ? CLAIM_SPARSE : CLAIM_STRUCTURE;
			for (uint32_t j = claims->rows.first[node]; j < claims->rows.first[node + 1]; j++) {
				const uint32_t other = components->of[claims->rows.targets[j]];
				if (other != c)
					lead_to(claims, other, claim);
			}
			if (progress_look(claims->progress, &claims->steps) != OK)
				return progress_cancelled(claims->error);
		}
	}
	return OK;
}

static void seed(struct claims *claims, const native_edge_array *edges, enum native_holder holder,
                 enum claim_strength strength)
{
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = holder == NATIVE_OBJECT ? target_of_object(claims, &edges->items[i])
		                                                : target_of(claims, &edges->items[i]);
		const uint32_t source = edges->items[i].source;
		enum claim_strength own = strength;
		if (strength == CLAIM_EXACT && claims->dominators->idom[source] == claims->c_holder)
			own = CLAIM_EXACT_OF_C;
		else if (strength == CLAIM_BODY && holder == NATIVE_OBJECT && is_weak(claims, &edges->items[i]))
			own = CLAIM_INSIDE;
		if (target != UINT32_MAX)
			lead_to(claims, claims->components.of[target],
			        (struct claim){ source, 0, (uint8_t)holder, (uint8_t)own });
	}
}

/* ---- Rounds ---- */

enum round { ROUND_STRUCTURES, ROUND_BUFFERS, ROUND_VARIABLES };

/* The words that count in a round. */
static void turn_edges(struct claims *claims, enum round round)
{
	const native_edge_array *edges = &claims->edges->from_blocks;
	const uint32_t count = claims->rows.node_count;
	uint32_t kept = 0;
	size_t next = 0;
	for (uint32_t i = 0; i < count; i++) {
		const bool is_asked = round != ROUND_STRUCTURES || (claims->marks[i] & MARK_SPARSE) == 0;
		claims->rows.first[i] = kept;
		for (; next < edges->count && edges->items[next].source == i; next++) {
			const uint32_t target = target_of(claims, &edges->items[next]);
			if (is_asked && target != UINT32_MAX && target != i &&
			    (claims->marks[target] & MARK_TAKEN) == 0)
				claims->rows.targets[kept++] = target;
		}
	}
	claims->rows.first[count] = kept;
}

/* Whether a round has something to find. */
static bool is_worth(const struct claims *claims, enum round round)
{
	const native_edge_array *edges =
	        round == ROUND_VARIABLES ? &claims->edges->from_files : &claims->edges->from_blocks;
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = target_of(claims, &edges->items[i]);
		if (target != UINT32_MAX && (claims->marks[target] & MARK_TAKEN) == 0 &&
		    (round == ROUND_VARIABLES || (claims->marks[edges->items[i].source] & MARK_TAKEN) != 0))
			return true;
	}
	return false;
}

static int claim_round(struct claims *claims, enum round round)
{
	const uint32_t count = claims->rows.node_count;
	turn_edges(claims, round);
	components_clear(&claims->components);
	TRY(components_find(&claims->components, &claims->rows, claims->progress, claims->error));
	for (uint32_t c = 0; c < claims->components.count; c++)
		claims->parts[c] = (struct claim){ 0, 0, NATIVE_UNSEEN, CLAIM_SPARSE };
	for (uint32_t i = 0; i < count; i++)
		if (claims->of[i].holder != NATIVE_UNSEEN)
			claims->parts[claims->components.of[i]] = claims->of[i];
	if (round == ROUND_STRUCTURES) {
		seed(claims, &claims->edges->exact, NATIVE_OBJECT, CLAIM_EXACT);
		seed(claims, &claims->edges->from_objects, NATIVE_OBJECT, CLAIM_BODY);
	} else if (round == ROUND_VARIABLES) {
		seed(claims, &claims->edges->from_files, NATIVE_STATIC, CLAIM_BODY);
	}
	TRY(spread(claims));
	for (uint32_t i = 0; i < count; i++) {
		claims->of[i] = claims->parts[claims->components.of[i]];
		if (claims->of[i].holder != NATIVE_UNSEEN)
			claims->marks[i] |= MARK_TAKEN;
	}
	return OK;
}

static int find(struct claims *claims)
{
	const size_t count = claims->graph->blocks.count;
	claims->rows.node_count = (uint32_t)count;
	claims->rows.first = malloc((count + 1) * sizeof *claims->rows.first);
	claims->rows.targets = malloc((claims->edges->from_blocks.count + 1) * sizeof *claims->rows.targets);
	claims->marks = calloc(count + 1, sizeof *claims->marks);
	claims->of = malloc((count + 1) * sizeof *claims->of);
	claims->parts = malloc((count + 1) * sizeof *claims->parts);
	if (claims->rows.first == NULL || claims->rows.targets == NULL || claims->marks == NULL || claims->of == NULL ||
	    claims->parts == NULL)
		return no_memory(claims);
	mark_starts(claims, &claims->edges->exact, MARK_START | MARK_START_BY_OBJECT);
	mark_starts(claims, &claims->edges->from_objects, MARK_START | MARK_START_BY_OBJECT);
	mark_starts(claims, &claims->edges->from_blocks, MARK_START);
	mark_starts(claims, &claims->edges->from_files, MARK_START);
	mark_sparse(claims);
	mark_starts_by_blocks(claims);
	mark_named(claims, &claims->edges->exact);
	mark_named(claims, &claims->edges->from_objects);
	for (size_t i = 0; i < count; i++)
		claims->of[i] = (struct claim){ 0, 0, NATIVE_UNSEEN, CLAIM_SPARSE };
	TRY(claim_round(claims, ROUND_STRUCTURES));
	for (int round = ROUND_BUFFERS; round <= ROUND_VARIABLES; round++)
		if (is_worth(claims, (enum round)round))
			TRY(claim_round(claims, (enum round)round));
	for (size_t i = 0; i < count; i++) {
		struct native_block *block = &claims->graph->blocks.items[i];
		block->holder = claims->of[i].holder;
		block->owner = claims->of[i].owner;
		block->is_exact = claims->of[i].strength >= CLAIM_EXACT_OF_C;
	}
	return OK;
}

int native_claims_find(struct native_graph *graph, const struct native_sources *sources,
                       const struct native_edges *edges, struct progress *progress, struct error *error)
{
	struct claims claims = {
		.graph = graph,
		.dominators = sources->dominators,
		.c_holder = sources->dominators->number[sources->heap->index.count + sources->heap->roots.c_holder],
		.edges = edges,
		.progress = progress,
		.error = error
	};
	const int status = find(&claims);
	edge_rows_free(&claims.rows);
	components_clear(&claims.components);
	free(claims.marks);
	free(claims.of);
	free(claims.parts);
	return status;
}
