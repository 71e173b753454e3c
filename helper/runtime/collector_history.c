/* SPDX-License-Identifier: MIT
 * What the collector did: sums by generation, and since 3.15 a ring of the last collections of each (struct gc_stats of
 * Include/internal/pycore_interp_structs.h, gh-148057). */
#include "base/limits.h"
#include "runtime/collector.h"
#include "runtime/find/opening.h"

static uint64_t collector_state(const struct runtime *runtime, uint64_t interpreter)
{
	const struct layout *layout = &runtime->layout;
	if (layout_has(layout, FIELD_PyInterpreterState_gc))
		return interpreter + layout_offset(layout, FIELD_PyInterpreterState_gc);
	return layout_has(layout, FIELD__PyRuntimeState_gc)
	               ? runtime->address + layout_offset(layout, FIELD__PyRuntimeState_gc)
	               : 0;
}

static bool read_totals(struct reader *reader, const struct layout *layout, uint64_t stats,
                        struct collector_totals *ret_totals)
{
	uint64_t collections, collected, uncollectable;
	if (!read_field(reader, layout, stats, FIELD_gc_generation_stats_collections, &collections) ||
	    !read_field(reader, layout, stats, FIELD_gc_generation_stats_collected, &collected) ||
	    !read_field(reader, layout, stats, FIELD_gc_generation_stats_uncollectable, &uncollectable))
		return false;
	*ret_totals = (struct collector_totals){ (int64_t)collections, (int64_t)collected, (int64_t)uncollectable };
	return true;
}

static void add_collection(struct reader *reader, const struct layout *layout, uint64_t stats, int32_t generation,
                           struct collector_history *history)
{
	struct collection collection = { .generation = generation };
	const uint32_t at = layout_offset(layout, FIELD_gc_generation_stats_duration);
	uint64_t number, started, size;
	const uint8_t *seconds = reader_at(reader, stats + at, 8);
	if (history->last_count == COLLECTIONS_REMEMBERED || seconds == NULL ||
	    !read_field(reader, layout, stats, FIELD_gc_generation_stats_collections, &number) || number == 0 ||
	    !read_field(reader, layout, stats, FIELD_gc_generation_stats_ts_start, &started) ||
	    !read_field(reader, layout, stats, FIELD_gc_generation_stats_heap_size, &size))
		return;
	collection.number = (int64_t)number;
	collection.started = (int64_t)started;
	collection.heap_size = (int64_t)size;
	memcpy(&collection.seconds, seconds, sizeof collection.seconds);
	history->last[history->last_count++] = collection;
}

/* One ring: items, then the index of the latest. The totals of a generation are those of its latest item. */
static bool read_ring(struct reader *reader, const struct layout *layout, uint64_t ring, int32_t generation,
                      struct collector_history *history)
{
	const enum layout_field field =
	        generation == 0 ? FIELD_gc_young_stats_buffer_index : FIELD_gc_old_stats_buffer_index;
	const uint32_t bytes = layout->struct_bytes[STRUCT_gc_generation_stats];
	uint64_t index;
	if (!layout_has(layout, field) || bytes == 0 || !read_field(reader, layout, ring, field, &index))
		return false;
	const uint64_t count = layout_offset(layout, field) / bytes;
	if (count == 0 || count > COLLECTIONS_REMEMBERED || index >= count)
		return false;
	for (uint64_t i = 1; i <= count; i++)
		add_collection(reader, layout, ring + (index + i) % count * bytes, generation, history);
	return read_totals(reader, layout, ring + index * bytes, &history->totals[generation]);
}

static void read_rings(struct reader *reader, const struct layout *layout, uint64_t block,
                       struct collector_history *history)
{
	const uint64_t old = block + layout_offset(layout, FIELD_gc_stats_old);
	history->has_totals =
	        read_ring(reader, layout, block + layout_offset(layout, FIELD_gc_stats_young), 0, history);
	for (int32_t i = 1; history->has_totals && i < GC_GENERATIONS - 1; i++)
		history->has_totals = read_ring(
		        reader, layout, old + (uint64_t)(i - 1) * layout->struct_bytes[STRUCT_gc_old_stats_buffer], i,
		        history);
}

static void count_frozen(const struct runtime *runtime, struct reader *reader, uint64_t interpreter,
                         struct collector_history *history)
{
	enum { PERMANENT = 3 };
	struct gc_list_array lists = { .items = NULL };
	struct error error = { .status = OK };
	history->frozen_is_known = gc_lists_are_known(&runtime->layout) && gc_lists(runtime, &lists, &error) == OK;
	if (history->frozen_is_known)
		for (size_t i = 0; i < lists.count; i++) {
			struct gc_cursor cursor;
			if (lists.items[i].generation != PERMANENT || lists.items[i].interpreter != interpreter)
				continue;
			gc_cursor_init(&cursor, reader, &lists.items[i]);
			while (gc_cursor_next(&cursor) != 0 && !history->frozen_is_more)
				history->frozen_is_more = ++history->frozen == FROZEN_COUNTED;
		}
	free(lists.items);
}

void collector_history_read(const struct runtime *runtime, struct reader *reader, uint64_t interpreter,
                            struct collector_history *ret_history)
{
	const struct layout *layout = &runtime->layout;
	const uint64_t state = collector_state(runtime, interpreter);
	uint64_t block;
	*ret_history = (struct collector_history){ .has_totals = false };
	if (state == 0 || !layout_has(layout, FIELD__gc_runtime_state_generation_stats))
		return;
	count_frozen(runtime, reader, interpreter, ret_history);
	if (layout_has(layout, FIELD_gc_stats_young)) {
		if (read_field(reader, layout, state, FIELD__gc_runtime_state_generation_stats, &block) && block != 0)
			read_rings(reader, layout, block, ret_history);
		return;
	}
	ret_history->has_totals = true;
	for (int i = 0; ret_history->has_totals && i < GC_GENERATIONS - 1; i++)
		ret_history->has_totals =
		        read_totals(reader, layout,
		                    state + layout_offset(layout, FIELD__gc_runtime_state_generation_stats) +
		                            (uint64_t)i * layout->struct_bytes[STRUCT_gc_generation_stats],
		                    &ret_history->totals[i]);
}
