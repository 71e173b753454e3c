/* SPDX-License-Identifier: MIT
 * Table trace: one row a block that tracemalloc had traced in the process. */
#include <stdlib.h>

#include "query/tables/open_tables.h"
#include "query/tracemalloc/traced_lines.h"

struct table_cursor {
	struct tables *tables;
	struct traced_lines_answer answer;
	size_t next;
	struct text text;
};

static int open_traces(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over traces");
	cursor->tables = tables;
	if (!target_traced(tables->query.target)->is_tracing)
		return OK;
	const struct traced_lines_question question = { .by = TRACED_BY_LINE };
	return query_traced_lines(&tables->query, &question, &cursor->answer);
}

static int next_trace(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->answer.traced.traces.count;
}

static struct cell traceback_cell(struct table_cursor *cursor, const struct traced_stack *stack)
{
	text_reset(&cursor->text);
	for (uint32_t i = 0; i < stack->count; i++) {
		text_add(&cursor->text, i > 0 ? "\n" : "");
		traced_lines_name(&cursor->answer, stack->first + i, &cursor->text);
	}
	return cell_text(text_string(&cursor->text), cursor->text.length);
}

static int trace_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct traced_lines_answer *answer = &cursor->answer;
	const struct trace *trace = &answer->traced.traces.items[cursor->next - 1];
	const struct traced_stack *stack = &answer->traced.stacks.items[trace->stack];
	uint32_t file;
	switch (column) {
	case TRACE_address:
		*ret_cell = cell_address(trace->address);
		return OK;
	case TRACE_bytes:
		*ret_cell = cell_integer(trace->bytes);
		return OK;
	case TRACE_file:
		file = stack->count > 0 ? answer->frame_files.items[stack->first] : UINT32_MAX;
		if (file != UINT32_MAX)
			*ret_cell = cell_text(answer->files.items[file], strlen(answer->files.items[file]));
		return OK;
	case TRACE_line:
		if (stack->count > 0)
			*ret_cell = cell_integer(answer->traced.frames.items[stack->first].line);
		return OK;
	case TRACE_frames:
		*ret_cell = cell_integer(stack->count);
		return OK;
	case TRACE_traceback:
		*ret_cell = traceback_cell(cursor, stack);
		return OK;
	default:
		*ret_cell = cell_integer(trace->domain);
		return OK;
	}
}

static void close_traces(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	traced_lines_answer_clear(&cursor->answer);
	text_free(&cursor->text);
	free(cursor);
}

static uint64_t estimate_traces(struct tables *tables)
{
	(void)tables;
	return 1 << 16;
}

const struct heap_table_class trace_table = { open_traces, next_trace, trace_cell, close_traces, estimate_traces };
