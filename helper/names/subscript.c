/* SPDX-License-Identifier: MIT
 * subscript: object[key] for dicts, lists, tuples, deques and what derives from them. Keys are found by comparing them
 * one after the other: no hash of the target is computed. */
#include "base/limits.h"
#include "object/value.h"
#include "names/context_cursor.h"
#include "names/steps.h"

static bool key_matches(struct decoder *decoder, const struct expression *expression, size_t key, uint64_t object);

static bool tuple_matches(struct decoder *decoder, const struct expression *expression, size_t key, uint64_t object)
{
	const struct expression_key *tuple = &expression->keys.items[key];
	uint64_t count, items, item;

	if (!value_is(&decoder->objects, object, TPFLAGS_TUPLE_SUBCLASS) ||
	    !value_items(&decoder->objects, object, &count, &items) || count != tuple->item_count)
		return false;
	size_t item_key = key + 1;
	for (uint64_t i = 0; i < count; i++) {
		if (!reader_u64(&decoder->reader, items + i * 8, &item) ||
		    !key_matches(decoder, expression, item_key, item))
			return false;
		item_key = expression->keys.items[item_key].next;
	}
	return true;
}

static bool bytes_match(struct decoder *decoder, uint64_t object, const char *bytes, size_t length)
{
	struct text found = { 0 };

	if (!value_is(&decoder->objects, object, TPFLAGS_BYTES_SUBCLASS) ||
	    value_bytes(&decoder->objects, object, 0, NULL) != (int64_t)length)
		return false;
	bool matches = length == 0 || (value_bytes(&decoder->objects, object, length, &found) >= 0 && !found.failed &&
	                               memcmp(found.bytes, bytes, length) == 0);
	text_free(&found);
	return matches;
}

static bool is_none(struct decoder *decoder, uint64_t object)
{
	uint64_t none = decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct];
	uint64_t type;

	if (none != 0)
		return object == none;
	type = value_type(&decoder->objects, object, NULL);
	return type != 0 && value_type_derives(&decoder->objects, type, -1, "NoneType");
}

/* Python's ==, as far as typed keys go: 1 == True. Nesting is limited by what was typed. */
static bool key_matches(struct decoder *decoder, const struct expression *expression, size_t key, uint64_t object)
{
	const struct expression_key *wanted = &expression->keys.items[key];
	const char *text = text_string(&expression->text) + wanted->text_offset;
	uint64_t variable;
	int64_t number;

	switch (wanted->kind) {
	case KEY_STR:
		if (value_str_matches(&decoder->objects, object, text, wanted->text_length))
			return true;
		variable = context_variable_name(decoder, object);
		return variable != 0 && value_str_matches(&decoder->objects, variable, text, wanted->text_length);
	case KEY_BYTES:
		return bytes_match(decoder, object, text, wanted->text_length);
	case KEY_INTEGER:
		return value_int(&decoder->objects, object, &number) && number == wanted->integer &&
		       (wanted->address == 0 || wanted->address <= INT64_MAX);
	case KEY_TRUE:
	case KEY_FALSE:
		return value_int(&decoder->objects, object, &number) && number == (wanted->kind == KEY_TRUE);
	case KEY_NONE:
		return is_none(decoder, object);
	case KEY_TUPLE:
		return tuple_matches(decoder, expression, key, object);
	case KEY_POSITION:
		break;
	}
	return false;
}

/* The value in the n-th entry of the keys table, deleted ones included: how labels count hidden keys. */
static uint64_t entry_value(struct dict_cursor *cursor, uint64_t position)
{
	uint64_t key, value;

	cursor->order = NULL;
	cursor->next = position;
	cursor->step_count = position < cursor->entry_count ? position + 1 : position;
	return dict_cursor_next(cursor, &key, &value) ? value : 0;
}

/* Keys are contents: only those that labels would show are offered. */
static void offer_key(const struct path_place *place, struct suggestion *suggestion, uint64_t key)
{
	struct text name = { 0 };

	if (suggestion->looked_at < LIMIT_NAMES_COMPARED &&
	    value_str(&place->decoder->objects, key, LIMIT_STRING_SHOWN, &name) > 0 && !name.failed &&
	    names_key_is_shown(place->options, text_string(&name), name.length))
		suggestion_offer(suggestion, text_string(&name));
	text_free(&name);
}

/* A subscript: key number `key` of an expression, and how it was typed. */
struct subscript {
	const struct expression *expression;
	size_t key;
	const char *typed;
};

static int no_such_key(const struct path_place *place, const struct subscript *subscript, uint64_t dict, uint64_t count,
                       struct error *error)
{
	const struct expression *expression = subscript->expression;
	const struct expression_key *wanted = &expression->keys.items[subscript->key];
	struct suggestion suggestion;
	struct dict_cursor cursor;
	uint64_t entry_key, value;

	error_set(error, ERROR_NOT_FOUND, "%s has no key %s among its %llu entries", place->path, subscript->typed,
	          (unsigned long long)count);
	if (wanted->kind != KEY_STR || wanted->text_length == 0 ||
	    !dict_cursor_open(&cursor, &place->decoder->objects, dict))
		return ERROR_NOT_FOUND;
	suggestion_init(&suggestion, place->options, text_string(&expression->text) + wanted->text_offset);
	while (cursor.next < LIMIT_NAMES_COMPARED && dict_cursor_next(&cursor, &entry_key, &value))
		offer_key(place, &suggestion, entry_key);
	suggestion_note(&suggestion, error);
	suggestion_clear(&suggestion);
	return ERROR_NOT_FOUND;
}

static int dict_item(const struct path_place *place, const struct subscript *subscript, uint64_t dict,
                     uint64_t *ret_object, struct error *error)
{
	const struct expression *expression = subscript->expression;
	const struct expression_key *wanted = &expression->keys.items[subscript->key];
	struct dict_cursor cursor;
	uint64_t entry_key, value, by_address = 0, count = 0;

	if (!dict_cursor_open(&cursor, &place->decoder->objects, dict))
		return error_set(error, ERROR_FAULT, "the entries of %s cannot be read (not in the dump, or damaged)",
		                 place->path);
	if (wanted->kind == KEY_POSITION) {
		*ret_object = entry_value(&cursor, (uint64_t)wanted->integer);
		return *ret_object != 0
		               ? 0
		               : error_set(error, ERROR_NOT_FOUND, "%s has no entry %s", place->path, subscript->typed);
	}
	for (; dict_cursor_next(&cursor, &entry_key, &value); count++) {
		if (key_matches(place->decoder, expression, subscript->key, entry_key)) {
			*ret_object = value;
			return 0;
		}
		if (wanted->address != 0 && entry_key == wanted->address)
			by_address = value;
	}
	*ret_object = by_address;
	return by_address != 0 ? 0 : no_such_key(place, subscript, dict, count, error);
}

/* Of a contextvars.Context: variables go by their names here. */
static int context_item(const struct path_place *place, const struct expression *expression, size_t key,
                        const char *typed, uint64_t *ret_object, struct error *error)
{
	struct context_cursor cursor;
	uint64_t variable, value, count = 0;

	if (!context_cursor_open(&cursor, place->decoder, place->object))
		return error_set(error, ERROR_FAULT, "the variables of %s cannot be read (not in the dump, or damaged)",
		                 place->path);
	for (; context_cursor_next(&cursor, &variable, &value); count++) {
		if (key_matches(place->decoder, expression, key, variable) ||
		    expression->keys.items[key].address == variable) {
			*ret_object = value;
			return 0;
		}
	}
	return error_set(error, ERROR_NOT_FOUND, "%s has no %s among its %llu variables", place->path, typed,
	                 (unsigned long long)count);
}

static int out_of_range(const struct path_place *place, const char *typed, uint64_t count, struct error *error)
{
	return error_set(error, ERROR_NOT_FOUND, "%s has %llu item%s, so no %s", place->path, (unsigned long long)count,
	                 count == 1 ? "" : "s", typed);
}

/* The index of a sequence of count items; false if the key is none. */
static bool sequence_index(const struct expression_key *key, uint64_t count, uint64_t *ret_index)
{
	int64_t index = key->kind == KEY_TRUE ? 1 : key->kind == KEY_FALSE ? 0 : key->integer;

	if (key->kind != KEY_INTEGER && key->kind != KEY_TRUE && key->kind != KEY_FALSE)
		return false;
	*ret_index = index < 0 ? count + (uint64_t)index : (uint64_t)index;
	return true;
}

/* Blocks of pointers in a doubly linked list; the first item is leftindex words into the leftmost (collections.deque,
 * Modules/_collectionsmodule.c). */
static bool deque_item(struct decoder *decoder, uint64_t deque, uint64_t index, uint64_t *ret_object)
{
	const struct layout *layout = decoder->layout;
	uint64_t block, left_index;
	uint64_t block_items = layout->fields[FIELD_BLOCK_data].size / 8;

	if (block_items == 0 || !value_field(&decoder->objects, deque, FIELD_dequeobject_leftblock, &block) ||
	    !value_field(&decoder->objects, deque, FIELD_dequeobject_leftindex, &left_index) ||
	    left_index >= block_items)
		return false;
	for (index += left_index; index >= block_items; index -= block_items) {
		if (!value_field(&decoder->objects, block, FIELD_BLOCK_rightlink, &block))
			return false;
	}
	return reader_u64(&decoder->reader, block + layout_offset(layout, FIELD_BLOCK_data) + index * 8, ret_object) &&
	       *ret_object != 0;
}

static int sequence_item(const struct path_place *place, const struct expression_key *key, const char *typed,
                         bool is_deque, uint64_t *ret_object, struct error *error)
{
	struct decoder *decoder = place->decoder;
	uint64_t count, items, index;

	if (is_deque ? !value_field(&decoder->objects, place->object, FIELD_PyVarObject_ob_size, &count) ||
	                       count > LIMIT_DEQUE
	             : !value_items(&decoder->objects, place->object, &count, &items))
		return error_set(error, ERROR_FAULT, "the items of %s cannot be read (not in the dump, or damaged)",
		                 place->path);
	if (!sequence_index(key, count, &index))
		return error_set(error, ERROR_NOT_FOUND, "%s takes an index, not %s", place->path, typed);
	if (index >= count)
		return out_of_range(place, typed, count, error);
	if (is_deque ? !deque_item(decoder, place->object, index, ret_object)
	             : !reader_u64(&decoder->reader, items + index * 8, ret_object) || *ret_object == 0)
		return error_set(error, ERROR_FAULT, "item %s of %s cannot be read (not in the dump, or damaged)",
		                 typed, place->path);
	return 0;
}

int path_subscript(const struct path_place *place, const struct expression *expression, size_t key, const char *typed,
                   uint64_t *ret_object, struct error *error)
{
	const struct subscript subscript = { expression, key, typed };
	struct decoder *decoder = place->decoder;
	struct text type_name = { 0 };
	uint64_t flags, mapping;
	uint64_t type = value_type(&decoder->objects, place->object, &flags);

	if (type == 0)
		return error_set(error, ERROR_FAULT, "%s, at %#llx, is not a readable object", place->path,
		                 (unsigned long long)place->object);
	if (flags & TPFLAGS_DICT_SUBCLASS)
		return dict_item(place, &subscript, place->object, ret_object, error);
	if (flags & (TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS))
		return sequence_item(place, &expression->keys.items[key], typed, false, ret_object, error);
	if (type_has_decoder(decoder, type, "deque", "collections.deque"))
		return sequence_item(place, &expression->keys.items[key], typed, true, ret_object, error);
	if (type_has_decoder(decoder, type, "frozendict", "frozendict"))
		return dict_item(place, &subscript, place->object, ret_object, error);
	if (type_has_decoder(decoder, type, "context", "Context"))
		return context_item(place, expression, key, typed, ret_object, error);
	if (type_has_decoder(decoder, type, "mappingproxy", "mappingproxy") &&
	    value_field(&decoder->objects, place->object, FIELD_mappingproxyobject_mapping, &mapping)) {
		if (value_is(&decoder->objects, mapping, TPFLAGS_DICT_SUBCLASS))
			return dict_item(place, &subscript, mapping, ret_object, error);
	}
	append_type_name(decoder, place->object, &type_name);
	error_set(error, ERROR_NOT_FOUND, "%s is of type %s, which has no items in memory to subscript", place->path,
	          text_string(&type_name));
	text_free(&type_name);
	if (value_attribute(&decoder->objects, place->object, "data") != 0)
		error_note(error, "did you mean its attribute 'data'?");
	return ERROR_NOT_FOUND;
}
