/* SPDX-License-Identifier: MIT
 * tracemalloc: the memory in use by the line that asked for it. */
#include <stdlib.h>
#include <string.h>

#include "query/tracemalloc/traced_lines.h"
#include "render/table.h"
#include "render/units.h"
#include "report/report.h"

/* ---- Text ---- */

static void show_head(struct report *report, const struct traced_lines_answer *lines)
{
	const struct traced_place *place = &lines->traced.place;
	struct text *text = report->text;
	units_noun(text, lines->traced.traces.count, "block");
	text_add(text, " in use, ");
	report_bytes(report, text, lines->traced.bytes);
	text_add(text, ", asked for since tracemalloc was started");
	if (place->peak_bytes != 0) {
		text_add(text, "; at most ");
		report_bytes(report, text, place->peak_bytes);
	}
	text_add(text, "\ntracemalloc itself takes ");
	if (lines->traced.own_bytes != 0)
		report_bytes(report, text, lines->traced.own_bytes);
	else
		text_add(text, "memory that is not known: its tables of tracebacks and file names were not found");
	if (place->most_frames != 0)
		text_format(text, "; it keeps %u frame%s of a traceback", place->most_frames,
		            place->most_frames == 1 ? "" : "s");
	text_add(text, "\n");
	if (lines->count == lines->traced.traces.count)
		return;
	text_add(text, "Of these the filters leave ");
	units_noun(text, lines->count, "block");
	text_add(text, ", ");
	report_bytes(report, text, lines->bytes);
	text_add(text, "\n");
}

/* What a row is called, in its first cell; further frames of a traceback are rows below it. */
static void add_name(struct table *table, struct table_row *line, uint32_t column,
                     const struct traced_lines_answer *lines, const struct traced_row *row, enum traced_grouping by)
{
	const struct traced_stack *stack = &lines->traced.stacks.items[row->stack];
	struct text cell = { .bytes = NULL };
	if (stack->count == 0) {
		text_add(&cell, "?");
	} else if (by == TRACED_BY_FILE && row->file != UINT32_MAX) {
		names_escape(&cell, lines->files.items[row->file], strlen(lines->files.items[row->file]), false);
	} else {
		traced_lines_name(lines, stack->first, &cell);
	}
	table_take(table, line, column, &cell);
	for (uint32_t i = 1; by == TRACED_BY_TRACEBACK && i < stack->count; i++) {
		text_add(&cell, "  from ");
		traced_lines_name(lines, stack->first + i, &cell);
		table_take(table, table_add_row(table, NULL), column, &cell);
	}
	if (by == TRACED_BY_TRACEBACK && stack->total > stack->count) {
		text_format(&cell, "  from %u older frames, cut off", stack->total - stack->count);
		table_take(table, table_add_row(table, NULL), column, &cell);
	}
	text_free(&cell);
}

static void add_row(struct report *report, struct table *table, const struct traced_lines_answer *lines,
                    const struct traced_row *row)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	uint32_t column = 0;
	report_bytes(report, &cell, row->bytes);
	table_take(table, line, column++, &cell);
	units_percent(&cell, row->bytes, lines->bytes);
	table_take(table, line, column++, &cell);
	units_count(&cell, row->count);
	table_take(table, line, column++, &cell);
	units_count(&cell, row->count > 0 ? row->bytes / row->count : 0);
	table_take(table, line, column++, &cell);
	if (request_has(report->request, OPTION_OBJECTS)) {
		report_bytes(report, &cell, row->object_bytes);
		table_take(table, line, column++, &cell);
		report_bytes(report, &cell, row->free_bytes);
		table_take(table, line, column++, &cell);
	}
	if (row->stack != UINT32_MAX) {
		add_name(table, line, column, lines, row, lines->by);
	} else {
		units_count(&cell, row->line);
		text_add(&cell, " more");
		table_take(table, line, column, &cell);
	}
	text_free(&cell);
}

static int show_rows(struct report *report, const struct traced_lines_answer *lines)
{
	static const char *const headings[] = { "Line", "File", "Traceback" };
	struct table_column columns[7] = {
		{ "Size", TABLE_RIGHT }, { "%", TABLE_RIGHT }, { "Count", TABLE_RIGHT }, { "Avg", TABLE_RIGHT }
	};
	uint32_t count = 4;
	if (request_has(report->request, OPTION_OBJECTS)) {
		columns[count++] = (struct table_column){ "Objects", TABLE_RIGHT };
		columns[count++] = (struct table_column){ "Free lists", TABLE_RIGHT };
	}
	columns[count++] = (struct table_column){ headings[lines->by], TABLE_ELASTIC };
	struct table *table = table_create(columns, count, report->style.width, true);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	struct traced_row rest = { .stack = UINT32_MAX };
	uint64_t shown = 0;
	for (size_t i = 0; i < lines->rows.count; i++) {
		const struct traced_row *row = &lines->rows.items[i];
		if (row->bytes >= report->request->min_bytes && shown < report->request->limit) {
			shown++;
			add_row(report, table, lines, row);
			continue;
		}
		rest.line++;
		rest.bytes += row->bytes;
		rest.count += row->count;
		rest.object_bytes += row->object_bytes;
		rest.free_bytes += row->free_bytes;
	}
	if (rest.line > 0)
		add_row(report, table, lines, &rest);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* Whose the bytes are: with --objects. */
static void show_shares(struct report *report, const struct traced_lines_answer *lines)
{
	struct text *text = report->text;
	const uint64_t known = lines->object_bytes + lines->free_bytes;
	text_add(text, "Objects of the heap have ");
	report_bytes(report, text, lines->object_bytes);
	text_add(text, "; ");
	report_bytes(report, text, lines->free_bytes);
	text_add(text, " in ");
	units_noun(text, lines->free_count, "block");
	text_add(text, " are kept in free lists, no live object; ");
	report_bytes(report, text, lines->bytes > known ? lines->bytes - known : 0);
	text_add(text, " are memory of C code that has no object.\n");
}

/* What the tables themselves leave open. */
static void show_doubts(struct report *report, const struct traced_lines_answer *lines)
{
	const struct traced *traced = &lines->traced;
	struct text *text = report->text;
	if (traced->place.found_by == TRACED_BY_SHAPE)
		text_add(text,
		         "The interpreter's file is stripped: the table was told by its traces, whose sum stands in a "
		         "variable beside it.\n");
	if (traced->skipped > 0 || traced->is_torn) {
		text_add(text, "Not covered: ");
		units_noun(text, traced->skipped, "trace");
		text_add(text, " that cannot be read");
		text_add(text, traced->is_torn ? "; the table was being changed at that moment\n" : "\n");
		report->exit_status = EXIT_PARTIAL;
	} else if (traced->place.traced_bytes != 0 && traced->place.traced_bytes != traced->bytes) {
		text_add(text, "The traces add up to ");
		units_bytes(text, traced->bytes, true);
		text_add(text, " bytes, tracemalloc counted ");
		units_bytes(text, traced->place.traced_bytes, true);
		text_add(text, ": it was being changed at that moment.\n");
	} else {
		text_add(text, "All traces were readable, and add up to what tracemalloc counted.\n");
	}
}

static int show_text(struct report *report, const struct traced_lines_answer *lines)
{
	if (!lines->traced.place.is_tracing) {
		text_add(report->text,
		         "tracemalloc was not on. It is started before the program, by -X tracemalloc or "
		         "PYTHONTRACEMALLOC=1, or by tracemalloc.start(); what was allocated earlier is not traced.\n");
		report_next(report, "heap top", 0);
		return OK;
	}
	show_head(report, lines);
	TRY(show_rows(report, lines));
	if (request_has(report->request, OPTION_OBJECTS))
		show_shares(report, lines);
	show_doubts(report, lines);
	report_next(report, lines->by == TRACED_BY_TRACEBACK ? "heap top" : "tracemalloc:--traceback heap top", 0);
	return OK;
}

/* ---- JSON ---- */

static void json_frame(struct json *json, const struct traced_lines_answer *lines, uint64_t frame)
{
	const uint32_t file = lines->frame_files.items[frame];
	json_string(json, "file", file == UINT32_MAX ? "?" : lines->files.items[file]);
	json_number(json, "line", lines->traced.frames.items[frame].line);
}

static void json_row(struct report *report, const struct traced_lines_answer *lines, const struct traced_row *row)
{
	struct json *json = &report->json;
	const struct traced_stack *stack = &lines->traced.stacks.items[row->stack];
	json_object(json, NULL);
	if (lines->by == TRACED_BY_FILE || stack->count == 0) {
		json_string(json, "file", row->file == UINT32_MAX ? "?" : lines->files.items[row->file]);
		json_number(json, "line", 0);
	} else {
		json_frame(json, lines, stack->first);
	}
	json_number(json, "size", row->bytes);
	json_number(json, "count", row->count);
	if (request_has(report->request, OPTION_OBJECTS)) {
		json_number(json, "object_size", row->object_bytes);
		json_number(json, "free_list_size", row->free_bytes);
		json_number(json, "free_list_count", row->free_count);
	}
	if (lines->by == TRACED_BY_TRACEBACK) {
		json_number(json, "total_frames", stack->total);
		json_array(json, "frames");
		for (uint32_t i = 0; i < stack->count; i++) {
			json_object(json, NULL);
			json_frame(json, lines, stack->first + i);
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_object_end(json);
}

static void number_or_null(struct json *json, const char *key, uint64_t number)
{
	if (number != 0)
		json_number(json, key, number);
	else
		json_null(json, key);
}

static void show_json(struct report *report, const struct traced_lines_answer *lines)
{
	static const char *const found_by[] = { "runtime", "symbol", "shape" };
	struct json *json = &report->json;
	const struct traced *traced = &lines->traced;
	report_json_begin(report);
	json_bool(json, "tracing", traced->place.is_tracing);
	json_number(json, "traced", traced->bytes);
	json_number(json, "traces", traced->traces.count);
	number_or_null(json, "counted", traced->place.traced_bytes);
	number_or_null(json, "peak", traced->place.peak_bytes);
	number_or_null(json, "limit", traced->place.most_frames);
	number_or_null(json, "tracemalloc_memory", traced->own_bytes);
	json_string(json, "found_by", found_by[traced->place.found_by]);
	json_object(json, "total");
	json_number(json, "size", lines->bytes);
	json_number(json, "count", lines->count);
	if (request_has(report->request, OPTION_OBJECTS)) {
		json_number(json, "object_size", lines->object_bytes);
		json_number(json, "free_list_size", lines->free_bytes);
		json_number(json, "free_list_count", lines->free_count);
	}
	json_object_end(json);
	json_array(json, "rows");
	uint64_t shown = 0;
	for (size_t i = 0; i < lines->rows.count && shown < report->request->limit; i++)
		if (lines->rows.items[i].bytes >= report->request->min_bytes) {
			json_row(report, lines, &lines->rows.items[i]);
			shown++;
		}
	json_array_end(json);
	json_object(json, "coverage");
	json_number(json, "unreadable", traced->skipped);
	json_bool(json, "torn", traced->is_torn);
	json_object_end(json);
	json_object_end(json);
	json_end(json);
}

/* ---- The command ---- */

/* What --by says; -1: nothing that there is. */
static int find_grouping(struct report *report)
{
	static const char *const names[] = { "line", "file", "traceback" };
	const char *word = request_word(report->request, OPTION_TRACED_BY);
	if (request_has(report->request, OPTION_TRACEBACK))
		return TRACED_BY_TRACEBACK;
	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
		if (word == NULL || strcmp(word, names[i]) == 0)
			return i;
	return -1;
}

static int answer(struct report *report, struct traced_lines_answer *lines, struct traced_filter *filters)
{
	const struct request *request = report->request;
	const int by = find_grouping(report);
	if (by < 0)
		return error_set(report->error, ERROR_ARGUMENT, "--by takes line, file or traceback, not '%s'",
		                 request_word(request, OPTION_TRACED_BY));
	for (size_t i = 0; i < request->filters.count; i++)
		filters[i] = (struct traced_filter){ request->filters.items[i].pattern, request->filters.items[i].line,
			                             request->filters.items[i].is_inclusive };
	const struct traced_lines_question question = { (enum traced_grouping)by, filters, request->filters.count,
		                                        request_has(request, OPTION_OBJECTS) };
	TRY(query_traced_lines(&report->query, &question, lines));
	if (!report_is_json(report))
		return show_text(report, lines);
	show_json(report, lines);
	return OK;
}

int tracemalloc_report(struct report *report)
{
	struct traced_lines_answer lines = { .bytes = 0 };
	struct traced_filter *filters = calloc(report->request->filters.count + 1, sizeof *filters);
	if (filters == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory");
	int status = answer(report, &lines, filters);
	traced_lines_answer_clear(&lines);
	free(filters);
	return status;
}
