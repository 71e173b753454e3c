/* SPDX-License-Identifier: MIT
 * io.BufferedReader, BufferedWriter and BufferedRandom: one struct (Modules/_io/bufferedio.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_buffered_reader(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t buffer = body_u64(decoder, FIELD_buffered_buffer, body);
	uint64_t bytes = body_u64(decoder, FIELD_buffered_buffer_size, body);
	if (buffer == 0)
		return;
	if (bytes > INT64_MAX / 2) {
		flag_object(decoder, DECODED_CORRUPT, "impossible buffer size");
		return;
	}
	decoder->out.shallow += bytes;
	emit_block(decoder, buffer, bytes, "buffer", BLOCK_COUNTED);
}
