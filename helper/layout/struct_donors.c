/* SPDX-License-Identifier: MIT */
#include "layout/struct_donors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DONORS = 256 };

struct donor {
	uint16_t row;
	bool has_other_size; /* than _Py_DebugOffsets say */
	uint32_t distance;
};

static bool places_agree(const struct layout_place *places, const struct layout *said, enum layout_struct which)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (layout_field_struct(i) == which && said->fields[i].size != 0 &&
		    (places[i].size == 0 || places[i].offset != said->fields[i].offset))
			return false;
	return true;
}

/* The collector's state is small, and what it has of lists differs where its size does (3.14.5). Of the others a size
 * alone tells nothing: static strings and the first thread's state are part of them. */
static bool agrees(const struct layout_place *places, uint32_t bytes, const struct layout *said,
                   enum layout_struct which)
{
	if (which == STRUCT__gc_runtime_state && said->struct_bytes[which] != 0 && bytes != said->struct_bytes[which])
		return false;
	return places_agree(places, said, which);
}

bool struct_donors_fits(const struct layout_row *row, const struct layout *said)
{
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (layout_is_runtime_struct(i) &&
		    ((said->struct_bytes[i] != 0 && row->struct_bytes[i] != said->struct_bytes[i]) ||
		     !places_agree(row->fields, said, i)))
			return false;
	return true;
}

static int compare_donors(const void *left_item, const void *right_item)
{
	const struct donor *left = left_item, *right = right_item;
	if (left->has_other_size != right->has_other_size)
		return left->has_other_size ? 1 : -1;
	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

/* Rows of that minor version and build that have the struct, best first. */
static unsigned collect(const struct layout_fingerprint *fingerprint, const struct python_version *version,
                        enum layout_struct which, struct donor donors[MAX_DONORS])
{
	const struct layout *said = fingerprint->debug_offsets != NULL ? &fingerprint->debug_offsets->layout : NULL;
	unsigned count = 0;
	for (unsigned i = 0; i < layout_row_count && count < MAX_DONORS; i++) {
		const struct layout_row *row = &layout_rows[i];
		if (!layout_row_is_of(row, version) || row->struct_bytes[which] == 0 ||
		    (row->version.has_trace_refs && !version->has_trace_refs) ||
		    (version->has_trace_refs && !row->version.has_trace_refs && !layout_row_can_trace(row)))
			continue;
		if (said != NULL && !agrees(row->fields, row->struct_bytes[which], said, which))
			continue;
		uint32_t wanted = said != NULL ? said->struct_bytes[which] : 0;
		if (which == STRUCT_PyInterpreterState && version->has_trace_refs && !row->version.has_trace_refs)
			wanted -= wanted != 0 ? 8 : 0;
		donors[count++] = (struct donor){ .row = (uint16_t)i,
			                          .has_other_size = wanted != 0 && row->struct_bytes[which] != wanted,
			                          .distance = layout_row_distance(row, version->hex) };
	}
	qsort(donors, count, sizeof donors[0], compare_donors);
	return count;
}

/* The pages of a free-threaded build's allocator are its interpreter's: the bundled mimalloc is another one in 3.14.10
 * and 3.15.2, and the size of the interpreter is all that tells. */
static void give(const struct layout_row *row, enum layout_struct which, struct layout *layout)
{
	layout_row_give(row, which, layout);
	if (which == STRUCT_PyInterpreterState && layout->version.is_free_threaded &&
	    row->struct_bytes[STRUCT_mi_page_t]) {
		layout_row_give(row, STRUCT_mi_page_t, layout);
		layout_row_give(row, STRUCT_mi_segment_t, layout);
	}
}

bool builtin_struct(const struct layout_fingerprint *fingerprint, enum layout_struct which, uint32_t index,
                    struct layout *layout)
{
	struct donor donors[MAX_DONORS];
	if (index >= collect(fingerprint, &layout->version, which, donors))
		return false;
	const struct layout_row *row = &layout_rows[donors[index].row];
	give(row, which, layout);
	size_t used = strlen(layout->row_name);
	(void)snprintf(layout->row_name + used, sizeof layout->row_name - used, ", %s of %s", layout_struct_name(which),
	               row->name);
	layout_compute_features(layout);
	return true;
}

static void take_said(struct layout *layout, const struct layout *said, enum layout_struct which)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (layout_field_struct(i) == which)
			layout->fields[i] = said->fields[i];
	layout->struct_bytes[which] = said->struct_bytes[which];
	layout->struct_sources[which] = said->struct_sources[which];
}

/* `main` follows `head` in struct pyinterpreters in every version: as far behind as in the row. */
static void place_main_interpreter(const struct layout_row *row, struct layout *layout)
{
	const struct layout_place *head = &layout->fields[FIELD__PyRuntimeState_interpreters_head];
	const struct layout_place *row_head = &row->fields[FIELD__PyRuntimeState_interpreters_head];
	struct layout_place main = row->fields[FIELD__PyRuntimeState_interpreters_main];
	main.offset = head->offset + (main.offset - row_head->offset);
	if (head->size != 0 && main.offset + main.size <= layout->struct_bytes[STRUCT__PyRuntimeState])
		layout->fields[FIELD__PyRuntimeState_interpreters_main] = main;
}

/* _PyThreadStateImpl begins with a PyThreadState, whose size says where its own fields are. */
static void replace_thread_part(const struct layout_fingerprint *fingerprint, const struct layout *said,
                                struct layout *layout)
{
	static const struct layout nothing;
	struct donor donors[MAX_DONORS];
	const unsigned count = collect(fingerprint, &layout->version, STRUCT_PyThreadState, donors);
	const uint32_t bytes = said->struct_bytes[STRUCT_PyThreadState];
	if (layout->struct_bytes[STRUCT_PyThreadState] == bytes)
		return;
	const struct layout_row *row = count != 0 ? &layout_rows[donors[0].row] : NULL;
	if (row != NULL && row->struct_bytes[STRUCT_PyThreadState] == bytes) {
		layout_row_give(row, STRUCT_PyThreadState, layout);
		layout_row_give(row, STRUCT__PyThreadStateImpl, layout);
	} else {
		take_said(layout, &nothing, STRUCT__PyThreadStateImpl);
	}
}

/* Where no row has an interpreter of that size, its allocator may be one that nobody has seen. */
static void replace_allocator(const struct layout_fingerprint *fingerprint, const struct layout *said,
                              struct layout *layout)
{
	static const struct layout nothing;
	struct donor donors[MAX_DONORS];
	if (!layout->version.is_free_threaded ||
	    layout->struct_bytes[STRUCT_PyInterpreterState] == said->struct_bytes[STRUCT_PyInterpreterState])
		return;
	const unsigned count = collect(fingerprint, &layout->version, STRUCT_PyInterpreterState, donors);
	if (count != 0 && !donors[0].has_other_size) {
		give(&layout_rows[donors[0].row], STRUCT_PyInterpreterState, layout);
		return;
	}
	take_said(layout, &nothing, STRUCT_mi_page_t);
	take_said(layout, &nothing, STRUCT_mi_segment_t);
}

void struct_donors_replace(const struct layout_fingerprint *fingerprint, const struct layout_row *row,
                           struct layout *layout)
{
	const struct layout *said = &fingerprint->debug_offsets->layout;
	for (unsigned i = 0; i < STRUCT_COUNT; i++) {
		if (!layout_is_runtime_struct(i) || agrees(layout->fields, layout->struct_bytes[i], said, i))
			continue;
		if (builtin_struct(fingerprint, i, 0, layout))
			continue;
		take_said(layout, said, i);
		if (i == STRUCT__PyRuntimeState)
			place_main_interpreter(row, layout);
	}
	replace_thread_part(fingerprint, said, layout);
	replace_allocator(fingerprint, said, layout);
}

/* How well a row's struct of a module serves; the least is the best. */
static uint64_t unfitness(const struct layout_row *row, const struct layout *layout, uint32_t missing)
{
	const uint32_t row_minor = row->version.hex >> 16 & 0xff, minor = layout->version.hex >> 16 & 0xff;
	const uint64_t far = row_minor > minor ? row_minor - minor : minor - row_minor;
	const uint64_t other_build = row->version.is_debug != layout->version.is_debug;
	return (uint64_t)(missing != 0) << 63 | far << 56 | (uint64_t)missing << 40 | other_build << 32 |
	       layout_row_distance(row, layout->version.hex);
}

bool builtin_struct_of_size(struct layout *layout, enum layout_struct which, uint32_t bytes)
{
	enum { MOST_ADDED = 32 };
	const struct layout_row *best = NULL;
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < layout_row_count; i++) {
		const struct layout_row *row = &layout_rows[i];
		const uint32_t has = row->struct_bytes[which];
		if (has == 0 || has > bytes || bytes - has > MOST_ADDED || row->is_partial ||
		    row->version.is_free_threaded != layout->version.is_free_threaded ||
		    row->struct_bytes[STRUCT_PyObject] != layout->struct_bytes[STRUCT_PyObject])
			continue;
		const uint64_t unfit = unfitness(row, layout, bytes - has);
		if (unfit < least) {
			least = unfit;
			best = row;
		}
	}
	if (best == NULL)
		return false;
	layout_row_give(best, which, layout);
	if (layout->struct_bytes[which] != bytes)
		layout->struct_sources[which] = LAYOUT_SOURCE_INFERRED;
	layout->struct_bytes[which] = bytes;
	return true;
}
