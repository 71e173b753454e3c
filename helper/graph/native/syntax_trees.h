/* SPDX-License-Identifier: MIT
 * syntax_trees: the blocks in which CPython keeps the syntax tree of source (Python/pyarena.c): of what is compiled,
 * and of a program that is run as a file or by -c for as long as it runs (Python/pythonrun.c frees the arena after
 * run_mod()). Only variables on a C stack lead to them, so they are told by what stands at their begin. */
#ifndef PYDS_GRAPH_SYNTAX_TREES_H
#define PYDS_GRAPH_SYNTAX_TREES_H

#include "graph/native/native_graph.h"

/* Gives them their holder; to be called when the blocks are in order and before anything claims them. */
void syntax_trees_mark(struct native_graph *graph, struct reader *reader);

#endif
