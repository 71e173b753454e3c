/* SPDX-License-Identifier: MIT
 * list: an item array of `allocated` words, of which ob_size are items (Objects/listobject.c list___sizeof___impl). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_list(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t items = body_u64(decoder, FIELD_PyListObject_ob_item, body);
	int64_t allocated = (int64_t)body_u64(decoder, FIELD_PyListObject_allocated, body);
	int64_t count = body_ob_size(decoder, body);
	if (allocated == -1) { /* list.sort() holds the items on the C stack meanwhile; __sizeof__ subtracts a word */
		flag_object(decoder, DECODED_IN_FLUX, "the list is being sorted");
		if (!layout_feature(layout, FEATURE_LIST_SIZE_BY_ARRAY)) /* which looks at no array then */
			decoder->out.shallow -= 8;
		return;
	}
	uint32_t block_head = 0;
	if (layout_feature(layout, FEATURE_FREE_THREADED) && items != 0) {
		/* _PyListArray: the capacity stands before the items (gh-112529) */
		uint64_t capacity;
		block_head = 8;
		if (layout_feature(layout, FEATURE_LIST_SIZE_BY_ARRAY) &&
		    reader_u64(&decoder->reader, items - 8, &capacity))
			allocated = (int64_t)capacity;
	}
	if (count < 0 || allocated < count || allocated > INT64_MAX / 16) {
		flag_object(decoder, DECODED_CORRUPT, "impossible ob_size");
		return;
	}
	decoder->out.shallow += 8 * (uint64_t)allocated;
	if (items == 0)
		return;
	emit_block(decoder, items - block_head, 8 * (uint64_t)allocated + block_head, "item array", BLOCK_COUNTED);
	emit_run(decoder, items, (uint64_t)count,
	         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_ITEM });
}
