/* SPDX-License-Identifier: MIT */
#include "render/json.h"

#include <inttypes.h>
#include <string.h>

/* Control characters, line separators and what changes the direction of text. */
static bool is_dangerous(uint32_t character)
{
	return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x061C ||
	       (character >= 0x200E && character <= 0x200F) || (character >= 0x2028 && character <= 0x202E) ||
	       (character >= 0x2066 && character <= 0x2069) || character == 0xFEFF;
}

/* How many bytes from here on stand for themselves. */
static size_t plain_length(const char *bytes, size_t length)
{
	size_t plain = 0;
	while (plain < length && bytes[plain] >= 0x20 && bytes[plain] < 0x7F && bytes[plain] != '"' &&
	       bytes[plain] != '\\')
		plain++;
	return plain;
}

static void write_string(struct text *text, const char *bytes, size_t length)
{
	text_append(text, "\"", 1);
	for (size_t at = 0; at < length;) {
		size_t used = plain_length(bytes + at, length - at);
		if (used > 0) {
			text_append(text, bytes + at, used);
			at += used;
			continue;
		}
		uint32_t character = text_decode_utf8(bytes + at, length - at, &used);
		if (character == '"' || character == '\\') {
			text_append(text, "\\", 1);
			text_append(text, bytes + at, 1);
		} else if (character == '\n') {
			text_append(text, "\\n", 2);
		} else if (character == '\t') {
			text_append(text, "\\t", 2);
		} else if (is_dangerous(character)) {
			text_format(text, "\\u%04" PRIx32, character);
		} else if (character == 0xFFFD) {
			text_add(text, "\xEF\xBF\xBD");
		} else {
			text_append(text, bytes + at, used);
		}
		at += used;
	}
	text_append(text, "\"", 1);
}

static void start_item(struct json *json, const char *key)
{
	if (json->has_items[json->depth])
		text_append(json->text, ",", 1);
	json->has_items[json->depth] = true;
	if (key != NULL) {
		write_string(json->text, key, strlen(key));
		text_append(json->text, ":", 1);
	}
}

static void open_group(struct json *json, const char *key, const char *bracket)
{
	start_item(json, key);
	if (json->depth + 1 < JSON_DEPTH)
		json->depth++;
	json->has_items[json->depth] = false;
	text_append(json->text, bracket, 1);
}

static void close_group(struct json *json, const char *bracket)
{
	if (json->depth > 0)
		json->depth--;
	text_append(json->text, bracket, 1);
}

void json_begin(struct json *json, struct text *text)
{
	json->text = text;
	json->depth = 0;
	json->has_items[0] = false;
	json->add_last = NULL;
}

void json_object(struct json *json, const char *key)
{
	open_group(json, key, "{");
}

void json_object_end(struct json *json)
{
	void (*add_last)(struct json * json, void *context) = json->add_last;
	if (json->depth == 1 && add_last != NULL) {
		json->add_last = NULL;
		add_last(json, json->context);
	}
	close_group(json, "}");
}

void json_array(struct json *json, const char *key)
{
	open_group(json, key, "[");
}

void json_array_end(struct json *json)
{
	close_group(json, "]");
}

void json_string(struct json *json, const char *key, const char *string)
{
	start_item(json, key);
	write_string(json->text, string, strlen(string));
}

void json_text(struct json *json, const char *key, const struct text *value)
{
	start_item(json, key);
	write_string(json->text, text_string(value), value->length);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	start_item(json, key);
	text_decimal(json->text, number);
}

void json_real(struct json *json, const char *key, const char *digits, size_t length)
{
	start_item(json, key);
	text_append(json->text, digits, length);
}

void json_signed(struct json *json, const char *key, int64_t number)
{
	start_item(json, key);
	text_append(json->text, "-", number < 0);
	text_decimal(json->text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void json_address(struct json *json, const char *key, uint64_t address)
{
	start_item(json, key);
	text_append(json->text, "\"", 1);
	text_hex(json->text, address);
	text_append(json->text, "\"", 1);
}

void json_address_or_null(struct json *json, const char *key, uint64_t address)
{
	if (address != 0)
		json_address(json, key, address);
	else
		json_null(json, key);
}

void json_bool(struct json *json, const char *key, bool value)
{
	start_item(json, key);
	text_add(json->text, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	start_item(json, key);
	text_add(json->text, "null");
}

void json_end(struct json *json)
{
	text_append(json->text, "\n", 1);
}
