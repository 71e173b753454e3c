/* SPDX-License-Identifier: MIT
 * type_name: what a type object is called, "module.qualname" without "builtins.". */
#ifndef PYDS_OBJECT_TYPE_NAME_H
#define PYDS_OBJECT_TYPE_NAME_H

#include "base/text.h"
#include "object/object_reader.h"

/* Appends it: of a heap type __module__ and ht_qualname, which are objects; of a static one its tp_name (which needs
 * the file that holds .rodata) or what modules call it; "<type 0x...>" where nothing says. base_name: that of tp_base,
 * "" if there is none. True: a heap type that no module is known to have made; its name may also be a builtin's. Fails
 * only where name->failed says so. */
bool type_name_read(struct object_reader *objects, uint64_t type, const char *base_name, struct text *name);

#endif
