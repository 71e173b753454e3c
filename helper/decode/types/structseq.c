/* SPDX-License-Identifier: MIT
 * Struct sequences (os.stat_result, time.struct_time): tuples with more items than their length says
 * (Objects/structseq.c structseq_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_structseq(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	int64_t count = body_ob_size(decoder, body);
	if (count >= 0 && !(decoder->out.flags & DECODED_CORRUPT))
		emit_run(decoder, address + layout_offset(decoder->layout, FIELD_PyTupleObject_ob_item),
		         (uint64_t)count + type->unseen_items,
		         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_ITEM });
}
