/* SPDX-License-Identifier: MIT
 * itertools' product, combinations and permutations: arrays of indices apart from the object, which __sizeof__ counts
 * (Modules/itertoolsmodule.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

/* ob_size of the tuple at a field; 0 if it cannot be read. */
static uint64_t tuple_length(struct decoder *decoder, struct body body, enum layout_field field)
{
	uint64_t length = 0, tuple = body_u64(decoder, field, body);
	if (tuple == 0 ||
	    !reader_u64(&decoder->reader, tuple + layout_offset(decoder->layout, FIELD_PyVarObject_ob_size), &length))
		return 0;
	return length;
}

/* count Py_ssize_t at the pointer in field. */
static void add_indices(struct decoder *decoder, struct body body, enum layout_field field, uint64_t count)
{
	uint64_t indices = body_u64(decoder, field, body);
	if (count > UINT32_MAX) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of indices");
		return;
	}
	decoder->out.shallow += 8 * count;
	if (indices != 0)
		emit_block(decoder, indices, 8 * count, "indices", BLOCK_COUNTED);
}

void decode_product(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	add_indices(decoder, body, FIELD_productobject_indices, tuple_length(decoder, body, FIELD_productobject_pools));
}

void decode_combinations(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	add_indices(decoder, body, FIELD_combinationsobject_indices,
	            body_u64(decoder, FIELD_combinationsobject_r, body));
}

void decode_combinations_with_replacement(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                          struct body body)
{
	(void)type;
	(void)address;
	add_indices(decoder, body, FIELD_cwrobject_indices, body_u64(decoder, FIELD_cwrobject_r, body));
}

void decode_permutations(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	add_indices(decoder, body, FIELD_permutationsobject_indices,
	            tuple_length(decoder, body, FIELD_permutationsobject_pool));
	add_indices(decoder, body, FIELD_permutationsobject_cycles,
	            body_u64(decoder, FIELD_permutationsobject_r, body));
}
