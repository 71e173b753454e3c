/* SPDX-License-Identifier: MIT
 * sized_struct: structs of the public header that begin with struct_size, so that a caller built against another
 * version of the header is understood: members are only ever appended. */
#ifndef PYDS_API_SIZED_STRUCT_H
#define PYDS_API_SIZED_STRUCT_H

#include <stdint.h>

#include "base/error.h"

/* Copies what the caller's struct has of ours into own (own_bytes), the rest zero. NULL: all zero.
 * ERROR_ARGUMENT if it has a tail that this library does not know and that is not zero. */
int sized_struct_read(void *own, uint32_t own_bytes, const void *given, const char *name, struct error *error);
/* Fills as much of the caller's struct as it has room for; its struct_size stays. */
int sized_struct_write(void *given, const void *own, uint32_t own_bytes);

#endif
