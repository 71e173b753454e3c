/* SPDX-License-Identifier: MIT
 * size_override: whether sys.getsizeof() of an instance would run a __sizeof__ that no decoder stands for: one of a
 * class statement, or of a C type below the one whose decoder it has. For a type's first sight. */
#ifndef PYDS_OBJECT_SIZE_OVERRIDE_H
#define PYDS_OBJECT_SIZE_OVERRIDE_H

#include "object/object_reader.h"

/* The class along the MRO of a type whose namespace has a __sizeof__, object apart; 0: none. */
uint64_t size_override_class(struct object_reader *objects, uint64_t type);

#endif
