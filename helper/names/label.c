/* SPDX-License-Identifier: MIT
 * label: what a reference is called: "['key']", "[3]", ".attr", "local x". Names of the program are shown; other
 * strings are contents, and only shown where the person asked for values. */
#include <ctype.h>
#include <inttypes.h>

#include "base/limits.h"
#include "decode/field_labels.h"
#include "decode/registry.h"
#include "object/value.h"
#include "names/context_cursor.h"
#include "names/expression.h"
#include "names/names.h"
#include "names/steps.h"

enum { SHOWN_KEY_BYTES = 40, SHOWN_KEY_DIGITS = 4, TUPLE_ITEMS = 4, TUPLE_DEPTH = 3 };

bool names_key_is_shown(const struct name_options *options, const char *key, size_t length)
{
	size_t start = 0, digits = 0;

	if (options->show_values || options->hide_keys)
		return !options->hide_keys;
	if (length == 0 || length > SHOWN_KEY_BYTES)
		return false;
	for (size_t i = 0; i <= length; i++) {
		if (i < length && isdigit((unsigned char)key[i]) && ++digits > SHOWN_KEY_DIGITS)
			return false;
		if (i < length && key[i] != '.')
			continue;
		if (!is_identifier(key + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

/* Escapes string, and says with "..." that it is longer than what was read. */
static void append_string(struct text *text, const struct text *string, bool is_cut, bool quote)
{
	names_escape(text, text_string(string), string->length, quote);
	if (is_cut)
		text_add(text, "...");
}

static bool append_str_key(struct decoder *decoder, uint64_t key, const struct name_options *options, struct text *text)
{
	struct text string = { 0 };
	int64_t length = value_str(&decoder->objects, key, LIMIT_STRING_SHOWN, &string);
	bool is_shown = length >= 0 && !string.failed && (options->show_values || length <= LIMIT_STRING_SHOWN) &&
	                names_key_is_shown(options, text_string(&string), string.length);

	if (is_shown) {
		text_add(text, "'");
		append_string(text, &string, length > LIMIT_STRING_SHOWN, true);
		text_add(text, "'");
	}
	text_free(&string);
	return is_shown;
}

/* Every byte that is not a plain ASCII character as \x.. */
static bool append_bytes_key(struct decoder *decoder, uint64_t key, const struct name_options *options,
                             struct text *text)
{
	struct text string = { 0 };
	int64_t length = options->show_values ? value_bytes(&decoder->objects, key, LIMIT_STRING_SHOWN, &string) : -1;

	if (length >= 0) {
		text_add(text, "b'");
		for (size_t i = 0; i < string.length; i++) {
			uint8_t byte = (uint8_t)string.bytes[i];
			if (byte < 0x20 || byte >= 0x7f || byte == '\'' || byte == '\\')
				text_format(text, "\\x%02x", byte);
			else
				text_append(text, &string.bytes[i], 1);
		}
		text_add(text, length > LIMIT_STRING_SHOWN ? "...'" : "'");
	}
	text_free(&string);
	return length >= 0;
}

static bool append_key(struct decoder *decoder, uint64_t key, const struct name_options *options, unsigned depth,
                       struct text *text);

static bool append_tuple_key(struct decoder *decoder, uint64_t key, const struct name_options *options, unsigned depth,
                             struct text *text)
{
	uint64_t count, items, item;

	if (depth >= TUPLE_DEPTH || !value_items(&decoder->objects, key, &count, &items) || count > TUPLE_ITEMS)
		return false;
	text_add(text, "(");
	for (uint64_t i = 0; i < count; i++) {
		if (i > 0)
			text_add(text, ", ");
		if (!reader_u64(&decoder->reader, items + i * 8, &item) ||
		    !append_key(decoder, item, options, depth + 1, text))
			return false;
	}
	text_add(text, count == 1 ? ",)" : ")");
	return true;
}

/* A key as it can be typed; false (text may have grown) if it must not be shown or cannot be typed. */
static bool append_key(struct decoder *decoder, uint64_t key, const struct name_options *options, unsigned depth,
                       struct text *text)
{
	const struct runtime *runtime = decoder->context->runtime;
	uint64_t flags;
	int64_t number;

	uint64_t type = value_type(&decoder->objects, key, &flags);
	if (type == 0)
		return false;
	if (flags & TPFLAGS_UNICODE_SUBCLASS)
		return append_str_key(decoder, key, options, text);
	if (flags & TPFLAGS_BYTES_SUBCLASS)
		return append_bytes_key(decoder, key, options, text);
	if (flags & TPFLAGS_TUPLE_SUBCLASS)
		return append_tuple_key(decoder, key, options, depth, text);
	if (key == runtime->symbols[SYMBOL__Py_NoneStruct]) {
		text_add(text, "None");
		return true;
	}
	const uint64_t variable = context_variable_name(decoder, key);
	if (variable != 0)
		return append_str_key(decoder, variable, options, text);
	if (!value_int(&decoder->objects, key, &number))
		return false;
	if (value_type_derives(&decoder->objects, type, SYMBOL_PyBool_Type, "bool"))
		text_add(text, number != 0 ? "True" : "False");
	else
		text_format(text, "%lld", (long long)number);
	return true;
}

/* An entry of a dict as its label names it: the slot of a run, its key, and what stands before that: "[", "key [". */
struct dict_entry {
	const struct run *run;
	uint64_t index, key;
	const char *before;
};

/* "['x']", or "[key 12 of 40]" for what is not shown, or "[0x7f...]", the address of a key that cannot be typed. */
static void append_dict_label(struct decoder *decoder, const struct dict_entry *entry,
                              const struct name_options *options, struct text *text)
{
	const struct run *run = entry->run;
	const char *before = entry->before;
	const uint64_t index = entry->index, key = entry->key;
	size_t length = text->length;
	uint64_t flags = 0;

	text_add(text, before);
	if (key == 0) { /* a deeper node of the trie of a context */
		text_format(text, "%" PRIu64 "]", run->first_index + index);
		return;
	}
	if (!options->hide_keys && append_key(decoder, key, options, 0, text)) {
		text_add(text, "]");
		return;
	}
	if (text->failed)
		return;
	text->length = length;
	if (text->bytes != NULL)
		text->bytes[length] = '\0';
	value_type(&decoder->objects, key, &flags);
	text_add(text, before);
	if (options->hide_keys || flags & (TPFLAGS_UNICODE_SUBCLASS | TPFLAGS_BYTES_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS))
		text_format(text, "key %" PRIu64 " of %" PRIu64 "]", run->first_index + index + 1,
		            run->first_index + run->count);
	else
		text_format(text, "%#llx]", (unsigned long long)key);
}

/* ".x" of an instance that has its values itself; "['x']" of a dict that shares its keys, which is an instance's
 * __dict__: names of the program both. */
static void append_split_name(struct decoder *decoder, const struct run *run, uint64_t position, struct text *text)
{
	struct text string = { 0 };
	uint64_t key = keys_entry_key(&decoder->objects, run->argument, position);
	bool is_attribute = run->flags & RUN_ATTRIBUTE;
	int64_t length = value_str(&decoder->objects, key, LIMIT_STRING_SHOWN, &string);

	text_add(text, is_attribute ? "." : "['");
	if (length < 0)
		text_add(text, "?");
	else
		append_string(text, &string, length > LIMIT_STRING_SHOWN, !is_attribute);
	text_add(text, is_attribute ? "" : "']");
	text_free(&string);
}

/* Python's name where it has one, so that a path can be typed as it is shown; else CPython's. */
static void append_field(const struct run *run, uint64_t position, struct text *text)
{
	const char *const *name = run->names == NULL ? NULL : run->names + position;
	const char *attribute = NULL;

	if (name == NULL || *name == NULL) {
		text_add(text, ".?");
		return;
	}
	if (name >= field_labels && name < field_labels + FIELD_COUNT)
		attribute = attribute_of_field((enum layout_field)(name - field_labels));
	if (attribute != NULL)
		text_format(text, ".%s", attribute);
	else
		text_add(text, *name);
}

static void append_member_name(struct decoder *decoder, uint64_t members, uint64_t index, struct text *text)
{
	char name[LIMIT_TYPE_NAME_BYTES];
	uint64_t member = members + index * decoder->layout->struct_bytes[STRUCT_PyMemberDef];
	uint64_t name_address;

	text_add(text, ".");
	if (value_field(&decoder->objects, member, FIELD_PyMemberDef_name, &name_address) &&
	    reader_string(&decoder->reader, name_address, name, sizeof name))
		names_escape(text, name, strlen(name), false);
	else
		text_add(text, "?");
}

/* ".int", of the word where the type's address is. */
static void append_static_type(struct decoder *decoder, uint64_t word, struct text *text)
{
	uint64_t address;
	const struct type_info *type =
	        reader_u64(&decoder->reader, word, &address) ? decode_type(decoder, address) : NULL;

	text_add(text, ".");
	text_add(text, type != NULL ? type->name : "?");
}

static void append_local_name(struct decoder *decoder, uint64_t code, uint64_t index, struct text *text)
{
	struct text name = { 0 };

	names_local(decoder, code, index, &name);
	text_add(text, "local ");
	if (name.length > 0)
		names_escape(text, name.bytes, name.length, false);
	else
		text_format(text, "%llu", (unsigned long long)index);
	text_free(&name);
}

void names_label(struct decoder *decoder, const struct run *run, uint64_t index, const struct name_options *options,
                 struct text *text)
{
	uint64_t position = run->first_index + index;
	uint64_t slot = run->address + index * run->stride;
	struct dict_entry entry = { .run = run, .index = index, .before = "[" };

	switch ((enum label_kind)run->label) {
	case LABEL_FIELD:
		append_field(run, position, text);
		break;
	case LABEL_ITEM:
		text_append(text, "[", 1);
		text_decimal(text, position);
		text_append(text, "]", 1);
		break;
	case LABEL_SET_ITEM:
		text_add(text, "{item}");
		break;
	case LABEL_DICT_KEY:
		entry.key = run_target(run, index);
		entry.before = "key [";
		append_dict_label(decoder, &entry, options, text);
		break;
	case LABEL_DICT_VALUE:
		if (slot < run->argument || !reader_u64(&decoder->reader, slot - run->argument, &entry.key))
			entry.key = 0;
		append_dict_label(decoder, &entry, options, text);
		break;
	case LABEL_SPLIT_VALUE:
		append_split_name(decoder, run, position, text);
		break;
	case LABEL_SLOT:
		append_member_name(decoder, run->argument, position, text);
		break;
	case LABEL_LOCAL:
		append_local_name(decoder, run->argument, position, text);
		break;
	case LABEL_STACK:
		text_format(text, "stack [%llu]", (unsigned long long)position);
		break;
	case LABEL_TYPE:
		text_add(text, ".__class__");
		break;
	case LABEL_DICT:
		text_add(text, ".__dict__");
		break;
	case LABEL_SUBCLASSES:
		text_add(text, ".__subclasses__");
		break;
	case LABEL_OF_STATIC_TYPE:
		append_static_type(decoder, slot - run->argument, text);
		text_add(text, *run->names);
		break;
	case LABEL_BLOCK_WORD:
		text_format(text, "block 0x%llx +%llu", (unsigned long long)run->argument,
		            (unsigned long long)(slot - run->argument));
		break;
	case LABEL_WORD:
		text_format(text, "+%llu", (unsigned long long)run->argument + index * run->stride);
		break;
	}
}
