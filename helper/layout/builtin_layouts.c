/* SPDX-License-Identifier: MIT */
#include "layout/builtin_layouts.h"

#include <stdio.h>
#include <string.h>

struct layout_row {
	const char *name; /* "3.11.7", "3.11.2-debian", "3.13.0d" */
	struct python_version version;
	uint64_t runtime_bytes, section_bytes; /* of _PyRuntime and of section .PyRuntime; 0: the build has none */
	uint64_t type_type_bytes, none_bytes;
	uint32_t struct_bytes[STRUCT_COUNT];
	struct layout_place fields[FIELD_COUNT];
};

/* The words of the generated rows. */
#define S(name, bytes) [STRUCT_##name] = (bytes),
#define F(name, start, bytes) [FIELD_##name] = { .offset = (start), .size = (bytes) },
#define B(name, start, bytes, bit, width)                                                                              \
	[FIELD_##name] = { .offset = (start), .size = (bytes), .bit_offset = (bit), .bit_width = (width) },

static const struct layout_row rows[] = {
#include "layout/tables/rows.inc"
};

#undef S
#undef F
#undef B

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static bool is_same_size(uint64_t left, uint64_t right)
{
	return left == 0 || right == 0 || left == right;
}

/* Neither excluded by its minor version or flags, nor by a size that both know. */
static bool row_fits(const struct layout_row *row, const struct layout_fingerprint *fingerprint)
{
	const struct python_version *version = &fingerprint->version;
	if (row->version.hex >> 16 != version->hex >> 16 || row->version.is_debug != version->is_debug ||
	    row->version.is_free_threaded != version->is_free_threaded ||
	    row->version.has_trace_refs != version->has_trace_refs)
		return false;
	if (fingerprint->runtime_bytes != 0 && fingerprint->runtime_bytes != row->runtime_bytes &&
	    fingerprint->runtime_bytes != row->section_bytes)
		return false;
	return is_same_size(row->type_type_bytes, fingerprint->type_type_bytes) &&
	       is_same_size(row->none_bytes, fingerprint->none_bytes);
}

static bool is_exact(const struct layout_row *row, const struct layout_fingerprint *fingerprint)
{
	return row->version.hex == fingerprint->version.hex;
}

static void use_row(const struct layout_row *row, const struct layout_fingerprint *fingerprint,
                    struct layout *ret_layout)
{
	memset(ret_layout, 0, sizeof *ret_layout);
	memcpy(ret_layout->fields, row->fields, sizeof ret_layout->fields);
	memcpy(ret_layout->struct_bytes, row->struct_bytes, sizeof ret_layout->struct_bytes);
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (row->struct_bytes[i] != 0)
			ret_layout->struct_sources[i] = LAYOUT_SOURCE_TABLE;
	ret_layout->version = fingerprint->version;
	(void)snprintf(ret_layout->row_name, sizeof ret_layout->row_name, "%s", row->name);
	layout_compute_features(ret_layout);
}

bool builtin_layout(const struct layout_fingerprint *fingerprint, uint32_t index, struct layout *ret_layout,
                    bool *ret_exact)
{
	for (int exact = 1; exact >= 0; exact--)
		for (unsigned i = 0; i < ROW_COUNT; i++) {
			if (!row_fits(&rows[i], fingerprint) || is_exact(&rows[i], fingerprint) != (exact != 0))
				continue;
			if (index-- != 0)
				continue;
			use_row(&rows[i], fingerprint, ret_layout);
			*ret_exact = exact != 0;
			return true;
		}
	return false;
}

const char *builtin_layout_versions(void)
{
	return "3.8, 3.9, 3.10, 3.11, 3.12, 3.13";
}
