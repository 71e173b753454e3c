/* SPDX-License-Identifier: MIT
 * zoneinfo.ZoneInfo in C: arrays of transitions, and local times of which each has three objects
 * (Modules/_zoneinfo.c). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

static void emit_local_times(struct decoder *decoder, uint64_t address, uint64_t count)
{
	const struct layout *layout = decoder->layout;
	uint32_t row = layout->struct_bytes[STRUCT__ttinfo];
	if (row == 0)
		return;
	static const enum layout_field fields[] = { FIELD__ttinfo_utcoff, FIELD__ttinfo_dstoff, FIELD__ttinfo_tzname };
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		emit_run(decoder, address + layout_offset(layout, fields[i]), count,
		         (struct run_kind){ .stride = row, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
}

void decode_zone_info(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint64_t transitions = body_u64(decoder, FIELD_PyZoneInfo_ZoneInfo_num_transitions, body);
	uint64_t local_times = body_u64(decoder, FIELD_PyZoneInfo_ZoneInfo_num_ttinfos, body);
	if (transitions > chain_limit(decoder, 8) || local_times > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of transitions");
		return;
	}
	uint64_t utc = body_u64(decoder, FIELD_PyZoneInfo_ZoneInfo_trans_list_utc, body);
	uint64_t infos = body_u64(decoder, FIELD_PyZoneInfo_ZoneInfo_trans_ttinfos, body);
	uint64_t table = body_u64(decoder, FIELD_PyZoneInfo_ZoneInfo__ttinfos, body);
	const uint32_t wall = layout_offset(layout, FIELD_PyZoneInfo_ZoneInfo_trans_list_wall);
	const uint64_t lists[] = { utc, infos, body_word(body, wall), body_word(body, wall + 8) };
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (lists[i] != 0)
			emit_block(decoder, lists[i], 8 * transitions, "transitions", 0);
	if (table != 0) {
		emit_block(decoder, table, local_times * layout->struct_bytes[STRUCT__ttinfo], "local times", 0);
		emit_local_times(decoder, table, local_times);
	}
	/* The rule for what comes after the last transition has a standard and a daylight saving time inside. */
	if (layout_has(layout, FIELD_PyZoneInfo_ZoneInfo_tzrule_after_std))
		emit_local_times(decoder, address + layout_offset(layout, FIELD_PyZoneInfo_ZoneInfo_tzrule_after_std),
		                 1);
	if (layout_has(layout, FIELD_PyZoneInfo_ZoneInfo_tzrule_after_dst))
		emit_local_times(decoder, address + layout_offset(layout, FIELD_PyZoneInfo_ZoneInfo_tzrule_after_dst),
		                 1);
}
