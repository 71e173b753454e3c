/* SPDX-License-Identifier: MIT
 * InstructionSequence (3.13+): what the compiler makes before it makes code (Python/instruction_sequence.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { LABEL_BYTES = 4 };

void decode_instruction_sequence(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                 struct body body)
{
	(void)type;
	(void)address;
	uint64_t instructions = body_u64(decoder, FIELD__PyInstructionSequence_s_instrs, body);
	uint64_t labels = body_u64(decoder, FIELD__PyInstructionSequence_s_labelmap, body);
	int64_t allocated = body_i64(decoder, FIELD__PyInstructionSequence_s_allocated, body);
	int64_t label_count = body_i64(decoder, FIELD__PyInstructionSequence_s_labelmap_size, body);
	if (allocated < 0 || label_count < 0) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	if (instructions != 0)
		emit_block(decoder, instructions,
		           (uint64_t)allocated * decoder->layout->struct_bytes[STRUCT__PyInstruction], "instructions",
		           0);
	if (labels != 0)
		emit_block(decoder, labels, (uint64_t)label_count * LABEL_BYTES, "labels", 0);
}
