/* SPDX-License-Identifier: MIT
 * heap: every object of the process, counted by type, module, size or generation of the collector. */
#include "query/histogram.h"
#include "render/table.h"
#include "render/units.h"
#include "report/held_from_c.h"
#include "report/native_words.h"
#include "report/report.h"

struct columns {
	struct report *report;
	const struct histogram_answer *answer;
	struct table *table;
	bool has_retained;
};

/* "33 to 48 B", "1.0 KiB to 2.0 KiB", or the name of what is no size. */
static void row_name(const struct histogram_row *row, struct text *name)
{
	enum { SMALL_BYTES = 512 }; /* pymalloc's classes */
	if (row->most == 0 && row->name.length > 0) {
		text_append(name, text_string(&row->name), row->name.length);
		return;
	}
	if (row->most <= SMALL_BYTES) {
		text_format(name, "%u to %u B", (unsigned)row->least, (unsigned)row->most);
		return;
	}
	units_bytes(name, row->least, false);
	text_add(name, " to ");
	if (row->most != UINT64_MAX)
		units_bytes(name, row->most, false);
}

static void add_row(const struct columns *columns, const struct histogram_row *row, uint64_t so_far, bool is_rest)
{
	struct report *report = columns->report;
	struct table_row *line = table_add_row(columns->table, NULL);
	struct text cell = { .bytes = NULL };
	const uint64_t bytes = histogram_bytes(columns->answer, &row->reached);
	const uint64_t whole = histogram_bytes(columns->answer, &columns->answer->reached);
	uint32_t column = 0;
	units_count(&cell, row->reached.count);
	table_take(columns->table, line, column++, &cell);
	report_bytes(report, &cell, bytes);
	table_take(columns->table, line, column++, &cell);
	units_percent(&cell, bytes, whole);
	table_take(columns->table, line, column++, &cell);
	units_percent(&cell, so_far, whole);
	table_take(columns->table, line, column++, &cell);
	units_count(&cell, row->reached.count > 0 ? bytes / row->reached.count : 0);
	table_take(columns->table, line, column++, &cell);
	if (columns->answer->native.is_known) {
		if (row->reached.native > 0)
			report_bytes(report, &cell, row->reached.native);
		table_take(columns->table, line, column++, &cell);
	}
	if (columns->has_retained) {
		if (!is_rest)
			report_bytes(report, &cell, row->retained);
		table_take(columns->table, line, column++, &cell);
	}
	row_name(row, &cell);
	table_take(columns->table, line, column, &cell);
	text_free(&cell);
}

static void add_rows(const struct columns *columns)
{
	static const char *const nouns[] = { "type", "module", "size", "generation", "line" };
	const struct request *request = columns->report->request;
	struct histogram_row rest = { .group = 0 };
	uint64_t rows = 0, folded = 0, so_far = 0;
	for (size_t i = 0; i < columns->answer->rows.count; i++) {
		const struct histogram_row *row = &columns->answer->rows.items[i];
		if (row->reached.count == 0)
			continue;
		so_far += histogram_bytes(columns->answer, &row->reached);
		if (rows++ < request->limit) {
			add_row(columns, row, so_far, false);
			continue;
		}
		folded++;
		rest.reached.count += row->reached.count;
		rest.reached.shallow += row->reached.shallow;
		rest.reached.allocated += row->reached.allocated;
		rest.reached.native += row->reached.native;
	}
	if (folded == 0)
		return;
	text_add(&rest.name, "... ");
	units_count(&rest.name, folded);
	text_format(&rest.name, " more %s%s", nouns[request->by], folded == 1 ? "" : "s");
	add_row(columns, &rest, so_far, true);
	text_free(&rest.name);
}

static int show_table(struct report *report, const struct histogram_answer *answer)
{
	static const char *const headings[] = { "Type", "Module", "Size", "Generation", "Asked for at" };
	struct table_column columns[8] = { { "Count", TABLE_RIGHT },
		                           { report_measure_heading(report), TABLE_RIGHT },
		                           { "%", TABLE_RIGHT },
		                           { "sum%", TABLE_RIGHT },
		                           { "Avg", TABLE_RIGHT } };
	struct columns set = { .report = report,
		               .answer = answer,
		               .has_retained = request_has(report->request, OPTION_RETAINED) };
	uint32_t count = 5;
	if (answer->native.is_known)
		columns[count++] = (struct table_column){ native_beside_heading(&answer->native), TABLE_RIGHT };
	if (set.has_retained)
		columns[count++] = (struct table_column){ report_retained_heading(report), TABLE_RIGHT };
	columns[count++] = (struct table_column){ headings[report->request->by], TABLE_ELASTIC };
	set.table = table_create(columns, count, report->style.width, true);
	if (set.table == NULL)
		return query_no_memory(&report->query, "a table");
	add_rows(&set);
	int status = table_draw(set.table, report->text, report->error);
	table_destroy(set.table);
	return status;
}

/* Objects with more counted references than were found, and what nothing else keeps alive. */
static void show_held_from_c(struct report *report, const struct histogram_answer *answer)
{
	if (answer->held_from_c.count == 0)
		return;
	text_add(report->text, "  ");
	units_noun(report->text, answer->held_from_c.count, "object");
	text_add(report->text, " among them have more references counted than found: also held from C\n  ");
	report_bytes(report, report->text, answer->held_from_c.alone);
	text_add(report->text, " are held from C alone\n");
}

static int show_text(struct report *report, const struct histogram_answer *answer)
{
	units_noun(report->text, answer->reached.count, "object");
	text_add(report->text, answer->measure == SIZE_NATIVE ? ", ~" : ", ");
	report_bytes(report, report->text, histogram_bytes(answer, &answer->reached));
	text_format(report->text, " %s\n", size_measure_name(answer->measure));
	native_beside_line(report, &answer->native);
	int status = show_table(report, answer);
	garbage_apart_line(report, answer->unreachable.count, histogram_bytes(answer, &answer->unreachable),
	                   &answer->native);
	show_held_from_c(report, answer);
	if (answer->native_common > 0) {
		text_add(report->text, "  ~");
		report_bytes(report, report->text, answer->native_common);
		text_add(report->text, " more of C code hang on several objects that have no object in common\n");
	}
	native_left_out_line(report, &answer->native);
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	report_next(report,
	            request_has(report->request, OPTION_RETAINED) ? "top modules frames"
	                                                          : "top heap:--retained modules",
	            0);
	return status;
}

/* Where the measure is native, they are known and stand beside nothing. */
static void json_native(struct json *json, const struct histogram_answer *answer, uint64_t bytes)
{
	if (answer->measure == SIZE_NATIVE)
		json_number(json, "native", bytes);
	else
		native_beside_row(json, &answer->native, bytes);
}

static void json_sum(struct json *json, const struct histogram_answer *answer, const char *key,
                     const struct histogram_sum *sum)
{
	json_object(json, key);
	json_number(json, "count", sum->count);
	json_number(json, "shallow", sum->shallow);
	json_number(json, "allocated", sum->allocated);
	json_native(json, answer, sum->native);
	json_object_end(json);
}

static void json_row(struct report *report, const struct histogram_answer *answer, const struct histogram_row *row)
{
	struct json *json = &report->json;
	struct text name = { .bytes = NULL };
	json_object(json, NULL);
	if (row->type != NULL) {
		json_string(json, "type", row->type->name);
		json_address(json, "type_address", row->type->address);
	} else {
		row_name(row, &name);
		json_text(json, "name", &name);
	}
	json_number(json, "count", row->reached.count);
	json_number(json, "shallow", row->reached.shallow);
	json_number(json, "allocated", row->reached.allocated);
	json_native(json, answer, row->reached.native);
	if (request_has(report->request, OPTION_RETAINED))
		json_number(json, "retained", row->retained);
	else
		json_null(json, "retained");
	json_sum(json, answer, "unreachable", &row->unreachable);
	json_object_end(json);
	report->text->failed |= name.failed;
	text_free(&name);
}

static void show_json(struct report *report, const struct histogram_answer *answer)
{
	static const char *const keys[] = { "types", "modules", "sizes", "generations", "lines" };
	struct json *json = &report->json;
	report_json_begin(report);
	json_sum(json, answer, "total", &answer->reached);
	native_beside_json(json, &answer->native);
	json_sum(json, answer, "unreachable", &answer->unreachable);
	json_number(json, "native_common", answer->native_common);
	json_array(json, keys[report->request->by]);
	for (size_t i = 0; i < answer->rows.count && i < report->request->limit; i++)
		json_row(report, answer, &answer->rows.items[i]);
	json_array_end(json);
	json_object(json, "coverage");
	report_coverage_keys(report, &answer->coverage);
	json_number(json, "held_from_c", answer->held_from_c.count);
	json_object(json, "references");
	json_number(json, "counted", answer->references.counted);
	json_number(json, "accounted", answer->references.accounted);
	json_number(json, "overcounted", answer->references.overcounted);
	json_object_end(json);
	json_object_end(json);
	report_json_end(report);
}

int heap_report(struct report *report)
{
	const struct request *request = report->request;
	const struct histogram_question question = { .by = request->by,
		                                     .order = (enum histogram_order)request->sort,
		                                     .types = request_types(request),
		                                     .min_bytes = request->min_bytes,
		                                     .with_retained = request_has(request, OPTION_RETAINED),
		                                     .with_allocated = report_is_json(report) };
	struct histogram_answer answer;
	if (request_has(request, OPTION_HELD_FROM_C))
		return held_from_c_report(report);
	if (question.order == HISTOGRAM_BY_RETAINED && !question.with_retained)
		return error_set(report->error, ERROR_ARGUMENT, "--sort retained needs --retained");
	int status = query_histogram(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	histogram_answer_clear(&answer);
	return status;
}
