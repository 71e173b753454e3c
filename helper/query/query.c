/* SPDX-License-Identifier: MIT */
#include "query/query.h"

#include <inttypes.h>

#include "decode/reference_count.h"
#include "object/value.h"

int query_cancelled(const struct query *query)
{
	return error_set(query->error, ERROR_CANCELLED, "interrupted; what is shown is a part of the answer");
}

int query_no_memory(const struct query *query, const char *what)
{
	return error_set(query->error, ERROR_NO_MEMORY, "out of memory for %s", what);
}

int query_decode(const struct query *query, uint64_t object, struct object_state *ret_state)
{
	struct decoder *decoder = &query->target->decoder;
	const bool is_object = decode_object(decoder, object);
	*ret_state = (struct object_state){ .type = is_object ? decoder->out.type : NULL,
		                            .flags = decoder->out.flags,
		                            .reason = decoder->out.reason };
	if (is_object)
		return OK;
	return error_set(query->error, ERROR_NOT_FOUND, "0x%" PRIx64 " is not an object: %s", object,
	                 decoder->out.reason != NULL ? decoder->out.reason : "no object head is there");
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
