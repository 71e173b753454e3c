/* SPDX-License-Identifier: MIT
 * context_cursor: the variables of a contextvars.Context with their values, out of its hash array mapped trie
 * (Python/hamt.c). */
#ifndef PYDS_NAMES_CONTEXT_CURSOR_H
#define PYDS_NAMES_CONTEXT_CURSOR_H

#include "decode/decoder.h"

enum { CONTEXT_NODES_OPEN = 8 * 32 }; /* nodes met and not yet gone through: 7 levels of at most 32 and collisions */

struct context_cursor {
	struct decoder *decoder;
	uint64_t nodes[CONTEXT_NODES_OPEN];
	uint32_t node_count;
	uint64_t steps;
	/* Pairs of the node that is being gone through. */
	uint64_t pairs, next, pair_count;
	bool has_keys; /* else each word is a deeper node */
};

/* False: it is no context, or cannot be read. */
bool context_cursor_open(struct context_cursor *cursor, struct decoder *decoder, uint64_t context);
/* A ContextVar and the object that it is set to. False: no more. */
bool context_cursor_next(struct context_cursor *cursor, uint64_t *ret_variable, uint64_t *ret_value);

/* The str with the name of a ContextVar; 0: it is none. */
uint64_t context_variable_name(struct decoder *decoder, uint64_t object);

#endif
