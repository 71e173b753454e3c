/* SPDX-License-Identifier: MIT
 * object_head: where an object begins, before it is known to be one: for a walk that has the memory of later objects
 * fetched while it decodes earlier ones. */
#ifndef PYDS_DECODE_OBJECT_HEAD_H
#define PYDS_DECODE_OBJECT_HEAD_H

#include "decode/type_table.h"

struct object_head {
	uint64_t address;
	const uint8_t
	        *bytes; /* host address; NULL: no head of an object can be read there, decode_typed_object() says why */
	uint64_t available; /* target bytes in one piece from there */
};

static inline struct object_head decode_head_in(struct decoder *decoder, const struct segment *segment,
                                                uint64_t address)
{
	struct object_head head = { .address = address, .available = segment->end - address };
	if (__builtin_expect(segment->data != NULL && segment->lazy == NULL && (address & 7) == 0 &&
	                             head.available >= decoder->layout->struct_bytes[STRUCT_PyObject],
	                     1))
		head.bytes = segment->data + (address - segment->start);
	else if ((address & 7) == 0)
		head.bytes = reader_at(&decoder->reader, address, decoder->layout->struct_bytes[STRUCT_PyObject]);
	if (__builtin_expect(segment->lazy != NULL, 0))
		head.available = 0; /* more of it must be asked for */
	return head;
}

static inline struct object_head decode_head(struct decoder *decoder, uint64_t address)
{
	const struct segment *segment = reader_segment(&decoder->reader, address);
	if (segment == NULL)
		return (struct object_head){ .address = address };
	return decode_head_in(decoder, segment, address);
}

/* NULL: ob_type is no type object. */
static inline const struct type_info *decode_head_type(struct decoder *decoder, const uint8_t *head)
{
	return decode_type(decoder, load_u64(head + layout_offset(decoder->layout, FIELD_PyObject_ob_type)));
}

#endif
