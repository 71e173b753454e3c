/* SPDX-License-Identifier: MIT */
#include "query/tasks/awaitable_running.h"

#include "names/code_depths.h"

/* A running frame keeps no depth of its stack: what is awaited lies where the compiler says it does (Python/ceval.c
 * YIELD_FROM up to 3.10, Python/bytecodes.c SEND after it: the receiver stays until it has ended). */
static uint64_t receiver(const struct code_depths *depths, struct decoder *decoder, const struct python_frame *frame)
{
	uint32_t unit;
	uint64_t word;
	if (!code_depths_unit(depths, decoder, frame, &unit))
		return 0;
	/* 3.12's SEND_GEN leaves the word behind it as the last instruction. */
	const uint32_t last = unit;
	while (unit > 0 && depths->depth[unit] == DEPTH_UNKNOWN)
		unit--;
	const struct opcode_facts *facts = code_depths_opcode(depths, unit);
	const int64_t slot = (int64_t)depths->depth[unit] - facts->words - 1;
	if (facts->role != OPCODE_AWAIT || last - unit > facts->caches || depths->depth[unit] == DEPTH_UNKNOWN ||
	    slot < 0 || slot >= frame->stack_size || !code_depths_stack_word(decoder, frame, (uint64_t)slot, &word))
		return 0;
	return word;
}

uint64_t awaitable_runs_inside(struct decoder *decoder, const struct python_frame *frame)
{
	struct code_depths depths;
	struct python_frame inner;
	uint64_t object = code_depths_find(&depths, decoder, frame->code) ? receiver(&depths, decoder, frame) : 0;
	code_depths_clear(&depths);
	if (object == 0)
		return 0;
	const enum awaitable_kind kind = awaitable_skip_links(decoder, &object);
	const bool runs = kind >= AWAITABLE_COROUTINE && kind <= AWAITABLE_ASYNC_GENERATOR &&
	                  awaitable_frame(decoder, object, &inner) == AWAITABLE_RUNNING;
	return runs ? object : 0;
}
