/* SPDX-License-Identifier: MIT
 * value_attribute: where the attributes of an object are kept and what they are: instance dicts in their five places,
 * values without a dict, __slots__ and members that C types declare, namespaces of types along the MRO. Finds what is
 * stored; runs no descriptor. */
#include "decode/value.h"

#include "base/limits.h"

/* Member types that hold an object (Include/structmember.h). */
enum { MEMBER_OBJECT = 6, MEMBER_OBJECT_EX = 16 };

static bool type_field_signed(struct decoder *decoder, uint64_t type, enum layout_field field, int64_t *ret_value)
{
	uint64_t word;

	if (!value_field(decoder, type, field, &word))
		return false;
	*ret_value = (int64_t)word;
	return true;
}

static bool word_before(struct decoder *decoder, uint64_t object, unsigned words, uint64_t *ret_word)
{
	return object > words * 8 && reader_u64(&decoder->reader, object - words * 8, ret_word);
}

/* Values that belong to the object and not to a dict object. */
static bool open_values(struct decoder *decoder, uint64_t type, uint64_t values, struct attribute_storage *attributes)
{
	attributes->values = values;
	return values != 0 && value_field(decoder, type, FIELD_PyHeapTypeObject_ht_cached_keys, &attributes->keys) &&
	       attributes->keys != 0;
}

/* Py_TPFLAGS_MANAGED_DICT (3.11+). The words in front of an object are numbered from it, the GC head first; a
 * free-threaded build has no GC head. Include/internal/pycore_object.h */
static bool open_managed(struct decoder *decoder, uint64_t object, uint64_t type, uint64_t flags,
                         struct attribute_storage *attributes)
{
	const struct layout *layout = decoder->layout;
	uint64_t word, valid;
	int64_t basicsize;

	if (layout_feature(layout, FEATURE_VALUES_POINTER_IN_PREHEADER)) {
		if (word_before(decoder, object, 4, &word) && word != 0)
			return open_values(decoder, type, word, attributes);
		return word_before(decoder, object, 3, &attributes->dict) && attributes->dict != 0;
	}
	if (!word_before(decoder, object, layout_feature(layout, FEATURE_FREE_THREADED) ? 1 : 3, &word))
		return false;
	if (layout_feature(layout, FEATURE_TAGGED_DICT_OR_VALUES) && (word & 1))
		return open_values(decoder, type, word + 1, attributes);
	if (word != 0) {
		attributes->dict = word;
		return true;
	}
	if (!layout_feature(layout, FEATURE_INLINE_VALUES) || !(flags >> TP_FLAG_INLINE_VALUES & 1) ||
	    !type_field_signed(decoder, type, FIELD_PyTypeObject_tp_basicsize, &basicsize) || basicsize <= 0)
		return false;
	word = object + (uint64_t)basicsize;
	return value_field(decoder, word, FIELD_PyDictValues_valid, &valid) && valid == 1 &&
	       open_values(decoder, type, word, attributes);
}

/* A negative tp_dictoffset counts from the end of a variable-size object (_PyObject_GetDictPtr). */
static bool dict_word_at_end(struct decoder *decoder, uint64_t object, uint64_t type, int64_t dictoffset,
                             uint64_t *ret_address)
{
	int64_t basicsize, itemsize, size;
	uint64_t bytes;

	if (!type_field_signed(decoder, type, FIELD_PyTypeObject_tp_basicsize, &basicsize) ||
	    !type_field_signed(decoder, type, FIELD_PyTypeObject_tp_itemsize, &itemsize) ||
	    !type_field_signed(decoder, object, FIELD_PyVarObject_ob_size, &size) || basicsize < 0 || itemsize < 0)
		return false;
	if (!checked_multiply(size < 0 ? -(uint64_t)size : (uint64_t)size, (uint64_t)itemsize, &bytes) ||
	    !checked_add(bytes, (uint64_t)basicsize, &bytes) || bytes >= UINT64_C(1) << 48)
		return false;
	*ret_address = object + round_up(bytes, 8) + (uint64_t)dictoffset;
	return true;
}

bool value_instance_attributes(struct decoder *decoder, uint64_t object, struct attribute_storage *ret_attributes)
{
	uint64_t flags, dict_word;
	int64_t dictoffset;
	uint64_t type = value_type(decoder, object, &flags);

	memset(ret_attributes, 0, sizeof *ret_attributes);
	if (type == 0)
		return false;
	if (layout_feature(decoder->layout, FEATURE_MANAGED_DICT) && (flags >> TP_FLAG_MANAGED_DICT & 1))
		return open_managed(decoder, object, type, flags, ret_attributes);
	if (!type_field_signed(decoder, type, FIELD_PyTypeObject_tp_dictoffset, &dictoffset) || dictoffset == 0)
		return false;
	dict_word = object + (uint64_t)dictoffset;
	if (dictoffset < 0 && !dict_word_at_end(decoder, object, type, dictoffset, &dict_word))
		return false;
	return reader_u64(&decoder->reader, dict_word, &ret_attributes->dict) && ret_attributes->dict != 0;
}

bool value_attribute_cursor(struct dict_cursor *cursor, struct decoder *decoder, uint64_t object)
{
	struct attribute_storage attributes;

	memset(cursor, 0, sizeof *cursor);
	if (!value_instance_attributes(decoder, object, &attributes))
		return false;
	if (attributes.dict != 0)
		return dict_cursor_open(cursor, decoder, attributes.dict);
	return dict_cursor_open_table(cursor, decoder, attributes.keys, attributes.values);
}

/* ---- Types ---- */

/* State of a static type in one interpreter (3.12+): tp_subclasses is its index, from 1, in an array whose rows begin
 * with the type. 0: not this array, or no dict there. */
static uint64_t static_type_dict(struct decoder *decoder, uint64_t type, uint64_t index, uint64_t array)
{
	const struct layout *layout = decoder->layout;
	uint32_t row_bytes = layout->struct_bytes[STRUCT_managed_static_type_state];
	enum layout_field type_field = FIELD_managed_static_type_state_type;
	enum layout_field dict_field = FIELD_managed_static_type_state_tp_dict;
	uint64_t row_type, dict;

	if (row_bytes == 0) {
		row_bytes = layout->struct_bytes[STRUCT_static_type_state];
		type_field = FIELD_static_type_state_type;
		dict_field = FIELD_static_type_state_tp_dict;
	}
	if (row_bytes == 0 || index == 0 || index > LIMIT_STATIC_TYPES)
		return 0;
	uint64_t row = array + (index - 1) * row_bytes;
	if (!value_field(decoder, row, type_field, &row_type) || row_type != type ||
	    !value_field(decoder, row, dict_field, &dict))
		return 0;
	return dict;
}

uint64_t value_type_dict(struct decoder *decoder, uint64_t type)
{
	const struct layout *layout = decoder->layout;
	const struct runtime *runtime = decoder->context->runtime;
	uint64_t dict = 0, flags, index;

	value_field(decoder, type, FIELD_PyTypeObject_tp_dict, &dict);
	if (dict != 0 || !layout_feature(layout, FEATURE_STATIC_BUILTIN_STATE) ||
	    !value_field(decoder, type, FIELD_PyTypeObject_tp_flags, &flags) ||
	    !(flags >> TP_FLAG_STATIC_BUILTIN & 1) ||
	    !value_field(decoder, type, FIELD_PyTypeObject_tp_subclasses, &index))
		return dict;
	static const enum layout_field arrays[] = { FIELD_PyInterpreterState_types_builtins,
		                                    FIELD_PyInterpreterState_types_for_extensions };
	for (size_t i = 0; i < runtime->interpreters.count && i < LIMIT_INTERPRETERS && dict == 0; i++) {
		for (unsigned k = 0; k < 2 && dict == 0; k++) {
			if (layout_has(layout, arrays[k]))
				dict = static_type_dict(decoder, type, index,
				                        runtime->interpreters.items[i].address +
				                                layout_offset(layout, arrays[k]));
		}
	}
	return dict;
}

uint64_t value_class_attribute(struct decoder *decoder, uint64_t type, const char *name)
{
	uint64_t mro, count, items, base, value;

	if (value_field(decoder, type, FIELD_PyTypeObject_tp_mro, &mro) && value_items(decoder, mro, &count, &items)) {
		for (uint64_t i = 0; i < count && i < LIMIT_TYPE_CHAIN; i++) {
			if (!reader_u64(&decoder->reader, items + i * 8, &base))
				return 0;
			value = dict_get_str(decoder, value_type_dict(decoder, base), name);
			if (value != 0)
				return value;
		}
		return 0;
	}
	/* A type caught before PyType_Ready() gave it an MRO, or one that was torn down. */
	for (unsigned i = 0; i < LIMIT_TYPE_CHAIN && type != 0; i++) {
		value = dict_get_str(decoder, value_type_dict(decoder, type), name);
		if (value != 0)
			return value;
		if (!value_field(decoder, type, FIELD_PyTypeObject_tp_base, &type))
			return 0;
	}
	return 0;
}

/* One row of tp_members; false at the end of the table. */
static bool read_member(struct decoder *decoder, uint64_t member, const char *name, bool *ret_matches,
                        uint64_t *ret_offset)
{
	char member_name[LIMIT_TYPE_NAME_BYTES];
	uint64_t name_address, kind;

	*ret_matches = false;
	if (!value_field(decoder, member, FIELD_PyMemberDef_name, &name_address) || name_address == 0 ||
	    !value_field(decoder, member, FIELD_PyMemberDef_type, &kind) ||
	    !value_field(decoder, member, FIELD_PyMemberDef_offset, ret_offset))
		return false;
	*ret_matches = (kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX) &&
	               reader_string(&decoder->reader, name_address, member_name, sizeof member_name) &&
	               strcmp(member_name, name) == 0;
	return true;
}

bool value_member_offset(struct decoder *decoder, uint64_t type, const char *name, uint64_t *ret_offset)
{
	uint32_t row_bytes = decoder->layout->struct_bytes[STRUCT_PyMemberDef];
	uint64_t members;
	bool matches;

	for (unsigned i = 0; i < LIMIT_TYPE_CHAIN && type != 0 && row_bytes != 0; i++) {
		if (value_field(decoder, type, FIELD_PyTypeObject_tp_members, &members) && members != 0) {
			for (unsigned k = 0; k < LIMIT_TYPE_SLOTS; k++) {
				if (!read_member(decoder, members + k * row_bytes, name, &matches, ret_offset))
					break;
				if (matches)
					return true;
			}
		}
		if (!value_field(decoder, type, FIELD_PyTypeObject_tp_base, &type))
			return false;
	}
	return false;
}

uint64_t value_attribute(struct decoder *decoder, uint64_t object, const char *name)
{
	struct dict_cursor cursor;
	uint64_t flags, offset, key, value;
	uint64_t type = value_type(decoder, object, &flags);

	if (type == 0)
		return 0;
	if (flags >> TP_FLAG_TYPE_SUBCLASS & 1)
		return value_class_attribute(decoder, object, name);
	/* Members are data descriptors: they come before the instance dict. */
	if (value_member_offset(decoder, type, name, &offset) &&
	    reader_u64(&decoder->reader, object + offset, &value) && value != 0)
		return value;
	if (!value_attribute_cursor(&cursor, decoder, object))
		return 0;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (value_str_equals(decoder, key, name))
			return value;
	}
	return 0;
}
