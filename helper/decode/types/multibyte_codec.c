/* SPDX-License-Identifier: MIT
 * Codecs of East Asian encodings: the error handler is a str, or one of three small numbers that stand for strict,
 * ignore and replace (Modules/cjkcodecs/multibytecodec.h). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { ERROR_HANDLER_NUMBERS = 4096 }; /* no object is in the first page */

static void emit_errors(struct decoder *decoder, uint64_t address, struct body body, enum layout_field field)
{
	if (body_u64(decoder, field, body) >= ERROR_HANDLER_NUMBERS)
		emit_field(decoder, address, body, field, 0);
}

void decode_multibyte_encoder(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_errors(decoder, address, body, FIELD_MultibyteIncrementalEncoderObject_errors);
}

void decode_multibyte_decoder(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_errors(decoder, address, body, FIELD_MultibyteIncrementalDecoderObject_errors);
}

void decode_multibyte_reader(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_errors(decoder, address, body, FIELD_MultibyteStreamReaderObject_errors);
}

void decode_multibyte_writer(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_errors(decoder, address, body, FIELD_MultibyteStreamWriterObject_errors);
}
