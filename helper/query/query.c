/* SPDX-License-Identifier: MIT */
#include "query/query.h"

#include "object/value.h"

int query_cancelled(const struct query *query)
{
	return error_set(query->error, ERROR_CANCELLED, "interrupted; what is shown is a part of the answer");
}

int query_no_memory(const struct query *query, const char *what)
{
	return error_set(query->error, ERROR_NO_MEMORY, "out of memory for %s", what);
}

const struct type_info *query_type(const struct query *query, uint64_t object)
{
	struct decoder *decoder = &query->target->naming;
	uint64_t type;
	return value_field(&decoder->objects, object, FIELD_PyObject_ob_type, &type) ? decode_type(decoder, type)
	                                                                             : NULL;
}

int query_compare_bytes(uint64_t left_bytes, uint64_t left_address, uint64_t right_bytes, uint64_t right_address)
{
	if (left_bytes != right_bytes)
		return left_bytes > right_bytes ? -1 : 1;
	return left_address < right_address ? -1 : left_address > right_address;
}
