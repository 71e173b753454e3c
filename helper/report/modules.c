/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "query/modules.h"
#include "render/table.h"
#include "render/units.h"
#include "report/report.h"

static void add_row(struct report *report, struct table *table, const struct module_row *module)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, module->retained);
	table_take(table, line, 0, &cell);
	report_bytes(report, &cell, module->deep);
	table_take(table, line, 1, &cell);
	names_escape(&cell, text_string(&module->name), module->name.length, false);
	table_take(table, line, 2, &cell);
	if (module->largest != 0) {
		names_escape(&cell, text_string(&module->largest_name), module->largest_name.length, false);
		table_take(table, line, 3, &cell);
		report_bytes(report, &cell, module->largest_retained);
		table_take(table, line, 4, &cell);
	}
	text_format(&cell, "0x%" PRIx64, module->largest != 0 ? module->largest : module->address);
	table_take(table, line, 5, &cell);
	text_free(&cell);
}

static int show_text(struct report *report, const struct modules_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT }, { "Deep", TABLE_RIGHT },    { "Module", 0 },
		{ "Biggest global", 0 },     { "retains", TABLE_RIGHT }, { "Address", 0 },
	};
	struct table *table = table_create(columns, 6, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	units_noun(report->text, answer->module_count, "module");
	text_add(report->text, " in ");
	report_bytes(report, report->text, answer->heap_bytes);
	text_format(report->text, "%s of reachable objects\n",
	            report->query.measure == SIZE_ALLOCATED ? " allocated" : "");
	for (size_t i = 0; i < answer->rows.count; i++)
		add_row(report, table, &answer->rows.items[i]);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->matching - answer->rows.count);
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	if (answer->rows.count > 0) {
		const struct module_row *first = &answer->rows.items[0];
		report_next(report, "deepsize:-t object", first->largest != 0 ? first->largest : first->address);
	}
	return status;
}

static void json_row(struct json *json, const struct module_row *module)
{
	json_object(json, NULL);
	json_text(json, "name", &module->name);
	json_address(json, "address", module->address);
	json_number(json, "deep", module->deep);
	json_number(json, "retained", module->retained);
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

static void show_json(struct report *report, const struct modules_answer *answer)
{
	report_json_begin(report);
	json_array(&report->json, "modules");
	for (size_t i = 0; i < answer->rows.count; i++)
		json_row(&report->json, &answer->rows.items[i]);
	json_array_end(&report->json);
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
