/* SPDX-License-Identifier: MIT
 * awaitable_running: what a coroutine that executes now is inside of an await of. */
#ifndef PYDS_QUERY_AWAITABLE_RUNNING_H
#define PYDS_QUERY_AWAITABLE_RUNNING_H

#include "query/tasks/awaitable.h"

/* The coroutine or generator that the frame of one which runs has handed control to, by `await` or `yield from`. 0: the
 * frame stands at another instruction (the innermost of the chain does), or the depth of its stack is not known there
 * (names/code_depths.h). */
uint64_t awaitable_runs_inside(struct decoder *decoder, const struct python_frame *frame);

#endif
