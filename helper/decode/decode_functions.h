/* SPDX-License-Identifier: MIT
 * decode_functions: the functions of all registry lines, as decoders.def and foreign.def list them. */
#ifndef PYDS_DECODE_DECODE_FUNCTIONS_H
#define PYDS_DECODE_DECODE_FUNCTIONS_H

#include "decode/type_info.h"

/* clang-format off */
#define DECODER(id, type_name, symbol, body_struct, flags, function, visible, hidden, summary) \
	decode_function decode_##id;
#include "decode/decoders.def"
#undef DECODER

#define FOREIGN_LIBRARY(id, module)
#define FOREIGN_PLACE(owner, name)
#define FOREIGN_SHAPE(id, first, last, bytes, places)
#define FOREIGN_CLASS_SHAPE(id, first, last, bytes, places)
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary) decode_function function;
#include "decode/foreign.def"
#undef FOREIGN_LIBRARY
#undef FOREIGN_PLACE
#undef FOREIGN_SHAPE
#undef FOREIGN_CLASS_SHAPE
#undef FOREIGN_TYPE
/* clang-format on */

/* The generic rule, and lines of foreign.def without logic. */
decode_function decode_any_object, decode_foreign;

#endif
