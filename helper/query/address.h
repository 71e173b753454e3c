/* SPDX-License-Identifier: MIT
 * address: what is at any address of a process: the region and its owner, the allocator's block, the object or the C
 * code that has it, and the words of memory that have the block's address. */
#ifndef PYDS_QUERY_ADDRESS_H
#define PYDS_QUERY_ADDRESS_H

#include "query/query.h"

struct address_question {
	uint64_t address;
	uint64_t limit; /* words; UINT64_MAX: all */
	bool with_owner; /* whose the block is: takes the whole heap */
	bool with_words; /* where its address stands: reads all writable memory */
};

/* A word that has the address of the block, or one inside it. */
struct address_word {
	uint64_t at;
	uint64_t inside; /* bytes into the block that it points to */
	uint64_t block, block_bytes; /* that the word lies in; 0: none */
	uint64_t object; /* in whose body it lies; 0: none */
	const struct type_info *type; /* of object */
	const char *file; /* in whose variables it lies, borrowed from the target; NULL: none */
	bool is_stack;
};

struct address_answer {
	uint64_t address;
	enum memory_state state;
	bool is_live; /* of a process, of which only its own memory was copied */
	const struct region *region; /* NULL: not mapped; borrowed from the target */
	const char *file; /* of a file's region, borrowed; NULL */
	uint64_t thread; /* of a stack's region; 0: not known */
	bool has_block;
	bool is_free; /* the block is, or no block in use of a heap that was gone through has the address */
	struct allocator_block block;
	/* Of malloc, where is_free: all between the blocks in use around it, or what a thread keeps for its next calls;
	 * 0: not known. */
	uint64_t free_start, free_end;
	bool is_cached;
	bool is_pages; /* no block, but a mapping that object made for itself */
	bool is_native; /* the block is C code's */
	bool is_exact; /* whose such a block is was decoded: no estimate */
	uint8_t holder; /* enum native_holder, of such */
	uint64_t object; /* whose it is; of C code's an estimate unless is_exact; 0: none, or not asked */
	const struct type_info *type; /* of object */
	const char *role; /* what the block is to object, a literal: "keys table"; NULL: its own memory */
	struct text name; /* of object, or the file whose variables lead to the block; not escaped */
	ARRAY(struct address_word) words; /* by address */
	uint64_t word_count;
};

int query_address(const struct query *query, const struct address_question *question,
                  struct address_answer *ret_answer);
void address_answer_clear(struct address_answer *answer);

#endif
