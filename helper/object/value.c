/* SPDX-License-Identifier: MIT
 * value: the heads of objects, and what str, int, float, bytes, bytearray, list and tuple say.
 * Reads no more than it is asked for: a str of a gigabyte costs its first characters. Dicts and attributes:
 * dict_cursor.c, value_attribute.c. */
#include "object/value.h"

#include "base/limits.h"

bool value_field(struct object_reader *objects, uint64_t address, enum layout_field field, uint64_t *ret_word)
{
	const struct layout_place *place = &objects->layout->fields[field];
	uint64_t place_address;

	if (place->size == 0 || place->size > 8 || place->bit_width != 0 || address == 0 ||
	    !checked_add(address, place->offset, &place_address))
		return false;
	const uint8_t *bytes = reader_at(objects->reader, place_address, place->size);
	if (bytes == NULL)
		return false;
	*ret_word = place->size == 8 ? load_u64(bytes) : load_word(bytes, place->size, false);
	return true;
}

static bool type_flags(struct object_reader *objects, uint64_t type, uint64_t *ret_flags)
{
	return type % 8 == 0 && value_field(objects, type, FIELD_PyTypeObject_tp_flags, ret_flags);
}

uint64_t value_type(struct object_reader *objects, uint64_t address, uint64_t *ret_flags)
{
	uint64_t type, metatype, flags, meta_flags;

	if (address % 8 != 0 || !value_field(objects, address, FIELD_PyObject_ob_type, &type) ||
	    !type_flags(objects, type, &flags))
		return 0;
	if (!value_field(objects, type, FIELD_PyObject_ob_type, &metatype) ||
	    !type_flags(objects, metatype, &meta_flags) || !(meta_flags & TPFLAGS_TYPE_SUBCLASS))
		return 0;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return type;
}

bool value_is(struct object_reader *objects, uint64_t address, uint64_t flag)
{
	uint64_t flags;

	return value_type(objects, address, &flags) != 0 && (flags & flag) != 0;
}

static bool type_is_named(struct object_reader *objects, uint64_t type, const char *tp_name)
{
	char name[LIMIT_TYPE_NAME_BYTES];
	uint64_t name_address;

	return value_field(objects, type, FIELD_PyTypeObject_tp_name, &name_address) &&
	       reader_string(objects->reader, name_address, name, sizeof name) && strcmp(name, tp_name) == 0;
}

void base_walk_start(struct base_walk *walk, struct object_reader *objects, uint64_t type)
{
	*walk = (struct base_walk){ .objects = objects, .next = type };
}

uint64_t base_walk_next(struct base_walk *walk)
{
	uint64_t type = walk->next;

	if (type == 0 || type == walk->anchor || walk->steps >= LIMIT_TYPE_CHAIN)
		return 0;
	/* The anchor moves up at powers of two, so that any cycle is met (Brent). */
	if ((walk->steps & (walk->steps - 1)) == 0)
		walk->anchor = type;
	walk->steps++;
	if (!value_field(walk->objects, type, FIELD_PyTypeObject_tp_base, &walk->next))
		walk->next = 0;
	return type;
}

bool value_type_derives(struct object_reader *objects, uint64_t type, int32_t symbol, const char *tp_name)
{
	uint64_t wanted = symbol < 0 ? 0 : objects->runtime->symbols[symbol];
	struct base_walk walk;

	base_walk_start(&walk, objects, type);
	while ((type = base_walk_next(&walk)) != 0) {
		if (wanted != 0 ? type == wanted : type_is_named(objects, type, tp_name))
			return true;
	}
	return false;
}

bool value_is_module(struct object_reader *objects, uint64_t object)
{
	const uint64_t type = value_type(objects, object, NULL);
	return type != 0 && value_type_derives(objects, type, SYMBOL_PyModule_Type, "module");
}

/* ---- str ---- */

struct str_view {
	uint64_t data; /* target address of the first character */
	uint64_t length; /* characters */
	unsigned kind; /* bytes a character */
};

/* wchar_t string of 3.11 and before that no one asked to be made ready (PEP 393; gone in 3.12, PEP 623). */
static bool str_view_wide(struct object_reader *objects, uint64_t address, struct str_view *ret_view)
{
	ret_view->kind = 4;
	return value_field(objects, address, FIELD_PyASCIIObject_wstr, &ret_view->data) &&
	       value_field(objects, address, FIELD_PyCompactUnicodeObject_wstr_length, &ret_view->length);
}

static bool str_view_open(struct object_reader *objects, uint64_t address, struct str_view *ret_view)
{
	const struct layout *layout = objects->layout;
	uint32_t head_bytes = layout->struct_bytes[STRUCT_PyASCIIObject];

	if (head_bytes == 0 || !value_is(objects, address, TPFLAGS_UNICODE_SUBCLASS))
		return false;
	const uint8_t *head = reader_at(objects->reader, address, head_bytes);
	if (head == NULL)
		return false;
	uint64_t kind = layout_get(layout, FIELD_PyASCIIObject_state_kind, head);
	bool is_ready = !layout_has(layout, FIELD_PyASCIIObject_state_ready) ||
	                layout_get(layout, FIELD_PyASCIIObject_state_ready, head);
	if (kind == 0 || !is_ready) {
		if (!str_view_wide(objects, address, ret_view))
			return false;
	} else {
		if (kind != 1 && kind != 2 && kind != 4)
			return false;
		ret_view->kind = (unsigned)kind;
		ret_view->length = layout_get(layout, FIELD_PyASCIIObject_length, head);
		if (!layout_get(layout, FIELD_PyASCIIObject_state_compact, head)) {
			if (!value_field(objects, address, FIELD_PyUnicodeObject_data, &ret_view->data))
				return false;
		} else if (layout_get(layout, FIELD_PyASCIIObject_state_ascii, head)) {
			ret_view->data = address + head_bytes;
		} else {
			ret_view->data = address + layout->struct_bytes[STRUCT_PyCompactUnicodeObject];
		}
	}
	if (ret_view->data == 0 || ret_view->length >= UINT64_C(1) << 48 ||
	    ret_view->data >= UINT64_MAX - (UINT64_C(1) << 51))
		return false;
	/* Every form ends with a NUL character. Memory that was reused shows here; a dump may lack it. */
	const uint8_t *end =
	        reader_at(objects->reader, ret_view->data + ret_view->length * ret_view->kind, ret_view->kind);
	return end == NULL || load_word(end, ret_view->kind, false) == 0;
}

static uint32_t str_character(const uint8_t *data, unsigned kind, uint64_t index)
{
	uint32_t character = (uint32_t)load_word(data + index * kind, kind, false);

	return character > 0x10ffff || (character >= 0xd800 && character < 0xe000) ? 0xfffd : character;
}

int64_t value_str(struct object_reader *objects, uint64_t address, uint64_t limit, struct text *text)
{
	struct str_view view;
	char bytes[4];

	if (!str_view_open(objects, address, &view))
		return -1;
	uint64_t count = view.length < limit ? view.length : limit;
	if (count == 0 || text == NULL)
		return (int64_t)view.length;
	const uint8_t *data = reader_at(objects->reader, view.data, count * view.kind);
	if (data == NULL)
		return -1;
	for (uint64_t i = 0; i < count; i++) {
		unsigned length = text_encode_utf8(str_character(data, view.kind, i), bytes);
		text_append(text, bytes, length);
	}
	return (int64_t)view.length;
}

bool value_str_equals(struct object_reader *objects, uint64_t address, const char *string)
{
	return value_str_matches(objects, address, string, strlen(string));
}

/* A character is one to four bytes of UTF-8. */
static bool length_fits(uint64_t characters, size_t bytes)
{
	return characters <= bytes && bytes <= characters * 4;
}

/* Whether the length alone says that it cannot be a str of so many bytes: what a dict is searched by, key after key,
 * before anything is asked of the key's type. The old form without a kind keeps its length elsewhere. */
static bool str_is_of_other_length(const struct object_reader *objects, uint64_t address, size_t bytes)
{
	const struct layout *layout = objects->layout;
	const uint32_t head_bytes = layout->struct_bytes[STRUCT_PyASCIIObject];
	const uint8_t *head = head_bytes > 0 ? reader_at(objects->reader, address, head_bytes) : NULL;
	if (head == NULL || layout_get(layout, FIELD_PyASCIIObject_state_kind, head) == 0)
		return false;
	const uint64_t length = layout_get(layout, FIELD_PyASCIIObject_length, head);
	return layout_get(layout, FIELD_PyASCIIObject_state_ascii, head) ? length != bytes
	                                                                 : !length_fits(length, bytes);
}

bool value_str_matches(struct object_reader *objects, uint64_t address, const char *bytes, size_t length)
{
	struct str_view view;
	size_t position = 0;

	if (str_is_of_other_length(objects, address, length) || !str_view_open(objects, address, &view) ||
	    !length_fits(view.length, length))
		return false;
	if (view.length == 0)
		return true;
	const uint8_t *data = reader_at(objects->reader, view.data, view.length * view.kind);
	if (data == NULL)
		return false;
	for (uint64_t i = 0; i < view.length; i++) {
		char character[4];
		unsigned size = text_encode_utf8(str_character(data, view.kind, i), character);
		if (size > length - position || memcmp(character, bytes + position, size) != 0)
			return false;
		position += size;
	}
	return position == length;
}

/* ---- Numbers ---- */

bool value_int(struct object_reader *objects, uint64_t address, int64_t *ret_value)
{
	const struct layout *layout = objects->layout;
	const struct layout_place *digit = &layout->fields[FIELD_PyLongObject_ob_digit];
	uint64_t count, magnitude = 0;
	bool is_negative;

	if (digit->size != 4 || !value_is(objects, address, TPFLAGS_LONG_SUBCLASS))
		return false;
	if (layout_has(layout, FIELD_PyLongObject_lv_tag)) {
		uint64_t tag;
		if (!value_field(objects, address, FIELD_PyLongObject_lv_tag, &tag))
			return false;
		/* Sign in the low two bits: 0 positive, 1 zero, 2 negative (Include/internal/pycore_long.h). */
		count = (tag & 3) == 1 ? 0 : tag >> 3;
		is_negative = (tag & 3) == 2;
	} else {
		uint64_t size;
		if (!value_field(objects, address, FIELD_PyVarObject_ob_size, &size))
			return false;
		is_negative = (int64_t)size < 0;
		count = is_negative ? -size : size;
	}
	if (count > 3) /* digits of 30 bits: more than 64 bits */
		return false;
	if (count > 0) {
		const uint8_t *digits = reader_at(objects->reader, address + digit->offset, count * 4);
		if (digits == NULL)
			return false;
		for (uint64_t i = count; i-- > 0;) {
			uint64_t bits = load_u32(digits + i * 4);
			if (bits >> 30 != 0 || magnitude >> 34 != 0)
				return false;
			magnitude = magnitude << 30 | bits;
		}
	}
	if (magnitude > (uint64_t)INT64_MAX + is_negative)
		return false;
	*ret_value = (int64_t)(is_negative ? -magnitude : magnitude);
	return true;
}

bool value_float(struct object_reader *objects, uint64_t address, double *ret_value)
{
	uint64_t bits;
	uint64_t type = value_type(objects, address, NULL);

	if (type == 0 || !value_type_derives(objects, type, SYMBOL_PyFloat_Type, "float") ||
	    !value_field(objects, address, FIELD_PyFloatObject_ob_fval, &bits))
		return false;
	memcpy(ret_value, &bits, sizeof bits);
	return true;
}

/* ---- Sequences ---- */

/* Where the bytes of a bytes or bytearray are, and how many. */
static bool bytes_view_open(struct object_reader *objects, uint64_t address, uint64_t *ret_data, uint64_t *ret_length)
{
	uint64_t flags;
	uint64_t type = value_type(objects, address, &flags);

	if (type == 0 || !value_field(objects, address, FIELD_PyVarObject_ob_size, ret_length))
		return false;
	if (flags & TPFLAGS_BYTES_SUBCLASS) {
		if (!layout_has(objects->layout, FIELD_PyBytesObject_ob_sval))
			return false;
		*ret_data = address + layout_offset(objects->layout, FIELD_PyBytesObject_ob_sval);
	} else if (!value_type_derives(objects, type, SYMBOL_PyByteArray_Type, "bytearray") ||
	           !value_field(objects, address, FIELD_PyByteArrayObject_ob_start, ret_data)) {
		return false;
	}
	return *ret_length < UINT64_C(1) << 48;
}

int64_t value_bytes(struct object_reader *objects, uint64_t address, uint64_t limit, struct text *text)
{
	uint64_t length, data;

	if (!bytes_view_open(objects, address, &data, &length))
		return -1;
	uint64_t count = length < limit ? length : limit;
	if (count == 0 || text == NULL)
		return (int64_t)length;
	const uint8_t *bytes = reader_at(objects->reader, data, count);
	if (bytes == NULL)
		return -1;
	text_append(text, (const char *)bytes, count);
	return (int64_t)length;
}

bool value_content(struct object_reader *objects, uint64_t address, struct value_content *ret_content)
{
	struct str_view view;
	uint64_t length;
	if (str_view_open(objects, address, &view)) {
		*ret_content = (struct value_content){ view.data, view.length, view.kind };
		return true;
	}
	if (!bytes_view_open(objects, address, &ret_content->data, &length))
		return false;
	ret_content->length = length;
	ret_content->unit = 1;
	return true;
}

bool value_items(struct object_reader *objects, uint64_t address, uint64_t *ret_count, uint64_t *ret_items)
{
	uint64_t flags, count, items, bytes;

	if (value_type(objects, address, &flags) == 0 ||
	    !value_field(objects, address, FIELD_PyVarObject_ob_size, &count))
		return false;
	if (flags & TPFLAGS_TUPLE_SUBCLASS) {
		if (!layout_has(objects->layout, FIELD_PyTupleObject_ob_item))
			return false;
		items = address + layout_offset(objects->layout, FIELD_PyTupleObject_ob_item);
	} else if (!(flags & TPFLAGS_LIST_SUBCLASS) ||
	           !value_field(objects, address, FIELD_PyListObject_ob_item, &items)) {
		return false;
	}
	if (!checked_multiply(count, 8, &bytes) || (bytes != 0 && reader_at(objects->reader, items, bytes) == NULL))
		return false;
	*ret_count = count;
	*ret_items = items;
	return true;
}
