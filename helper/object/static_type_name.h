/* SPDX-License-Identifier: MIT
 * static_type_name: the name of a type compiled into Python or an extension when its tp_name is not in the dump and no
 * file that has it is at hand: what the target's own modules call it. */
#ifndef PYDS_OBJECT_STATIC_TYPE_NAME_H
#define PYDS_OBJECT_STATIC_TYPE_NAME_H

#include "base/text.h"
#include "object/object_reader.h"

/* Appends "module.qualname" as tp_name would say it, without "builtins."; base_name: that of its base, "" if it has
 * none. False if no module knows the type. Looks through the namespaces of sys.modules: for a type's first sight only.
 */
bool static_type_name(struct object_reader *objects, uint64_t type, const char *base_name, struct text *name);

#endif
