/* SPDX-License-Identifier: MIT
 * pool_blocks: what of Python's own allocators, pymalloc and mimalloc, is in use and neither an object nor a part of
 * one that is known: memory that C code takes by PyMem_Malloc() and PyObject_Malloc() (expat's parsers), and objects
 * that wait in free lists; and blocks in use of the mimalloc that a library was linked with. */
#ifndef PYDS_GRAPH_POOL_BLOCKS_H
#define PYDS_GRAPH_POOL_BLOCKS_H

#include "graph/native/native_graph.h"

typedef ARRAY(struct native_block) native_block_array;

/* Appends them, in order of address within each allocator. A pool whose free list makes no sense is left out. */
int pool_blocks_find(native_block_array *blocks, const struct native_sources *sources, struct progress *progress,
                     struct error *error);

#endif
