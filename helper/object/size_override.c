/* SPDX-License-Identifier: MIT */
#include "object/size_override.h"

#include "base/limits.h"
#include "object/value.h"

static const char sizeof_name[] = "__sizeof__";

/* Names in namespaces are interned, so that the key of object's own entry is the key of all: a word to compare where a
 * heap has ten thousand classes. Each interpreter may have its own strings; with several, texts are compared. */
static uint64_t interned_name(struct object_reader *objects, uint64_t object_type)
{
	struct dict_cursor cursor;
	uint64_t key, value;
	if (objects->facts->sizeof_name != 0 || objects->runtime->interpreters.count > 1)
		return objects->facts->sizeof_name;
	if (!dict_cursor_open(&cursor, objects, value_type_dict(objects, object_type)))
		return 0;
	while (cursor.next < LIMIT_NAMESPACE && dict_cursor_next(&cursor, &key, &value))
		if (value_str_equals(objects, key, sizeof_name))
			return objects->facts->sizeof_name = key;
	return 0;
}

static bool has_key(struct object_reader *objects, uint64_t dict, uint64_t name)
{
	struct dict_cursor cursor;
	uint64_t key, value;
	if (name == 0)
		return dict_get_str(objects, dict, sizeof_name) != 0;
	if (!dict_cursor_open(&cursor, objects, dict))
		return false;
	while (cursor.next < LIMIT_NAMESPACE && dict_cursor_next(&cursor, &key, &value))
		if (key == name)
			return true;
	return false;
}

uint64_t size_override_class(struct object_reader *objects, uint64_t type)
{
	uint64_t mro, count, items, class;
	if (!value_field(objects, type, FIELD_PyTypeObject_tp_mro, &mro) ||
	    !value_items(objects, mro, &count, &items) || count < 2 || count > LIMIT_TYPE_CHAIN ||
	    !reader_u64(objects->reader, items + 8 * (count - 1), &class))
		return 0;
	uint64_t name = interned_name(objects, class);
	for (uint64_t i = 0; i + 1 < count; i++) {
		if (!reader_u64(objects->reader, items + 8 * i, &class))
			return 0;
		if (has_key(objects, value_type_dict(objects, class), name))
			return class;
	}
	return 0;
}
