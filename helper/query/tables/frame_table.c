/* SPDX-License-Identifier: MIT
 * Tables frame and local: one row a Python frame that runs, and one a local of it, as the command `frames` finds them.
 */
#include <stdlib.h>

#include "query/frames/frames.h"
#include "query/tables/open_tables.h"

struct table_cursor {
	struct tables *tables;
	struct frames_answer answer;
	size_t stack, row, local; /* of this row; local: + 1 */
	bool is_begun;
	size_t named; /* row + 1 that function, file and line are of; 0: none */
	size_t named_stack;
	struct text function, file;
	int64_t line;
};

static int open_stacks(struct table_cursor **ret_cursor, struct tables *tables, bool with_weights)
{
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over frames");
	cursor->tables = tables;
	const struct frames_question question = { .with_weights = with_weights, .limit = UINT64_MAX };
	return query_frames(&tables->query, &question, &cursor->answer);
}

/* The frame after the one where the cursor stands. */
static int next_frame(struct table_cursor *cursor)
{
	if (cursor->is_begun)
		cursor->row++;
	cursor->is_begun = true;
	while (cursor->stack < cursor->answer.stacks.count) {
		if (cursor->row < cursor->answer.stacks.items[cursor->stack].rows.count)
			return 1;
		cursor->stack++;
		cursor->row = 0;
	}
	return 0;
}

static const struct frame_row *frame_of(const struct table_cursor *cursor)
{
	return &cursor->answer.stacks.items[cursor->stack].rows.items[cursor->row];
}

static struct cell thread_cell_of(const struct table_cursor *cursor)
{
	const struct frame_stack *stack = &cursor->answer.stacks.items[cursor->stack];
	return cell_integer(cursor->tables->query.target->runtime->threads.items[stack->thread].native_id);
}

static void close_stacks(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	frames_answer_clear(&cursor->answer);
	text_free(&cursor->function);
	text_free(&cursor->file);
	free(cursor);
}

static uint64_t estimate_stacks(struct tables *tables)
{
	return tables->heap->graph->roots.holders.count + 1;
}

/* ---- frame ---- */

static int open_frames(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	return open_stacks(ret_cursor, tables, scan_wants(scan, FRAME_deep) || scan_wants(scan, FRAME_retained));
}

static void name_frame(struct table_cursor *cursor)
{
	if (cursor->named == cursor->row + 1 && cursor->named_stack == cursor->stack)
		return;
	text_reset(&cursor->function);
	text_reset(&cursor->file);
	names_frame(&cursor->tables->query.target->naming, &frame_of(cursor)->frame, &cursor->function, &cursor->file,
	            &cursor->line);
	cursor->named = cursor->row + 1;
	cursor->named_stack = cursor->stack;
}

static int frame_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct frame_row *row = frame_of(cursor);
	switch (column) {
	case FRAME_thread:
		*ret_cell = thread_cell_of(cursor);
		return OK;
	case FRAME_depth:
		*ret_cell = cell_integer(row->depth);
		return OK;
	case FRAME_address:
		*ret_cell = cell_address(row->frame.address);
		return OK;
	case FRAME_function:
		name_frame(cursor);
		*ret_cell = cell_text(text_string(&cursor->function), cursor->function.length);
		return OK;
	case FRAME_file:
		name_frame(cursor);
		*ret_cell = cell_text(text_string(&cursor->file), cursor->file.length);
		return OK;
	case FRAME_line:
		name_frame(cursor);
		if (cursor->line > 0)
			*ret_cell = cell_integer((uint64_t)cursor->line);
		return OK;
	case FRAME_deep:
		*ret_cell = cell_integer(row->deep);
		return OK;
	default:
		*ret_cell = cell_integer(row->only_here);
		return OK;
	}
}

const struct heap_table_class frame_table = { open_frames, next_frame, frame_cell, close_stacks, estimate_stacks };

/* ---- local ---- */

static int open_locals(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	return open_stacks(ret_cursor, tables, scan_wants(scan, LOCAL_deep) || scan_wants(scan, LOCAL_retained));
}

static int next_local(struct table_cursor *cursor)
{
	while (!cursor->is_begun || cursor->local >= frame_of(cursor)->locals.count) {
		if (!next_frame(cursor))
			return 0;
		cursor->local = 0;
	}
	cursor->local++;
	return 1;
}

static int local_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct frame_local *local = &frame_of(cursor)->locals.items[cursor->local - 1];
	switch (column) {
	case LOCAL_thread:
		*ret_cell = thread_cell_of(cursor);
		return OK;
	case LOCAL_depth:
		*ret_cell = cell_integer(frame_of(cursor)->depth);
		return OK;
	case LOCAL_name:
		*ret_cell = cell_text(text_string(&local->name), local->name.length);
		return OK;
	case LOCAL_address:
		*ret_cell = cell_address(local->address);
		return OK;
	case LOCAL_type:
		*ret_cell = cell_lasting(local->type != NULL ? local->type->name : NULL);
		return OK;
	case LOCAL_deep:
		*ret_cell = cell_integer(local->deep);
		return OK;
	default:
		*ret_cell = cell_integer(local->retained);
		return OK;
	}
}

const struct heap_table_class local_table = { open_locals, next_local, local_cell, close_stacks, estimate_stacks };
