/* SPDX-License-Identifier: MIT
 * keys_table: PyDictKeysObject, the table behind dicts and behind the attribute names of a class
 * (Include/internal/pycore_dict.h; Objects/dictobject.c). */
#ifndef PYDS_DECODE_KEYS_TABLE_H
#define PYDS_DECODE_KEYS_TABLE_H

#include "decode/decoder.h"

struct keys_table {
	uint64_t address;
	int64_t reference_count;
	uint64_t bytes; /* of the whole table: what _PyDict_KeysSize returns */
	uint64_t entries; /* address of entry 0 */
	uint64_t entry_count; /* dk_nentries: used and deleted ones */
	uint64_t usable; /* entries that may still be added */
	uint32_t entry_bytes;
	uint32_t key_offset, value_offset; /* in an entry */
	bool keys_are_visited; /* dict_traverse visits keys only of tables whose keys may be anything */
};

/* False if the table is absent or impossible; nothing is flagged. */
bool keys_table_read(struct decoder *decoder, uint64_t address, struct keys_table *ret_table);

/* Emits the block of a PyDictValues that is an allocation of its own; keys is the table that names the values. flags as
 * of a block; where it is counted, it is as 8 bytes for each of the `counted` values. */
void emit_separate_values(struct decoder *decoder, const struct keys_table *keys, uint64_t values, uint64_t counted,
                          const char *role, uint32_t flags);

#endif
