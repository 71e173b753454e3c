/* SPDX-License-Identifier: MIT
 * protobuf: messages of Protocol Buffers as bytes (encoding of proto3): fields are appended to a text, which may hold
 * any byte. */
#ifndef PYDS_EXPORT_PROTOBUF_H
#define PYDS_EXPORT_PROTOBUF_H

#include "base/text.h"

void protobuf_varint(struct text *message, uint64_t value); /* without a field: of a packed one */
void protobuf_number(struct text *message, uint32_t field, uint64_t value);
void protobuf_bytes(struct text *message, uint32_t field, const char *bytes, size_t length);
/* A message (or packed numbers) within another. */
void protobuf_message(struct text *message, uint32_t field, const struct text *part);

#endif
