/* SPDX-License-Identifier: MIT */
#include "runtime/collector.h"

static bool read_number(struct reader *reader, const struct layout *layout, uint64_t address, enum layout_field field,
                        int64_t *ret_number)
{
	if (!layout_has(layout, field))
		return false;
	const struct layout_place *place = &layout->fields[field];
	const uint8_t *bytes = reader_at(reader, address + place->offset, place->size);
	if (bytes == NULL)
		return false;
	switch (place->size) {
	case 1:
		*ret_number = bytes[0];
		return true;
	case 4:
		*ret_number = load_i32(bytes);
		return true;
	case 8:
		*ret_number = load_i64(bytes);
		return true;
	default:
		return false;
	}
}

/* The first of the generations: of a build that moved them generation0 says where they are (Debian's 3.13). */
static uint64_t first_generation(struct reader *reader, const struct layout *layout, uint64_t state)
{
	uint64_t first;
	if (layout_has(layout, FIELD__gc_runtime_state_young))
		return state + layout_offset(layout, FIELD__gc_runtime_state_young);
	if (layout_has(layout, FIELD__gc_runtime_state_generation0) &&
	    reader_u64(reader, state + layout_offset(layout, FIELD__gc_runtime_state_generation0), &first) &&
	    first != 0)
		return first;
	return layout_has(layout, FIELD__gc_runtime_state_generations)
	               ? state + layout_offset(layout, FIELD__gc_runtime_state_generations)
	               : 0;
}

static void read_generations(struct reader *reader, const struct layout *layout, uint64_t state,
                             struct collector *collector)
{
	uint64_t generation = first_generation(reader, layout, state);
	const uint32_t bytes = layout->struct_bytes[STRUCT_gc_generation];
	collector->has_thresholds = generation != 0 && bytes > 0;
	for (int i = 0; collector->has_thresholds && i < GC_GENERATIONS - 1; i++) {
		/* young and old[] of an incremental collector follow each other as generations[] do. */
		if (i == 1 && layout_has(layout, FIELD__gc_runtime_state_old))
			generation = state + layout_offset(layout, FIELD__gc_runtime_state_old);
		collector->has_thresholds =
		        read_number(reader, layout, generation, FIELD_gc_generation_threshold,
		                    &collector->thresholds[i]) &&
		        read_number(reader, layout, generation, FIELD_gc_generation_count, &collector->counts[i]);
		generation += bytes;
	}
}

void collector_read(const struct runtime *runtime, struct reader *reader, uint64_t interpreter,
                    struct collector *ret_collector)
{
	const struct layout *layout = &runtime->layout;
	int64_t number;
	uint64_t state, list = 0;
	*ret_collector = (struct collector){ .interpreter = interpreter };
	if (layout_has(layout, FIELD_PyInterpreterState_gc))
		state = interpreter + layout_offset(layout, FIELD_PyInterpreterState_gc);
	else if (layout_has(layout, FIELD__PyRuntimeState_gc))
		state = runtime->address + layout_offset(layout, FIELD__PyRuntimeState_gc);
	else
		return;
	ret_collector->is_known = read_number(reader, layout, state, FIELD__gc_runtime_state_enabled, &number);
	ret_collector->is_enabled = ret_collector->is_known && number != 0;
	ret_collector->is_collecting =
	        read_number(reader, layout, state, FIELD__gc_runtime_state_collecting, &number) && number != 0;
	if (!read_number(reader, layout, state, FIELD__gc_runtime_state_debug, &ret_collector->debug))
		ret_collector->debug = 0;
	if (layout_has(layout, FIELD__gc_runtime_state_garbage) &&
	    reader_u64(reader, state + layout_offset(layout, FIELD__gc_runtime_state_garbage), &list) && list != 0 &&
	    read_number(reader, layout, list, FIELD_PyVarObject_ob_size, &number) && number > 0)
		ret_collector->garbage_list = (uint64_t)number;
	read_generations(reader, layout, state, ret_collector);
}
