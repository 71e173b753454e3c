/* SPDX-License-Identifier: MIT
 * dict_cursor: the entries of dicts: combined tables with general or str-only entries, split tables with the values of
 * one instance, and values without a dict object. Objects/dictobject.c, Include/internal/pycore_dict.h.
 * Whatever dk_nentries claims, the entries must lie in present memory: that is the cap of every loop here. */
#include "base/limits.h"
#include "object/keys_table.h"
#include "object/value.h"

/* Fills what depends on the keys object alone. */
static bool open_keys(struct dict_cursor *cursor, struct object_reader *objects, uint64_t keys)
{
	struct keys_table table;
	uint64_t bytes;

	memset(cursor, 0, sizeof *cursor);
	if (keys == 0 || !keys_table_read(objects, keys, &table) ||
	    !checked_multiply(table.entry_count, table.entry_bytes, &bytes))
		return false;
	if (bytes != 0) {
		cursor->entries = reader_at(objects->reader, table.entries, bytes);
		if (cursor->entries == NULL)
			return false;
	}
	cursor->objects = objects;
	cursor->keys_address = keys;
	cursor->entry_bytes = table.entry_bytes;
	cursor->key_offset = table.key_offset;
	cursor->value_offset = table.value_offset;
	cursor->entry_count = cursor->step_count = table.entry_count;
	return true;
}

/* 3.13+: PyDictValues says itself how many values it has; the order follows them. */
static bool open_sized_values(struct dict_cursor *cursor, uint64_t values)
{
	struct object_reader *objects = cursor->objects;
	uint64_t capacity, size;

	if (!value_field(objects, values, FIELD_PyDictValues_capacity, &capacity) ||
	    !value_field(objects, values, FIELD_PyDictValues_size, &size) || capacity == 0 || size > capacity)
		return false;
	uint32_t offset = layout_offset(objects->layout, FIELD_PyDictValues_values);
	const uint8_t *bytes = reader_at(objects->reader, values + offset, capacity * 8 + size);
	if (bytes == NULL)
		return false;
	cursor->values = bytes;
	cursor->order = bytes + capacity * 8;
	cursor->order_step = 1;
	cursor->step_count = size;
	if (cursor->entry_count > capacity)
		cursor->entry_count = capacity;
	return true;
}

/* 3.11, 3.12: in front of values[0] stand, going down, the size of this prefix, the number of values set, and their
 * order. */
static bool open_prefixed_values(struct dict_cursor *cursor, uint64_t values)
{
	struct object_reader *objects = cursor->objects;
	const uint8_t *prefix = values < 2 ? NULL : reader_at(objects->reader, values - 2, 2);

	if (prefix == NULL)
		return false;
	uint64_t size = prefix[0], prefix_bytes = prefix[1];
	if (prefix_bytes % 8 != 0 || size + 2 > prefix_bytes || prefix_bytes > values)
		return false;
	if (cursor->entry_count > prefix_bytes - 2)
		cursor->entry_count = prefix_bytes - 2;
	const uint8_t *bytes =
	        reader_at(objects->reader, values - prefix_bytes, prefix_bytes + cursor->entry_count * 8);
	if (bytes == NULL)
		return false;
	cursor->values = bytes + prefix_bytes;
	cursor->order = cursor->values - 3;
	cursor->order_step = -1;
	cursor->step_count = size;
	return true;
}

bool dict_cursor_open_table(struct dict_cursor *cursor, struct object_reader *objects, uint64_t keys, uint64_t values)
{
	if (!open_keys(cursor, objects, keys))
		return false;
	if (values == 0)
		return true;
	if (layout_has(objects->layout, FIELD_PyDictValues_capacity))
		return open_sized_values(cursor, values);
	if (layout_feature(objects->layout, FEATURE_MANAGED_DICT))
		return open_prefixed_values(cursor, values);
	/* Up to 3.10 instances that share keys fill them in the same order. */
	if (cursor->entry_count == 0)
		return true;
	cursor->values = reader_at(objects->reader, values, cursor->entry_count * 8);
	return cursor->values != NULL;
}

/* frozendict (3.15) is no dict by tp_flags, but laid out as one. */
static bool is_dict(struct object_reader *objects, uint64_t address)
{
	uint64_t flags;
	uint64_t type = value_type(objects, address, &flags);

	if (type == 0)
		return false;
	return (flags & TPFLAGS_DICT_SUBCLASS) || (objects->layout->struct_bytes[STRUCT_PyFrozenDictObject] != 0 &&
	                                           value_type_derives(objects, type, -1, "frozendict"));
}

bool dict_cursor_open(struct dict_cursor *cursor, struct object_reader *objects, uint64_t dict)
{
	uint64_t keys, values;

	memset(cursor, 0, sizeof *cursor);
	return is_dict(objects, dict) && value_field(objects, dict, FIELD_PyDictObject_ma_keys, &keys) &&
	       value_field(objects, dict, FIELD_PyDictObject_ma_values, &values) &&
	       dict_cursor_open_table(cursor, objects, keys, values);
}

bool dict_cursor_next(struct dict_cursor *cursor, uint64_t *ret_key, uint64_t *ret_value)
{
	while (cursor->next < cursor->step_count) {
		uint64_t index = cursor->next++;
		if (cursor->order != NULL)
			index = cursor->order[(int64_t)index * cursor->order_step];
		if (index >= cursor->entry_count)
			continue;
		const uint8_t *entry = cursor->entries + index * cursor->entry_bytes;
		uint64_t key = load_u64(entry + cursor->key_offset);
		uint64_t value =
		        load_u64(cursor->values != NULL ? cursor->values + index * 8 : entry + cursor->value_offset);
		if (key == 0 || value == 0)
			continue;
		*ret_key = key;
		*ret_value = value;
		return true;
	}
	return false;
}

uint64_t dict_cursor_find(struct dict_cursor *cursor, const char *key)
{
	uint64_t entry_key, value;

	while (cursor->next < LIMIT_NAMESPACE && dict_cursor_next(cursor, &entry_key, &value)) {
		if (value_str_equals(cursor->objects, entry_key, key))
			return value;
	}
	return 0;
}

uint64_t dict_get_str(struct object_reader *objects, uint64_t dict, const char *key)
{
	struct dict_cursor cursor;

	return dict_cursor_open(&cursor, objects, dict) ? dict_cursor_find(&cursor, key) : 0;
}

uint64_t keys_entry_key(struct object_reader *objects, uint64_t keys, uint64_t index)
{
	struct dict_cursor cursor;

	if (!open_keys(&cursor, objects, keys) || cursor.entries == NULL || index >= cursor.entry_count)
		return 0;
	return load_u64(cursor.entries + index * cursor.entry_bytes + cursor.key_offset);
}
