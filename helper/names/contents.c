/* SPDX-License-Identifier: MIT
 * contents: what is in a container, as Python writes it, down to a depth and up to a length; numbers of numpy. */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "decode/foreign.h"
#include "names/float_text.h"
#include "names/names.h"
#include "names/steps.h"
#include "object/value.h"

/* ---- numpy ---- */

/* An IEEE number of 2 bytes. */
static double half_float(uint16_t bits)
{
	const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
	const double sign = bits >> 15 ? -1 : 1;
	if (exponent == 0x1f)
		return fraction != 0 ? NAN : sign * INFINITY;
	if (exponent == 0)
		return sign * fraction / (1 << 24);
	return sign * (fraction + 1024) * (1 << exponent) / (1 << 25);
}

static void append_real(const uint8_t *bytes, unsigned size, struct text *text)
{
	union {
		uint64_t word;
		double number;
	} wide = { .word = size == 8 ? load_u64(bytes) : 0 };
	union {
		uint32_t word;
		float number;
	} narrow = { .word = size == 4 ? load_u32(bytes) : 0 };
	if (size == 8)
		float_text(text, wide.number);
	else
		float_text_narrow(text, size == 4 ? (double)narrow.number : half_float(load_u16(bytes)), size);
}

static void append_integer(const uint8_t *bytes, unsigned size, bool is_signed, struct text *text)
{
	const uint64_t word = size == 8   ? load_u64(bytes)
	                      : size == 4 ? load_u32(bytes)
	                      : size == 2 ? load_u16(bytes)
	                                  : load_u8(bytes);
	const unsigned unused = 64 - 8 * size;
	if (is_signed)
		text_format(text, "%lld", (long long)((int64_t)(word << unused) >> unused));
	else
		text_format(text, "%llu", (unsigned long long)word);
}

bool names_numpy_scalar(struct decoder *decoder, uint64_t object, struct text *text)
{
	const uint64_t type_object = value_type(&decoder->objects, object, NULL);
	const struct type_info *type = type_object != 0 ? decode_type(decoder, type_object) : NULL;
	uint32_t offset;
	if (type == NULL || type->foreign == NULL || strncmp(type->name, "numpy.", 6) != 0 ||
	    !foreign_offset(decoder, type->foreign, PLACE_numpy_scalar_value, &offset))
		return false;
	const char *kind = type->name + strlen("numpy.");
	const unsigned size = type->foreign->places[PLACE_numpy_scalar_value].size;
	const uint8_t *bytes = size <= 16 ? reader_at(&decoder->reader, object + offset, size) : NULL;
	if (bytes == NULL)
		return false;
	if (strncmp(kind, "bool", 4) == 0) {
		text_add(text, *bytes != 0 ? "True" : "False");
	} else if (strncmp(kind, "float", 5) == 0 && size <= 8) {
		append_real(bytes, size, text);
	} else if (strcmp(kind, "complex64") == 0 || strcmp(kind, "complex128") == 0) {
		text_add(text, "(");
		append_real(bytes, size / 2, text);
		text_add(text, bytes[size - 1] >> 7 ? "" : "+");
		append_real(bytes + size / 2, size / 2, text);
		text_add(text, "j)");
	} else if (strncmp(kind, "int", 3) == 0 || strcmp(kind, "longlong") == 0) {
		append_integer(bytes, size, true, text);
	} else if (strncmp(kind, "uint", 4) == 0 || strcmp(kind, "ulonglong") == 0) {
		append_integer(bytes, size, false, text);
	} else {
		return false;
	}
	return true;
}

/* ---- Containers ---- */

struct contents {
	struct decoder *decoder;
	const struct name_options *options;
	struct text *text;
	size_t end; /* of text, beyond which no more is opened */
};

static void append_any(struct contents *contents, uint64_t object, uint32_t depth);

static void append_more(struct contents *contents, uint64_t count, uint64_t shown)
{
	if (count > shown)
		text_format(contents->text, "%s... %llu more", shown > 0 ? ", " : "",
		            (unsigned long long)(count - shown));
}

static bool is_full(const struct contents *contents)
{
	return contents->text->failed || contents->text->length >= contents->end;
}

static void append_dict(struct contents *contents, uint64_t object, uint32_t depth)
{
	struct dict_cursor cursor;
	uint64_t key, value, count = 0, shown = 0;
	(void)value_field(&contents->decoder->objects, object, FIELD_PyDictObject_ma_used, &count);
	text_add(contents->text, "{");
	if (dict_cursor_open(&cursor, &contents->decoder->objects, object))
		for (;
		     shown < contents->options->length && !is_full(contents) && dict_cursor_next(&cursor, &key, &value);
		     shown++) {
			text_add(contents->text, shown > 0 ? ", " : "");
			append_any(contents, key, depth);
			text_add(contents->text, ": ");
			append_any(contents, value, depth);
		}
	append_more(contents, count, shown);
	text_add(contents->text, "}");
}

/* The first items of what a decoder says that they are: of a list, tuple, set, deque. */
static uint32_t first_items(struct contents *contents, uint64_t object, uint64_t *items, uint32_t most)
{
	enum { SLOTS_LOOKED_AT = 1 << 16 }; /* of a set's table, which may be nearly empty */
	struct decoder *decoder = contents->decoder;
	uint32_t count = 0, looked_at = 0;
	if (!decode_object(decoder, object))
		return 0;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		if (!(run->flags & RUN_ITEM))
			continue;
		for (uint64_t k = 0; k < run->count && count < most && looked_at < SLOTS_LOOKED_AT; k++, looked_at++) {
			const uint64_t item = run_target(run, k);
			if (item != 0)
				items[count++] = item;
		}
	}
	return count;
}

static void append_items(struct contents *contents, uint64_t object, uint64_t count, uint32_t depth)
{
	uint64_t items[LIMIT_CONTENTS_LENGTH];
	const uint32_t most =
	        contents->options->length < LIMIT_CONTENTS_LENGTH ? contents->options->length : LIMIT_CONTENTS_LENGTH;
	const uint32_t found = first_items(contents, object, items, most);
	uint32_t shown = 0;
	for (; shown < found && !is_full(contents); shown++) {
		text_add(contents->text, shown > 0 ? ", " : "");
		append_any(contents, items[shown], depth);
	}
	append_more(contents, count, shown);
}

enum container { NOT_A_CONTAINER, CONTAINER_DICT, CONTAINER_LIST, CONTAINER_TUPLE, CONTAINER_SET, CONTAINER_DEQUE };

static enum container container_of(struct decoder *decoder, uint64_t type, uint64_t flags)
{
	if (flags & TPFLAGS_DICT_SUBCLASS)
		return CONTAINER_DICT;
	if (flags & TPFLAGS_LIST_SUBCLASS)
		return CONTAINER_LIST;
	if (flags & TPFLAGS_TUPLE_SUBCLASS)
		return CONTAINER_TUPLE;
	if (value_type_derives(&decoder->objects, type, SYMBOL_PySet_Type, "set") ||
	    value_type_derives(&decoder->objects, type, SYMBOL_PyFrozenSet_Type, "frozenset"))
		return CONTAINER_SET;
	return type_has_decoder(decoder, type, "deque", "collections.deque") ? CONTAINER_DEQUE : NOT_A_CONTAINER;
}

static bool append_container(struct contents *contents, uint64_t object, uint32_t depth)
{
	struct decoder *decoder = contents->decoder;
	uint64_t flags, count = 0;
	const uint64_t type = value_type(&decoder->objects, object, &flags);
	const enum container kind = type != 0 ? container_of(decoder, type, flags) : NOT_A_CONTAINER;
	if (kind == NOT_A_CONTAINER || depth == 0)
		return false;
	if (kind == CONTAINER_DICT) {
		append_dict(contents, object, depth - 1);
		return true;
	}
	(void)value_field(&decoder->objects, object,
	                  kind == CONTAINER_SET ? FIELD_PySetObject_used : FIELD_PyVarObject_ob_size, &count);
	if (kind == CONTAINER_SET && count == 0) {
		text_add(contents->text, "set()");
		return true;
	}
	text_add(contents->text, kind == CONTAINER_TUPLE ? "(" : kind == CONTAINER_SET ? "{" : "[");
	append_items(contents, object, count, depth - 1);
	text_add(contents->text, kind == CONTAINER_TUPLE ? count == 1 ? ",)" : ")" : kind == CONTAINER_SET ? "}" : "]");
	return true;
}

static bool append_string(struct contents *contents, uint64_t object, bool is_bytes)
{
	struct object_reader *objects = &contents->decoder->objects;
	struct text string = { .bytes = NULL };
	const int64_t length = is_bytes ? value_bytes(objects, object, LIMIT_STRING_SHOWN, &string)
	                                : value_str(objects, object, LIMIT_STRING_SHOWN, &string);
	if (length >= 0) {
		text_add(contents->text, is_bytes ? "b'" : "'");
		names_escape(contents->text, text_string(&string), string.length, true);
		text_add(contents->text, length > LIMIT_STRING_SHOWN ? "...'" : "'");
	}
	contents->text->failed |= string.failed;
	text_free(&string);
	return length >= 0;
}

static bool append_scalar(struct contents *contents, uint64_t object)
{
	struct decoder *decoder = contents->decoder;
	uint64_t flags;
	const uint64_t type = value_type(&decoder->objects, object, &flags);
	int64_t number;
	double real;
	if (type == 0)
		return false;
	if (flags & (TPFLAGS_UNICODE_SUBCLASS | TPFLAGS_BYTES_SUBCLASS))
		return append_string(contents, object, flags & TPFLAGS_BYTES_SUBCLASS);
	if (object == decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct]) {
		text_add(contents->text, "None");
	} else if (flags & TPFLAGS_LONG_SUBCLASS && value_int(&decoder->objects, object, &number)) {
		if (value_type_derives(&decoder->objects, type, SYMBOL_PyBool_Type, "bool"))
			text_add(contents->text, number != 0 ? "True" : "False");
		else
			text_format(contents->text, "%lld", (long long)number);
	} else if (value_float(&decoder->objects, object, &real)) {
		float_text(contents->text, real);
	} else {
		return names_numpy_scalar(decoder, object, contents->text);
	}
	return true;
}

/* A level for each of depth, of which there are LIMIT_CONTENTS_DEPTH at most. */
static void append_any(struct contents *contents, uint64_t object, uint32_t depth)
{
	if (append_scalar(contents, object) || append_container(contents, object, depth))
		return;
	text_add(contents->text, "<");
	append_type_name(contents->decoder, object, contents->text);
	text_format(contents->text, " 0x%llx>", (unsigned long long)object);
}

bool names_contents(struct decoder *decoder, uint64_t object, const struct name_options *options, struct text *text)
{
	struct contents contents = { decoder, options, text, text->length + LIMIT_CONTENTS_BYTES };
	const uint32_t depth = options->depth < LIMIT_CONTENTS_DEPTH ? options->depth : LIMIT_CONTENTS_DEPTH;
	return append_container(&contents, object, depth);
}
