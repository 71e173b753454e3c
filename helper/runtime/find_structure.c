/* SPDX-License-Identifier: MIT
 * _PyRuntime by its shape: for a Python before 3.13 of which the core is all there is. The text of its version stands
 * in its data (Python/getversion.c keeps it in a static buffer), so a table says where interpreters.head and .main lie;
 * the pair that leads to an interpreter whose threads point back at it is the one. */
#include "base/bytes.h"
#include "runtime/opening.h"

enum { MAX_SHAPES = 16, MAX_STRUCTURE_ROWS = 64 };

/* Where a table row has what is looked at. Rows of one minor version share it mostly. */
struct shape {
	struct layout layout;
	uint32_t head, main; /* offsets in _PyRuntimeState */
};

struct structure_search {
	struct opening *opening;
	const struct shape *shape;
	uint64_t address;
};

static bool is_main_interpreter(struct reader *reader, const struct layout *layout, uint64_t interpreter)
{
	uint64_t id, thread, back;
	return read_field(reader, layout, interpreter, FIELD_PyInterpreterState_id, &id) && id == 0 &&
	       read_field(reader, layout, interpreter, FIELD_PyInterpreterState_threads_head, &thread) && thread != 0 &&
	       thread % 8 == 0 && read_field(reader, layout, thread, FIELD_PyThreadState_interp, &back) &&
	       back == interpreter;
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
		/* The newest interpreter is at the head, so without subinterpreters the two are equal. */
		if (is_main_interpreter(&search->opening->reader, &shape->layout, interpreter) &&
		    address_space_state(search->opening->runtime->space, head) == MEMORY_PRESENT) {
			search->address = address + at - low;
			return true;
		}
	}
	return false;
}

static bool search_shape(struct opening *opening, const struct mapped_file *file, const struct shape *shape)
{
	struct structure_search search = { opening, shape, 0 };
	const bool found = file != NULL ? scan_file_data(opening, file, find_shape, &search)
	                                : scan_writable(opening, find_shape, &search);
	if (found)
		opening->runtime->address = search.address;
	return found;
}

static bool same_shape(const struct layout *left, const struct layout *right)
{
	static const enum layout_field compared[] = {
		FIELD__PyRuntimeState_interpreters_head,
		FIELD__PyRuntimeState_interpreters_main,
		FIELD_PyInterpreterState_id,
		FIELD_PyInterpreterState_threads_head,
		FIELD_PyThreadState_interp,
	};
	for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++)
		if (left->fields[compared[i]].offset != right->fields[compared[i]].offset)
			return false;
	return true;
}

bool find_structure(struct opening *opening, const struct mapped_file *file)
{
	const uint32_t hex = find_version_text(opening, file);
	if (hex == 0)
		return false;
	struct shape *tried = calloc(MAX_SHAPES, sizeof *tried);
	if (tried == NULL)
		return false;
	size_t count = 0;
	bool found = false;
	for (int is_debug = 0; is_debug < 2 && !found; is_debug++) {
		struct layout_fingerprint fingerprint = { .version = { .hex = hex, .is_debug = is_debug != 0 } };
		bool is_exact;
		for (uint32_t row = 0; row < MAX_STRUCTURE_ROWS && count < MAX_SHAPES && !found; row++) {
			struct shape *shape = &tried[count];
			if (!builtin_layout(&fingerprint, row, &shape->layout, &is_exact))
				break;
			if (!layout_has(&shape->layout, FIELD__PyRuntimeState_interpreters_head) ||
			    !layout_has(&shape->layout, FIELD__PyRuntimeState_interpreters_main))
				continue;
			bool is_new = true;
			for (size_t i = 0; i < count && is_new; i++)
				is_new = !same_shape(&tried[i].layout, &shape->layout);
			if (!is_new)
				continue;
			shape->head = layout_offset(&shape->layout, FIELD__PyRuntimeState_interpreters_head);
			shape->main = layout_offset(&shape->layout, FIELD__PyRuntimeState_interpreters_main);
			found = search_shape(opening, file, shape);
			count++;
		}
	}
	free(tried);
	return found;
}
