/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "query/modules.h"
#include "render/table.h"
#include "render/units.h"
#include "report/native_words.h"
#include "report/report.h"

enum { SHARED_ROWS = 6 }; /* in text, where --limit does not say all */

static void add_row(struct report *report, struct table *table, const struct module_row *module, bool with_native)
{
	uint32_t column = 1;
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, module->retained);
	table_take(table, line, 0, &cell);
	if (with_native) {
		if (module->native > 0)
			report_bytes(report, &cell, module->native);
		table_take(table, line, column++, &cell);
	}
	report_bytes(report, &cell, module->deep);
	table_take(table, line, column++, &cell);
	names_escape(&cell, text_string(&module->name), module->name.length, false);
	table_take(table, line, column++, &cell);
	if (module->largest != 0) {
		names_escape(&cell, text_string(&module->largest_name), module->largest_name.length, false);
		table_take(table, line, column, &cell);
		report_bytes(report, &cell, module->largest_retained);
		table_take(table, line, column + 1, &cell);
	}
	text_format(&cell, "0x%" PRIx64, module->largest != 0 ? module->largest : module->address);
	table_take(table, line, column + 2, &cell);
	text_free(&cell);
}

/* ---- What several hold together ---- */

static void add_names(const struct modules_shared_row *row, struct text *text)
{
	for (uint32_t i = 0; i < row->module_count; i++) {
		if (i > 0)
			text_add(text, ", ");
		names_escape(text, row->modules[i], strlen(row->modules[i]), false);
	}
	if (row->module_count == 0)
		text_format(text, "more than %d modules", OWNERS_TOLD);
}

static void add_shared(struct report *report, struct table *table, const struct modules_shared_row *row)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, row->retained);
	table_take(table, line, 0, &cell);
	units_count(&cell, row->count);
	table_take(table, line, 1, &cell);
	add_names(row, &cell);
	table_take(table, line, 2, &cell);
	text_add(&cell, text_string(&row->largest_name));
	table_take(table, line, 3, &cell);
	report_bytes(report, &cell, row->largest_retained);
	table_take(table, line, 4, &cell);
	if (row->largest != 0)
		text_format(&cell, "0x%" PRIx64, row->largest);
	table_take(table, line, 5, &cell);
	text_free(&cell);
}

static int show_shared(struct report *report, const struct modules_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT },
		{ "Objects", TABLE_RIGHT },
		{ "Held together by", TABLE_ELASTIC },
		{ "Biggest", 0 },
		{ "retains", TABLE_RIGHT },
		{ "Address", 0 },
	};
	const uint64_t most = report->request->limit == UINT64_MAX ? UINT64_MAX : SHARED_ROWS;
	uint64_t shown = 0;
	struct table *table = table_create(columns, 6, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->shared.count && shown < most; i++, shown++)
		add_shared(report, table, &answer->shared.items[i]);
	int status = shown > 0 ? table_draw(table, report->text, report->error) : OK;
	table_destroy(table);
	if (shown < answer->shared_matching)
		report_more(report, answer->shared_matching - shown);
	return status;
}

static void show_sums(struct report *report, const struct modules_answer *answer)
{
	if (answer->sharing_unknown) {
		text_add(report->text, "  what several modules hold together was not found out: the heap is knotted\n");
	} else {
		text_add(report->text, "  ");
		report_bytes(report, report->text, answer->shared_bytes);
		text_add(report->text, " held by several modules together, ");
		report_bytes(report, report->text, answer->elsewhere);
		text_add(report->text, " also from elsewhere: frames, threads, the interpreter\n");
	}
	garbage_apart_line(report, answer->garbage_count, answer->garbage_bytes, &answer->native);
}

static int show_text(struct report *report, const struct modules_answer *answer)
{
	struct table_column columns[7] = { { report_retained_heading(report), TABLE_RIGHT } };
	uint32_t count = 1;
	if (answer->native.is_known)
		columns[count++] = (struct table_column){ native_beside_heading(&answer->native), TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Deep", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Module", 0 };
	columns[count++] = (struct table_column){ "Biggest global", 0 };
	columns[count++] = (struct table_column){ "retains", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Address", 0 };
	struct table *table = table_create(columns, count, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	units_noun(report->text, answer->module_count, "module");
	text_add(report->text, report->query.measure == SIZE_NATIVE ? " in ~" : " in ");
	report_bytes(report, report->text, answer->heap_bytes);
	static const char *const words[] = {
		[SIZE_SHALLOW] = "", [SIZE_ALLOCATED] = " allocated", [SIZE_NATIVE] = " of C code"
	};
	text_format(report->text, "%s of reachable objects\n", words[report->query.measure]);
	for (size_t i = 0; i < answer->rows.count; i++)
		add_row(report, table, &answer->rows.items[i], answer->native.is_known);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->matching - answer->rows.count);
	if (status == OK)
		status = show_shared(report, answer);
	show_sums(report, answer);
	native_left_out_line(report, &answer->native);
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	if (answer->rows.count > 0) {
		const struct module_row *first = &answer->rows.items[0];
		report_next(report, "deepsize:-t object", first->largest != 0 ? first->largest : first->address);
	}
	return status;
}

static void json_row(struct json *json, const struct modules_answer *answer, const struct module_row *module)
{
	json_object(json, NULL);
	json_text(json, "name", &module->name);
	json_address(json, "address", module->address);
	json_number(json, "deep", module->deep);
	json_number(json, "retained", module->retained);
	native_beside_row(json, &answer->native, module->native);
	if (module->largest != 0) {
		json_object(json, "largest");
		json_text(json, "name", &module->largest_name);
		json_address(json, "address", module->largest);
		json_number(json, "retained", module->largest_retained);
		json_object_end(json);
	} else {
		json_null(json, "largest");
	}
	json_object_end(json);
}

static void json_shared(struct json *json, const struct modules_shared_row *row)
{
	json_object(json, NULL);
	json_array(json, "modules");
	for (uint32_t i = 0; i < row->module_count; i++)
		json_string(json, NULL, row->modules[i]);
	json_array_end(json);
	json_number(json, "count", row->count);
	json_number(json, "retained", row->retained);
	json_object(json, "largest");
	json_text(json, "name", &row->largest_name);
	json_address(json, "address", row->largest);
	json_number(json, "retained", row->largest_retained);
	json_object_end(json);
	json_object_end(json);
}

static void json_sums(struct json *json, const struct modules_answer *answer, enum size_measure measure)
{
	json_array(json, "shared");
	for (size_t i = 0; i < answer->shared.count; i++)
		json_shared(json, &answer->shared.items[i]);
	json_array_end(json);
	if (answer->sharing_unknown) {
		json_null(json, "shared_total");
		json_null(json, "elsewhere");
	} else {
		json_number(json, "shared_total", answer->shared_bytes);
		json_number(json, "elsewhere", answer->elsewhere);
	}
	json_object(json, "unreachable");
	json_number(json, "count", answer->garbage_count);
	json_number(json, size_measure_name(measure), answer->garbage_bytes);
	if (measure != SIZE_NATIVE)
		native_beside_row(json, &answer->native, answer->native.garbage);
	json_object_end(json);
}

static void show_json(struct report *report, const struct modules_answer *answer)
{
	report_json_begin(report);
	json_array(&report->json, "modules");
	for (size_t i = 0; i < answer->rows.count; i++)
		json_row(&report->json, answer, &answer->rows.items[i]);
	json_array_end(&report->json);
	json_sums(&report->json, answer, report->query.measure);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int modules_report(struct report *report)
{
	const struct request *request = report->request;
	const struct modules_question question = { .module = request->module,
		                                   .min_bytes = request->min_bytes,
		                                   .limit = request->limit,
		                                   .order = (enum modules_order)request->sort };
	struct modules_answer answer;
	int status = query_modules(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	modules_answer_clear(&answer);
	return status;
}
