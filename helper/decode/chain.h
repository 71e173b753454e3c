/* SPDX-License-Identifier: MIT
 * chain: the cap on walking a linked list in target memory. */
#ifndef PYDS_DECODE_CHAIN_H
#define PYDS_DECODE_CHAIN_H

#include "decode/emit.h"

/* No list has more nodes of node_bytes than fit into all the memory there is: a longer one is a cycle. */
static inline uint64_t chain_limit(const struct decoder *decoder, uint32_t node_bytes)
{
	/* 0: this Python's layout does not know the node, and there is no list to walk. */
	return node_bytes == 0 ? 0 : decoder->reader.space->granule_count * 16 / node_bytes + 1;
}

#endif
