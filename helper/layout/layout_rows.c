/* SPDX-License-Identifier: MIT */
#include "layout/layout_rows.h"

/* The words of the generated rows. */
#define S(name, bytes) [STRUCT_##name] = (bytes),
#define F(name, start, bytes) [FIELD_##name] = { .offset = (start), .size = (bytes) },
#define B(name, start, bytes, bit, width)                                                                              \
	[FIELD_##name] = { .offset = (start), .size = (bytes), .bit_offset = (bit), .bit_width = (width) },

const struct layout_row layout_rows[] = {
#include "layout/tables/rows.inc"
};

#undef S
#undef F
#undef B

const unsigned layout_row_count = sizeof layout_rows / sizeof layout_rows[0];

bool layout_is_runtime_struct(enum layout_struct which)
{
	return which == STRUCT__PyRuntimeState || which == STRUCT_PyInterpreterState || which == STRUCT_PyThreadState ||
	       which == STRUCT__gc_runtime_state;
}

uint32_t layout_row_distance(const struct layout_row *row, uint32_t hex)
{
	const uint32_t row_hex = row->version.hex;
	if ((hex & 0xffff) == 0)
		return 0;
	return row_hex > hex ? row_hex - hex : hex - row_hex;
}

bool layout_row_is_of(const struct layout_row *row, const struct python_version *version)
{
	return row->version.hex >> 16 == version->hex >> 16 && row->version.is_debug == version->is_debug &&
	       row->version.is_free_threaded == version->is_free_threaded;
}

bool layout_row_can_trace(const struct layout_row *row)
{
	return !row->version.has_trace_refs && !row->version.is_free_threaded &&
	       row->fields[FIELD__PyRuntimeState_debug_offsets].size != 0 &&
	       row->fields[FIELD_PyInterpreterState_audit_hooks].size != 0;
}

/* Include/internal/pycore_object_state.h: refchain is the last but one member of object_state, which follows the
 * watchers behind audit_hooks. */
static void make_room_for_references(struct layout *layout)
{
	const uint32_t hooks = layout_offset(layout, FIELD_PyInterpreterState_audit_hooks);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (layout_field_struct(i) == STRUCT_PyInterpreterState && layout->fields[i].size != 0 &&
		    layout->fields[i].offset > hooks)
			layout->fields[i].offset += 8;
	layout->struct_bytes[STRUCT_PyInterpreterState] += 8;
}

void layout_row_give(const struct layout_row *row, enum layout_struct which, struct layout *layout)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (layout_field_struct(i) == which)
			layout->fields[i] = row->fields[i];
	layout->struct_bytes[which] = row->struct_bytes[which];
	layout->struct_sources[which] = row->struct_bytes[which] != 0 ? LAYOUT_SOURCE_TABLE : LAYOUT_SOURCE_NONE;
	if (which == STRUCT_PyInterpreterState && layout->version.has_trace_refs && layout_row_can_trace(row))
		make_room_for_references(layout);
}
