/* SPDX-License-Identifier: MIT
 * layout_compare: where two sources speak of the same struct, they must agree; every difference is a sentence. */
#include <stdio.h>

#include "layout/dwarf_layout.h"

struct comparison {
	struct named_layout left, right;
	void (*report)(void *context, const char *sentence);
	void *context;
};

/* _Py_DebugOffsets says offsets of some fields: what it does not say is no difference. */
static bool is_partial(const struct layout *layout, enum layout_struct which)
{
	return layout->struct_sources[which] == LAYOUT_SOURCE_DEBUG_OFFSETS ||
	       layout->struct_sources[which] == LAYOUT_SOURCE_INFERRED;
}

static void place_text(char *text, size_t capacity, const struct layout_place *place)
{
	if (place->size == 0)
		(void)snprintf(text, capacity, "absent");
	else if (place->bit_width != 0)
		(void)snprintf(text, capacity, "bits %u to %u of the %u bytes at %u", place->bit_offset,
		               place->bit_offset + place->bit_width - 1, place->size, place->offset);
	else
		(void)snprintf(text, capacity, "at %u, %u bytes", place->offset, place->size);
}

static void compare_field(const struct comparison *comparison, enum layout_field field, bool partial)
{
	const struct layout_place *left = &comparison->left.layout->fields[field],
	                          *right = &comparison->right.layout->fields[field];
	if (partial) {
		if (left->size == 0 || right->size == 0 || left->offset == right->offset)
			return;
	} else if ((left->size == 0 && right->size == 0) ||
	           (left->offset == right->offset && left->size == right->size &&
	            left->bit_offset == right->bit_offset && left->bit_width == right->bit_width)) {
		return;
	}
	char sentence[512], left_text[64], right_text[64];
	place_text(left_text, sizeof left_text, left);
	place_text(right_text, sizeof right_text, right);
	(void)snprintf(sentence, sizeof sentence, "%s is %s in %s, but %s in %s", layout_field_name(field), left_text,
	               comparison->left.name, right_text, comparison->right.name);
	comparison->report(comparison->context, sentence);
}

static void compare_size(const struct comparison *comparison, enum layout_struct which)
{
	uint32_t left = comparison->left.layout->struct_bytes[which],
	         right = comparison->right.layout->struct_bytes[which];
	if (left == 0 || right == 0 || left == right)
		return;
	char sentence[512];
	(void)snprintf(sentence, sizeof sentence, "%s has %u bytes in %s, but %u in %s", layout_struct_name(which),
	               left, comparison->left.name, right, comparison->right.name);
	comparison->report(comparison->context, sentence);
}

void layout_compare(struct named_layout left, struct named_layout right,
                    void (*report)(void *context, const char *sentence), void *context)
{
	const struct comparison comparison = { left, right, report, context };
	const uint8_t *left_sources = left.layout->struct_sources, *right_sources = right.layout->struct_sources;
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (left_sources[i] != LAYOUT_SOURCE_NONE && right_sources[i] != LAYOUT_SOURCE_NONE)
			compare_size(&comparison, i);
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		enum layout_struct which = layout_field_struct(i);
		if (left_sources[which] != LAYOUT_SOURCE_NONE && right_sources[which] != LAYOUT_SOURCE_NONE)
			compare_field(&comparison, i,
			              is_partial(left.layout, which) || is_partial(right.layout, which));
	}
}
