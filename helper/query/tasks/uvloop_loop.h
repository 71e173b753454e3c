/* SPDX-License-Identifier: MIT
 * uvloop_loop: the queue and the timers of uvloop's event loop. A class of Cython says nothing of its attributes; where
 * they lie is told by the order in which uvloop/loop.pxd declares them, and taken only where everything around them is
 * of the type that is declared there. */
#ifndef PYDS_QUERY_UVLOOP_LOOP_H
#define PYDS_QUERY_UVLOOP_LOOP_H

#include "decode/decoder.h"

struct uvloop_parts {
	uint64_t ready; /* collections.deque of handles */
	uint64_t timers; /* set */
};

/* False: the attributes are not where uvloop 0.15 to 0.23 has them. */
bool uvloop_read(struct decoder *decoder, uint64_t loop, struct uvloop_parts *ret_parts);

#endif
