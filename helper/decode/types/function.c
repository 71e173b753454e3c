/* SPDX-License-Identifier: MIT
 * function: its globals and builtins, which are namespaces of modules and not the function's own weight; the rest is
 * on the registry line (Objects/funcobject.c func_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_python_function(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_field(decoder, address, body, FIELD_PyFunctionObject_func_globals, RUN_GLOBALS);
	emit_field(decoder, address, body, FIELD_PyFunctionObject_func_builtins, RUN_GLOBALS);
}
