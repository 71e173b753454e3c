/* SPDX-License-Identifier: MIT
 * stacks: where the stack of a thread lies: the mapping of its own that the kernel made for the first thread, or what
 * the descriptor of the thread (glibc's, musl's) says of the others. */
#ifndef PYDS_ALLOCATOR_STACKS_H
#define PYDS_ALLOCATOR_STACKS_H

#include "runtime/runtime.h"

/* The stack of space->threads[index], guard pages and the thread's variables included; false: not known. */
bool stack_of_thread(struct reader *reader, const struct runtime *runtime, size_t index, uint64_t *ret_start,
                     uint64_t *ret_end);

#endif
