/* SPDX-License-Identifier: MIT
 * tracemalloc's tables where no symbol names them: a static variable of the interpreter's file points at a hash table
 * all of whose entries are traces, and another one holds their sum. */
#include "base/limits.h"
#include "runtime/tracemalloc/tracemalloc.h"

enum {
	SAMPLE = 64, /* entries looked at before all are summed */
	NEAR = 16 << 20, /* static variables are this near to _PyRuntime, where no file says how far they go */
	BEHIND_FILE = 4 << 20, /* .bss behind the mapped end of a file */
	MOST_DOMAINS = 4096,
};

struct shape_search {
	const struct runtime *runtime;
	struct reader reader;
	struct traced_table best;
	uint64_t best_bytes; /* the sum of its traces */
	bool has_best;
	uint64_t domains; /* a table whose values are tables of traces; 0: none */
	uint64_t domain_bytes; /* the sum of theirs */
};

static bool is_trace(struct shape_search *search, const struct traced_table *table, const uint8_t *entry,
                     uint64_t *ret_bytes)
{
	const struct layout *layout = &search->runtime->layout;
	const uint32_t trace_bytes = layout->struct_bytes[STRUCT_trace_t];
	const uint8_t *value = traced_entry_value(table, &search->reader, entry, trace_bytes);
	if (value == NULL || trace_bytes == 0)
		return false;
	*ret_bytes = layout_get(layout, FIELD_trace_t_size, value);
	const uint64_t traceback = layout_get(layout, FIELD_trace_t_traceback, value);
	const uint32_t head = layout_offset(layout, FIELD_traceback_t_frames);
	const uint8_t *stack = reader_at(&search->reader, traceback, head + layout->struct_bytes[STRUCT_frame_t]);
	if (stack == NULL || *ret_bytes >= UINT64_C(1) << 40 || (traceback & 7) != 0)
		return false;
	const uint64_t count = layout_get(layout, FIELD_traceback_t_nframe, stack);
	return count > 0 && count <= LIMIT_TRACED_FRAMES &&
	       address_space_state(search->runtime->space, layout_get(layout, FIELD_frame_t_filename, stack + head)) ==
	               MEMORY_PRESENT;
}

/* The sum of at most `most` traces; false: one of them is none. */
static bool sum_traces(struct shape_search *search, const struct traced_table *table, uint64_t most,
                       uint64_t *ret_bytes)
{
	struct traced_cursor cursor;
	uint64_t bytes, count = 0;
	traced_cursor_init(&cursor, table, &search->reader, &search->runtime->layout);
	*ret_bytes = 0;
	for (const uint8_t *entry; count < most && (entry = traced_cursor_next(&cursor)) != NULL; count++) {
		if (!is_trace(search, table, entry, &bytes))
			return false;
		*ret_bytes += bytes;
	}
	return count > 0 && !cursor.is_torn;
}

/* Keeps the table if its values are tables of traces, one for each domain (3.9+). */
static void consider_domains(struct shape_search *search, const struct traced_table *table)
{
	struct traced_cursor cursor;
	uint64_t bytes, sum = 0;
	if (table->holds_value || table->entry_count == 0 || table->entry_count > MOST_DOMAINS)
		return;
	traced_cursor_init(&cursor, table, &search->reader, &search->runtime->layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL; sum += bytes) {
		struct traced_table traces;
		bytes = 0;
		if (!traced_table_open(&traces, &search->reader, &search->runtime->layout,
		                       load_u64(entry + table->value_offset)) ||
		    (!sum_traces(search, &traces, UINT64_MAX, &bytes) && traces.entry_count > 0))
			return;
	}
	/* What a table without a trace looks like, other memory does too. */
	if (sum > search->domain_bytes) {
		search->domains = table->address;
		search->domain_bytes = sum;
	}
}

/* Keeps the table at address if it is one of traces, and larger than the one before, or that of the domains. */
static void consider(struct shape_search *search, uint64_t address)
{
	struct traced_table table;
	uint64_t bytes;
	if (address == 0 || (address & 15) != 0 ||
	    !traced_table_open(&table, &search->reader, &search->runtime->layout, address))
		return;
	consider_domains(search, &table);
	if (search->has_best && table.entry_count <= search->best.entry_count)
		return;
	if (!sum_traces(search, &table, SAMPLE, &bytes) || !sum_traces(search, &table, UINT64_MAX, &bytes))
		return;
	search->best = table;
	search->best_bytes = bytes;
	search->has_best = true;
}

struct range {
	uint64_t start, end;
};

static struct range static_memory(const struct runtime *runtime)
{
	if (runtime->file != NULL)
		return (struct range){ runtime->file->start, runtime->file->end + BEHIND_FILE };
	return (struct range){ runtime->address > NEAR ? runtime->address - NEAR : 0, runtime->address + NEAR };
}

/* All words of static variables, one by one. */
struct word_cursor {
	struct shape_search *search;
	size_t next_segment;
	const uint8_t *bytes; /* of start to end; NULL: the next segment is due */
	uint64_t start, end, at;
};

static bool enter_segment(struct word_cursor *cursor)
{
	const struct address_space *space = cursor->search->runtime->space;
	const struct range range = static_memory(cursor->search->runtime);
	while (cursor->next_segment < space->segment_count) {
		const struct segment *segment = &space->segments[cursor->next_segment++];
		cursor->start = segment->start > range.start ? segment->start : range.start;
		cursor->end = segment->end < range.end ? segment->end : range.end;
		if (cursor->start >= cursor->end || !segment->writable_private || segment->data == NULL ||
		    cursor->end - cursor->start > LIMIT_BSS_BYTES)
			continue;
		cursor->at = round_up(cursor->start, 8);
		cursor->bytes = reader_at(&cursor->search->reader, cursor->start, cursor->end - cursor->start);
		if (cursor->bytes != NULL)
			return true;
	}
	return false;
}

/* ret_word is at cursor->at - 8 after it. */
static bool next_word(struct word_cursor *cursor, uint64_t *ret_word)
{
	while (cursor->bytes == NULL || cursor->at + 8 > cursor->end)
		if (!enter_segment(cursor))
			return false;
	*ret_word = load_u64(cursor->bytes + (cursor->at - cursor->start));
	cursor->at += 8;
	return true;
}

static void look_for_tables(struct shape_search *search)
{
	struct word_cursor cursor = { .search = search };
	for (uint64_t word; next_word(&cursor, &word);)
		consider(search, word);
}

/* The variable with the sum of all traces, and the peak. */
static void look_for_sum(struct shape_search *search, struct traced_place *place)
{
	struct word_cursor cursor = { .search = search };
	for (uint64_t word; next_word(&cursor, &word);) {
		if (word != search->best_bytes + search->domain_bytes)
			continue;
		place->traced_bytes = word;
		/* The two variables are neighbours; which comes first is the compiler's choice. */
		const uint8_t *here = cursor.bytes + (cursor.at - 8 - cursor.start);
		const uint64_t after = cursor.at + 8 <= cursor.end ? load_u64(here + 8) : 0;
		const uint64_t before = cursor.at >= cursor.start + 16 ? load_u64(here - 8) : 0;
		place->peak_bytes = after >= word && after < UINT64_C(1) << 44     ? after
		                    : before >= word && before < UINT64_C(1) << 44 ? before
		                                                                   : 0;
		return;
	}
}

/* Whether the table, a set of pointers, has this one. Its hash is of what they point at: all are looked through. */
static bool has_key(struct shape_search *search, const struct traced_table *table, uint64_t key)
{
	struct traced_cursor cursor;
	traced_cursor_init(&cursor, table, &search->reader, &search->runtime->layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL;)
		if (traced_entry_key(table, entry) == key)
			return true;
	return false;
}

/* The traceback of a trace that was made below a Python frame, and the file name of its first frame. Others have one
 * that is in neither set: a static variable, whose only frame is "<unknown>", line 0 (Modules/_tracemalloc.c,
 * tracemalloc_empty_traceback). Which traces come first is up to addresses. */
static bool first_trace(struct shape_search *search, uint64_t *ret_traceback, uint64_t *ret_file)
{
	const struct layout *layout = &search->runtime->layout;
	const uint32_t head = layout_offset(layout, FIELD_traceback_t_frames);
	struct traced_cursor cursor;
	traced_cursor_init(&cursor, &search->best, &search->reader, layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL;) {
		const uint8_t *value =
		        traced_entry_value(&search->best, &search->reader, entry, layout->struct_bytes[STRUCT_trace_t]);
		if (value == NULL)
			return false;
		*ret_traceback = layout_get(layout, FIELD_trace_t_traceback, value);
		const uint8_t *stack =
		        reader_at(&search->reader, *ret_traceback, head + layout->struct_bytes[STRUCT_frame_t]);
		if (stack == NULL)
			return false;
		*ret_file = layout_get(layout, FIELD_frame_t_filename, stack + head);
		if (layout_get(layout, FIELD_frame_t_lineno, stack + head) != 0)
			return true;
	}
	return false;
}

/* The two sets whose sizes are part of what tracemalloc takes itself: they are told by a member. The traces have a
 * file name's address too, since it is a block. */
static void look_for_sets(struct shape_search *search, struct traced_place *place)
{
	struct word_cursor cursor = { .search = search };
	uint64_t traceback, file;
	if (!first_trace(search, &traceback, &file))
		return;
	for (uint64_t word; (place->tracebacks == 0 || place->filenames == 0) && next_word(&cursor, &word);) {
		struct traced_table table;
		if (word == 0 || (word & 15) != 0 || word == place->traces || word == place->domains ||
		    !traced_table_open(&table, &search->reader, &search->runtime->layout, word))
			continue;
		if (place->tracebacks == 0 && has_key(search, &table, traceback))
			place->tracebacks = word;
		else if (place->filenames == 0 && has_key(search, &table, file))
			place->filenames = word;
	}
}

bool traced_place_search(struct traced_place *place, const struct runtime *runtime)
{
	struct shape_search search = { .runtime = runtime };
	reader_init(&search.reader, runtime->space);
	if (runtime->layout.struct_bytes[STRUCT_trace_t] == 0)
		return false;
	look_for_tables(&search);
	if (!search.has_best)
		return false;
	look_for_sum(&search, place);
	if (place->traced_bytes == 0)
		return false;
	place->found_by = TRACED_BY_SHAPE;
	place->is_tracing = true;
	place->traces = search.best.address;
	place->domains = search.domains;
	look_for_sets(&search, place);
	return true;
}
