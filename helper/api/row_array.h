/* SPDX-License-Identifier: MIT
 * row_array: the caller's array of sized rows: struct_size of the first says how far they are apart. */
#ifndef PYDS_API_ROW_ARRAY_H
#define PYDS_API_ROW_ARRAY_H

#include <stdint.h>

#include "base/error.h"

struct row_array {
	uint8_t *rows;
	uint32_t stride;
	uint64_t capacity;
	uint64_t count; /* filled */
};

int row_array_begin(struct row_array *array, void *rows, uint64_t capacity, struct error *error);
/* The next row; own begins with its struct_size, own_bytes. */
int row_array_add(struct row_array *array, const void *own, uint32_t own_bytes, struct error *error);

#endif
