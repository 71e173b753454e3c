/* SPDX-License-Identifier: MIT
 * code_depths: how deep the evaluation stack is in front of each instruction of a code object. The compiler made sure
 * that it is the same whichever way leads there (Python/flowgraph.c, stackdepth()). */
#ifndef PYDS_NAMES_CODE_DEPTHS_H
#define PYDS_NAMES_CODE_DEPTHS_H

#include "base/text.h"
#include "decode/decoder.h"
#include "layout/opcodes.h"

enum { DEPTH_UNKNOWN = -1 }; /* no way leads there, or one that leaves the depth open */

struct code_depths {
	uint64_t code;
	bool is_found; /* code_depths_find() */
	const struct opcode_facts *opcodes;
	struct text bytes; /* of instructions, two for each unit */
	uint32_t count; /* units */
	int32_t *depth; /* of each unit; that of an instruction's caches is DEPTH_UNKNOWN */
	uint32_t *argument; /* of each, what extends it included */
};

/* False: the code cannot be read, is not of a version that is known, has its lines traced (3.12+), or two ways differ.
 * code_depths_clear() in any case. */
bool code_depths_find(struct code_depths *ret_depths, struct decoder *decoder, uint64_t code);
void code_depths_clear(struct code_depths *depths);
/* The same into what an earlier call has filled, or zeroed: nothing is read anew where it is of this code. */
bool code_depths_keep(struct code_depths *depths, struct decoder *decoder, uint64_t code);

/* The unit of the instruction that a frame of this code stands at. False: it has not begun. */
bool code_depths_unit(const struct code_depths *depths, struct decoder *decoder, const struct python_frame *frame,
                      uint32_t *ret_unit);
/* What a word of a frame's evaluation stack refers to. */
bool code_depths_stack_word(struct decoder *decoder, const struct python_frame *frame, uint64_t slot,
                            uint64_t *ret_word);

/* Whether every way to the unit leads through the instruction of another one. */
bool code_depths_leads_through(const struct code_depths *depths, struct decoder *decoder, uint32_t through,
                               uint32_t unit);

static inline const struct opcode_facts *code_depths_opcode(const struct code_depths *depths, uint32_t unit)
{
	return &depths->opcodes[(uint8_t)depths->bytes.bytes[2 * (size_t)unit]];
}

#endif
