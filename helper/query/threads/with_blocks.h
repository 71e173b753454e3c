/* SPDX-License-Identifier: MIT
 * with_blocks: which objects a frame is inside `with` of. Inside, __exit__ waits on the evaluation stack; how much of
 * the stack of a frame that executes is certainly in use is told by its open blocks (up to 3.10) or by the exception
 * table (3.11+: InternalDocs/exception_handling.md). What lies above may have been left behind, and is not looked at.
 */
#ifndef PYDS_QUERY_WITH_BLOCKS_H
#define PYDS_QUERY_WITH_BLOCKS_H

#include "base/array.h"
#include "query/frames/frame_objects.h"

/* Appends the objects that the frame is inside `with` of, outermost block first; false: out of memory. exit:
 * "__exit__", or "__aexit__" for `async with`, of which it is also inside while it waits to enter. */
bool with_blocks_find(struct decoder *decoder, const struct python_frame *frame, const char *exit,
                      object_array *objects);

#endif
