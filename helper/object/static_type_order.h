/* SPDX-License-Identifier: MIT
 * static_type_order: the name of a static type of CPython's own from its number, where no file with .rodata is at hand
 * to read tp_name from. Since 3.12 each is numbered in the order in which an interpreter makes them ready. */
#ifndef PYDS_OBJECT_STATIC_TYPE_ORDER_H
#define PYDS_OBJECT_STATIC_TYPE_ORDER_H

#include "object/object_reader.h"

/* A literal; NULL if the type has no number or none of the orders known fits this target. */
const char *static_type_order_name(struct object_reader *objects, uint64_t type_address);

#endif
