/* SPDX-License-Identifier: MIT
 * instance_attributes: where an instance keeps what a class statement lets it have: its __dict__ in all its places, and
 * values without a dict. By version: a dict pointer at tp_dictoffset; 3.11: two words before the GC head, PyDictValues
 * * and dict; 3.12: one word that is either, told apart by bit 0; 3.13+: the dict word, and values right after the body
 * (Include/internal/pycore_object.h, pycore_dict.h of each). */
#ifndef PYDS_OBJECT_INSTANCE_ATTRIBUTES_H
#define PYDS_OBJECT_INSTANCE_ATTRIBUTES_H

#include "object/object_reader.h"

/* The numbers of a type object that say where. */
struct instance_shape {
	uint64_t tp_flags;
	int64_t tp_basicsize, tp_itemsize, tp_dictoffset;
	uint64_t cached_keys; /* ht_cached_keys, the shared PyDictKeysObject; 0: none, or not a heap type */
};

/* False if they cannot be read or make no sense. */
bool instance_shape_read(struct object_reader *objects, uint64_t type, struct instance_shape *ret_shape);

struct instance_attributes {
	uint64_t dict_slot; /* address of the word that holds the __dict__; 0: none */
	uint64_t dict; /* the __dict__ object; 0: not materialised, or none */
	uint64_t values; /* address of the value words kept without a dict; 0: none */
	uint64_t values_count;
	const char *problem; /* why it cannot be told, a literal; NULL: it can */
	bool is_absent; /* because the dump lacks it, not because of impossible values */
};

/* False if the instance has neither. */
bool instance_attributes(struct object_reader *objects, const struct instance_shape *shape, uint64_t address,
                         struct instance_attributes *ret_attributes);

/* Address of the dict word of an instance whose tp_dictoffset counts from its end (tp_dictoffset < 0, up to 3.11);
 * 0: its ob_size is impossible or absent. */
uint64_t instance_dict_slot_at_end(struct object_reader *objects, const struct instance_shape *shape, uint64_t address);

#endif
