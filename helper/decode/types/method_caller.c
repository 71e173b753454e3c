/* SPDX-License-Identifier: MIT
 * operator.methodcaller: since 3.13 its first call keeps the arguments laid out for vectorcall, in 3.13 as an array of
 * borrowed references with owned keyword names, since 3.14 as tuples (Modules/_operator.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

static uint64_t tuple_length(struct decoder *decoder, uint64_t tuple)
{
	uint64_t length = 0;
	if (tuple == 0 ||
	    !reader_u64(&decoder->reader, tuple + layout_offset(decoder->layout, FIELD_PyVarObject_ob_size), &length) ||
	    length > UINT32_MAX)
		return 0;
	return length;
}

void decode_method_caller(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	if (!layout_has(layout, FIELD_methodcallerobject_vectorcall_args))
		return;
	/* methodcaller_new() sets vectorcall_args alone; the names have what was in that memory before. */
	uint64_t arguments = body_u64(decoder, FIELD_methodcallerobject_vectorcall_args, body);
	if (arguments == 0)
		return;
	if (!layout_has(layout, FIELD_methodcallerobject_xargs)) {
		emit_field(decoder, address, body, FIELD_methodcallerobject_vectorcall_args, 0);
		emit_field(decoder, address, body, FIELD_methodcallerobject_vectorcall_kwnames, 0);
		return;
	}
	emit_field(decoder, address, body, FIELD_methodcallerobject_vectorcall_kwnames, RUN_HIDDEN);
	/* and a slot for the object it is called on */
	emit_block(decoder, arguments,
	           8 * (1 + tuple_length(decoder, body_u64(decoder, FIELD_methodcallerobject_xargs, body)) +
	                tuple_length(decoder, body_u64(decoder, FIELD_methodcallerobject_vectorcall_kwnames, body))),
	           "vectorcall arguments", 0);
}
