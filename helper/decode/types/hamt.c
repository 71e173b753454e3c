/* SPDX-License-Identifier: MIT
 * The nodes of a hash array mapped trie (Python/hamt.c): the variables of a context. */
#include "decode/decode_functions.h"
#include "decode/emit.h"

/* ob_size words: keys and values in turn; a null key means that the value is a deeper node. */
static void emit_pairs(struct decoder *decoder, uint64_t address, struct body body, enum layout_field array)
{
	int64_t count = body_ob_size(decoder, body);
	if (count <= 0 || decoder->out.flags & DECODED_CORRUPT)
		return;
	const uint64_t pairs = address + layout_offset(decoder->layout, array);
	emit_run(decoder, pairs, ((uint64_t)count + 1) / 2, (struct run_kind){ .stride = 16, .label = LABEL_DICT_KEY });
	emit_run(decoder, pairs + 8, (uint64_t)count / 2,
	         (struct run_kind){ .stride = 16, .label = LABEL_DICT_VALUE, .argument = 8 });
}

void decode_hamt_bitmap_node(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_pairs(decoder, address, body, FIELD_PyHamtNode_Bitmap_b_array);
}

void decode_hamt_collision_node(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                struct body body)
{
	(void)type;
	emit_pairs(decoder, address, body, FIELD_PyHamtNode_Collision_c_array);
}

void decode_hamt_array_node(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)body;
	const struct layout_place *array = &decoder->layout->fields[FIELD_PyHamtNode_Array_a_array];
	emit_run(decoder, address + array->offset, array->size / 8,
	         (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}
