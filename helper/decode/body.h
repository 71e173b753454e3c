/* SPDX-License-Identifier: MIT
 * body: the bytes of an object, or of a struct that belongs to one, that are there to be read, and how many they are.
 * Decoders get their object as one, and read it by body_u64() and its like, which look whether a field lies inside: no
 * number of the target, and no field of another version, leads beyond it. decode/type_bounds.h decides once per type
 * how many bytes an instance has at least; only quick_leaf() relies on that without a look. */
#ifndef PYDS_DECODE_BODY_H
#define PYDS_DECODE_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "layout/layout.h"
#include "memory/address_space.h"

struct body {
	const uint8_t *bytes; /* host address; NULL: nothing is there */
	uint32_t size;
};

/* A struct of `size` bytes somewhere in the target; bytes is NULL if any of them is not there. */
static inline struct body body_at(struct reader *reader, uint64_t address, uint32_t size)
{
	const uint8_t *bytes = address != 0 && size != 0 ? reader_at(reader, address, size) : NULL;
	return (struct body){ bytes, bytes != NULL ? size : 0 };
}

static inline bool body_has(struct body body, uint32_t offset, uint32_t size)
{
	return __builtin_expect((uint64_t)offset + size <= body.size, 1);
}

/* What follows from an offset on. */
static inline struct body body_part(struct body body, uint32_t offset)
{
	return body_has(body, offset, 0) ? (struct body){ body.bytes + offset, body.size - offset }
	                                 : (struct body){ NULL, 0 };
}

/* The word at an offset; 0 where the body ends before it. */
static inline uint64_t body_word(struct body body, uint32_t offset)
{
	return body_has(body, offset, 8) ? load_u64(body.bytes + offset) : 0;
}

/* A field of the body; 0 where this Python has no such field, or the body ends before it. */
static inline uint64_t body_field(const struct layout *layout, enum layout_field field, struct body body)
{
	const struct layout_place *place = &layout->fields[field];
	if (__builtin_expect(place->size == 8, 1)) /* most are words */
		return body_word(body, place->offset);
	return body_has(body, place->offset, place->size < 8 ? place->size : 8) ? layout_get(layout, field, body.bytes)
	                                                                        : 0;
}

#endif
