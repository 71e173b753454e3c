/* SPDX-License-Identifier: MIT
 * type_parts: what the instances of a type consist of besides what their decoder knows: words in front, fields of the
 * registry line, __slots__, a __dict__. */
#ifndef PYDS_DECODE_TYPE_PARTS_H
#define PYDS_DECODE_TYPE_PARTS_H

#include "decode/type_info.h"
#include "object/object_reader.h"

void type_parts_set_presize(const struct layout *layout, struct type_info *info);
/* The rest, once its entry is known; type is the type object's bytes. False: memory is out. */
bool type_parts_set(struct object_reader *objects, struct type_info *info, const uint8_t *type);

#endif
