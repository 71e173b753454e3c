/* SPDX-License-Identifier: MIT
 * quick_size: how large an ordinary leaf is, without its decoder: half of most heaps are numbers and strings. */
#ifndef PYDS_DECODE_QUICK_SIZE_H
#define PYDS_DECODE_QUICK_SIZE_H

#include "decode/decoder.h"

/* The size of an object of a leaf type with nothing odd about it: all of it is there and has no blocks of its own.
 * False: decode_typed_object() has to look. Where the caller has a use for the class or for blocks, it is only for
 * types that own neither. */
static inline bool quick_leaf(const struct decoder *decoder, const struct object_head *head,
                              const struct type_info *type, uint64_t *ret_shallow)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *body = head->bytes;
	uint64_t items;
	if (type->quick == QUICK_NOT || head->available < type->body_bytes)
		return false;
	switch (type->quick) {
	case QUICK_FIXED:
		*ret_shallow = type->quick_bytes;
		return true;
	case QUICK_ITEMS:
		items = load_u64(body + layout_offset(layout, FIELD_PyVarObject_ob_size));
		if (items > INT32_MAX)
			return false;
		*ret_shallow = type->quick_bytes + items * (uint64_t)type->tp_itemsize;
		return *ret_shallow <= head->available && *ret_shallow <= LARGE_BYTES;
	case QUICK_STR:
		items = load_u64(body + layout_offset(layout, FIELD_PyASCIIObject_length));
		if ((load_u32(body + decoder->context->ascii_offset) & decoder->context->ascii_flags) !=
		            decoder->context->ascii_flags ||
		    items > INT32_MAX)
			return false;
		if (layout_has(layout, FIELD_PyASCIIObject_wstr) &&
		    load_u64(body + layout_offset(layout, FIELD_PyASCIIObject_wstr)) != 0)
			return false;
		*ret_shallow = type->quick_bytes + items;
		return *ret_shallow <= head->available && *ret_shallow <= LARGE_BYTES;
	default:
		if (layout_feature(layout, FEATURE_COMPACT_INT)) {
			items = load_u64(body + layout_offset(layout, FIELD_PyLongObject_lv_tag)) >> 3;
		} else {
			items = load_u64(body + layout_offset(layout, FIELD_PyVarObject_ob_size));
			items = (int64_t)items < 0 ? 0 - items : items;
		}
		if (items == 0 || items > INT16_MAX)
			return false;
		*ret_shallow = type->quick_bytes + 4 * items;
		return *ret_shallow <= LARGE_BYTES;
	}
}

#endif
