/* SPDX-License-Identifier: MIT
 * module: a namespace, and for modules in C a block of state whose form only the module knows. Its words that are
 * addresses of objects are taken for references (Objects/moduleobject.c module_traverse). */
#include "decode/decoder.h"

decode_function decode_module;

void decode_module(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	(void)decoder;
	(void)type;
	(void)address;
	(void)body;
}
