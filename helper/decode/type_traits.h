/* SPDX-License-Identifier: MIT
 * type_traits: what can be said of all instances of a type at once: enum type_flag, and how their size is told quickly.
 */
#ifndef PYDS_DECODE_TYPE_TRAITS_H
#define PYDS_DECODE_TYPE_TRAITS_H

#include "decode/type_info.h"
#include "object/object_reader.h"

/* Once entry and parts are known; type is the type object's bytes. knows_ascii: the context can tell compact ASCII. */
void type_traits_set(struct object_reader *objects, struct type_info *info, const uint8_t *type, bool knows_ascii);

#endif
