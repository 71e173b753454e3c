/* SPDX-License-Identifier: MIT
 * expression: the parser of targets. Input is what a person typed: errors point at a column. */
#include "names/expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

enum { KEY_DEPTH = 16 }; /* nested tuples in a key */

struct parser {
	const char *source;
	size_t position;
	struct expression *expression;
	struct error *error;
};

static int fail(struct parser *parser, size_t position, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct parser *parser, size_t position, const char *format, ...)
{
	char what[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	return error_set(parser->error, ERROR_ARGUMENT, "%s, at column %zu of the target", what, position + 1);
}

static int fail_no_memory(struct parser *parser)
{
	return error_set(parser->error, ERROR_NO_MEMORY, "out of memory while reading a target's name");
}

static char peek(const struct parser *parser)
{
	return parser->source[parser->position];
}

static void skip_spaces(struct parser *parser)
{
	while (peek(parser) == ' ' || peek(parser) == '\t')
		parser->position++;
}

static bool starts(const struct parser *parser, const char *word)
{
	return strncmp(parser->source + parser->position, word, strlen(word)) == 0;
}

static bool is_name_start(char c)
{
	return c == '_' || (unsigned char)c >= 0x80 || isalpha((unsigned char)c);
}

static bool is_name_character(char c)
{
	return is_name_start(c) || isdigit((unsigned char)c);
}

bool is_identifier(const char *bytes, size_t length)
{
	if (length == 0 || !is_name_start(bytes[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_name_character(bytes[i]))
			return false;
	}
	return true;
}

/* An unsigned number at the position, decimal or with 0x, 0o, 0b; digits may be grouped by _. */
static int parse_number(struct parser *parser, uint64_t *ret_number, bool *ret_is_hex)
{
	size_t start = parser->position;
	unsigned base = 10;
	uint64_t number = 0;
	unsigned digits = 0;

	if (peek(parser) == '0' && parser->source[parser->position + 1] != '\0') {
		int letter = tolower((unsigned char)parser->source[parser->position + 1]);
		base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
		parser->position += base == 10 ? 0 : 2;
	}
	for (; is_name_character(peek(parser)); parser->position++) {
		char c = peek(parser);
		if (c == '_' && digits > 0)
			continue;
		unsigned digit = isdigit((unsigned char)c)    ? (unsigned)(c - '0')
		                 : isxdigit((unsigned char)c) ? (unsigned)(tolower((unsigned char)c) - 'a' + 10)
		                                              : 99;
		if (digit >= base)
			return fail(parser, parser->position, "'%.1s' is no digit of this number",
			            (unsigned char)c < 0x80 ? &parser->source[parser->position] : "?");
		if (__builtin_mul_overflow(number, base, &number) || __builtin_add_overflow(number, digit, &number))
			return fail(parser, start, "the number does not fit 64 bits");
		digits++;
	}
	if (digits == 0)
		return fail(parser, start, "a number is expected");
	*ret_number = number;
	*ret_is_hex = base == 16;
	return 0;
}

static void append_utf8(struct text *text, uint32_t character)
{
	char bytes[4];

	/* A lone surrogate matches as U+FFFD, which is what value_str() makes of it. */
	if (character >= 0xd800 && character < 0xe000)
		character = 0xfffd;
	unsigned size = text_encode_utf8(character, bytes);
	text_append(text, bytes, size);
}

/* Exactly count hex digits. */
static int parse_hex_escape(struct parser *parser, unsigned count, uint32_t *ret_character)
{
	uint32_t character = 0;

	for (unsigned i = 0; i < count; i++, parser->position++) {
		char c = peek(parser);
		if (!isxdigit((unsigned char)c))
			return fail(parser, parser->position, "an escape needs %u hex digits here", count - i);
		character = character << 4 |
		            (uint32_t)(isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10);
	}
	if (character > 0x10ffff)
		return fail(parser, parser->position - count, "no such character");
	*ret_character = character;
	return 0;
}

/* After a backslash. Python's rules: what is no escape stands for itself, backslash included. */
static int parse_escape(struct parser *parser, bool is_bytes)
{
	static const char letters[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
	struct text *text = &parser->expression->text;
	char c = peek(parser);
	uint32_t character = 0;

	const char *letter = c == '\0' ? NULL : strchr(letters, c);
	if (letter != NULL) {
		parser->position++;
		text_append(text, &values[letter - letters], 1);
		return 0;
	}
	if (c >= '0' && c <= '7') {
		for (unsigned i = 0; i < 3 && peek(parser) >= '0' && peek(parser) <= '7'; i++, parser->position++)
			character = character * 8 + (uint32_t)(peek(parser) - '0');
	} else if (c == 'x' || (!is_bytes && (c == 'u' || c == 'U'))) {
		parser->position++;
		TRY(parse_hex_escape(parser, c == 'x' ? 2 : c == 'u' ? 4 : 8, &character));
	} else if (!is_bytes && c == 'N') {
		return fail(parser, parser->position - 1, "\\N{...} is not understood; use \\u");
	} else {
		text_append(text, "\\", 1);
		return 0;
	}
	if (is_bytes) {
		char byte = (char)character;
		text_append(text, &byte, 1);
	} else {
		append_utf8(text, character);
	}
	return 0;
}

/* At the opening quote. */
static int parse_string(struct parser *parser, bool is_raw, bool is_bytes, struct expression_key *key)
{
	struct text *text = &parser->expression->text;
	size_t start = parser->position;
	char quote = parser->source[parser->position++];

	key->kind = is_bytes ? KEY_BYTES : KEY_STR;
	key->text_offset = text->length;
	while (peek(parser) != quote) {
		char c = peek(parser);
		if (c == '\0')
			return fail(parser, start, "the string that begins here has no closing %c", quote);
		parser->position++;
		if (c != '\\') {
			text_append(text, &c, 1);
		} else if (is_raw) {
			text_append(text, &c, 1);
			if (peek(parser) != '\0') {
				text_append(text, &parser->source[parser->position], 1);
				parser->position++;
			}
		} else {
			TRY(parse_escape(parser, is_bytes));
		}
	}
	parser->position++;
	key->text_length = text->length - key->text_offset;
	text_append(text, "", 1);
	return text->failed ? fail_no_memory(parser) : 0;
}

/* Length of a string prefix (r, b, u, rb, br) that a quote follows; 0 with a quote right here; -1: no string. */
static int string_prefix(const struct parser *parser, bool *ret_raw, bool *ret_bytes)
{
	*ret_raw = *ret_bytes = false;
	for (int i = 0; i < 3; i++) {
		char c = parser->source[parser->position + (size_t)i];
		int letter = tolower((unsigned char)c);
		if (c == '\'' || c == '"')
			return i;
		if (letter == 'r' && !*ret_raw)
			*ret_raw = true;
		else if (letter == 'b' && !*ret_bytes)
			*ret_bytes = true;
		else if (letter != 'u' || i != 0)
			return -1;
	}
	return -1;
}

static int parse_integer_key(struct parser *parser, struct expression_key *key)
{
	size_t start = parser->position;
	bool is_negative = peek(parser) == '-';
	bool is_hex = false;
	uint64_t number = 0;

	if (peek(parser) == '-' || peek(parser) == '+')
		parser->position++;
	TRY(parse_number(parser, &number, &is_hex));
	if (peek(parser) == '.')
		return fail(parser, start, "keys that are floats are not understood; give the key's address");
	if (is_hex && !is_negative)
		key->address = number;
	else if (number > (uint64_t)INT64_MAX + is_negative)
		return fail(parser, start, "the number does not fit 64 bits");
	key->kind = KEY_INTEGER;
	key->integer = (int64_t)(is_negative ? -number : number);
	return 0;
}

/* True at a word that no name character follows; steps over it. */
static bool take_word(struct parser *parser, const char *word)
{
	size_t length = strlen(word);

	if (!starts(parser, word) || is_name_character(parser->source[parser->position + length]))
		return false;
	parser->position += length;
	return true;
}

static int parse_position_key(struct parser *parser, struct expression_key *key)
{
	uint64_t number = 0, total;
	bool is_hex;

	skip_spaces(parser);
	size_t start = parser->position;
	TRY(parse_number(parser, &number, &is_hex));
	if (number == 0 || number > INT64_MAX)
		return fail(parser, start, "keys are counted from 1");
	skip_spaces(parser);
	if (take_word(parser, "of")) {
		skip_spaces(parser);
		TRY(parse_number(parser, &total, &is_hex));
	}
	key->kind = KEY_POSITION;
	key->integer = (int64_t)number - 1;
	return 0;
}

static int parse_key(struct parser *parser, unsigned depth);

/* Items up to closing; the tuple's own key stands at index, and got its first item already if item_count is 1. */
static int parse_tuple_items(struct parser *parser, size_t index, char closing, unsigned depth)
{
	struct expression *expression = parser->expression;

	for (;;) {
		skip_spaces(parser);
		if (peek(parser) == closing)
			break;
		TRY(parse_key(parser, depth + 1));
		expression->keys.items[index].item_count++;
		skip_spaces(parser);
		if (peek(parser) == closing)
			break;
		if (peek(parser) != ',')
			return fail(parser, parser->position, "',' or '%c' is expected", closing);
		parser->position++;
	}
	expression->keys.items[index].next = expression->keys.count;
	return 0;
}

/* "(a, b)"; "(a)" is a. */
static int parse_parenthesis(struct parser *parser, unsigned depth)
{
	struct expression *expression = parser->expression;
	size_t index = expression->keys.count;
	size_t start = parser->position++;

	if (!array_push(&expression->keys, (struct expression_key){ .kind = KEY_TUPLE }))
		return fail_no_memory(parser);
	TRY(parse_tuple_items(parser, index, ')', depth));
	bool has_comma = false;
	for (size_t i = parser->position; i > start && !has_comma; i--) {
		char c = parser->source[i - 1];
		if (c != ' ' && c != '\t' && c != ',')
			break;
		has_comma = c == ',';
	}
	parser->position++;
	if (expression->keys.items[index].item_count == 1 && !has_comma) {
		size_t count = --expression->keys.count;
		memmove(&expression->keys.items[index], &expression->keys.items[index + 1],
		        (count - index) * sizeof expression->keys.items[0]);
		for (size_t i = index; i < count; i++)
			expression->keys.items[i].next--;
	}
	return 0;
}

static int parse_key(struct parser *parser, unsigned depth)
{
	struct expression *expression = parser->expression;
	struct expression_key key = { .kind = KEY_NONE };
	bool is_raw, is_bytes;

	if (depth > KEY_DEPTH)
		return fail(parser, parser->position, "the key is nested too deeply");
	skip_spaces(parser);
	char c = peek(parser);
	if (c == '(')
		return parse_parenthesis(parser, depth);
	int prefix = string_prefix(parser, &is_raw, &is_bytes);
	if (prefix >= 0) {
		parser->position += (size_t)prefix;
		TRY(parse_string(parser, is_raw, is_bytes, &key));
	} else if (isdigit((unsigned char)c) || c == '-' || c == '+') {
		TRY(parse_integer_key(parser, &key));
	} else if (take_word(parser, "True")) {
		key.kind = KEY_TRUE;
	} else if (take_word(parser, "False")) {
		key.kind = KEY_FALSE;
	} else if (take_word(parser, "None")) {
		key.kind = KEY_NONE;
	} else if (depth == 0 && take_word(parser, "key")) {
		TRY(parse_position_key(parser, &key));
	} else if (c == ']' || c == '\0') {
		return fail(parser, parser->position, "a key or an index is missing");
	} else {
		return fail(parser, parser->position,
		            "a key can be a number, a quoted string, bytes, True, False, None or a tuple of these");
	}
	key.next = expression->keys.count + 1;
	return array_push(&expression->keys, key) ? 0 : fail_no_memory(parser);
}

/* After "[". */
static int parse_subscript(struct parser *parser)
{
	struct expression *expression = parser->expression;
	size_t start = parser->position - 1;
	size_t index = expression->keys.count;

	TRY(parse_key(parser, 0));
	skip_spaces(parser);
	if (peek(parser) == ',') {
		/* A bare tuple: put the tuple's key in front of its first item. */
		if (!array_push(&expression->keys, (struct expression_key){ .kind = KEY_NONE }))
			return fail_no_memory(parser);
		memmove(&expression->keys.items[index + 1], &expression->keys.items[index],
		        (expression->keys.count - 1 - index) * sizeof expression->keys.items[0]);
		for (size_t i = index + 1; i < expression->keys.count; i++)
			expression->keys.items[i].next++;
		expression->keys.items[index] = (struct expression_key){ .kind = KEY_TUPLE, .item_count = 1 };
		parser->position++;
		TRY(parse_tuple_items(parser, index, ']', 0));
	}
	if (peek(parser) != ']')
		return peek(parser) == '\0' ? fail(parser, start, "the bracket that begins here is not closed")
		                            : fail(parser, parser->position, "']' is expected");
	parser->position++;
	if (!array_push(&expression->steps,
	                (struct expression_step){ .is_subscript = true, .key = index, .source_end = parser->position }))
		return fail_no_memory(parser);
	return 0;
}

static int parse_name(struct parser *parser)
{
	struct expression *expression = parser->expression;
	size_t start = parser->position;

	if (!is_name_start(peek(parser)))
		return fail(parser, start, peek(parser) == '\0' ? "a name is missing" : "a name is expected");
	while (is_name_character(peek(parser)))
		parser->position++;
	struct expression_step step = { .name_offset = expression->text.length, .source_end = parser->position };
	text_append(&expression->text, parser->source + start, parser->position - start);
	text_append(&expression->text, "", 1);
	if (expression->text.failed || !array_push(&expression->steps, step))
		return fail_no_memory(parser);
	return 0;
}

/* "word:N." */
static int parse_prefix(struct parser *parser, const char *word, bool *ret_has, uint64_t *ret_number)
{
	bool is_hex;

	if (!starts(parser, word))
		return 0;
	parser->position += strlen(word);
	TRY(parse_number(parser, ret_number, &is_hex));
	*ret_has = true;
	if (peek(parser) == '\0')
		return fail(parser, parser->position, "%sN is no object: '.' and a name must follow", word);
	if (peek(parser) != '.')
		return fail(parser, parser->position, "'.' is expected after %sN", word);
	parser->position++;
	return 0;
}

/* "0x7f31c02a8e40 (class Made).table": what the address is, said in a name that we print. */
static int skip_words(struct parser *parser)
{
	const size_t start = parser->position;
	unsigned depth = 0;
	skip_spaces(parser);
	if (peek(parser) != '(') {
		parser->position = start;
		return 0;
	}
	const size_t opened = parser->position;
	do {
		depth += peek(parser) == '(';
		depth -= peek(parser) == ')';
		if (peek(parser) == '\0')
			return fail(parser, opened, "the parenthesis that begins here is not closed");
		parser->position++;
	} while (depth != 0);
	return 0;
}

int expression_parse(struct expression *ret_expression, const char *source, struct error *error)
{
	struct expression *expression = ret_expression;
	struct parser parser = { .source = source, .expression = expression, .error = error };
	bool is_hex;

	memset(expression, 0, sizeof *expression);
	skip_spaces(&parser);
	if (peek(&parser) == '\0')
		return error_set(error, ERROR_ARGUMENT,
		                 "the target is empty; give an address (0x...), a Python path or a name in a frame");
	TRY(parse_prefix(&parser, "interp:", &expression->has_interpreter, &expression->interpreter));
	TRY(parse_prefix(&parser, "thread:", &expression->has_thread, &expression->thread));
	TRY(parse_prefix(&parser, "frame:", &expression->has_frame, &expression->frame));
	if (starts(&parser, "module:")) {
		if (expression->has_thread || expression->has_frame)
			return fail(&parser, parser.position, "a module is in no frame");
		parser.position += strlen("module:");
		expression->has_module = true;
	}
	expression->source_start = parser.position;
	if (starts(&parser, "0x") || starts(&parser, "0X")) {
		if (expression->has_interpreter || expression->has_thread || expression->has_frame ||
		    expression->has_module)
			return fail(&parser, parser.position,
			            "an address is in no frame, module or interpreter; a name is expected");
		TRY(parse_number(&parser, &expression->address, &is_hex));
		expression->has_address = true;
		TRY(skip_words(&parser));
		expression->address_end = parser.position;
	} else {
		TRY(parse_name(&parser));
	}
	for (;;) {
		skip_spaces(&parser);
		char c = peek(&parser);
		if (c == '\0')
			return 0;
		if (c != '.' && c != '[')
			return fail(&parser, parser.position, "'.', '[' or the end is expected");
		if (expression->steps.count >= LIMIT_PATH_STEPS)
			return fail(&parser, parser.position, "the path has more than %d steps", LIMIT_PATH_STEPS);
		parser.position++;
		if (c == '.')
			TRY(parse_name(&parser));
		else
			TRY(parse_subscript(&parser));
	}
}

void expression_clear(struct expression *expression)
{
	array_free(&expression->steps);
	array_free(&expression->keys);
	text_free(&expression->text);
}
