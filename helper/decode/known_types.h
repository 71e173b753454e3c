/* SPDX-License-Identifier: MIT
 * known_types: what the lines of decoders.def and foreign.def know of types by name, for those who name types. */
#ifndef PYDS_DECODE_KNOWN_TYPES_H
#define PYDS_DECODE_KNOWN_TYPES_H

#include "object/object_reader.h"

extern const struct known_types decode_known_types;

#endif
