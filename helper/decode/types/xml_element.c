/* SPDX-License-Identifier: MIT
 * xml.etree.ElementTree in C: an element keeps attributes and children in a block it makes on demand, the first four
 * children in the block itself (Modules/_elementtree.c element_gc_traverse, element___sizeof__). */
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/chain.h"

void decode_xml_element(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	/* Bit 0 of text and tail: a list of strings that are to be joined. */
	emit_field(decoder, address, body, FIELD_ElementObject_text, RUN_TAGGED);
	emit_field(decoder, address, body, FIELD_ElementObject_tail, RUN_TAGGED);
	uint64_t extra = body_u64(decoder, FIELD_ElementObject_extra, body);
	if (extra == 0)
		return;
	uint32_t bytes = layout->struct_bytes[STRUCT_ElementObjectExtra];
	const struct body block = body_at(&decoder->reader, extra, bytes);
	if (block.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its attributes and children cannot be read");
		return;
	}
	decoder->out.shallow += bytes;
	emit_block(decoder, extra, bytes, "attributes and children", BLOCK_COUNTED);
	emit_field(decoder, extra, block, FIELD_ElementObjectExtra_attrib, 0);
	int64_t count = body_i64(decoder, FIELD_ElementObjectExtra_length, block);
	int64_t allocated = body_i64(decoder, FIELD_ElementObjectExtra_allocated, block);
	uint64_t children = body_u64(decoder, FIELD_ElementObjectExtra_children, block);
	if (count < 0 || allocated < count || (uint64_t)allocated > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of children");
		return;
	}
	if (children != extra + layout_offset(layout, FIELD_ElementObjectExtra__children)) {
		decoder->out.shallow += 8 * (uint64_t)allocated;
		emit_block(decoder, children, 8 * (uint64_t)allocated, "children", BLOCK_COUNTED);
	}
	emit_run(decoder, children, (uint64_t)count, (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}

/* The path from the root to where it is: an array of elements and positions in them. */
void decode_xml_element_iterator(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                 struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint32_t row = layout->struct_bytes[STRUCT_ParentLocator];
	uint64_t stack = body_u64(decoder, FIELD_ElementIterObject_parent_stack, body);
	uint64_t used = body_u64(decoder, FIELD_ElementIterObject_parent_stack_used, body);
	uint64_t capacity = body_u64(decoder, FIELD_ElementIterObject_parent_stack_size, body);
	if (stack == 0 || row == 0)
		return;
	if (used > capacity || capacity > chain_limit(decoder, row)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible depth");
		return;
	}
	emit_block(decoder, stack, capacity * row, "path", 0);
	emit_run(decoder, stack + layout_offset(layout, FIELD_ParentLocator_parent), used,
	         (struct run_kind){ .stride = row, .label = LABEL_ITEM });
}
