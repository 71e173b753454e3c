/* SPDX-License-Identifier: MIT */
#include "layout/builtin_layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/tables/versions.inc"

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

/* What moves inside a minor version, each with what of it _Py_DebugOffsets can say. */
static const enum layout_struct runtime_structs[] = { STRUCT__PyRuntimeState, STRUCT_PyInterpreterState,
	                                              STRUCT_PyThreadState, STRUCT__gc_runtime_state };
enum { RUNTIME_STRUCTS = sizeof runtime_structs / sizeof runtime_structs[0] };

/* How well a row fits: 0 this very build, 1 another patch release of the same sizes, 1 + n: n of its runtime structs
 * do not fit and are left to _Py_DebugOffsets. */
enum { FIT_EXACT, FIT_EQUAL, FIT_NONE = UINT8_MAX };

static bool is_same_size(uint64_t left, uint64_t right)
{
	return left == 0 || right == 0 || left == right;
}

static bool is_runtime_struct(enum layout_struct which)
{
	for (unsigned i = 0; i < RUNTIME_STRUCTS; i++)
		if (runtime_structs[i] == which)
			return true;
	return false;
}

/* Marks the structs of which _Py_DebugOffsets say another size, or another place of any field, than the row. */
static void find_misfits(const struct layout_row *row, const struct layout *said, bool misfits[STRUCT_COUNT])
{
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		misfits[i] = !is_same_size(row->struct_bytes[i], said->struct_bytes[i]);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (said->fields[i].size != 0 &&
		    (row->fields[i].size == 0 || row->fields[i].offset != said->fields[i].offset))
			misfits[layout_field_struct(i)] = true;
}

/* How many runtime structs do not fit; FIT_NONE if another struct does not. */
static unsigned count_misfits(const struct layout_row *row, const struct layout *said)
{
	bool misfits[STRUCT_COUNT];
	unsigned count = 0;
	find_misfits(row, said, misfits);
	for (unsigned i = 0; i < STRUCT_COUNT; i++) {
		if (misfits[i] && !is_runtime_struct(i))
			return FIT_NONE;
		count += misfits[i];
	}
	return count;
}

/* FIT_NONE: excluded by the minor version, the flags, or a size that both know. From 3.13 on reference tracing changes
 * no object (a table of the interpreter has them) but the size of the interpreter, which _Py_DebugOffsets tell. */
static unsigned row_fit(const struct layout_row *row, const struct layout_fingerprint *fingerprint)
{
	const struct python_version *version = &fingerprint->version;
	if (row->version.hex >> 16 != version->hex >> 16 || row->version.is_debug != version->is_debug ||
	    row->version.is_free_threaded != version->is_free_threaded ||
	    (row->version.has_trace_refs != version->has_trace_refs && fingerprint->debug_offsets == NULL) ||
	    !is_same_size(row->type_type_bytes, fingerprint->type_type_bytes) ||
	    !is_same_size(row->none_bytes, fingerprint->none_bytes))
		return FIT_NONE;
	bool same_runtime = fingerprint->runtime_bytes == 0 || fingerprint->runtime_bytes == row->runtime_bytes ||
	                    fingerprint->runtime_bytes == row->section_bytes;
	unsigned misfits = 0;
	if (fingerprint->debug_offsets != NULL) {
		misfits = count_misfits(row, &fingerprint->debug_offsets->layout);
		if (misfits == FIT_NONE || (!same_runtime && misfits == 0))
			return FIT_NONE;
	} else if (!same_runtime) {
		return FIT_NONE;
	}
	if (misfits != 0)
		return FIT_EQUAL + misfits;
	return row->version.hex == version->hex ? FIT_EXACT : FIT_EQUAL;
}

static void take_struct(struct layout *layout, const struct layout *said, enum layout_struct which)
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

static void replace_misfits(const struct layout_row *row, const struct layout *said, struct layout *layout)
{
	static const struct layout nothing;
	bool misfits[STRUCT_COUNT];
	find_misfits(row, said, misfits);
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (misfits[i])
			take_struct(layout, said, i);
	if (layout->struct_sources[STRUCT__PyRuntimeState] != LAYOUT_SOURCE_TABLE)
		place_main_interpreter(row, layout);
	/* Every interpreter holds one _PyThreadStateImpl, which begins with a PyThreadState. */
	if (layout->struct_sources[STRUCT_PyInterpreterState] != LAYOUT_SOURCE_TABLE ||
	    layout->struct_sources[STRUCT_PyThreadState] != LAYOUT_SOURCE_TABLE)
		take_struct(layout, &nothing, STRUCT__PyThreadStateImpl);
	/* An interpreter of a free-threaded build holds its allocator's state: where it has another size, the bundled
	 * mimalloc may be another one too (2.5.2 instead of 2.1.2 in 3.14.10 and 3.15.2). */
	if (layout->version.is_free_threaded &&
	    layout->struct_sources[STRUCT_PyInterpreterState] != LAYOUT_SOURCE_TABLE) {
		take_struct(layout, &nothing, STRUCT_mi_page_t);
		take_struct(layout, &nothing, STRUCT_mi_segment_t);
	}
}

/* Debian's 3.13 aligns PyGC_Head to 4 bytes (patch gchead-alignment), so the generations begin at 20 and not at 24,
 * with every other field and all sizes the same: only gc.generation0 tells. Offered after the rows as they are. */
static bool has_other_alignment(const struct layout_row *row)
{
	const struct layout_place *place = &row->fields[FIELD__gc_runtime_state_generations];
	return row->version.hex >> 16 == 0x030d && !row->version.is_free_threaded &&
	       (place->offset == 20 || place->offset == 24);
}

static void use_other_alignment(struct layout *layout)
{
	struct layout_place *place = &layout->fields[FIELD__gc_runtime_state_generations];
	if (layout->struct_sources[STRUCT__gc_runtime_state] != LAYOUT_SOURCE_TABLE)
		return;
	place->offset = place->offset == 20 ? 24 : 20;
	size_t used = strlen(layout->row_name);
	(void)snprintf(layout->row_name + used, sizeof layout->row_name - used, ", generations at %u", place->offset);
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
	ret_layout->version.has_trace_refs = row->version.has_trace_refs;
	(void)snprintf(ret_layout->row_name, sizeof ret_layout->row_name, "%s", row->name);
	if (fingerprint->debug_offsets != NULL)
		replace_misfits(row, &fingerprint->debug_offsets->layout, ret_layout);
}

struct candidate {
	uint16_t row;
	uint8_t fit;
	bool is_variant; /* with the other alignment */
	uint32_t distance; /* between the patch releases; 0 if the target's is not known */
};

static int compare_candidates(const void *left_item, const void *right_item)
{
	const struct candidate *left = left_item, *right = right_item;
	if (left->is_variant != right->is_variant)
		return left->is_variant ? 1 : -1;
	if (left->fit != right->fit)
		return left->fit < right->fit ? -1 : 1;
	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

/* The nearest patch release first: structs of modules do change inside a minor version, though rarely. */
static uint32_t version_distance(uint32_t row_hex, uint32_t hex)
{
	if ((hex & 0xffff) == 0)
		return 0;
	return row_hex > hex ? row_hex - hex : hex - row_hex;
}

bool builtin_layout(const struct layout_fingerprint *fingerprint, uint32_t index, struct layout *ret_layout,
                    bool *ret_exact)
{
	struct candidate candidates[2 * ROW_COUNT];
	size_t count = 0;
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		unsigned fit = row_fit(&rows[i], fingerprint);
		if (fit == FIT_NONE)
			continue;
		struct candidate candidate = { .row = (uint16_t)i, .fit = (uint8_t)fit };
		candidate.distance = version_distance(rows[i].version.hex, fingerprint->version.hex);
		candidates[count++] = candidate;
		candidate.is_variant = true;
		if (has_other_alignment(&rows[i]))
			candidates[count++] = candidate;
	}
	if (index >= count)
		return false;
	qsort(candidates, count, sizeof candidates[0], compare_candidates);
	const struct candidate *chosen = &candidates[index];
	use_row(&rows[chosen->row], fingerprint, ret_layout);
	if (chosen->is_variant)
		use_other_alignment(ret_layout);
	layout_compute_features(ret_layout);
	*ret_exact = chosen->fit == FIT_EXACT && !chosen->is_variant;
	return true;
}

const char *builtin_layout_versions(void)
{
	return BUILTIN_VERSIONS;
}
