/* SPDX-License-Identifier: MIT
 * paths: the shortest ways to a node from where things start, of a graph given as incoming rows. Pure: knows nothing of
 * objects.
 *
 * Starts are nodes with a cost. A path begins at a start, passes no other one, and visits no node twice; it costs its
 * edges and what its start costs. Starts of the last resort count only where no other start leads to the node: any
 * path from them is longer than any other path. */
#ifndef PYDS_ANALYSIS_PATHS_H
#define PYDS_ANALYSIS_PATHS_H

#include <stdint.h>

#include "base/array.h"
#include "base/error.h"
#include "analysis/edge_rows.h"
#include "base/progress.h"

enum {
	PATH_NO_START = 0xff,
	PATH_LAST_RESORT = 0x80, /* or-ed to the cost of a start, which is below it */
};

struct path {
	uint32_t *nodes; /* from the start to the node that was asked for */
	uint32_t count;
	uint32_t cost; /* edges, and what the start costs without PATH_LAST_RESORT */
	bool is_last_resort;
	uint32_t deviation; /* for paths_find(): how many nodes of its end it shares with the path it was made from */
};

struct path_list {
	struct path *items;
	size_t count, capacity;
};

struct path_request {
	const struct edge_rows *incoming;
	const uint8_t *starts; /* by node: the cost, or PATH_NO_START */
	uint32_t target;
	uint32_t through; /* UINT32_MAX; or a node: the shortest way from it to the target, then the paths to it */
	uint32_t count; /* how many paths at most */
	const struct progress *progress; /* may be NULL */
};

/* The `count` shortest paths, shortest first (Yen's algorithm, with Lawler's rule against finding one twice): a search
 * breadth first from the target against the edges for the first one, one for each node of it for every other. Of a path
 * of more than 2 * PATH_BRANCHES nodes only that many at its two ends are left for others. Takes 8 bytes a node.
 * *ret_paths, which the caller clears, may hold fewer paths, also on ERROR_CANCELLED. */
enum { PATH_BRANCHES = 64 };
int paths_find(struct path_list *ret_paths, const struct path_request *request, struct error *error);
void path_list_clear(struct path_list *paths);

/* A shortest path to every node at once: a forest whose trees begin at the starts. */
struct path_forest {
	uint32_t *before; /* of a node: the one before it on its path; PATH_NOT_REACHED; of a start: itself */
	uint32_t *order; /* reached nodes, nearest first: a node stands after the one before it */
	uint32_t count; /* reached nodes, starts included */
};
#define PATH_NOT_REACHED UINT32_MAX

/* Takes 8 bytes a node, and 4 bytes a node and an edge while it works. */
int path_forest_grow(struct path_forest *ret_forest, const struct edge_rows *incoming, const uint8_t *starts,
                     struct progress *progress, struct error *error);
void path_forest_clear(struct path_forest *forest);

#endif
