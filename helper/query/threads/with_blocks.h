/* SPDX-License-Identifier: MIT
 * with_blocks: which objects a frame is inside `with` of. Inside, __exit__ waits on the evaluation stack; how much of
 * the stack of a frame that executes is certainly in use is told by its open blocks (up to 3.10) or by the exception
 * table (3.11+: InternalDocs/exception_handling.md). What lies above may have been left behind, and is not looked at.
 */
#ifndef PYDS_QUERY_WITH_BLOCKS_H
#define PYDS_QUERY_WITH_BLOCKS_H

#include "base/array.h"
#include "query/frames/frame_objects.h"

struct with_blocks {
	struct decoder *decoder;
	const char *exit;
	/* Of the frame that was asked for last, from 3.11 on: */
	uint64_t code, last_instruction;
	uint64_t depth; /* words of the stack that the table says are in use, if has_depth */
	bool has_depth;
};

/* exit: "__exit__", or "__aexit__" for `async with`, of which a frame is also inside while it waits to enter. It and
 * the decoder must outlive blocks; nothing is to be closed. */
void with_blocks_open(struct with_blocks *blocks, struct decoder *decoder, const char *exit);
/* Appends the objects that the frame is inside `with` of, outermost block first; false: out of memory. */
bool with_blocks_find(struct with_blocks *blocks, const struct python_frame *frame, object_array *objects);

#endif
