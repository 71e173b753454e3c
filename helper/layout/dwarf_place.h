/* SPDX-License-Identifier: MIT
 * dwarf_place: one definition of a struct in debug information, and where a member path leads in it. Follows type
 * references a bounded number of steps: a hostile file cannot make it loop. */
#ifndef PYDS_LAYOUT_DWARF_PLACE_H
#define PYDS_LAYOUT_DWARF_PLACE_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "layout/layout.h"

/* The struct or union that a struct, union or typedef entry defines; false for a mere declaration, or another type. */
bool dwarf_struct_definition(const Dwarf_Die *entry, Dwarf_Die *ret_struct);
/* sizeof; false if it is not said. */
bool dwarf_type_bytes(const Dwarf_Die *type, uint64_t *ret_bytes);
/* Follows paths ("threads.head|tstate_head": the first alternative that exists) from a struct definition. An array
 * without a bound, or of no elements, has the size of one element; what is larger than 65535 has size 65535. */
bool dwarf_member_place(const Dwarf_Die *definition, const char *paths, struct layout_place *ret_place);

#endif
