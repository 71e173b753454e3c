/* SPDX-License-Identifier: MIT */
#include "query/tracemalloc/traced_lines.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/tracemalloc/traced_objects.h"

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the lines of tracemalloc");
}

/* ---- File names ---- */

static bool read_file_name(struct target *target, uint64_t address, struct text *name)
{
	struct decoder *decoder = &target->naming;
	if (!layout_feature(decoder->layout, FEATURE_TRACED_FILES_ARE_BYTES))
		return value_str(&decoder->objects, address, LIMIT_FILE_NAME, name) >= 0;
	char buffer[LIMIT_FILE_NAME];
	if (!reader_string(&decoder->reader, address, buffer, sizeof buffer))
		return false;
	text_add(name, buffer);
	return true;
}

/* The index of the file named at address, which was not met before; UINT32_MAX: it cannot be read. */
static int add_file(struct traced_lines_answer *lines, struct target *target, uint64_t address, uint32_t *ret_file,
                    struct error *error)
{
	struct text name = { .bytes = NULL };
	*ret_file = UINT32_MAX;
	int status = OK;
	if (read_file_name(target, address, &name)) {
		char *copy = strdup(text_string(&name));
		*ret_file = (uint32_t)lines->files.count;
		if (copy == NULL || !array_push(&lines->files, copy)) {
			free(copy);
			status = no_memory(error);
		}
	}
	text_free(&name);
	return status;
}

/* Names the files of frames that have none yet. */
static int name_frames(struct traced_lines_answer *lines, struct target *target, struct error *error)
{
	struct address_map known = { .slots = NULL };
	int status = OK;
	if (!array_reserve(&lines->frame_files, lines->traced.frames.count))
		return no_memory(error);
	for (size_t i = lines->frame_files.count; status == OK && i < lines->traced.frames.count; i++) {
		const uint64_t address = lines->traced.frames.items[i].file;
		uint32_t file = address_map_get(&known, address);
		if (file == ADDRESS_MAP_NONE && address != 0) {
			status = add_file(lines, target, address, &file, error);
			if (status == OK && !address_map_set(&known, address, file))
				status = no_memory(error);
		}
		lines->frame_files.items[lines->frame_files.count++] = file;
	}
	address_map_clear(&known);
	return status;
}

void traced_lines_answer_clear(struct traced_lines_answer *lines)
{
	for (size_t i = 0; i < lines->files.count; i++)
		free(lines->files.items[i]);
	array_free(&lines->files);
	array_free(&lines->frame_files);
	array_free(&lines->rows);
	traced_clear(&lines->traced);
}

void traced_lines_name(const struct traced_lines_answer *lines, uint64_t frame, struct text *text)
{
	const uint32_t file = lines->frame_files.items[frame];
	if (file == UINT32_MAX)
		text_add(text, "?");
	else
		names_escape(text, lines->files.items[file], strlen(lines->files.items[file]), false);
	if (lines->traced.frames.items[frame].line != 0)
		text_format(text, ":%u", lines->traced.frames.items[frame].line);
}

/* ---- Grouping ---- */

static bool filter_matches(const struct traced_lines_answer *lines, const struct traced_filter *filter, uint64_t frame)
{
	const uint32_t file = lines->frame_files.items[frame];
	const uint32_t line = lines->traced.frames.items[frame].line;
	return (filter->line == 0 || filter->line == line) &&
	       fnmatch(filter->pattern, file == UINT32_MAX ? "" : lines->files.items[file], 0) == 0;
}

/* As tracemalloc.Snapshot.filter_traces(): one of the inclusive filters, if there is any, and none of the others. */
static bool stack_passes(const struct traced_lines_answer *lines, const struct traced_lines_question *question,
                         const struct traced_stack *stack)
{
	bool has_inclusive = false, is_included = false;
	if (stack->count == 0)
		return question->filter_count == 0;
	for (size_t i = 0; i < question->filter_count; i++) {
		const struct traced_filter *filter = &question->filters[i];
		const bool matches = filter_matches(lines, filter, stack->first);
		if (!filter->is_inclusive && matches)
			return false;
		has_inclusive |= filter->is_inclusive;
		is_included |= filter->is_inclusive && matches;
	}
	return !has_inclusive || is_included;
}

static int compare_frame(const struct traced_lines_answer *lines, uint64_t left, uint64_t right)
{
	const uint32_t file = lines->frame_files.items[left], other = lines->frame_files.items[right];
	if (file != other) {
		const int order = strcmp(file == UINT32_MAX ? "" : lines->files.items[file],
		                         other == UINT32_MAX ? "" : lines->files.items[other]);
		if (order != 0)
			return order;
	}
	const uint32_t line = lines->traced.frames.items[left].line,
	               other_line = lines->traced.frames.items[right].line;
	return line < other_line ? -1 : line > other_line;
}

/* Two tracebacks as Python compares them, the oldest frame first; or their most recent frames. */
static int compare_stacks(const struct traced_lines_answer *lines, const struct traced_row *left,
                          const struct traced_row *right, bool whole)
{
	const struct traced_stack *a = &lines->traced.stacks.items[left->stack];
	const struct traced_stack *b = &lines->traced.stacks.items[right->stack];
	const uint32_t least = a->count < b->count ? a->count : b->count;
	for (uint32_t i = 0; i < least && (whole || i == 0); i++) {
		const uint64_t at = whole ? a->first + (a->count - 1 - i) : a->first;
		const uint64_t other = whole ? b->first + (b->count - 1 - i) : b->first;
		const int order = compare_frame(lines, at, other);
		if (order != 0)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

struct row_order {
	const struct traced_lines_answer *lines;
	enum traced_grouping by;
};

static int compare_rows(const void *left_row, const void *right_row, void *context)
{
	const struct row_order *order = context;
	const struct traced_row *left = left_row, *right = right_row;
	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return -compare_stacks(order->lines, left, right, order->by == TRACED_BY_TRACEBACK);
}

static bool same_frames(const struct traced_lines_answer *lines, uint32_t left, uint32_t right)
{
	const struct traced_stack *a = &lines->traced.stacks.items[left], *b = &lines->traced.stacks.items[right];
	for (uint32_t i = 0; a->count == b->count && i < a->count; i++)
		if (lines->frame_files.items[a->first + i] != lines->frame_files.items[b->first + i] ||
		    lines->traced.frames.items[a->first + i].line != lines->traced.frames.items[b->first + i].line)
			return false;
	return a->count == b->count;
}

/* Tracebacks are the same to Python if the frames that were kept are, however many were cut off. *ret_key: under what
 * known has the row of these frames, or will have it. */
static uint32_t find_stack(const struct traced_lines_answer *lines, const struct address_map *known, uint32_t stack,
                           uint64_t *ret_key)
{
	const struct traced_stack *frames = &lines->traced.stacks.items[stack];
	uint64_t hash = frames->count + 1;
	for (uint32_t i = 0; i < frames->count; i++) {
		hash = hash * UINT64_C(0x9E3779B97F4A7C15) + lines->frame_files.items[frames->first + i];
		hash = hash * UINT64_C(0x9E3779B97F4A7C15) + lines->traced.frames.items[frames->first + i].line;
	}
	for (hash ^= hash >> 29;; hash += 16) {
		*ret_key = hash | 1;
		const uint32_t row = address_map_get(known, *ret_key);
		if (row == ADDRESS_MAP_NONE || same_frames(lines, lines->rows.items[row].stack, stack))
			return row;
	}
}

static int add_stack(struct traced_lines_answer *lines, struct address_map *known, enum traced_grouping by,
                     const struct traced_row *row, struct error *error)
{
	uint64_t key = (uint64_t)(uint32_t)(row->file + 1) << 36 | (uint64_t)row->line << 4 | 1;
	const uint32_t index =
	        by == TRACED_BY_TRACEBACK ? find_stack(lines, known, row->stack, &key) : address_map_get(known, key);
	if (index == ADDRESS_MAP_NONE) {
		if (!address_map_set(known, key, (uint32_t)lines->rows.count) || !array_push(&lines->rows, *row))
			return no_memory(error);
	} else {
		lines->rows.items[index].bytes += row->bytes;
		lines->rows.items[index].count += row->count;
		lines->rows.items[index].object_bytes += row->object_bytes;
		lines->rows.items[index].free_bytes += row->free_bytes;
		lines->rows.items[index].free_count += row->free_count;
	}
	lines->bytes += row->bytes;
	lines->count += row->count;
	lines->object_bytes += row->object_bytes;
	lines->free_bytes += row->free_bytes;
	lines->free_count += row->free_count;
	return OK;
}

/* sums: one for each stack. */
static int add_stacks(struct traced_lines_answer *lines, const struct traced_lines_question *question,
                      struct traced_row *sums, struct error *error)
{
	struct address_map known = { .slots = NULL };
	int status = OK;
	for (uint32_t i = 0; status == OK && i < lines->traced.stacks.count; i++) {
		const struct traced_stack *stack = &lines->traced.stacks.items[i];
		struct traced_row *row = &sums[i];
		row->stack = i;
		row->file = stack->count > 0 ? lines->frame_files.items[stack->first] : UINT32_MAX;
		if (stack->count > 0 && question->by == TRACED_BY_LINE)
			row->line = lines->traced.frames.items[stack->first].line;
		if (row->count > 0 && stack_passes(lines, question, stack))
			status = add_stack(lines, &known, question->by, row, error);
	}
	address_map_clear(&known);
	return status;
}

static int group(struct traced_lines_answer *lines, const struct query *query,
                 const struct traced_lines_question *question)
{
	struct traced_row *sums = calloc(lines->traced.stacks.count + 1, sizeof *sums);
	lines->by = question->by;
	if (sums == NULL)
		return no_memory(query->error);
	for (size_t i = 0; i < lines->traced.traces.count; i++) {
		const struct trace *trace = &lines->traced.traces.items[i];
		sums[trace->stack].bytes += trace->bytes;
		sums[trace->stack].count++;
	}
	int status = OK;
	if (question->with_objects)
		status = traced_objects_sum(query, lines, sums);
	if (status == OK)
		status = add_stacks(lines, question, sums, query->error);
	free(sums);
	if (status == OK && lines->rows.count > 1) {
		struct row_order order = { lines, question->by };
		qsort_r(lines->rows.items, lines->rows.count, sizeof *lines->rows.items, compare_rows, &order);
	}
	return status;
}

int query_traced_lines(const struct query *query, const struct traced_lines_question *question,
                       struct traced_lines_answer *ret_answer)
{
	*ret_answer = (struct traced_lines_answer){ .bytes = 0 };
	TRY(traced_read(&ret_answer->traced, query->target->runtime, query->progress, query->error));
	TRY(name_frames(ret_answer, query->target, query->error));
	return group(ret_answer, query, question);
}

bool traced_lines_of_block(struct traced_lines_answer *lines, const struct query *query, uint64_t address,
                           uint64_t *ret_bytes, struct traced_stack *ret_stack)
{
	uint64_t stack;
	struct reader *reader = &query->target->naming.reader;
	lines->traced.place = *target_traced(query->target);
	return traced_find(&lines->traced.place, query->target->runtime, reader, address, ret_bytes, &stack) &&
	       traced_read_stack(&query->target->runtime->layout, reader, stack, &lines->traced, ret_stack) &&
	       name_frames(lines, query->target, NULL) == OK;
}
