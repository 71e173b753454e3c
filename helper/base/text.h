/* SPDX-License-Identifier: MIT
 * text: a growable UTF-8 string. Out of memory is remembered in `failed`, so that a long run of
 * appends needs one check at its end. */
#ifndef PYDS_BASE_TEXT_H
#define PYDS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes; /* NUL-terminated once anything was appended; NULL while empty */
	size_t length; /* bytes, without the NUL */
	size_t capacity;
	bool failed;
};

void text_append(struct text *text, const char *bytes, size_t length);
void text_add(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_decimal(struct text *text, uint64_t number); /* as text_format() would, in a tenth of its time */
void text_hex(struct text *text, uint64_t number); /* "0x7f31c02a8e40" */
void text_reset(struct text *text); /* empty, memory kept */
void text_free(struct text *text);
/* The string, "" while empty; borrowed until the next change. */
const char *text_string(const struct text *text);
/* The UTF-8 of one character, at most U+10FFFF and no surrogate, without a NUL; returns its 1 to 4 bytes. */
unsigned text_encode_utf8(uint32_t character, char bytes[4]);
/* The character at bytes, of which `length` (at least 1) may be read, and how many bytes it takes; U+FFFD and 1 where
 * there is no valid one. */
uint32_t text_decode_utf8(const char *bytes, size_t length, size_t *ret_used);

#endif
