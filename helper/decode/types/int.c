/* SPDX-License-Identifier: MIT
 * int and bool: digits of 30 bits inline. What __sizeof__ counts changed three times (Objects/longobject.c). */
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/emit.h"

void decode_int(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t digits;
	if (layout_feature(layout, FEATURE_COMPACT_INT)) {
		digits = body_u64(decoder, FIELD_PyLongObject_lv_tag, body) >> 3;
	} else {
		int64_t size = body_ob_size(decoder, body);
		digits = size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
	}
	if (digits > LIMIT_INT_DIGITS) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of digits");
		digits = 1;
	}
	uint64_t counted = digits;
	if (counted == 0 && layout_feature(layout, FEATURE_INT_SIZEOF_AT_LEAST_ONE_DIGIT))
		counted = 1;
	/* Until 3.12 the size starts from offsetof(PyLongObject, ob_digit), not from the actual type's basicsize. */
	uint64_t start = layout_feature(layout, FEATURE_INT_SIZEOF_BY_TYPE)
	                         ? (uint64_t)type->tp_basicsize
	                         : layout_offset(layout, FIELD_PyLongObject_ob_digit);
	decoder->out.shallow = start + 4 * counted;
	decoder->out.body = (uint64_t)type->tp_basicsize + 4 * (digits > 0 ? digits : 1);
}
