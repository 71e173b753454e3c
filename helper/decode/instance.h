/* SPDX-License-Identifier: MIT
 * instance: what a class statement adds to an object: __dict__ in all its places, inline values, __slots__. */
#ifndef PYDS_DECODE_INSTANCE_H
#define PYDS_DECODE_INSTANCE_H

#include "decode/emit.h"

/* Appends the instance parts of an object whose type has TYPE_HAS_INSTANCE_PARTS. */
void decode_instance_parts(struct decoder *decoder, const struct type_info *type, uint64_t address);

#endif
