/* SPDX-License-Identifier: MIT
 * registry: the lines of decoders.def as data, and which line a type object belongs to. */
#ifndef PYDS_DECODE_REGISTRY_H
#define PYDS_DECODE_REGISTRY_H

#include "decode/type_info.h"
#include "layout/layout.h"
#include "runtime/runtime.h"

extern const struct decoder_entry registry_entries[];
extern const uint32_t registry_count;

/* The generic rule, for types that no line knows. */
extern const struct decoder_entry registry_fallback;

/* The line whose symbol is at this address, NULL if there is none. */
const struct decoder_entry *registry_by_symbol(const struct runtime *runtime, uint64_t type_address);
/* The line with this "module.qualname" (for builtins just the name), NULL if there is none. */
const struct decoder_entry *registry_by_name(const char *type_name);
/* True if name is one of the alternatives in "a|b|c*"; one that ends with * is a prefix. */
bool registry_name_matches(const char *name, const char *alternatives);
/* The line with this id; ids are compiled in, so NULL is a mistake of ours. */
const struct decoder_entry *registry_by_id(const char *id);

#endif
