/* SPDX-License-Identifier: MIT
 * tuple: ob_size items inline; since 3.14 behind the cached hash (gh-131525). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_tuple(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	int64_t count = body_ob_size(decoder, body);
	if (count > 0 && !(decoder->out.flags & DECODED_CORRUPT))
		emit_run(decoder, address + layout_offset(decoder->layout, FIELD_PyTupleObject_ob_item),
		         (uint64_t)count, (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_ITEM });
}
