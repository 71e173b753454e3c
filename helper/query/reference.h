/* SPDX-License-Identifier: MIT
 * reference: references between the numbers of a heap's dominator tree, found again in the objects that have them. */
#ifndef PYDS_QUERY_REFERENCE_H
#define PYDS_QUERY_REFERENCE_H

#include "graph/holder_runs.h"
#include "query/query.h"

/* What looking takes. The decoder is the target's `naming` one, so that the other one's result stays. */
struct references {
	struct decoder *decoder;
	const struct retained *heap;
	struct name_options names;
};

struct references references_of(const struct query *query, const struct retained *heap);

/* The references of an object or of a holder, run after run. */
struct run_cursor {
	struct decoder *decoder;
	bool is_holder; /* else of an object, whose runs the decoder has */
	struct holder_runs holder;
	size_t next;
	/* References from memory of C code that hangs on the object come last. */
	const struct heap_graph *graph;
	uint32_t node;
	size_t next_block;
	struct run block_run;
};

/* Of the object at address, which is decoded, and whose runs are good until the next is asked for or the decoder
 * decodes another one; of a holder of the heap where address is 0. False: there is no object. */
bool run_cursor_open(struct run_cursor *cursor, const struct retained *heap, struct decoder *decoder, uint64_t address,
                     uint32_t holder);
const struct run *run_cursor_next(struct run_cursor *cursor); /* NULL: no more */

/* The type of the object with this number; NULL: of a holder, or it cannot be read. */
const struct type_info *reference_type(const struct references *references, uint32_t number);
/* The first reference of `from` to `to`: a copy of its run, good until the decoder decodes the next object, and the
 * slot. False: there is none. */
bool reference_find(const struct references *references, uint32_t from, uint32_t to, struct run *ret_run,
                    uint64_t *ret_slot);
/* Appends its label: "['key']", ".attr", "local x"; "" from a holder without labels. False, and nothing appended: there
 * is none. */
bool reference_label(const struct references *references, uint32_t from, uint32_t to, struct text *text);

/* "local x" of names_label() becomes "local 'x'", as text has it; other labels stay. */
void reference_quote_local(struct text *label);

#endif
