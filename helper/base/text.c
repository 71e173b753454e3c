/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"

static bool text_reserve(struct text *text, size_t more)
{
	if (text->failed || more > SIZE_MAX / 2 - text->length - 1) {
		text->failed = true;
		return false;
	}
	size_t wanted = text->length + more + 1;
	if (wanted <= text->capacity)
		return true;
	size_t larger = text->capacity * 2 > wanted ? text->capacity * 2 : wanted + 64;
	char *grown = realloc(text->bytes, larger);
	if (grown == NULL) {
		text->failed = true;
		return false;
	}
	text->bytes = grown;
	text->capacity = larger;
	return true;
}

void text_append(struct text *text, const char *bytes, size_t length)
{
	if (!text_reserve(text, length))
		return;
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length >= 0 && text_reserve(text, (size_t)length)) {
		(void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

void text_decimal(struct text *text, uint64_t number)
{
	char digits[DECIMAL_DIGITS];
	const char *first = decimal_digits(number, &digits);
	text_append(text, first, (size_t)(digits + sizeof digits - first));
}

void text_hex(struct text *text, uint64_t number)
{
	char digits[18];
	unsigned at = sizeof digits;
	do {
		digits[--at] = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number != 0);
	digits[--at] = 'x';
	digits[--at] = '0';
	text_append(text, digits + at, sizeof digits - at);
}

void text_reset(struct text *text)
{
	text->length = 0;
	text->failed = false;
	if (text->bytes != NULL)
		text->bytes[0] = '\0';
}

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ .bytes = NULL };
}

const char *text_string(const struct text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

unsigned text_encode_utf8(uint32_t character, char bytes[4])
{
	if (character < 0x80) {
		bytes[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		bytes[0] = (char)(0xc0 | character >> 6);
		bytes[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		bytes[0] = (char)(0xe0 | character >> 12);
		bytes[1] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | character >> 18);
	bytes[1] = (char)(0x80 | (character >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (character >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

uint32_t text_decode_utf8(const char *bytes, size_t length, size_t *ret_used)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char lead = (unsigned char)bytes[0];
	size_t wanted = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
	*ret_used = 1;
	if (wanted == 1)
		return lead;
	if (wanted == 0 || wanted > length || lead >= 0xF5)
		return 0xFFFD;
	uint32_t character = lead & (0x7Fu >> wanted);
	for (size_t i = 1; i < wanted; i++) {
		if (((unsigned char)bytes[i] & 0xC0) != 0x80)
			return 0xFFFD;
		character = character << 6 | ((unsigned char)bytes[i] & 0x3F);
	}
	if (character < lowest[wanted] || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF))
		return 0xFFFD;
	*ret_used = wanted;
	return character;
}
