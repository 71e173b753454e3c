/* SPDX-License-Identifier: MIT
 * All traces of a target, and those of one block. */
#include "base/address_map.h"
#include "base/limits.h"
#include "runtime/tracemalloc/tracemalloc.h"

struct trace_reader {
	struct traced *traced;
	const struct layout *layout;
	struct reader reader;
	struct address_map stacks; /* address of a traceback -> index in traced->stacks */
	struct progress *progress;
	struct error *error;
};

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the traces of tracemalloc");
}

bool traced_read_stack(const struct layout *layout, struct reader *reader, uint64_t address, struct traced *into,
                       struct traced_stack *ret_stack)
{
	const uint32_t head_bytes = layout_offset(layout, FIELD_traceback_t_frames);
	const uint32_t frame_bytes = layout->struct_bytes[STRUCT_frame_t];
	*ret_stack = (struct traced_stack){ .address = address, .first = into->frames.count };
	const uint8_t *head = reader_at(reader, address, head_bytes);
	if (head == NULL)
		return false;
	/* 16 bits since 3.9, 32 before; tracemalloc.start() takes at most 65535 frames. */
	uint64_t count = layout_get(layout, FIELD_traceback_t_nframe, head);
	const uint64_t total = layout_get(layout, FIELD_traceback_t_total_nframe, head);
	if (count > LIMIT_TRACED_FRAMES)
		return false;
	const uint8_t *frames = reader_at(reader, address, head_bytes + count * frame_bytes);
	if (frames == NULL || !array_reserve(&into->frames, into->frames.count + count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *frame = frames + head_bytes + i * frame_bytes;
		into->frames.items[into->frames.count++] =
		        (struct traced_frame){ layout_get(layout, FIELD_frame_t_filename, frame),
			                       (uint32_t)layout_get(layout, FIELD_frame_t_lineno, frame) };
	}
	ret_stack->count = (uint32_t)count;
	ret_stack->total = total > count ? (uint32_t)total : (uint32_t)count;
	return true;
}

/* The index of the traceback at address; UINT32_MAX: it cannot be read. */
static uint32_t stack_index(struct trace_reader *reading, uint64_t address)
{
	uint32_t index = address_map_get(&reading->stacks, address);
	if (index != ADDRESS_MAP_NONE || address == 0)
		return index;
	struct traced_stack stack;
	if (!traced_read_stack(reading->layout, &reading->reader, address, reading->traced, &stack))
		return UINT32_MAX;
	index = (uint32_t)reading->traced->stacks.count;
	if (!array_push(&reading->traced->stacks, stack) || !address_map_set(&reading->stacks, address, index))
		return UINT32_MAX;
	return index;
}

static int read_table(struct trace_reader *reading, uint64_t address, uint32_t domain)
{
	struct traced *traced = reading->traced;
	const struct layout *layout = reading->layout;
	const uint32_t trace_bytes = layout->struct_bytes[STRUCT_trace_t];
	struct traced_table table;
	struct traced_cursor cursor;
	uint64_t steps = 0;
	if (!traced_table_open(&table, &reading->reader, layout, address))
		return error_set(reading->error, ERROR_FAULT,
		                 "tracemalloc was tracing, but its table of traces cannot be read: it is not in the "
		                 "dump, or was being made larger at that moment");
	if (!array_reserve(&traced->traces, traced->traces.count + table.entry_count))
		return no_memory(reading->error);
	traced->own_bytes += traced_table_bytes(&table, layout);
	traced_cursor_init(&cursor, &table, &reading->reader, layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL;) {
		const uint8_t *value = traced_entry_value(&table, &reading->reader, entry, trace_bytes);
		struct trace trace = { .address = traced_entry_key(&table, entry), .domain = domain };
		if (table.key_bytes == 12)
			trace.domain = load_u32(entry + table.key_offset + 8);
		trace.stack = value != NULL ? stack_index(reading, layout_get(layout, FIELD_trace_t_traceback, value))
		                            : UINT32_MAX;
		if (trace.stack == UINT32_MAX) {
			traced->skipped++;
			continue;
		}
		trace.bytes = layout_get(layout, FIELD_trace_t_size, value);
		traced->bytes += trace.bytes;
		traced->traces.items[traced->traces.count++] = trace;
		if (progress_look(reading->progress, &steps) < 0)
			return progress_cancelled(reading->error);
	}
	traced->is_torn |= cursor.is_torn || cursor.passed != table.entry_count;
	return OK;
}

/* Blocks that others than Python's allocators gave out: a table of traces for each domain (3.9+). */
static int read_domains(struct trace_reader *reading)
{
	struct traced_table table;
	struct traced_cursor cursor;
	const uint64_t address = reading->traced->place.domains;
	if (address == 0 || !traced_table_open(&table, &reading->reader, reading->layout, address) || table.holds_value)
		return OK;
	traced_cursor_init(&cursor, &table, &reading->reader, reading->layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL;)
		TRY(read_table(reading, load_u64(entry + table.value_offset),
		               (uint32_t)traced_entry_key(&table, entry)));
	return OK;
}

/* Adds those of the two sets. Without one of them the sum is not what the process would say: none is better. */
static void add_set_bytes(struct trace_reader *reading)
{
	const uint64_t sets[] = { reading->traced->place.filenames, reading->traced->place.tracebacks };
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		struct traced_table table;
		if (!traced_table_open(&table, &reading->reader, reading->layout, sets[i])) {
			reading->traced->own_bytes = 0;
			return;
		}
		reading->traced->own_bytes += traced_table_bytes(&table, reading->layout);
	}
}

int traced_read(struct traced *traced, const struct runtime *runtime, struct progress *progress, struct error *error)
{
	*traced = (struct traced){ .bytes = 0 };
	TRY(traced_place_find(&traced->place, runtime, error));
	if (!traced->place.is_tracing)
		return OK;
	struct trace_reader reading = {
		.traced = traced, .layout = &runtime->layout, .progress = progress, .error = error
	};
	reader_init(&reading.reader, runtime->space);
	int status = read_table(&reading, traced->place.traces, 0);
	if (status == OK)
		status = read_domains(&reading);
	add_set_bytes(&reading);
	address_map_clear(&reading.stacks);
	return status;
}

void traced_clear(struct traced *traced)
{
	array_free(&traced->traces);
	array_free(&traced->stacks);
	array_free(&traced->frames);
}

bool traced_find(const struct traced_place *place, const struct runtime *runtime, struct reader *reader,
                 uint64_t address, uint64_t *ret_bytes, uint64_t *ret_stack)
{
	const struct layout *layout = &runtime->layout;
	struct traced_table table;
	if (!place->is_tracing || !traced_table_open(&table, reader, layout, place->traces))
		return false;
	const uint8_t *entry = traced_table_find(&table, reader, layout, address);
	const uint8_t *value =
	        entry != NULL ? traced_entry_value(&table, reader, entry, layout->struct_bytes[STRUCT_trace_t]) : NULL;
	if (value == NULL)
		return false;
	*ret_bytes = layout_get(layout, FIELD_trace_t_size, value);
	*ret_stack = layout_get(layout, FIELD_trace_t_traceback, value);
	return true;
}
