/* SPDX-License-Identifier: MIT */
#include "object/instance_attributes.h"

#include "object/keys_table.h"
#include "object/type_flags.h"
#include "object/value.h"

enum { MOST_BASICSIZE = 1 << 24 };

bool instance_shape_read(struct object_reader *objects, uint64_t type, struct instance_shape *ret_shape)
{
	uint64_t basicsize, itemsize, dictoffset, keys = 0;
	*ret_shape = (struct instance_shape){ 0 };
	if (type % 8 != 0 || !value_field(objects, type, FIELD_PyTypeObject_tp_flags, &ret_shape->tp_flags) ||
	    !value_field(objects, type, FIELD_PyTypeObject_tp_basicsize, &basicsize) ||
	    !value_field(objects, type, FIELD_PyTypeObject_tp_itemsize, &itemsize) ||
	    !value_field(objects, type, FIELD_PyTypeObject_tp_dictoffset, &dictoffset) ||
	    basicsize < objects->layout->struct_bytes[STRUCT_PyObject] || basicsize >= MOST_BASICSIZE ||
	    itemsize >= MOST_BASICSIZE)
		return false;
	if (ret_shape->tp_flags & TPFLAGS_HEAPTYPE)
		(void)value_field(objects, type, FIELD_PyHeapTypeObject_ht_cached_keys, &keys);
	ret_shape->tp_basicsize = (int64_t)basicsize;
	ret_shape->tp_itemsize = (int64_t)itemsize;
	ret_shape->tp_dictoffset = (int64_t)dictoffset;
	ret_shape->cached_keys = keys;
	return true;
}

/* In words before the object. Behind the GC head in GIL builds, directly before the object in free-threaded ones. */
static uint64_t managed_word(const struct object_reader *objects, uint64_t address, unsigned words_before_head)
{
	uint64_t head = layout_feature(objects->layout, FEATURE_FREE_THREADED) ? 0 : 16;
	return address - head - 8 * (uint64_t)words_before_head;
}

/* How many values a class's shared keys give a name to. */
static uint64_t shared_entry_count(struct object_reader *objects, const struct instance_shape *shape)
{
	struct keys_table keys;
	return keys_table_read(objects, shape->cached_keys, &keys) ? keys.entry_count : 0;
}

static void read_inline_values(struct object_reader *objects, const struct instance_shape *shape, uint64_t address,
                               struct instance_attributes *attributes)
{
	const struct layout *layout = objects->layout;
	uint64_t values = address + (uint64_t)shape->tp_basicsize;
	uint32_t first = layout_offset(layout, FIELD_PyDictValues_values);
	const uint8_t *head = reader_at(objects->reader, values, first);
	if (head == NULL || head[layout_offset(layout, FIELD_PyDictValues_valid)] == 0)
		return;
	attributes->values = values + first;
	attributes->values_count = head[layout_offset(layout, FIELD_PyDictValues_capacity)];
}

static void read_managed(struct object_reader *objects, const struct instance_shape *shape, uint64_t address,
                         struct instance_attributes *attributes)
{
	const struct layout *layout = objects->layout;
	uint64_t word = 0, values = 0;
	attributes->dict_slot = managed_word(objects, address, 1);
	if (!reader_u64(objects->reader, attributes->dict_slot, &word)) {
		attributes->problem = "the words before it are not in the dump";
		attributes->is_absent = true;
		return;
	}
	attributes->dict = word;
	if (layout_feature(layout, FEATURE_INLINE_VALUES)) {
		if (shape->tp_flags & TPFLAGS_INLINE_VALUES)
			read_inline_values(objects, shape, address, attributes);
		return;
	}
	if (layout_feature(layout, FEATURE_TAGGED_DICT_OR_VALUES)) {
		if ((word & 1) == 0)
			return;
		attributes->dict = 0;
		values = word + 1; /* the pointer is stored minus one (_PyDictOrValues_SetValues) */
	} else if (!reader_u64(objects->reader, managed_word(objects, address, 2), &values)) {
		return;
	}
	if (values != 0) {
		attributes->values = values;
		attributes->values_count = shared_entry_count(objects, shape);
	}
}

/* Objects/object.c _PyObject_GetDictPtr, up to 3.11. */
uint64_t instance_dict_slot_at_end(struct object_reader *objects, const struct instance_shape *shape, uint64_t address)
{
	uint64_t word, items, size;
	if (!value_field(objects, address, FIELD_PyVarObject_ob_size, &word))
		return 0;
	if (!checked_multiply((int64_t)word < 0 ? 0 - word : word, (uint64_t)shape->tp_itemsize, &items) ||
	    !checked_add(items, (uint64_t)shape->tp_basicsize + 8, &size) || size > INT64_MAX)
		return 0;
	return address + round_up(size - 8, 8) + (uint64_t)shape->tp_dictoffset;
}

bool instance_attributes(struct object_reader *objects, const struct instance_shape *shape, uint64_t address,
                         struct instance_attributes *ret_attributes)
{
	*ret_attributes = (struct instance_attributes){ 0 };
	if (layout_feature(objects->layout, FEATURE_MANAGED_DICT) && shape->tp_flags & TPFLAGS_MANAGED_DICT) {
		read_managed(objects, shape, address, ret_attributes);
		return true;
	}
	if (shape->tp_dictoffset > 0)
		ret_attributes->dict_slot = address + (uint64_t)shape->tp_dictoffset;
	else if (shape->tp_dictoffset < 0)
		ret_attributes->dict_slot = instance_dict_slot_at_end(objects, shape, address);
	return ret_attributes->dict_slot != 0 &&
	       reader_u64(objects->reader, ret_attributes->dict_slot, &ret_attributes->dict);
}
