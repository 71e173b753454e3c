/* SPDX-License-Identifier: MIT */
#include "query/findings/instance_bytes.h"

#include "object/value.h"

const struct instance_bytes *instance_bytes_of(struct rule_run *run, uint64_t address)
{
	struct instance_bytes *instance = &run->instance;
	struct attribute_storage storage = { .dict = 0 };
	uint64_t values, used;
	if (instance->address == address)
		return instance;
	*instance = (struct instance_bytes){ .address = address, .bytes = rule_allocated(run, address) };
	if (!value_instance_attributes(&run->decoder->objects, address, &storage) || storage.dict == 0)
		return instance;
	instance->dict = storage.dict;
	instance->bytes += rule_allocated(run, storage.dict);
	instance->is_combined =
	        value_field(&run->decoder->objects, storage.dict, FIELD_PyDictObject_ma_values, &values) &&
	        values == 0 && value_field(&run->decoder->objects, storage.dict, FIELD_PyDictObject_ma_used, &used) &&
	        used > 0;
	return instance;
}
