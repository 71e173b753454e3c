/* SPDX-License-Identifier: MIT
 * asizeof: what pympler.asizeof.asizeof(o) with its defaults would return in the target: its choice of referents by
 * type, sizes rounded up to 8, classes, functions and code left out, depth limited to 100, depth first in its order
 * (behaviour of Pympler 1.1). Reading an instance's __dict__ makes CPython create the dict; the one that would be
 * created is counted, as it is there.
 *
 * Not the same: what pympler asks by running code: locals of generators, docstrings of enumerate and reversed, the
 * fields of os.stat results, classes that define __len__ or attributes by code. docs/types.md lists them. */
#ifndef PYDS_GRAPH_ASIZEOF_H
#define PYDS_GRAPH_ASIZEOF_H

#include "graph/visited.h"
#include "graph/walk.h"

/* As walk_deep() for POLICY_ASIZEOF; sizes in *result are rounded as pympler's are. */
int asizeof_walk(struct decoder *decoder, struct visited *visited, const struct walk_start *start,
                 struct progress *progress, struct walk_result *result, struct error *error);

#endif
