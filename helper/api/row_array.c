/* SPDX-License-Identifier: MIT */
#include "api/row_array.h"

#include <string.h>

#include "api/sized_struct.h"

int row_array_begin(struct row_array *array, void *rows, uint64_t capacity, struct error *error)
{
	*array = (struct row_array){ .rows = rows, .capacity = capacity };
	memcpy(&array->stride, rows, sizeof array->stride);
	if (capacity == 0 || array->stride < sizeof array->stride || array->stride % 8 != 0)
		return error_set(error, ERROR_ARGUMENT, "struct_size of the first row is not set");
	return OK;
}

int row_array_add(struct row_array *array, const void *own, uint32_t own_bytes, struct error *error)
{
	uint8_t *row = array->rows + array->count * array->stride;
	memcpy(row, &array->stride, sizeof array->stride);
	if (sized_struct_write(row, own, own_bytes) < 0)
		return error_set(error, ERROR_ARGUMENT, "struct_size of the first row makes no sense");
	array->count++;
	return OK;
}
