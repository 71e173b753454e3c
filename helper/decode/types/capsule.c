/* SPDX-License-Identifier: MIT
 * PyCapsule: a pointer into an extension. Since 3.13 its owner may have it traversed (_PyCapsule_SetTraverse of
 * Objects/capsule.c, private). The two that do, _socket.CAPI and _curses._C_API, visit the class that their table of
 * functions begins with (Modules/socketmodule.c sock_capi_traverse, Modules/_cursesmodule.c curses_capi_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"
#include "object/type_flags.h"
#include "object/value.h"

void decode_capsule(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t table = body_u64(decoder, FIELD_PyCapsule_pointer, body), first;
	if (body_u64(decoder, FIELD_PyCapsule_traverse_func, body) == 0)
		return;
	if (!reader_u64(&decoder->reader, table, &first)) {
		flag_object(decoder, DECODED_UNREADABLE, "what it points at is absent");
		return;
	}
	if (value_is(&decoder->objects, first, TPFLAGS_TYPE_SUBCLASS))
		emit_run(decoder, table, 1, (struct run_kind){ .stride = 8, .label = LABEL_WORD });
}
