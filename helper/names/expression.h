/* SPDX-License-Identifier: MIT
 * expression: what a person typed, taken apart, with no look at the target.
 *
 *   target    = ( address | [ "interp:" N "." ] ( frame | module | path ) ) trailer*
 *   address   = "0x" hex digits [ "(" words ")" ]                  (the words are for people, as names are printed)
 *   frame     = [ "thread:" TID "." ] [ "frame:" N "." ] name      (at least one of the two prefixes)
 *   module    = "module:" name                                     (not what the frame means by that name)
 *   path      = name
 *   trailer   = "." name | "[" key "]"
 *   key       = integer | string | bytes | "True" | "False" | "None" | "(" key "," ... ")" | key "," ...
 *             | "key" N [ "of" M ]       (the N-th entry of a dict, from 1, as labels name hidden keys)
 * Strings have Python's quotes, prefixes r, b, u and escapes. Names are Python identifiers. */
#ifndef PYDS_NAMES_EXPRESSION_H
#define PYDS_NAMES_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

enum key_kind { KEY_INTEGER, KEY_STR, KEY_BYTES, KEY_TRUE, KEY_FALSE, KEY_NONE, KEY_TUPLE, KEY_POSITION };

struct expression_key {
	enum key_kind kind;
	int64_t integer; /* KEY_INTEGER; KEY_POSITION: from 0 */
	uint64_t address; /* KEY_INTEGER written as 0x...: the same number unsigned, which may name a key object; else 0
	                   */
	size_t text_offset, text_length; /* KEY_STR, KEY_BYTES: in expression.text */
	size_t next; /* KEY_TUPLE: its items follow it in keys, each ends at its next; index after this key */
	size_t item_count; /* KEY_TUPLE */
};

struct expression_step {
	bool is_subscript;
	size_t name_offset; /* attribute: in expression.text, NUL-terminated */
	size_t key; /* subscript: in expression.keys */
	size_t source_end; /* the expression as typed up to and with this step, for messages */
};

struct expression {
	bool has_address, has_interpreter, has_thread, has_frame, has_module;
	uint64_t address;
	uint64_t interpreter; /* id */
	uint64_t thread; /* native id */
	uint64_t frame;
	size_t source_start; /* where the first name or address stands in what was typed */
	size_t address_end;
	ARRAY(struct expression_step) steps; /* the first name is a step too */
	ARRAY(struct expression_key) keys;
	struct text text;
};

/* ERROR_ARGUMENT says where the mistake is (column from 1). *ret_expression needs expression_clear() either way. */
int expression_parse(struct expression *ret_expression, const char *source, struct error *error);
void expression_clear(struct expression *expression);
static inline const char *expression_name(const struct expression *expression, const struct expression_step *step)
{
	return expression->text.bytes + step->name_offset;
}

/* True for what Python's tokenizer would take as an identifier, as far as ASCII goes; bytes from 0x80 count as letters.
 */
bool is_identifier(const char *bytes, size_t length);

#endif
