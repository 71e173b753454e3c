/* SPDX-License-Identifier: MIT */
#include "layout/builtin_layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/layout_rows.h"
#include "layout/struct_donors.h"
#include "layout/tables/versions.inc"

/* More than there are rows, each offered as it is and as a build with reference tracing. */
enum { MAX_CANDIDATES = 512 };

struct candidate {
	uint16_t row;
	bool is_exact; /* this very build */
	bool is_made_to_trace; /* a row of a build without reference tracing, as if it had it */
	bool has_trace_refs;
	bool has_other_size; /* of _PyRuntime: tells nothing alone, but among equals the one of that size comes first */
	uint32_t distance; /* between the patch releases; 0 if the target's is not known */
};

static bool is_same_size(uint64_t left, uint64_t right)
{
	return left == 0 || right == 0 || left == right;
}

/* Do the structs of objects agree with what _Py_DebugOffsets say? They were the same in all patch releases. */
static bool objects_agree(const struct layout_row *row, const struct layout *said)
{
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (!layout_is_runtime_struct(i) && !is_same_size(row->struct_bytes[i], said->struct_bytes[i]))
			return false;
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (said->fields[i].size != 0 && !layout_is_runtime_struct(layout_field_struct(i)) &&
		    (row->fields[i].size == 0 || row->fields[i].offset != said->fields[i].offset))
			return false;
	return true;
}

/* A row is a hypothesis: only another minor version, another build, and objects of another size exclude it. */
static bool is_possible(const struct layout_row *row, const struct layout_fingerprint *fingerprint)
{
	const struct python_version *version = &fingerprint->version;
	if (row->is_partial || !layout_row_is_of(row, version) ||
	    !is_same_size(row->type_type_bytes, fingerprint->type_type_bytes) ||
	    !is_same_size(row->none_bytes, fingerprint->none_bytes))
		return false;
	if (fingerprint->debug_offsets != NULL)
		return objects_agree(row, &fingerprint->debug_offsets->layout);
	/* Later reference tracing changes no object: the interpreter tells, so both are offered. */
	return row->version.has_trace_refs == version->has_trace_refs;
}

static bool has_runtime_size(const struct layout_row *row, uint64_t bytes)
{
	return bytes == 0 || bytes == row->runtime_bytes || bytes == row->section_bytes;
}

static void use_row(const struct layout_row *row, bool is_made_to_trace, const struct layout_fingerprint *fingerprint,
                    struct layout *ret_layout)
{
	memset(ret_layout, 0, sizeof *ret_layout);
	ret_layout->version = fingerprint->version;
	ret_layout->version.has_trace_refs = row->version.has_trace_refs || is_made_to_trace;
	memcpy(ret_layout->fields, row->fields, sizeof ret_layout->fields);
	memcpy(ret_layout->struct_bytes, row->struct_bytes, sizeof ret_layout->struct_bytes);
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (row->struct_bytes[i] != 0)
			ret_layout->struct_sources[i] = LAYOUT_SOURCE_TABLE;
	if (is_made_to_trace)
		layout_row_give(row, STRUCT_PyInterpreterState, ret_layout);
	(void)snprintf(ret_layout->row_name, sizeof ret_layout->row_name, "%s%s", row->name,
	               is_made_to_trace ? " with reference tracing" : "");
	if (fingerprint->debug_offsets != NULL)
		struct_donors_replace(fingerprint, row, ret_layout);
	layout_compute_features(ret_layout);
}

static int compare_candidates(const void *left_item, const void *right_item)
{
	const struct candidate *left = left_item, *right = right_item;
	if (left->is_exact != right->is_exact)
		return left->is_exact ? -1 : 1;
	if (left->has_trace_refs != right->has_trace_refs)
		return left->has_trace_refs ? 1 : -1;
	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	if (left->has_other_size != right->has_other_size)
		return left->has_other_size ? 1 : -1;
	if (left->row != right->row)
		return left->row < right->row ? -1 : 1;
	return left->is_made_to_trace - right->is_made_to_trace;
}

static size_t add_candidates(const struct layout_fingerprint *fingerprint, unsigned index, struct candidate *candidates)
{
	const struct layout_row *row = &layout_rows[index];
	struct candidate candidate = {
		.row = (uint16_t)index,
		.has_trace_refs = row->version.has_trace_refs,
		.has_other_size = !has_runtime_size(row, fingerprint->runtime_bytes),
		.distance = layout_row_distance(row, fingerprint->version.hex),
	};
	size_t count = 0;
	candidate.is_exact =
	        row->version.hex == fingerprint->version.hex && !candidate.has_other_size &&
	        (!row->version.has_trace_refs || fingerprint->version.has_trace_refs) &&
	        (fingerprint->debug_offsets == NULL || struct_donors_fits(row, &fingerprint->debug_offsets->layout));
	candidates[count++] = candidate;
	candidate.is_exact = false;
	candidate.is_made_to_trace = candidate.has_trace_refs = true;
	if (layout_row_can_trace(row))
		candidates[count++] = candidate;
	return count;
}

bool builtin_layout(const struct layout_fingerprint *fingerprint, uint32_t index, struct layout *ret_layout,
                    bool *ret_exact)
{
	struct candidate candidates[MAX_CANDIDATES];
	size_t count = 0;
	for (unsigned i = 0; i < layout_row_count && count + 2 <= MAX_CANDIDATES; i++)
		if (is_possible(&layout_rows[i], fingerprint))
			count += add_candidates(fingerprint, i, &candidates[count]);
	if (index >= count)
		return false;
	qsort(candidates, count, sizeof candidates[0], compare_candidates);
	const struct candidate *chosen = &candidates[index];
	use_row(&layout_rows[chosen->row], chosen->is_made_to_trace, fingerprint, ret_layout);
	*ret_exact = chosen->is_exact;
	return true;
}

const char *builtin_layout_versions(void)
{
	return BUILTIN_VERSIONS;
}
