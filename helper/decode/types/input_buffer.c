/* SPDX-License-Identifier: MIT
 * Memory beside the object that no size counts: input that a decompressor could not use yet, a dictionary of zstd,
 * the characters of a field or a row of csv (Modules/_bz2module.c, _lzmamodule.c, zlibmodule.c, _zstd/, _csv.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { CHARACTER_BYTES = 4 };

static void emit_buffer(struct decoder *decoder, struct body body, enum layout_field start, enum layout_field length,
                        uint32_t item_bytes, const char *role)
{
	uint64_t address = body_u64(decoder, start, body);
	uint64_t count = body_u64(decoder, length, body);
	if (address == 0)
		return;
	if (count > INT64_MAX / CHARACTER_BYTES) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of a buffer");
		return;
	}
	emit_block(decoder, address, count * item_bytes, role, 0);
}

#define BUFFER_DECODER(id, owner, start, length, item_bytes, role)                                                     \
	void decode_##id(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)    \
	{                                                                                                              \
		(void)type;                                                                                            \
		(void)address;                                                                                         \
		emit_buffer(decoder, body, FIELD_##owner##_##start, FIELD_##owner##_##length, item_bytes, role);       \
	}

BUFFER_DECODER(csv_reader, ReaderObj, field, field_size, CHARACTER_BYTES, "field")
BUFFER_DECODER(csv_writer, WriterObj, rec, rec_size, CHARACTER_BYTES, "row")

void decode_zstd_dictionary(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	emit_field(decoder, address, body, FIELD_ZstdDict_c_dicts,
	           layout_feature(decoder->layout, FEATURE_NEW_TYPES_VISITED) ? RUN_HIDDEN : 0);
	emit_opaque_block(decoder, type, body, FIELD_ZstdDict_d_dict, "compiled dictionary");
	emit_buffer(decoder, body, FIELD_ZstdDict_dict_buffer, FIELD_ZstdDict_dict_len, 1, "dictionary");
}

void decode_bz2_decompressor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)address;
	emit_buffer(decoder, body, FIELD_BZ2Decompressor_input_buffer, FIELD_BZ2Decompressor_input_buffer_size, 1,
	            "input");
	emit_opaque_block(decoder, type, body, FIELD_BZ2Decompressor_bzs_state, "state of bzip2");
}

void decode_lzma_decompressor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)address;
	emit_buffer(decoder, body, FIELD_Decompressor_input_buffer, FIELD_Decompressor_input_buffer_size, 1, "input");
	emit_opaque_block(decoder, type, body, FIELD_Decompressor_lzs_internal, "state of lzma");
}

void decode_zlib_decompressor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	emit_buffer(decoder, body, FIELD_ZlibDecompressor_input_buffer, FIELD_ZlibDecompressor_input_buffer_size, 1,
	            "input");
}

void decode_zstd_decompressor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)address;
	emit_buffer(decoder, body, FIELD_ZstdDecompressor_input_buffer, FIELD_ZstdDecompressor_input_buffer_size, 1,
	            "input");
	emit_opaque_block(decoder, type, body, FIELD_ZstdDecompressor_dctx, "state of zstd");
}
