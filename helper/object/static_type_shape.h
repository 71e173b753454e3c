/* SPDX-License-Identifier: MIT
 * static_type_shape: a static type told by what it looks like: its sizes, its base and the names in its namespace,
 * which are objects and so in every dump. Trusted only for types that lie in the file that their module has, whose name
 * the dump knows without the file: another vendor's type may look the same. */
#ifndef PYDS_OBJECT_STATIC_TYPE_SHAPE_H
#define PYDS_OBJECT_STATIC_TYPE_SHAPE_H

#include "object/object_reader.h"

/* base_name: tp_name of its base, "" if it has none. Returns tp_name, without "builtins."; NULL: no type of that file
 * looks so. */
const char *static_type_shape_name(struct object_reader *objects, uint64_t type, const char *base_name);

/* What mapped file the type lies in: the base name up to the first dot into stem, "" for the one that holds Python
 * itself. False: in none. */
bool static_type_file(struct object_reader *objects, uint64_t type, char *stem, size_t capacity);

#endif
