/* SPDX-License-Identifier: MIT
 * value_attribute: where the attributes of an object are kept and what they are: instance dicts in their five places,
 * values without a dict, __slots__ and members that C types declare, namespaces of types along the MRO. Finds what is
 * stored; runs no descriptor. */
#include "object/value.h"

#include "base/limits.h"
#include "object/instance_attributes.h"
#include "object/static_type.h"

bool value_instance_attributes(struct object_reader *objects, uint64_t object, struct attribute_storage *ret_storage)
{
	struct instance_shape shape;
	struct instance_attributes attributes;

	memset(ret_storage, 0, sizeof *ret_storage);
	uint64_t type = value_type(objects, object, NULL);
	if (type == 0 || !instance_shape_read(objects, type, &shape) ||
	    !instance_attributes(objects, &shape, object, &attributes))
		return false;
	ret_storage->dict = attributes.dict;
	/* A dict object, once made, is what counts; inline values are then its values (3.13+), or stale. */
	if (attributes.dict == 0 && attributes.values != 0) {
		ret_storage->values = attributes.values - layout_offset(objects->layout, FIELD_PyDictValues_values);
		ret_storage->keys = shape.cached_keys;
	}
	return ret_storage->dict != 0 || ret_storage->keys != 0;
}

bool value_attribute_cursor(struct dict_cursor *cursor, struct object_reader *objects, uint64_t object)
{
	struct attribute_storage attributes;

	memset(cursor, 0, sizeof *cursor);
	if (!value_instance_attributes(objects, object, &attributes))
		return false;
	if (attributes.dict != 0)
		return dict_cursor_open(cursor, objects, attributes.dict);
	return dict_cursor_open_table(cursor, objects, attributes.keys, attributes.values);
}

/* ---- Types ---- */

uint64_t value_type_dict(struct object_reader *objects, uint64_t type)
{
	uint32_t type_bytes = objects->layout->struct_bytes[STRUCT_PyTypeObject];
	struct static_type_state state;
	uint64_t dict = 0;

	if (type_bytes == 0 || !value_is(objects, type, TPFLAGS_TYPE_SUBCLASS))
		return 0;
	const uint8_t *body = reader_at(objects->reader, type, type_bytes);
	if (body == NULL || !value_field(objects, type, FIELD_PyTypeObject_tp_dict, &dict))
		return 0;
	return dict == 0 && static_type_state(objects, type, body, &state) ? state.dict : dict;
}

uint64_t value_class_attribute(struct object_reader *objects, uint64_t type, const char *name)
{
	uint64_t mro, count, items, base, value;

	if (value_field(objects, type, FIELD_PyTypeObject_tp_mro, &mro) && value_items(objects, mro, &count, &items)) {
		for (uint64_t i = 0; i < count && i < LIMIT_TYPE_CHAIN; i++) {
			if (!reader_u64(objects->reader, items + i * 8, &base))
				return 0;
			value = dict_get_str(objects, value_type_dict(objects, base), name);
			if (value != 0)
				return value;
		}
		return 0;
	}
	/* A type caught before PyType_Ready() gave it an MRO, or one that was torn down. */
	struct base_walk walk;
	base_walk_start(&walk, objects, type);
	while ((base = base_walk_next(&walk)) != 0) {
		value = dict_get_str(objects, value_type_dict(objects, base), name);
		if (value != 0)
			return value;
	}
	return 0;
}

/* One row of tp_members; false at the end of the table. */
static bool read_member(struct object_reader *objects, uint64_t member, const char *name, bool *ret_matches,
                        uint64_t *ret_offset)
{
	char member_name[LIMIT_TYPE_NAME_BYTES];
	uint64_t name_address, kind;

	*ret_matches = false;
	if (!value_field(objects, member, FIELD_PyMemberDef_name, &name_address) || name_address == 0 ||
	    !value_field(objects, member, FIELD_PyMemberDef_type, &kind) ||
	    !value_field(objects, member, FIELD_PyMemberDef_offset, ret_offset))
		return false;
	*ret_matches = (kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX) &&
	               reader_string(objects->reader, name_address, member_name, sizeof member_name) &&
	               strcmp(member_name, name) == 0;
	return true;
}

bool value_member_offset(struct object_reader *objects, uint64_t type, const char *name, uint64_t *ret_offset)
{
	uint32_t row_bytes = objects->layout->struct_bytes[STRUCT_PyMemberDef];
	uint64_t members;
	bool matches;

	struct base_walk walk;
	base_walk_start(&walk, objects, row_bytes == 0 ? 0 : type);
	while ((type = base_walk_next(&walk)) != 0) {
		if (!value_field(objects, type, FIELD_PyTypeObject_tp_members, &members) || members == 0)
			continue;
		for (unsigned k = 0; k < LIMIT_TYPE_SLOTS; k++) {
			if (!read_member(objects, members + (uint64_t)k * row_bytes, name, &matches, ret_offset))
				break;
			if (matches)
				return true;
		}
	}
	return false;
}

uint64_t value_attribute(struct object_reader *objects, uint64_t object, const char *name)
{
	struct dict_cursor cursor;
	uint64_t flags, offset, value;
	uint64_t type = value_type(objects, object, &flags);

	if (type == 0)
		return 0;
	if (flags & TPFLAGS_TYPE_SUBCLASS)
		return value_class_attribute(objects, object, name);
	/* Members are data descriptors: they come before the instance dict. */
	if (value_member_offset(objects, type, name, &offset) && reader_u64(objects->reader, object + offset, &value) &&
	    value != 0)
		return value;
	return value_attribute_cursor(&cursor, objects, object) ? dict_cursor_find(&cursor, name) : 0;
}
