/* SPDX-License-Identifier: MIT
 * separate_values: the block of a PyDictValues that is an allocation of its own. */
#ifndef PYDS_DECODE_SEPARATE_VALUES_H
#define PYDS_DECODE_SEPARATE_VALUES_H

#include "decode/emit.h"
#include "object/keys_table.h"

/* Emits it; keys is the table that names the values. flags as of a block; where it is counted, it is as 8 bytes for
 * each of the `counted` values. */
void emit_separate_values(struct decoder *decoder, const struct keys_table *keys, uint64_t values, uint64_t counted,
                          const char *role, uint32_t flags);

#endif
