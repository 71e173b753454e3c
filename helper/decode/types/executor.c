/* SPDX-License-Identifier: MIT
 * uop_executor (3.13+ with the second tier of the interpreter): a trace; behind the object's head its exits, each with
 * the executor that goes on from there (Python/optimizer.c executor_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_executor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint64_t count = body_u64(decoder, FIELD__PyExecutorObject_exit_count, body);
	uint32_t row = layout->struct_bytes[STRUCT__PyExitData];
	uint32_t first = layout_offset(layout, FIELD__PyExecutorObject_exits);
	if (row == 0 || count > UINT16_MAX || first + count * row > decoder->out.shallow + row) {
		if (count != 0)
			flag_object(decoder, DECODED_CORRUPT, "impossible number of exits");
		return;
	}
	emit_run(decoder, address + first + layout_offset(layout, FIELD__PyExitData_executor), count,
	         (struct run_kind){ .stride = row, .label = LABEL_ITEM });
}
