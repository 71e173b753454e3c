/* SPDX-License-Identifier: MIT
 * array.array: numbers of one C type in a block of its own (Modules/arraymodule.c array___sizeof__). */
#include "decode/decode_functions.h"
#include "decode/allocated.h"
#include "decode/emit.h"

enum { TEXT_ITEM_BYTES = 4 }; /* wchar_t */

/* array('u', text) has room for the end of the text, which it does not know of. */
static uint64_t most_bytes(uint64_t count, uint32_t item_bytes)
{
	return count * item_bytes + (item_bytes == TEXT_ITEM_BYTES ? item_bytes : 0);
}

/* struct arraydescr is constant data of the module's file, which may be neither at hand nor in the dump. Then what the
 * allocator wrote down about the block tells, if only one size that numbers of C have explains it: as a rule where
 * there are a dozen items or more. 0: none or several do. */
static uint32_t item_bytes_of_block(struct decoder *decoder, uint64_t items, uint64_t count)
{
	uint32_t found = 0;
	for (uint32_t bytes = 1; bytes <= 16; bytes *= 2) {
		struct allocation allocation = { .address = items,
			                         .requested = count * bytes,
			                         .most = most_bytes(count, bytes),
			                         .can_shrink = true };
		allocation_find(decoder, &allocation);
		if (allocation.agreement != AGREEMENT_EXACT && allocation.agreement != AGREEMENT_KEPT)
			continue;
		if (found != 0)
			return 0;
		found = bytes;
	}
	return found;
}

void decode_array(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t descr = body_u64(decoder, FIELD_arrayobject_ob_descr, body);
	uint64_t items = body_u64(decoder, FIELD_arrayobject_ob_item, body);
	uint64_t allocated = body_u64(decoder, FIELD_arrayobject_allocated, body);
	uint32_t item_bytes;
	if (allocated == 0)
		return;
	if (allocated > INT64_MAX / 16) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	if (!layout_has(layout, FIELD_arraydescr_itemsize) ||
	    !reader_u32(&decoder->reader, descr + layout_offset(layout, FIELD_arraydescr_itemsize), &item_bytes)) {
		item_bytes = item_bytes_of_block(decoder, items, allocated);
		if (item_bytes == 0) {
			flag_object(decoder, DECODED_UNREADABLE,
			            "the size of its items is in a file that is not at hand");
			return;
		}
	}
	if (item_bytes == 0 || item_bytes > 16) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	decoder->out.shallow += allocated * item_bytes;
	const struct block block = {
		.address = items,
		.bytes = allocated * item_bytes,
		.most = most_bytes(allocated, item_bytes),
		.role = "items",
		.flags = BLOCK_COUNTED,
	};
	emit_whole_block(decoder, &block);
}
