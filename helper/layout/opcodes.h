/* SPDX-License-Identifier: MIT
 * opcodes: what the instructions of each minor version do to the evaluation stack. The numbers are those of the running
 * code: a specialised instruction (3.11+) has the row of the one that it was made from, so has an instrumented one
 * (3.12+, sys.monitoring) whose name says which that is. Those of lines and of each instruction have none: what they
 * stand for is written elsewhere. */
#ifndef PYDS_LAYOUT_OPCODES_H
#define PYDS_LAYOUT_OPCODES_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/layout.h"

enum opcode_role {
	OPCODE_PLAIN,
	/* Calls; argument: how many. */
	OPCODE_CALL_ONE, /* callable, arguments */
	OPCODE_CALL_NULL_FIRST, /* NULL, callable, arguments; or method, its self, arguments */
	OPCODE_CALL_NULL_SECOND, /* callable, NULL or its self, arguments (3.13+) */
	OPCODE_CALL_ALL, /* callable `words` below the top, and one more if argument & 1 and the row has that bit */
	OPCODE_CALL_ALL_NULL_FIRST, /* the same, with a NULL below the callable (3.11, 3.12) */
	/* What puts a value on the stack, and from where: names[argument], local variable, cell. */
	OPCODE_LOAD_GLOBAL,
	OPCODE_LOAD_NAME,
	OPCODE_LOAD_FAST,
	OPCODE_LOAD_FAST_PAIR, /* two: argument >> 4, argument & 15 */
	OPCODE_LOAD_DEREF,
	OPCODE_LOAD_ATTR, /* takes the place of the object */
	OPCODE_AWAIT, /* what is awaited or yielded from, and `words` more */
};

enum opcode_flag {
	OPCODE_JUMPS = 1, /* or may: forward by the argument; its unit is layout_opcode_unit() */
	OPCODE_JUMPS_BACK = 2,
	OPCODE_JUMPS_TO = 4, /* to the argument */
	OPCODE_ENDS = 8, /* the next instruction does not follow */
	OPCODE_EXTENDS = 16, /* the argument of the next one: 8 upper bits */
	OPCODE_SLICES = 32, /* BUILD_SLICE: one more is taken where the argument is 3 */
	OPCODE_STARTS_WITH_ONE = 64, /* as the first instruction: one word is there before it */
	OPCODE_NAME_IN_UPPER_BITS = 128, /* names[argument >> 1] */
	/* 3.8: `finally` is run with one word on the stack or with six. */
	OPCODE_OPENS_UNKNOWN = 256,
	OPCODE_JUMPS_UNKNOWN = 512,
	OPCODE_CLOSES_UNKNOWN = 1024,
};

/* Words of depth: effect, `each` for each of the argument, bits[i] more if bit i of it is set, high for each 256 of it;
 * where it jumps, `jump` more. */
struct opcode_facts {
	bool is_known;
	uint8_t caches; /* units that follow and are no instructions */
	uint8_t role; /* enum opcode_role */
	uint8_t words; /* of calls: between the arguments and the top, or see OPCODE_CALL_ALL; of OPCODE_AWAIT */
	uint16_t flags;
	int8_t effect, each, bits[4];
	int16_t high;
	int8_t jump;
};

/* 256 rows; NULL: not known of this version. */
const struct opcode_facts *layout_opcodes(const struct layout *layout);
/* Bytes that an argument of a jump counts: 1 up to 3.9, 2 since 3.10 (bpo-27129). */
uint32_t layout_opcode_unit(const struct layout *layout);

int64_t opcode_effect(const struct opcode_facts *facts, uint32_t argument, bool jumps);

#endif
