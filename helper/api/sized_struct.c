/* SPDX-License-Identifier: MIT */
#include "api/sized_struct.h"

#include <string.h>

enum { STRUCT_SIZE_LIMIT = 65536 }; /* far above any struct of the header: a larger one was not initialised */

int sized_struct_read(void *own, uint32_t own_bytes, const void *given, const char *name, struct error *error)
{
	memset(own, 0, own_bytes);
	if (given == NULL)
		return OK;
	uint32_t given_bytes;
	memcpy(&given_bytes, given, sizeof given_bytes);
	if (given_bytes < sizeof given_bytes || given_bytes > STRUCT_SIZE_LIMIT)
		return error_set(error, ERROR_ARGUMENT, "struct_size of %s is not set", name);
	for (uint32_t i = own_bytes; i < given_bytes; i++)
		if (((const uint8_t *)given)[i] != 0)
			return error_set(error, ERROR_ARGUMENT, "%s asks for what only a newer libpydeepsize can do",
			                 name);
	memcpy(own, given, given_bytes < own_bytes ? given_bytes : own_bytes);
	return OK;
}

int sized_struct_write(void *given, const void *own, uint32_t own_bytes)
{
	uint32_t given_bytes;
	if (given == NULL)
		return ERROR_ARGUMENT;
	memcpy(&given_bytes, given, sizeof given_bytes);
	if (given_bytes < sizeof given_bytes || given_bytes > STRUCT_SIZE_LIMIT)
		return ERROR_ARGUMENT;
	uint32_t filled = given_bytes < own_bytes ? given_bytes : own_bytes;
	memcpy((uint8_t *)given + sizeof given_bytes, (const uint8_t *)own + sizeof given_bytes,
	       filled - sizeof given_bytes);
	return OK;
}
