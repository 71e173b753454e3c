/* SPDX-License-Identifier: MIT */
#include "query/query.h"

#include "object/value.h"
#include "decode/reference_count.h"

int query_cancelled(const struct query *query)
{
	return error_set(query->error, ERROR_CANCELLED, "interrupted; what is shown is a part of the answer");
}

int query_no_memory(const struct query *query, const char *what)
{
	return error_set(query->error, ERROR_NO_MEMORY, "out of memory for %s", what);
}

int64_t query_refcount(struct decoder *decoder, uint64_t object)
{
	struct reference_count count;
	if (!reference_count_read(decoder, object, &count))
		return REFCOUNT_UNREADABLE;
	return count.is_immortal ? REFCOUNT_IMMORTAL : count.count;
}

const struct type_info *query_type_at(struct decoder *decoder, uint64_t object)
{
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
