/* SPDX-License-Identifier: MIT
 * keys_table: PyDictKeysObject, the table behind dicts and behind the attribute names of a class
 * (Include/internal/pycore_dict.h; Objects/dictobject.c). */
#ifndef PYDS_OBJECT_KEYS_TABLE_H
#define PYDS_OBJECT_KEYS_TABLE_H

#include "object/object_reader.h"

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
bool keys_table_read(struct object_reader *objects, uint64_t address, struct keys_table *ret_table);

#endif
