/* SPDX-License-Identifier: MIT
 * layout_check: every place lies within its struct, once and for all, so that whoever has a struct's bytes has its
 * fields. */
#include "layout/layout.h"

enum { PLACE_SATURATED = UINT16_MAX /* that many bytes or more */ };

/* Counts that index tables of a fixed size: mimalloc's are 16 bits wide (Include/internal/mimalloc/mimalloc/types.h).
 */
static const struct {
	enum layout_field field;
	uint16_t bytes;
} widths[] = {
	{ FIELD_mi_page_t_capacity, 2 },
	{ FIELD_pool_header_ref_count, 4 },
	{ FIELD_pool_header_szidx, 4 },
};

static bool is_inside(const struct layout_place *place, uint32_t struct_bytes)
{
	if (place->bit_width != 0 && (uint32_t)place->bit_offset + place->bit_width > 8 * (uint32_t)place->size)
		return false;
	if (struct_bytes == 0 || place->offset == struct_bytes)
		return place->bit_width == 0 || struct_bytes == 0;
	return place->offset < struct_bytes &&
	       (place->size == PLACE_SATURATED || place->size <= struct_bytes - place->offset);
}

uint32_t layout_check(struct layout *layout)
{
	uint32_t refused = 0;
	for (uint32_t i = 0; i < FIELD_COUNT; i++) {
		struct layout_place *place = &layout->fields[i];
		if (place->size == 0 ||
		    is_inside(place, layout->struct_bytes[layout_field_struct((enum layout_field)i)]))
			continue;
		*place = (struct layout_place){ .size = 0 };
		refused++;
	}
	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
		struct layout_place *place = &layout->fields[widths[i].field];
		if (place->size <= widths[i].bytes)
			continue;
		*place = (struct layout_place){ .size = 0 };
		refused++;
	}
	return refused;
}
