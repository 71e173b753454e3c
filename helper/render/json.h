/* SPDX-License-Identifier: MIT
 * json: writes one JSON document into a text, in order, without a tree in memory. A NULL key: an item of an array.
 * Whatever bytes come in, valid UTF-8 goes out, and nothing in it that a terminal would act on. */
#ifndef PYDS_REPORT_JSON_H
#define PYDS_REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { JSON_DEPTH = 32 };

struct json {
	struct text *text;
	uint32_t depth;
	bool has_items[JSON_DEPTH]; /* of each open object or array */
	/* Adds what stands at the end of the outermost object; NULL: nothing. Set after json_begin(). */
	void (*add_last)(struct json *json, void *context);
	void *context;
};

void json_begin(struct json *json, struct text *text);
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
/* Invalid UTF-8 and surrogates become U+FFFD. */
void json_string(struct json *json, const char *key, const char *string);
void json_text(struct json *json, const char *key, const struct text *value);
void json_number(struct json *json, const char *key, uint64_t number);
/* A number as it is written already: digits, perhaps with a fraction and an exponent. */
void json_real(struct json *json, const char *key, const char *digits, size_t length);
void json_signed(struct json *json, const char *key, int64_t number);
void json_address(struct json *json, const char *key, uint64_t address); /* "0x7f31c02a8e40" */
void json_address_or_null(struct json *json, const char *key, uint64_t address); /* 0: null */
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* Ends the line of a whole document. */
void json_end(struct json *json);

#endif
