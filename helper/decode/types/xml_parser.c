/* SPDX-License-Identifier: MIT
 * pyexpat.xmlparser: its handlers are in an array of their own, as many as there are handler attributes; the dict of
 * interned strings is hidden, text that waits for more is in a buffer (Modules/pyexpat.c xmlparse_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { HANDLERS = 22 }; /* enum HandlerTypes: the same since 2.5 */

void decode_xml_parser(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t buffer = body_u64(decoder, FIELD_xmlparseobject_buffer, body);
	int64_t buffer_size = body_i64(decoder, FIELD_xmlparseobject_buffer_size, body);
	if (buffer != 0 && buffer_size > 0)
		emit_block(decoder, buffer, (uint64_t)buffer_size, "text", 0);
	uint64_t handlers = body_u64(decoder, FIELD_xmlparseobject_handlers, body);
	if (handlers == 0)
		return;
	emit_block(decoder, handlers, 8 * HANDLERS, "handlers", 0);
	emit_run(decoder, handlers, HANDLERS, (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}
