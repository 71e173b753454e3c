/* SPDX-License-Identifier: MIT
 * str in its forms: compact ASCII, compact, and legacy (subclasses; up to 3.11 also not yet converted wchar_t data).
 * The formula is unicode_sizeof's (Objects/unicodeobject.c); it never starts from the actual type's basicsize. */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { WCHAR_BYTES = 4 };

struct str_form {
	uint64_t length, kind;
	bool is_compact, is_ascii, is_ready;
};

static struct str_form read_form(const struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	return (struct str_form){
		.length = body_u64(decoder, FIELD_PyASCIIObject_length, body),
		.kind = body_field(layout, FIELD_PyASCIIObject_state_kind, body),
		.is_compact = body_field(layout, FIELD_PyASCIIObject_state_compact, body),
		.is_ascii = body_field(layout, FIELD_PyASCIIObject_state_ascii, body),
		.is_ready = !layout_has(layout, FIELD_PyASCIIObject_state_ready) ||
		            body_field(layout, FIELD_PyASCIIObject_state_ready, body),
	};
}

/* The separate character data of a legacy str; 0: none yet. */
static uint64_t read_data(const struct decoder *decoder, struct body body)
{
	return body_u64(decoder, FIELD_PyUnicodeObject_data, body);
}

/* Cached UTF-8, and up to 3.11 wchar_t, are blocks of their own unless they are the character data itself. */
static void count_caches(struct decoder *decoder, const struct str_form *form, struct body body, uint64_t data)
{
	const struct layout *layout = decoder->layout;
	bool is_compact_ascii = form->is_compact && form->is_ascii;
	if (layout_has(layout, FIELD_PyASCIIObject_wstr)) {
		uint64_t wstr = body_u64(decoder, FIELD_PyASCIIObject_wstr, body);
		if (wstr != 0 && (!form->is_ready || wstr != data)) {
			/* PyUnicode_WSTR_LENGTH: the length itself for compact ASCII, else a field */
			uint64_t length = is_compact_ascii
			                          ? form->length
			                          : body_u64(decoder, FIELD_PyCompactUnicodeObject_wstr_length, body);
			uint64_t bytes;
			if (length > UINT64_MAX / WCHAR_BYTES - 1) {
				flag_object(decoder, DECODED_CORRUPT, "impossible wchar_t length");
				return;
			}
			bytes = (length + 1) * WCHAR_BYTES;
			decoder->out.shallow += bytes;
			emit_block(decoder, wstr, bytes, "wchar_t form", BLOCK_COUNTED);
		}
	}
	if (is_compact_ascii)
		return;
	uint64_t utf8 = body_u64(decoder, FIELD_PyCompactUnicodeObject_utf8, body);
	uint64_t utf8_length = body_u64(decoder, FIELD_PyCompactUnicodeObject_utf8_length, body);
	if (utf8 == 0 || utf8 == data)
		return;
	if (utf8_length > form->length * 4) {
		flag_object(decoder, DECODED_CORRUPT, "impossible UTF-8 length");
		return;
	}
	decoder->out.shallow += utf8_length + 1;
	emit_block(decoder, utf8, utf8_length + 1, "cached UTF-8", BLOCK_COUNTED);
}

void decode_str(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	struct str_form form = read_form(decoder, body);
	bool is_compact_ascii = form.is_compact && form.is_ascii;
	uint32_t head = layout->struct_bytes[is_compact_ascii  ? STRUCT_PyASCIIObject
	                                     : form.is_compact ? STRUCT_PyCompactUnicodeObject
	                                                       : STRUCT_PyUnicodeObject];
	decoder->out.shallow = decoder->out.body = head;
	uint64_t characters;
	if (form.length == UINT64_MAX ||
	    !checked_multiply(form.length + 1, is_compact_ascii ? 1 : form.kind, &characters) ||
	    characters > INT64_MAX) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	if (!is_compact_ascii && (body = body_at(&decoder->reader, address, head)).bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "only its beginning is in the dump");
		return;
	}
	uint64_t data = address + head;
	if (form.is_compact) {
		decoder->out.shallow += characters;
		decoder->out.body += characters;
		const struct segment *segment = reader_segment(&decoder->reader, address);
		if (__builtin_expect(segment == NULL || decoder->out.body > segment->end - address, 0) &&
		    address_space_state(decoder->reader.space, address + decoder->out.body - 1) == MEMORY_UNMAPPED)
			flag_object(decoder, DECODED_CORRUPT, "length reaches beyond the mapped memory");
	} else {
		decoder->out.body = (uint64_t)type->tp_basicsize;
		data = read_data(decoder, body);
		if (data != 0) {
			decoder->out.shallow += characters;
			emit_block(decoder, data, characters, "character data", BLOCK_COUNTED);
		}
	}
	count_caches(decoder, &form, body, data);
}
