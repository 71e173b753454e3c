/* SPDX-License-Identifier: MIT
 * value: what an object says, read from memory: the text of a str, the number in an int, the entries of a dict,
 * the items of a list or tuple. For names, paths and reports; walks use decoder.h. */
#ifndef PYDS_DECODE_VALUE_H
#define PYDS_DECODE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "decode/decoder.h"

/* Appends the UTF-8 text of a str (or subclass) to text, at most limit characters; lone surrogates become U+FFFD.
 * Returns the length of the str in characters, or -1 if it is not a readable str. Not escaped. */
int64_t value_str(struct decoder *decoder, uint64_t address, uint64_t limit, struct text *text);
/* True if the object is a str equal to the UTF-8 string. */
bool value_str_equals(struct decoder *decoder, uint64_t address, const char *string);
/* The value of an int (or bool, or subclass) that fits 64 bits. */
bool value_int(struct decoder *decoder, uint64_t address, int64_t *ret_value);
bool value_float(struct decoder *decoder, uint64_t address, double *ret_value);
/* Appends at most limit bytes of a bytes or bytearray; returns its full length or -1. */
int64_t value_bytes(struct decoder *decoder, uint64_t address, uint64_t limit, struct text *text);

/* Entries of a dict (or subclass), in insertion order where CPython keeps it. */
struct dict_cursor {
	struct decoder *decoder;
	uint64_t keys_address; /* PyDictKeysObject */
	const uint8_t *entries; /* host */
	const uint8_t *values; /* host; NULL for a combined table */
	uint64_t entry_count, next;
	uint32_t entry_bytes, key_offset, value_offset;
};
bool dict_cursor_open(struct dict_cursor *cursor, struct decoder *decoder, uint64_t dict);
bool dict_cursor_next(struct dict_cursor *cursor, uint64_t *ret_key, uint64_t *ret_value);
/* The value under a str key; 0: no such key or not a readable dict. */
uint64_t dict_get_str(struct decoder *decoder, uint64_t dict, const char *key);
/* The key in entry `index` of a PyDictKeysObject; 0 if there is none. For LABEL_SPLIT_VALUE. */
uint64_t keys_entry_key(struct decoder *decoder, uint64_t keys, uint64_t index);
/* Items of a list or tuple (or subclass): count, and the address of the word that holds item 0. */
bool value_items(struct decoder *decoder, uint64_t address, uint64_t *ret_count, uint64_t *ret_items);

/* The attribute `name` as stored in memory: instance dict, inline values, __slots__, module dict, type dict
 * (following the MRO for a type or an instance's class only where from_class). 0: none. */
uint64_t value_attribute(struct decoder *decoder, uint64_t object, const char *name);

#endif
