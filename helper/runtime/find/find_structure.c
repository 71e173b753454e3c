/* SPDX-License-Identifier: MIT
 * _PyRuntime by its shape: for a Python before 3.13 of which the core is all there is. The text of its version stands
 * in its data (Python/getversion.c keeps it in a static buffer), so a table says where interpreters.head and .main lie;
 * the pair that leads to an interpreter whose threads point back at it is the one. */
#include <stdlib.h>

#include "base/bytes.h"
#include "runtime/find/confirm_places.h"
#include "runtime/find/opening.h"

enum { MAX_STRUCTURE_ROWS = 64 };

/* Where a table row has what is looked at. */
struct shape {
	struct layout layout;
	uint32_t head, main; /* offsets in _PyRuntimeState */
};

struct structure_search {
	struct opening *opening;
	const struct shape *shape;
};

static bool is_main_interpreter(struct reader *reader, const struct layout *layout, uint64_t interpreter)
{
	uint64_t id, thread, back;
	return read_field(reader, layout, interpreter, FIELD_PyInterpreterState_id, &id) && id == 0 &&
	       read_field(reader, layout, interpreter, FIELD_PyInterpreterState_threads_head, &thread) && thread != 0 &&
	       thread % 8 == 0 && read_field(reader, layout, thread, FIELD_PyThreadState_interp, &back) &&
	       back == interpreter;
}

/* Leaves runtime->address set to address if it is _PyRuntime. */
static bool holds_at(struct opening *opening, const struct layout *row, uint64_t address)
{
	sentence_list checks = { 0 };
	char failure[FAILURE_BYTES];
	struct layout *layout = malloc(sizeof *layout);
	if (layout == NULL)
		return false;
	*layout = *row;
	opening->runtime->address = address;
	place_static_interpreter(opening, layout);
	const bool holds = layout_confirm(opening, layout, &checks, failure, NULL) == LAYOUT_CONFIRMED;
	free_sentences(&checks);
	free(layout);
	return holds;
}

static bool find_shape(void *context, const uint8_t *bytes, uint64_t starts, uint64_t readable, uint64_t address)
{
	struct structure_search *search = context;
	const struct shape *shape = search->shape;
	const uint64_t low = shape->head < shape->main ? shape->head : shape->main;
	const uint64_t high = (shape->head < shape->main ? shape->main : shape->head) + 8;
	/* The words are looked at where they lie, the struct may begin before this piece. */
	uint64_t at = round_up(address, 8) - address;
	for (; at < starts && readable - at >= high - low; at += 8) {
		const uint64_t head = load_u64(bytes + at + (shape->head - low));
		const uint64_t interpreter = load_u64(bytes + at + (shape->main - low));
		if (head == 0 || interpreter == 0 || ((head | interpreter) & 7) != 0 || address + at < low)
			continue;
		if (is_main_interpreter(&search->opening->reader, &shape->layout, interpreter) &&
		    holds_at(search->opening, &shape->layout, address + at - low))
			return true;
	}
	return false;
}

static bool search_shape(struct opening *opening, const struct mapped_file *file, const struct shape *shape)
{
	struct structure_search search = { opening, shape };
	const bool found = file != NULL ? scan_file_data(opening, file, find_shape, &search)
	                                : scan_writable(opening, find_shape, &search);
	if (!found)
		opening->runtime->address = 0;
	return found;
}

/* Every row of that version, release builds first, those with reference tracing last. */
bool find_structure(struct opening *opening, const struct mapped_file *file)
{
	const uint32_t hex = find_version_text(opening, file);
	if (version_is_old(hex)) {
		opening->account.old_version = hex;
		opening->account.old_python = file;
	}
	if (hex == 0 || version_is_old(hex))
		return false;
	struct shape *shape = calloc(1, sizeof *shape);
	if (shape == NULL)
		return false;
	bool found = false;
	for (int build = 0; build < 3 && !found; build++) {
		struct layout_fingerprint fingerprint = {
			.version = { .hex = hex, .is_debug = build == 1, .has_trace_refs = build == 2 }
		};
		bool is_exact;
		for (uint32_t row = 0; row < MAX_STRUCTURE_ROWS && !found; row++) {
			if (!builtin_layout(&fingerprint, row, &shape->layout, &is_exact))
				break;
			if (!layout_has(&shape->layout, FIELD__PyRuntimeState_interpreters_head) ||
			    !layout_has(&shape->layout, FIELD__PyRuntimeState_interpreters_main))
				continue;
			shape->head = layout_offset(&shape->layout, FIELD__PyRuntimeState_interpreters_head);
			shape->main = layout_offset(&shape->layout, FIELD__PyRuntimeState_interpreters_main);
			found = search_shape(opening, file, shape);
			/* Of which there is no other sign where no file is at hand. */
			opening->fingerprint.version.has_trace_refs = found && fingerprint.version.has_trace_refs;
		}
	}
	free(shape);
	return found;
}
