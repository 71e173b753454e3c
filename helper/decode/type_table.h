/* SPDX-License-Identifier: MIT
 * type_table: the type_info of a type object, decided at first sight and then only looked up. */
#ifndef PYDS_DECODE_TYPE_TABLE_H
#define PYDS_DECODE_TYPE_TABLE_H

#include "decode/emit.h"

/* The type_info of a type object; NULL if address is not a readable, sane type object. */
static inline const struct type_info *decode_type(struct decoder *decoder, uint64_t type_address);
/* The same of one that this decoder did not meet yet. */
const struct type_info *decode_new_type(struct decoder *decoder, uint64_t type_address);

static inline const struct type_info *decode_type(struct decoder *decoder, uint64_t type_address)
{
	const struct met_types *met = &decoder->types;
	for (uint64_t i = address_hash(type_address); met->slots != NULL; i++) {
		const struct met_type *slot = &met->slots[i & met->mask];
		if (__builtin_expect(slot->address == type_address, 1))
			return slot->type; /* NULL of a free one: address 0 */
		if (slot->address == 0)
			break;
	}
	return decode_new_type(decoder, type_address);
}

#endif
