/* SPDX-License-Identifier: MIT
 * block_references: references to objects from memory of C code that hangs on an object of a C type: a class that only
 * Rust's heap has (validators of pydantic), an array that only a struct of C++ has. No decoder knows such memory, so a
 * word there is a reference only where the object's count has room: references counted that nothing else accounts for.
 * All objects that lead to the word's block get the edge, so that what several lead to is theirs in common; where they
 * are many, nobody gets it, and the object stays one that C code holds. */
#ifndef PYDS_GRAPH_BLOCK_REFERENCES_H
#define PYDS_GRAPH_BLOCK_REFERENCES_H

#include "graph/doubtful.h"
#include "graph/heap/heap_builder.h"

/* Looks for what is missing in builder->unexplained, takes from there what is found, and puts the edges among those of
 * the objects: before the holders' are written. OK, ERROR_NO_MEMORY or ERROR_CANCELLED, without a sentence. */
int builder_find_block_references(struct builder *builder);

/* The first reference of an object, by number of its node, in graph->block_references; as many follow as name it. */
size_t block_references_of(const struct heap_graph *graph, uint32_t owner);
/* It as a run of one slot. False: its memory is absent. */
bool block_reference_run(const struct block_reference *reference, struct reader *reader, struct run *ret_run);

#endif
