/* SPDX-License-Identifier: MIT
 * Whose native blocks are, by the words that lead to them. In rounds, each for what the ones before left: from objects
 * through the structures of C; from objects through anything; from objects that no root reaches; from variables of C.
 * Objects come first: libraries keep
 * lists of all that lives in variables, which is not what keeps it alive; but what an object has only by a word that
 * may be left of an earlier use of the memory is the variables', if they have it by others: tables of a library, far
 * larger than the object, are not to be given to it by chance. Buffers come late: of a page of a database or an image
 * much was not written since it had another use. */
#include "graph/native/native_graph.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"

enum {
	SPARSE_BYTES =
	        4096, /* a block at least as large, with fewer than one pointer in SPARSE_WORDS words, is a buffer */
	SPARSE_WORDS = 64,
	FARTHER = 2, /* a way longer by as many blocks says nothing against a shorter one */
	MUTUAL_WORDS = 64, /* of a block, that are looked at for the way back */
	TREE_STEPS = 4096, /* up the dominator tree for one meeting point; further up it is the process's */
};

enum block_mark {
	MARK_START = 1, /* some word is its address: words inside it say nothing */
	MARK_START_BY_OBJECT = 2, /* a word in an object's body is: those inside it say nothing in bodies either */
	MARK_TAKEN = 4, /* has its claim, or an object names it: words in other blocks say nothing */
	MARK_SPARSE = 8, /* a buffer */
	MARK_START_BY_BLOCK = 16, /* a word in another block, which is no buffer, is its address */
	MARK_DOUBTFUL = 32, /* has its claim, and each way of it goes by CLAIM_LEFT or CLAIM_SPARSE somewhere */
};

enum claim_strength {
	CLAIM_SPARSE, /* a word among much that is no pointer */
	CLAIM_LEFT, /* a word in a block of C that may be left of an earlier use of the memory: the last one of a chunk,
	             * which malloc() gives where fewer bytes were asked for; or one whose lowest byte is 0: a truth
	             * value with the rest of an older pointer in the seven bytes of its padding (expat's parser has
	             * one) */
	CLAIM_INSIDE, /* a word in an object's body that points inside a block of which others have the address: where
	               * a stream wrote its output last (bz2's next_out), somebody else's memory may be by now */
	CLAIM_STRUCTURE, /* a word in a block of C */
	CLAIM_MUTUAL, /* such a word, and the block that it leads to has the address of the one that it stands in: a
	               * tree's node and its parent. What is left of an earlier use of memory is never known by
	               * what it names */
	CLAIM_BODY, /* a word in an object's body */
	CLAIM_EXACT_OF_C, /* what a decoder knows of an object that only C code holds: of whom, nobody knows */
	CLAIM_EXACT, /* what a decoder knows */
};

/* What leads to a block: of ways that differ in strength the strongest one says whose it is, and of those that are
 * alike one that is shorter by far. */
struct claim {
	uint32_t owner;
	uint32_t distance; /* blocks between */
	uint32_t holder; /* enum native_holder */
	uint32_t strength; /* enum claim_strength */
	bool is_doubtful; /* MARK_DOUBTFUL */
};

/* The blocks with words that count in a round, in order: most blocks have none, and are what ways end at. */
struct inner {
	uint32_t count;
	uint32_t *block; /* index of each */
	uint32_t *first; /* its words: targets[first[i]] up to targets[first[i + 1]] */
	uint32_t *targets; /* blocks, with NATIVE_TAIL */
	struct components components; /* of inner blocks, by their place here */
	uint32_t *head; /* of each, where its claim is: the first block of its component */
	uint64_t *members; /* of every block whether it is one of them, a bit; NULL: none is */
	uint32_t *before; /* of them, before each word of that */
};

struct claims {
	struct native_graph *graph;
	const struct dominators *dominators;
	uint32_t c_holder; /* number of what C code holds */
	const struct native_edges *edges;
	struct progress *progress;
	struct error *error;
	uint8_t *marks; /* enum block_mark, of blocks */
	/* Of blocks, most of them 0, of which nothing is written; the rest of each claim is in the block. While a round
	 * goes on, a component's claim is its first block's. */
	uint32_t *distance;
	struct inner inner; /* of one round */
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
			claims->marks[native_edge_block(&edges->items[i])] |= marks;
}

static void mark_starts_by_objects(struct claims *claims, const native_edge_array *exact,
                                   const native_edge_array *words)
{
	mark_starts(claims, exact, MARK_START | MARK_START_BY_OBJECT);
	mark_starts(claims, words, MARK_START | MARK_START_BY_OBJECT);
}

/* The block that an edge leads to; UINT32_MAX: it points inside a block that others, with one of the marks, name by its
 * address. */
static uint32_t target_marked(const struct claims *claims, const struct native_edge *edge, uint8_t marks)
{
	const uint32_t target = native_edge_block(edge);
	return (edge->target & NATIVE_INSIDE) != 0 && (claims->marks[target] & marks) != 0 ? UINT32_MAX : target;
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
		if (edge->target != edge->source && (edge->target & (NATIVE_INSIDE | NATIVE_TAIL)) == 0 &&
		    (claims->marks[edge->source] & MARK_SPARSE) == 0)
			claims->marks[edge->target] |= MARK_START_BY_BLOCK;
	}
}

static bool is_weak(const struct claims *claims, const struct native_edge *edge)
{
	return (edge->target & NATIVE_INSIDE) != 0 &&
	       (claims->marks[native_edge_block(edge)] & MARK_START_BY_BLOCK) != 0;
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
		const uint64_t bytes = native_block_bytes(&claims->graph->blocks.items[i]);
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

static bool is_object(uint32_t holder)
{
	return holder == NATIVE_OBJECT || holder == NATIVE_GARBAGE;
}

/* Whether a way says better whose a component is than what is known. */
static bool is_better(const struct claim *more, const struct claim *known)
{
	if (known->holder == NATIVE_UNSEEN)
		return true;
	if (more->holder != known->holder)
		return (is_object(known->holder) && known->is_doubtful && !more->is_doubtful) ||
		       (more->strength >= CLAIM_EXACT_OF_C && known->strength < CLAIM_EXACT_OF_C);
	if (more->strength < known->strength)
		return false;
	return more->strength > known->strength || more->distance + FARTHER <= known->distance;
}

static struct claim claim_of(const struct claims *claims, uint32_t block)
{
	const struct native_block *of = &claims->graph->blocks.items[block];
	return (struct claim){ of->owner, claims->distance[block], of->holder, of->strength,
		               (claims->marks[block] & MARK_DOUBTFUL) != 0 };
}

static void set_claim(struct claims *claims, uint32_t block, struct claim claim)
{
	struct native_block *of = &claims->graph->blocks.items[block];
	of->owner = claim.owner;
	of->holder = (uint8_t)claim.holder;
	of->strength = (uint8_t)claim.strength;
	if (claims->distance[block] != claim.distance)
		claims->distance[block] = claim.distance;
	const uint8_t others = claims->marks[block] & (uint8_t)~MARK_DOUBTFUL;
	claims->marks[block] = others | (claim.is_doubtful ? MARK_DOUBTFUL : 0);
}

/* Where among the inner blocks one is; UINT32_MAX: nowhere. */
static uint32_t place_of(const struct inner *inner, uint32_t block)
{
	const uint64_t word = inner->members != NULL ? inner->members[block / 64] : 0;
	if ((word >> block % 64 & 1) == 0)
		return UINT32_MAX;
	const uint64_t below = word & ((UINT64_C(1) << block % 64) - 1);
	return inner->before[block / 64] + (uint32_t)__builtin_popcountll(below);
}

/* Other blocks are components of their own. */
static uint32_t head_of(const struct claims *claims, uint32_t block)
{
	const uint32_t place = place_of(&claims->inner, block);
	return place != UINT32_MAX ? claims->inner.head[place] : block;
}

/* One more way leads to the component of a block. */
static inline void lead_to(struct claims *claims, uint32_t block, const struct claim *more)
{
	const uint32_t head = head_of(claims, block);
	struct claim claim = claim_of(claims, head);
	const bool is_doubtful = more->is_doubtful && (claim.holder != more->holder || claim.is_doubtful);
	if (is_better(more, &claim)) {
		claim = *more;
		claim.is_doubtful = is_doubtful;
		set_claim(claims, head, claim);
	} else if (claim.holder == NATIVE_OBJECT && more->holder == NATIVE_OBJECT && claim.strength == more->strength &&
	           more->distance < claim.distance + FARTHER) {
		claim.owner = meet(claims->dominators, claim.owner, more->owner);
		claim.distance = more->distance < claim.distance ? more->distance : claim.distance;
		claim.is_doubtful = is_doubtful;
		set_claim(claims, head, claim);
	} else if (claim.holder == more->holder && !is_doubtful) {
		claims->marks[head] &= (uint8_t)~MARK_DOUBTFUL;
	}
}

/* Whether the block that an edge leads to has a word for the one that it comes from. */
static bool is_mutual(const struct claims *claims, const struct native_edge *edge)
{
	const native_edge_array *edges = &claims->edges->from_blocks;
	const uint32_t target = native_edge_block(edge);
	const size_t first = array_first_not_below(edges, source, target);
	for (size_t i = first; i < edges->count && edges->items[i].source == target && i - first < MUTUAL_WORDS; i++)
		if (native_edge_block(&edges->items[i]) == edge->source)
			return true;
	return false;
}

static uint8_t strength_of(const struct claims *claims, const struct native_edge *edge)
{
	if ((claims->marks[edge->source] & MARK_SPARSE) != 0)
		return CLAIM_SPARSE;
	const uint64_t address = claims->graph->blocks.items[native_edge_block(edge)].address;
	if ((edge->target & NATIVE_TAIL) != 0 || (address & 0xff) == 0)
		return CLAIM_LEFT;
	return is_mutual(claims, edge) ? CLAIM_MUTUAL : CLAIM_STRUCTURE;
}

/* From components to those that they lead to, which have smaller numbers: each is final when its turn comes. */
static int spread(struct claims *claims)
{
	const struct inner *inner = &claims->inner;
	const struct components *components = &inner->components;
	for (uint32_t c = components->count; c-- > 0;) {
		const uint32_t head = inner->block[components->nodes[components->first[c]]];
		struct claim claim = claim_of(claims, head);
		const bool is_doubtful = claim.is_doubtful;
		if (claim.holder == NATIVE_UNSEEN)
			continue;
		claim.distance++;
		for (uint32_t i = components->first[c]; i < components->first[c + 1]; i++) {
			const uint32_t place = components->nodes[i];
			for (uint32_t j = inner->first[place]; j < inner->first[place + 1]; j++) {
				const struct native_edge edge = { inner->block[place], inner->targets[j] };
				if (head_of(claims, native_edge_block(&edge)) == head)
					continue;
				claim.strength = strength_of(claims, &edge);
				claim.is_doubtful = is_doubtful || claim.strength <= CLAIM_LEFT;
				lead_to(claims, native_edge_block(&edge), &claim);
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
		const uint32_t target = is_object(holder) ? target_of_object(claims, &edges->items[i])
		                                          : target_of(claims, &edges->items[i]);
		const uint32_t source = edges->items[i].source;
		enum claim_strength own = strength;
		if (strength == CLAIM_EXACT && holder == NATIVE_OBJECT &&
		    claims->dominators->idom[source] == claims->c_holder)
			own = CLAIM_EXACT_OF_C;
		else if (strength == CLAIM_BODY && is_object(holder) && is_weak(claims, &edges->items[i]))
			own = CLAIM_INSIDE;
		if (target != UINT32_MAX)
			lead_to(claims, target, &(struct claim){ source, 0, holder, own, false });
	}
}

/* ---- Rounds ---- */

enum round { ROUND_STRUCTURES, ROUND_BUFFERS, ROUND_GARBAGE, ROUND_VARIABLES };

static void inner_clear(struct inner *inner)
{
	free(inner->block);
	free(inner->first);
	free(inner->targets);
	free(inner->head);
	free(inner->members);
	free(inner->before);
	components_clear(&inner->components);
	*inner = (struct inner){ .count = 0 };
}

/* The block that a word leads to in a round; UINT32_MAX: the word does not count. */
static uint32_t target_in(const struct claims *claims, enum round round, const struct native_edge *edge)
{
	/* Compressed data, pixels and numbers look like addresses often enough to hit a large block somewhere. */
	if ((claims->marks[edge->source] & MARK_SPARSE) != 0 &&
	    (round == ROUND_STRUCTURES || (edge->target & NATIVE_DEEP) != 0))
		return UINT32_MAX;
	const uint32_t target = target_of(claims, edge);
	return target != UINT32_MAX && target != edge->source && (claims->marks[target] & MARK_TAKEN) == 0 ? target
	                                                                                                   : UINT32_MAX;
}

static int list_inner(struct claims *claims, enum round round)
{
	const native_edge_array *edges = &claims->edges->from_blocks;
	struct inner *inner = &claims->inner;
	uint32_t last = UINT32_MAX, kept = 0, count = 0;
	for (size_t i = 0; i < edges->count; i++) {
		if (target_in(claims, round, &edges->items[i]) == UINT32_MAX)
			continue;
		count += edges->items[i].source != last;
		last = edges->items[i].source;
		kept++;
	}
	if (kept == 0)
		return OK;
	inner->block = malloc(count * sizeof *inner->block);
	inner->first = malloc(((size_t)count + 1) * sizeof *inner->first);
	inner->targets = malloc(kept * sizeof *inner->targets);
	inner->head = malloc(count * sizeof *inner->head);
	if (inner->block == NULL || inner->first == NULL || inner->targets == NULL || inner->head == NULL)
		return no_memory(claims);
	kept = 0;
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = target_in(claims, round, &edges->items[i]);
		if (target == UINT32_MAX)
			continue;
		if (inner->count == 0 || inner->block[inner->count - 1] != edges->items[i].source) {
			inner->block[inner->count] = edges->items[i].source;
			inner->first[inner->count++] = kept;
		}
		inner->targets[kept++] = target | (edges->items[i].target & NATIVE_TAIL);
	}
	inner->first[count] = kept;
	return OK;
}

static int mark_members(struct claims *claims)
{
	struct inner *inner = &claims->inner;
	const size_t words = claims->graph->blocks.count / 64 + 1;
	uint32_t before = 0;
	inner->members = calloc(words, sizeof *inner->members);
	inner->before = malloc(words * sizeof *inner->before);
	if (inner->members == NULL || inner->before == NULL)
		return no_memory(claims);
	for (uint32_t i = 0; i < inner->count; i++)
		inner->members[inner->block[i] / 64] |= UINT64_C(1) << inner->block[i] % 64;
	for (size_t i = 0; i < words; i++) {
		inner->before[i] = before;
		before += (uint32_t)__builtin_popcountll(inner->members[i]);
	}
	return OK;
}

/* Which inner blocks lead to one another. Others are no part of a cycle: a word for one of them stands as one for the
 * block itself. */
static int join_inner(struct claims *claims)
{
	struct inner *inner = &claims->inner;
	const struct edge_rows rows = { .node_count = inner->count,
		                        .first = inner->first,
		                        .targets = malloc(inner->first[inner->count] * sizeof *rows.targets) };
	if (rows.targets == NULL)
		return no_memory(claims);
	for (uint32_t i = 0; i < inner->count; i++)
		for (uint32_t j = inner->first[i]; j < inner->first[i + 1]; j++) {
			const uint32_t target = place_of(inner, inner->targets[j] & ~NATIVE_TAIL);
			rows.targets[j] = target != UINT32_MAX ? target : i;
		}
	const int status = components_find(&inner->components, &rows, claims->progress, claims->error);
	free(rows.targets);
	TRY(status);
	return OK;
}

/* A component's claim is its first block's, and the last that is known of its blocks. */
static void join_claims(struct claims *claims)
{
	const struct inner *inner = &claims->inner;
	const struct components *components = &inner->components;
	for (uint32_t c = 0; c < components->count; c++) {
		const uint32_t head = inner->block[components->nodes[components->first[c]]];
		for (uint32_t i = components->first[c]; i < components->first[c + 1]; i++) {
			const uint32_t block = inner->block[components->nodes[i]];
			inner->head[components->nodes[i]] = head;
			if (claims->graph->blocks.items[block].holder != NATIVE_UNSEEN)
				set_claim(claims, head, claim_of(claims, block));
		}
	}
}

static int turn_inner(struct claims *claims, enum round round)
{
	inner_clear(&claims->inner);
	TRY(list_inner(claims, round));
	if (claims->inner.count == 0)
		return OK;
	TRY(mark_members(claims));
	TRY(join_inner(claims));
	join_claims(claims);
	return OK;
}

/* Whether a round has something to find. */
static bool is_worth(const struct claims *claims, enum round round)
{
	if (round == ROUND_GARBAGE)
		return claims->edges->exact_garbage.count + claims->edges->from_garbage.count > 0;
	const native_edge_array *edges =
	        round == ROUND_VARIABLES ? &claims->edges->from_files : &claims->edges->from_blocks;
	for (size_t i = 0; i < edges->count; i++) {
		const uint32_t target = target_of(claims, &edges->items[i]);
		if (target != UINT32_MAX && (claims->marks[target] & MARK_TAKEN) == 0 &&
		    (round == ROUND_VARIABLES ||
		     claims->graph->blocks.items[edges->items[i].source].holder != NATIVE_UNSEEN))
			return true;
	}
	return false;
}

static int claim_round(struct claims *claims, enum round round)
{
	const uint32_t count = (uint32_t)claims->graph->blocks.count;
	if (round == ROUND_GARBAGE) {
		mark_starts_by_objects(claims, &claims->edges->exact_garbage, &claims->edges->from_garbage);
		mark_named(claims, &claims->edges->exact_garbage);
		mark_named(claims, &claims->edges->from_garbage);
	}
	TRY(turn_inner(claims, round));
	if (round == ROUND_STRUCTURES) {
		seed(claims, &claims->edges->exact, NATIVE_OBJECT, CLAIM_EXACT);
		seed(claims, &claims->edges->from_objects, NATIVE_OBJECT, CLAIM_BODY);
	} else if (round == ROUND_GARBAGE) {
		seed(claims, &claims->edges->exact_garbage, NATIVE_GARBAGE, CLAIM_EXACT);
		seed(claims, &claims->edges->from_garbage, NATIVE_GARBAGE, CLAIM_BODY);
	} else if (round == ROUND_VARIABLES) {
		seed(claims, &claims->edges->from_files, NATIVE_STATIC, CLAIM_BODY);
	}
	TRY(spread(claims));
	for (uint32_t i = 0; i < claims->inner.count; i++)
		if (claims->inner.head[i] != claims->inner.block[i])
			set_claim(claims, claims->inner.block[i], claim_of(claims, claims->inner.head[i]));
	for (uint32_t i = 0; i < count; i++) {
		if (claims->graph->blocks.items[i].holder != NATIVE_UNSEEN && (claims->marks[i] & MARK_DOUBTFUL) == 0)
			claims->marks[i] |= MARK_TAKEN;
	}
	return OK;
}

static int find(struct claims *claims)
{
	const size_t count = claims->graph->blocks.count;
	claims->marks = calloc(count + 1, sizeof *claims->marks);
	claims->distance = calloc(count + 1, sizeof *claims->distance);
	if (claims->marks == NULL || claims->distance == NULL)
		return no_memory(claims);
	mark_starts_by_objects(claims, &claims->edges->exact, &claims->edges->from_objects);
	mark_starts(claims, &claims->edges->from_blocks, MARK_START);
	mark_starts(claims, &claims->edges->from_files, MARK_START);
	mark_sparse(claims);
	mark_starts_by_blocks(claims);
	mark_named(claims, &claims->edges->exact);
	mark_named(claims, &claims->edges->from_objects);
	TRY(claim_round(claims, ROUND_STRUCTURES));
	for (int round = ROUND_BUFFERS; round <= ROUND_VARIABLES; round++)
		if (is_worth(claims, (enum round)round))
			TRY(claim_round(claims, (enum round)round));
	for (size_t i = 0; i < count; i++) {
		struct native_block *block = &claims->graph->blocks.items[i];
		block->is_exact = block->strength >= CLAIM_EXACT_OF_C;
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
	inner_clear(&claims.inner);
	free(claims.marks);
	free(claims.distance);
	return status;
}
