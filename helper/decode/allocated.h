/* SPDX-License-Identifier: MIT
 * allocated: what the allocators took for an object: its own memory with what precedes it, and the blocks that it
 * owns, each rounded as its allocator rounds. Looked up in the target where the allocator wrote it down, which is also
 * a check of what was decoded. */
#ifndef PYDS_DECODE_ALLOCATED_H
#define PYDS_DECODE_ALLOCATED_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator/block.h"
#include "allocator/pymalloc_arenas.h"
#include "decode/emit.h"

/* What the allocator's records say of the request that was decoded. */
enum agreement {
	AGREEMENT_NONE, /* there is nothing to compare: static, inside another block, or no known allocator's */
	AGREEMENT_EXACT, /* the very block that such a request is given */
	AGREEMENT_KEPT, /* a larger one, that realloc left in place */
	DISAGREEMENT_SIZE, /* a block that such a request is not given */
	DISAGREEMENT_PLACE, /* it begins inside a block */
	DISAGREEMENT_FREE, /* the block is free */
	DISAGREEMENT_OWNER, /* two own it that should not (found by who knows all) */
	DISAGREEMENT_ROOM, /* more is claimed than the block has: the object is flagged (decode/size_bound.h), its claim
	                      not used */
	AGREEMENT_COUNT
};

struct allocation {
	uint64_t address; /* as the allocator returned it to whoever asked */
	uint64_t requested; /* bytes asked for */
	uint64_t most; /* where the target does not say exactly how many: at most that many; else as requested */
	uint64_t block; /* where the allocator's block begins: before address where guards of a debug build are */
	uint64_t taken; /* bytes given */
	bool can_shrink; /* realloc may have left it where it was larger */
	uint8_t allocator; /* enum allocator */
	uint8_t agreement; /* enum agreement */
};

struct allocated {
	struct allocation own; /* the object with what precedes it */
	uint64_t bytes; /* own and all blocks */
	bool approximate; /* some of it is an estimate */
};

/* Looks up the block at allocation->address: fills what follows most. */
void allocation_find(struct decoder *decoder, struct allocation *allocation);
/* What most blocks are: of a pool, and of the very size for such a request. Its bytes; 0: allocation_find() has to
 * look. With the guards of a debug build it would begin before the address. */
static inline uint32_t allocation_pooled(struct decoder *decoder, uint64_t address, uint64_t requested)
{
	uint32_t inside = 0;
	if (requested > PYMALLOC_LARGEST)
		return 0;
	const uint32_t bytes = pymalloc_block_at(&decoder->context->allocators.pymalloc, decoder->layout,
	                                         &decoder->reader, address, &inside);
	return inside == 0 && bytes == pymalloc_block_bytes(requested) ? bytes : 0;
}
/* Bytes asked for at once for the object that was just decoded, from its pre-header on. */
uint64_t allocation_request(const struct decoder *decoder);
/* The allocation behind block `index` of decoder->out. */
struct allocation allocation_of_block(struct decoder *decoder, size_t index);
/* That of the object that was just decoded itself. */
struct allocation allocation_of_object(struct decoder *decoder);
/* Of the object that was just decoded, in decoder->out. */
struct allocated allocated_of_object(struct decoder *decoder);

/* Which size of an object is summed. */
enum size_measure {
	SIZE_SHALLOW,
	SIZE_ALLOCATED,
	SIZE_NATIVE, /* blocks of C code that hang on objects: only of a whole heap, graph/native/native_graph.h */
};

const char *size_measure_name(enum size_measure measure); /* "shallow" */
/* Of the object that was just decoded: for SIZE_ALLOCATED with its blocks. */
static inline uint64_t measured_bytes(struct decoder *decoder, enum size_measure measure)
{
	return measure == SIZE_ALLOCATED ? allocated_of_object(decoder).bytes
	                                 : decoder->out.shallow - decoder->out.included;
}

/* Whether the object owns block alone, or sys.getsizeof() counts it: what allocated sums. */
bool allocated_counts_block(const struct block *block);
/* "a block that such a request is not given": a phrase. */
const char *agreement_text(enum agreement agreement);

static inline bool agreement_is_bad(enum agreement agreement)
{
	return agreement >= DISAGREEMENT_SIZE;
}

#endif
