/* SPDX-License-Identifier: MIT
 * datetime and time: exact instances without a time zone are allocated without the word for it, so it exists only if
 * hastzinfo says so (Include/datetime.h). __sizeof__ counts it all the same. */
#include "decode/decode_functions.h"
#include "decode/emit.h"

static void decode_zone(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body,
                        enum layout_field has_zone, enum layout_field zone)
{
	if (body_field(decoder->layout, has_zone, body) != 0)
		emit_field(decoder, address, body, zone, RUN_HIDDEN);
	else if (type == type->base_info)
		decoder->out.body = layout_offset(decoder->layout, zone);
}

void decode_datetime(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode_zone(decoder, type, address, body, FIELD_PyDateTime_DateTime_hastzinfo,
	            FIELD_PyDateTime_DateTime_tzinfo);
}

void decode_time(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode_zone(decoder, type, address, body, FIELD_PyDateTime_Time_hastzinfo, FIELD_PyDateTime_Time_tzinfo);
}
