/* SPDX-License-Identifier: MIT
 * itertools.tee: what was read and not yet given out by all lies in a chain of data objects of 57 slots each, of which
 * numread are set; the rest is garbage (Modules/itertoolsmodule.c teedataobject_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_tee_data(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout_place *values = &decoder->layout->fields[FIELD_teedataobject_values];
	int64_t count = body_i64(decoder, FIELD_teedataobject_numread, body);
	if (count < 0 || count > values->size / 8) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of items");
		return;
	}
	emit_run(decoder, address + values->offset, (uint64_t)count,
	         (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}
