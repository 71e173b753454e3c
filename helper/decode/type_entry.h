/* SPDX-License-Identifier: MIT
 * type_entry: which registry line the instances of a type have: its own, one of somebody else's library, its nearest
 * base's, or the generic rule. */
#ifndef PYDS_DECODE_TYPE_ENTRY_H
#define PYDS_DECODE_TYPE_ENTRY_H

#include "decode/type_info.h"
#include "object/object_reader.h"

/* Sets entry and base_info, and what comes with them: foreign, approximate and its flags, unseen_items. Numbers, name,
 * base and TYPE_IS_PYTHON_CLASS are known; type is the type object's bytes. */
void type_entry_find(struct object_reader *objects, struct type_info *info, const uint8_t *type);

#endif
