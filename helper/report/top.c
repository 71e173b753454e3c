/* SPDX-License-Identifier: MIT */
#include "query/top.h"

#include <inttypes.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"
#include "report/native_words.h"
#include "report/report.h"

enum {
	JSON_ROWS = 1000, /* where --limit does not say */
	TREE_SMALLEST = 1000, /* below 1/1000 of the heap nothing is drawn by itself */
};

/* "app.cache.SESSIONS: dict, 1,000,212 entries"; what a description says already is not said twice. */
static void describe(struct report *report, const struct top_row *row, struct text *text)
{
	const char *name = text_string(&row->name), *description = text_string(&row->description);
	if (row->count > 1 && row->type == NULL) {
		text_format(text, "frames of %s", row->name.length > 0 ? name : "threads");
		return;
	}
	if (row->count > 1) {
		names_type(text, row->type);
		text_add(text, " objects");
		if (row->name.length > 0)
			text_format(text, ": %s", name);
		return;
	}
	if (row->type == NULL) {
		text_format(text, "frame %s", name);
		return;
	}
	if (row->name.length > 0 && strstr(description, name) == NULL)
		text_format(text, "%s: ", name);
	text_add(text, description);
	if (row->start.retained - row->retained > row->start.retained / 20) {
		text_add(text, " (of ");
		report_bytes(report, text, row->start.retained);
		text_format(text, " of %s)", text_string(&row->start.name));
	}
}

struct drawing {
	struct report *report;
	struct table *table;
	const struct top_answer *answer;
};

static struct table_row *add_line(struct drawing *drawing, struct table_row *parent, const struct top_rest *sums,
                                  uint64_t address, struct text *words)
{
	struct table_row *line = table_add_row(drawing->table, parent);
	struct text cell = { .bytes = NULL };
	uint32_t column = 1;
	report_bytes(drawing->report, &cell, sums->retained);
	table_take(drawing->table, line, 0, &cell);
	units_percent(&cell, sums->retained, drawing->answer->heap_bytes);
	table_take(drawing->table, line, column++, &cell);
	if (drawing->answer->native.is_known) {
		if (sums->native > 0)
			report_bytes(drawing->report, &cell, sums->native);
		table_take(drawing->table, line, column++, &cell);
	}
	units_count(&cell, sums->count);
	table_take(drawing->table, line, column++, &cell);
	if (address != 0)
		text_format(&cell, "0x%" PRIx64, address);
	table_take(drawing->table, line, column++, &cell);
	table_take(drawing->table, line, column, words);
	text_free(&cell);
	return line;
}

static void add_rest(struct drawing *drawing, struct table_row *parent, const struct top_rest *rest)
{
	struct text words = { .bytes = NULL };
	if (rest->rows == 0 && rest->retained == 0)
		return;
	if (rest->rows > 0) {
		text_add(&words, "... ");
		units_count(&words, rest->rows);
		text_add(&words, rest->rows == 1 ? " more row" : " more rows");
	}
	if (rest->retained > 0)
		text_add(&words, rest->rows > 0 ? ", and what holds them" : "what holds these");
	(void)add_line(drawing, parent, rest, 0, &words);
	text_free(&words);
}

/* The row at *at and those below it; *at is then the one after. At most TOP_LEVELS deep. */
static void add_row(struct drawing *drawing, struct table_row *parent, size_t *at)
{
	const struct top_row *row = &drawing->answer->rows.items[(*at)++];
	const struct top_rest sums = { .retained = row->retained, .count = row->count, .native = row->native };
	struct text words = { .bytes = NULL };
	describe(drawing->report, row, &words);
	if (row->line.length > 0)
		text_format(&words, ", made at %s", text_string(&row->line));
	struct table_row *line = add_line(drawing, parent, &sums, row->address, &words);
	text_free(&words);
	for (uint32_t i = 0; i < row->child_count; i++)
		add_row(drawing, line, at);
	if (row->child_count > 0) /* not below what is shown as one */
		add_rest(drawing, line, &row->rest);
}

static int show_text(struct report *report, const struct top_answer *answer)
{
	struct table_column columns[6] = { { report_retained_heading(report), TABLE_RIGHT }, { "%", TABLE_RIGHT } };
	uint32_t count = 2;
	if (answer->native.is_known)
		columns[count++] = (struct table_column){ native_beside_heading(&answer->native), TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Count", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Address", 0 };
	columns[count++] = (struct table_column){ "Where it accumulates", TABLE_ELASTIC | TABLE_TREE };
	struct drawing drawing = { .report = report,
		                   .table = table_create(columns, count, report->style.width, true),
		                   .answer = answer };
	if (drawing.table == NULL)
		return query_no_memory(&report->query, "a table");
	text_add(report->text, answer->is_garbage ? "Garbage by dominators: " : "Top of the dominator tree: ");
	report_bytes(report, report->text, answer->heap_bytes);
	text_add(report->text, " in ");
	units_noun(report->text, answer->object_count, "object");
	text_add(report->text, answer->is_garbage ? " that no root reaches" : "");
	text_add(report->text, "; rows followed down to where memory fans out\n");
	native_beside_line(report, &answer->native);
	for (size_t at = 0; at < answer->rows.count;)
		add_row(&drawing, NULL, &at);
	add_rest(&drawing, NULL, &answer->rest);
	int status = table_draw(drawing.table, report->text, report->error);
	table_destroy(drawing.table);
	garbage_apart_line(report, answer->garbage_count, answer->garbage_bytes, &answer->native);
	native_left_out_line(report, &answer->native);
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	if (answer->first != 0)
		report_next(report, answer->is_garbage ? "garbage object referrers" : "deepsize:-t object",
		            answer->first);
	return status;
}

static void json_rest(struct json *json, const struct top_answer *answer, const struct top_rest *rest)
{
	json_object(json, "rest");
	json_number(json, "rows", rest->rows);
	json_number(json, "count", rest->count);
	json_number(json, "retained", rest->retained);
	native_beside_row(json, &answer->native, rest->native);
	json_object_end(json);
}

/* As add_row(). */
static void json_row(struct report *report, const struct top_answer *answer, size_t *at)
{
	struct json *json = &report->json;
	const struct top_row *row = &answer->rows.items[(*at)++];
	json_object(json, NULL);
	json_address(json, "address", row->address);
	json_string(json, "type", row->type != NULL ? row->type->name : "frame");
	if (row->name.length > 0)
		json_text(json, "name", &row->name);
	else
		json_null(json, "name");
	if (row->line.length > 0)
		json_text(json, "made_at", &row->line);
	json_number(json, "depth", row->depth);
	json_number(json, "count", row->count);
	json_number(json, "retained", row->retained);
	native_beside_row(json, &answer->native, row->native);
	json_object(json, "branch");
	json_address(json, "address", row->start.address);
	json_number(json, "retained", row->start.retained);
	json_object_end(json);
	if (request_has(report->request, OPTION_TREE) && row->level < TOP_LEVELS) {
		json_array(json, "children");
		for (uint32_t i = 0; i < row->child_count; i++)
			json_row(report, answer, at);
		json_array_end(json);
		json_rest(json, answer, &row->rest);
	}
	json_object_end(json);
}

static void show_json(struct report *report, const struct top_answer *answer)
{
	struct json *json = &report->json;
	report_json_begin(report);
	json_object(json, "total");
	json_number(json, "count", answer->object_count);
	json_number(json, size_measure_name(answer->measure), answer->heap_bytes);
	json_object_end(json);
	native_beside_json(json, &answer->native);
	json_array(json, "rows");
	for (size_t at = 0; at < answer->rows.count;)
		json_row(report, answer, &at);
	json_array_end(json);
	json_rest(json, answer, &answer->rest);
	json_bool(json, "garbage", answer->is_garbage);
	if (!answer->is_garbage) {
		json_object(json, "unreachable");
		json_number(json, "count", answer->garbage_count);
		json_number(json, size_measure_name(answer->measure), answer->garbage_bytes);
		if (answer->measure != SIZE_NATIVE)
			native_beside_row(json, &answer->native, answer->native.garbage);
		json_object_end(json);
	}
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int top_report(struct report *report)
{
	const struct request *request = report->request;
	const bool is_json = report_is_json(report);
	const struct top_question question = {
		.types = request_types(request),
		.min_bytes = request->min_bytes,
		.limit = is_json && !request_has(request, OPTION_LIMIT) ? JSON_ROWS : request->limit,
		.of_garbage = request_has(request, OPTION_GARBAGE),
		.with_children = request_has(request, OPTION_TREE),
		.smallest_share = is_json ? 0 : TREE_SMALLEST,
	};
	struct top_answer answer;
	int status = query_top(&report->query, &question, &answer);
	if (status >= 0 && is_json)
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	top_answer_clear(&answer);
	return status;
}
