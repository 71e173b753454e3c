/* SPDX-License-Identifier: MIT
 * static_type_name: the name of a type compiled into Python or an extension when its tp_name is not in the dump and no
 * file that has it is at hand: what the target's own modules call it. */
#ifndef PYDS_DECODE_STATIC_TYPE_NAME_H
#define PYDS_DECODE_STATIC_TYPE_NAME_H

#include "base/text.h"
#include "decode/decoder.h"

/* Appends "module.qualname" as tp_name would say it, without "builtins."; false if no module knows the type. Looks
 * through the namespaces of sys.modules: for a type's first sight only. */
bool static_type_name(struct decoder *decoder, uint64_t type, struct text *name);

#endif
