/* SPDX-License-Identifier: MIT
 * held_from_c: objects whose reference counts exceed all references that were found: C, C++ or Rust code holds them.
 * What objgraph.get_leaking_objects() looks for, with bytes, and with the places where their addresses stand. */
#ifndef PYDS_QUERY_HELD_FROM_C_H
#define PYDS_QUERY_HELD_FROM_C_H

#include "base/array.h"
#include "query/query.h"
#include "query/type_filter.h"

struct held_question {
	struct type_filter filter;
	uint64_t min_bytes; /* that a row retains */
	uint64_t limit; /* rows; UINT64_MAX: all */
};

/* A word of memory that has the address of an object and is no reference that is known. */
struct held_place {
	uint64_t address; /* of the word */
	uint64_t block, block_bytes; /* of the allocator's block that it lies in; 0: not known */
	const char *allocator; /* "malloc", a literal; NULL: the word is in no block */
	const char *file; /* path of the ELF file that has it in static memory, borrowed from the target; NULL: none */
	uint64_t offset; /* in the file's memory */
	bool is_stack; /* of a thread: likelier forgotten than held */
};

enum { HELD_PLACES = 4 };

struct held_row {
	uint64_t address;
	const struct type_info *type; /* NULL: none can be read */
	struct text name; /* what leads to it, escaped; "": nothing that has a name */
	uint64_t missing; /* references that are counted and were not found */
	uint64_t retained; /* bytes */
	struct held_place places[HELD_PLACES]; /* by address, stacks last where there are too many */
	uint64_t words; /* that were seen, of which places has the first; some may be left of what is gone */
};

struct held_type_row {
	const struct type_info *type;
	uint64_t count, missing;
	uint64_t retained; /* the sum of its objects' that do not retain each other */
};

struct held_answer {
	ARRAY(struct held_row) rows; /* largest first */
	uint64_t matching;
	ARRAY(struct held_type_row) types; /* of all that match, largest first */
	uint64_t count; /* objects held from C, filtered or not */
	uint64_t alone_bytes; /* what nothing but C code keeps alive */
	uint64_t heap_bytes;
	struct coverage coverage;
};

int query_held_from_c(const struct query *query, const struct held_question *question, struct held_answer *ret_answer);
void held_answer_clear(struct held_answer *answer);

#endif
