/* SPDX-License-Identifier: MIT
 * type_bounds: how many bytes of an instance its decoder reads, and whether the type's own numbers allow it. Decided
 * once per type; what is decoded of its instances is then read without a further check. */
#ifndef PYDS_DECODE_TYPE_BOUNDS_H
#define PYDS_DECODE_TYPE_BOUNDS_H

#include "decode/type_info.h"
#include "object/object_reader.h"

/* Whether tp_basicsize and tp_itemsize can be those of any type of that kind: without that it is no type object. */
bool type_bounds_are_possible(const struct layout *layout, const struct type_info *info);

/* Gives back the flags of tp_flags that a type has of its base and lacks. Before anything is decided by them. */
void type_bounds_check_flags(struct type_info *info);

/* Sets body_bytes, once entry and base_info are known. tp_basicsize and tp_itemsize that the type's base, kind or
 * decoder contradict are replaced by what these say, and info->damage says so: such memory is torn or hostile, and each
 * instance is flagged. */
void type_bounds_set(struct object_reader *objects, struct type_info *info);

#endif
