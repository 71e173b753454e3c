/* SPDX-License-Identifier: MIT
 * object_head: whether what looks like the head of an object can be one where it is. */
#ifndef PYDS_GRAPH_OBJECT_HEAD_H
#define PYDS_GRAPH_OBJECT_HEAD_H

#include "decode/decoder.h"

/* Whether an object begins 8 bytes before an address that is 8 more than a multiple of 16: then none begins there, each
 * being 16 bytes and more, however much the words in the middle of the sound one look like a head. */
bool is_inside_object(struct decoder *decoder, uint64_t address);

#endif
