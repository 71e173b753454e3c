/* SPDX-License-Identifier: MIT
 * _thread._local: the namespaces of all threads hang on its dummies; up to 3.12 its key and a callback are hidden,
 * since 3.13 the namespaces are in a dict of its own (Modules/_threadmodule.c local_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_thread_local(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	bool has_dicts = layout_has(decoder->layout, FIELD_localobject_localdicts);
	emit_field(decoder, address, body, FIELD_localobject_key, has_dicts ? 0 : RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_localobject_wr_callback, RUN_HIDDEN);
}
