/* SPDX-License-Identifier: MIT */
#include "analysis/paths.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* A search against the edges. Nodes it has seen are in the queue, so that forgetting them costs no more than seeing
 * them. */
struct search {
	const struct path_request *request;
	uint32_t *toward; /* of a node: the next one on the way to the target; NONE: not seen */
	uint32_t *queue;
	uint32_t seen; /* in the queue */
	uint64_t steps;
	/* What the search is for: any start, or one node. */
	uint32_t wanted;
	uint32_t best; /* the node to go back from, NONE: none found */
	uint32_t best_toward;
	uint64_t best_cost;
};

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for paths");
}

static uint64_t start_cost(uint8_t start)
{
	return ((uint64_t)(start & PATH_LAST_RESORT) << 32) + (start & (PATH_LAST_RESORT - 1u));
}

static void forget(struct search *search)
{
	for (uint32_t i = 0; i < search->seen; i++)
		search->toward[search->queue[i]] = NONE;
	search->seen = 0;
}

static void see(struct search *search, uint32_t node, uint32_t toward)
{
	search->toward[node] = toward;
	search->queue[search->seen++] = node;
}

/* A predecessor of `node`, which is `depth` edges from where the search began. */
static inline void meet(struct search *search, uint32_t from, uint32_t node, uint32_t depth)
{
	if (search->toward[from] != NONE)
		return;
	const uint8_t start = search->request->starts[from];
	uint64_t cost = depth + 1;
	if (from != search->wanted) {
		if (start == PATH_NO_START) {
			see(search, from, node);
			return;
		}
		if (search->wanted != NONE)
			return;
		cost += start_cost(start);
	}
	if (cost < search->best_cost) {
		search->best = from;
		search->best_toward = node;
		search->best_cost = cost;
	}
}

/* From `from`, whose predecessors in `forbidden` do not count, over nodes not seen yet. */
static int search_from(struct search *search, uint32_t from, const uint32_t *forbidden, size_t forbidden_count,
                       struct error *error)
{
	const struct edge_rows *incoming = search->request->incoming;
	uint32_t next = search->seen;
	uint32_t level_end = next + 1;
	uint32_t depth = 0;
	search->best = NONE;
	search->best_cost = UINT64_MAX;
	see(search, from, from);
	while (next < search->seen) {
		if (next == level_end) {
			level_end = search->seen;
			depth++;
			/* A start found now costs at least depth + 1. */
			if (depth + 1 >= search->best_cost)
				break;
		}
		uint32_t node = search->queue[next++];
		for (uint32_t edge = incoming->first[node]; edge < incoming->first[node + 1]; edge++) {
			uint32_t other = incoming->targets[edge];
			bool is_forbidden = false;
			for (size_t i = 0; node == from && i < forbidden_count; i++)
				is_forbidden |= forbidden[i] == other;
			if (!is_forbidden)
				meet(search, other, node, depth);
		}
		if (progress_look(search->request->progress, &search->steps) < 0)
			return progress_cancelled(error);
	}
	return OK;
}

/* The way found last, followed by tail_count nodes of tail, which begins with where the search did. */
static bool make_path(const struct search *search, const uint32_t *tail, uint32_t tail_count, struct path *ret_path)
{
	uint32_t count = 1;
	for (uint32_t node = search->best_toward; node != tail[0]; node = search->toward[node])
		count++;
	const uint8_t start = search->request->starts[search->best];
	*ret_path = (struct path){ .count = count + tail_count };
	ret_path->nodes = malloc((size_t)ret_path->count * sizeof *ret_path->nodes);
	if (ret_path->nodes == NULL)
		return false;
	ret_path->nodes[0] = search->best;
	uint32_t at = 1;
	for (uint32_t node = search->best_toward; node != tail[0]; node = search->toward[node])
		ret_path->nodes[at++] = node;
	memcpy(ret_path->nodes + at, tail, (size_t)tail_count * sizeof *tail);
	ret_path->cost = ret_path->count - 1;
	if (start != PATH_NO_START) {
		ret_path->cost += start & (PATH_LAST_RESORT - 1u);
		ret_path->is_last_resort = start & PATH_LAST_RESORT;
	}
	return true;
}

/* ---- The k shortest ---- */

static bool is_shorter(const struct path *left, const struct path *right)
{
	if (left->is_last_resort != right->is_last_resort)
		return right->is_last_resort;
	return left->cost < right->cost;
}

struct nodes {
	const uint32_t *items;
	uint32_t count;
};

/* The best path that ends in tail and whose node before it is not among forbidden, as a candidate. */
static int add_candidate(struct search *search, struct path_list *candidates, const struct nodes *tail,
                         const struct nodes *forbidden, struct error *error)
{
	for (uint32_t i = 1; i < tail->count; i++)
		see(search, tail->items[i], tail->items[i]);
	int status = search_from(search, tail->items[0], forbidden->items, forbidden->count, error);
	struct path path = { .count = 0 };
	if (status == OK && search->best != NONE) {
		bool is_made = make_path(search, tail->items, tail->count, &path);
		path.deviation = tail->count;
		if (!is_made || !array_push(candidates, path)) {
			free(path.nodes);
			status = no_memory(error);
		}
	}
	forget(search);
	return status;
}

/* Every path that shares its end with `path`, and leaves it at a node behind its deviation. */
static int branch(struct search *search, struct path_list *candidates, const struct path_list *found,
                  const struct path *path, struct error *error)
{
	uint32_t *forbidden = malloc((found->count + 1) * sizeof *forbidden);
	if (forbidden == NULL)
		return no_memory(error);
	int status = OK;
	for (uint32_t tail_count = path->deviation; status == OK && tail_count < path->count; tail_count++) {
		if (tail_count > PATH_BRANCHES && path->count - tail_count > PATH_BRANCHES)
			continue;
		const uint32_t *tail = path->nodes + (path->count - tail_count);
		uint32_t forbidden_count = 0;
		for (size_t i = 0; i < found->count; i++) {
			const struct path *other = &found->items[i];
			if (other->count > tail_count &&
			    memcmp(other->nodes + (other->count - tail_count), tail, tail_count * sizeof *tail) == 0)
				forbidden[forbidden_count++] = other->nodes[other->count - tail_count - 1];
		}
		const struct nodes end = { tail, tail_count }, without = { forbidden, forbidden_count };
		status = add_candidate(search, candidates, &end, &without, error);
	}
	free(forbidden);
	return status;
}

static int take_shortest(struct path_list *found, struct path_list *candidates, struct error *error)
{
	size_t shortest = 0;
	for (size_t i = 1; i < candidates->count; i++)
		if (is_shorter(&candidates->items[i], &candidates->items[shortest]))
			shortest = i;
	if (!array_push(found, candidates->items[shortest]))
		return no_memory(error);
	/* The order of the others stays: of equal ones the one found first is taken. */
	candidates->count--;
	memmove(candidates->items + shortest, candidates->items + shortest + 1,
	        (candidates->count - shortest) * sizeof *candidates->items);
	return OK;
}

/* The end that all paths have in common: the target, or the shortest way from `through` to it. */
static int find_tail(struct search *search, struct path *ret_tail, struct error *error)
{
	const struct path_request *request = search->request;
	*ret_tail = (struct path){ .count = 0 };
	if (request->through == NONE || request->through == request->target) {
		ret_tail->nodes = malloc(sizeof *ret_tail->nodes);
		if (ret_tail->nodes == NULL)
			return no_memory(error);
		ret_tail->nodes[0] = request->target;
		ret_tail->count = 1;
		return OK;
	}
	search->wanted = request->through;
	int status = search_from(search, request->target, NULL, 0, error);
	search->wanted = NONE;
	if (status == OK && search->best != NONE && !make_path(search, &request->target, 1, ret_tail))
		status = no_memory(error);
	forget(search);
	return status;
}

static int find(struct search *search, struct path_list *found, struct path_list *candidates, struct error *error)
{
	struct path tail;
	int status = find_tail(search, &tail, error);
	if (status == OK && tail.count > 1 && search->request->starts[tail.nodes[0]] != PATH_NO_START) {
		/* `through` is itself a start: nothing leads to it. */
		if (array_push(found, tail))
			return OK;
		status = no_memory(error);
	}
	const struct nodes end = { tail.nodes, tail.count }, none = { NULL, 0 };
	if (status == OK && tail.count > 0)
		status = add_candidate(search, candidates, &end, &none, error);
	free(tail.nodes);
	while (status == OK && found->count < search->request->count && candidates->count > 0) {
		status = take_shortest(found, candidates, error);
		if (status == OK && found->count < search->request->count)
			status = branch(search, candidates, found, &found->items[found->count - 1], error);
	}
	return status;
}

int paths_find(struct path_list *ret_paths, const struct path_request *request, struct error *error)
{
	*ret_paths = (struct path_list){ .count = 0 };
	const size_t bytes = ((size_t)request->incoming->node_count + 2) * sizeof(uint32_t);
	struct search search = { .request = request, .wanted = NONE };
	struct path_list candidates = { .count = 0 };
	search.toward = malloc(bytes);
	search.queue = malloc(bytes);
	int status = OK;
	if (search.toward == NULL || search.queue == NULL) {
		status = no_memory(error);
	} else {
		memset(search.toward, 0xff, bytes);
		status = find(&search, ret_paths, &candidates, error);
	}
	path_list_clear(&candidates);
	free(search.toward);
	free(search.queue);
	return status;
}

void path_list_clear(struct path_list *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i].nodes);
	array_free(paths);
}

/* ---- A path to every node ---- */

struct growth {
	struct path_forest *forest;
	const struct edge_rows *outgoing;
	const uint8_t *starts;
	const struct progress *progress;
	uint32_t next;
	uint64_t steps;
};

/* From all starts of one kind, level by level; a start of cost c joins in at level c. */
static int grow(struct growth *growth, uint8_t kind, struct error *error)
{
	struct path_forest *forest = growth->forest;
	const struct edge_rows *outgoing = growth->outgoing;
	uint32_t highest = 0;
	for (uint32_t node = 0; node < outgoing->node_count; node++)
		if (growth->starts[node] != PATH_NO_START && (growth->starts[node] & PATH_LAST_RESORT) == kind &&
		    (growth->starts[node] & ~(uint32_t)PATH_LAST_RESORT) > highest)
			highest = growth->starts[node] & ~(uint32_t)PATH_LAST_RESORT;
	for (uint32_t level = 0; level <= highest || growth->next < forest->count; level++) {
		const uint32_t level_end = forest->count;
		while (growth->next < level_end) {
			const uint32_t node = forest->order[growth->next++];
			for (uint32_t edge = outgoing->first[node]; edge < outgoing->first[node + 1]; edge++) {
				const uint32_t other = outgoing->targets[edge];
				if (forest->before[other] != PATH_NOT_REACHED || growth->starts[other] != PATH_NO_START)
					continue;
				forest->before[other] = node;
				forest->order[forest->count++] = other;
			}
			if (progress_look(growth->progress, &growth->steps) < 0)
				return progress_cancelled(error);
		}
		for (uint32_t node = 0; level <= highest && node < outgoing->node_count; node++) {
			if (growth->starts[node] != (kind | level))
				continue;
			forest->before[node] = node;
			forest->order[forest->count++] = node;
		}
	}
	return OK;
}

int path_forest_grow(struct path_forest *ret_forest, const struct edge_rows *incoming, const uint8_t *starts,
                     struct progress *progress, struct error *error)
{
	const size_t bytes = ((size_t)incoming->node_count + 2) * sizeof(uint32_t);
	struct edge_rows outgoing = { .node_count = 0 };
	*ret_forest = (struct path_forest){ .before = malloc(bytes), .order = malloc(bytes) };
	struct growth growth = { .forest = ret_forest, .outgoing = &outgoing, .starts = starts, .progress = progress };
	int status = ret_forest->before == NULL || ret_forest->order == NULL ? no_memory(error) : OK;
	if (status == OK) {
		memset(ret_forest->before, 0xff, bytes);
		status = edge_rows_turn(&outgoing, incoming, progress, error);
	}
	if (status == OK)
		status = grow(&growth, 0, error);
	if (status == OK)
		status = grow(&growth, PATH_LAST_RESORT, error);
	edge_rows_free(&outgoing);
	if (status < 0)
		path_forest_clear(ret_forest);
	return status;
}

void path_forest_clear(struct path_forest *forest)
{
	free(forest->before);
	free(forest->order);
	*forest = (struct path_forest){ .count = 0 };
}
