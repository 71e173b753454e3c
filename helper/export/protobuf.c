/* SPDX-License-Identifier: MIT */
#include "export/protobuf.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void protobuf_varint(struct text *message, uint64_t value)
{
	char bytes[10];
	size_t count = 0;
	for (; value >= 0x80; value >>= 7)
		bytes[count++] = (char)(value | 0x80);
	bytes[count++] = (char)value;
	text_append(message, bytes, count);
}

void protobuf_number(struct text *message, uint32_t field, uint64_t value)
{
	protobuf_varint(message, (uint64_t)field << 3 | WIRE_VARINT);
	protobuf_varint(message, value);
}

void protobuf_bytes(struct text *message, uint32_t field, const char *bytes, size_t length)
{
	protobuf_varint(message, (uint64_t)field << 3 | WIRE_BYTES);
	protobuf_varint(message, length);
	text_append(message, bytes, length);
}

void protobuf_message(struct text *message, uint32_t field, const struct text *part)
{
	protobuf_bytes(message, field, text_string(part), part->length);
}
