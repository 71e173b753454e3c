/* SPDX-License-Identifier: MIT
 * deepsize: what is reached from an object under a policy, by type or as a tree (tree.c). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/heap.h"
#include "report/report.h"
#include "render/table.h"
#include "report/tree.h"
#include "render/units.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_SHALLOW, SORT_COUNT, SORT_TYPE };

static int compare_bytes(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	return report_compare_bytes(left->bytes, left->type->address, right->bytes, right->type->address);
}

static int compare_count(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	return report_compare_bytes(left->count, left->type->address, right->count, right->type->address);
}

static int compare_type(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	int order = strcmp(left->type->name, right->type->name);
	return order != 0 ? order : compare_bytes(left_row, right_row);
}

static void sort_types(const struct request *request, struct walk_result *result)
{
	static int (*const compare[])(const void *, const void *) = { compare_bytes, compare_count, compare_type };
	if (result->types.count > 1)
		qsort(result->types.items, result->types.count, sizeof *result->types.items, compare[request->sort]);
}

static bool passes(const struct request *request, const struct type_total *total)
{
	return total->bytes >= request->min_bytes && request_matches_type(request, total->type->name);
}

/* What the rows say, of those that are shown and of those that are not. */
struct sum {
	uint64_t rows, count, bytes;
};

static void add_row(struct report *report, struct table *table, const struct sum *row, const struct sum *so_far,
                    uint64_t whole, const char *name)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	units_count(&cell, row->count);
	table_take(table, line, 0, &cell);
	report_bytes(report, &cell, row->bytes);
	table_take(table, line, 1, &cell);
	units_percent(&cell, row->bytes, whole);
	table_take(table, line, 2, &cell);
	units_percent(&cell, so_far->bytes, whole);
	table_take(table, line, 3, &cell);
	table_set(table, line, 4, name);
	text_free(&cell);
}

static void add_types(struct report *report, struct table *table, const struct walk_result *result)
{
	struct sum so_far = { .rows = 0 }, rest = { .rows = 0 };
	struct text name = { .bytes = NULL };
	for (size_t i = 0; i < result->types.count; i++) {
		const struct type_total *total = &result->types.items[i];
		if (!passes(report->request, total))
			continue;
		const bool shown = so_far.rows < report->request->limit;
		struct sum *sum = shown ? &so_far : &rest;
		sum->rows++;
		sum->count += total->count;
		sum->bytes += total->bytes;
		if (!shown)
			continue;
		names_type(&name, total->type);
		const struct sum row = { .count = total->count, .bytes = total->bytes };
		add_row(report, table, &row, &so_far, result->bytes, text_string(&name));
		text_reset(&name);
	}
	if (rest.rows > 0) {
		text_add(&name, "... ");
		units_count(&name, rest.rows);
		text_add(&name, " more types");
		so_far.bytes += rest.bytes;
		add_row(report, table, &rest, &so_far, result->bytes, text_string(&name));
	}
	text_free(&name);
}

static int show_types(struct report *report, const struct walk_result *result)
{
	struct table_column columns[] = {
		{ "Count", TABLE_RIGHT }, { "Shallow", TABLE_RIGHT }, { "%", TABLE_RIGHT },
		{ "sum%", TABLE_RIGHT },  { "Type", TABLE_ELASTIC },
	};
	if (request_measure(report->request) == SIZE_ALLOCATED)
		columns[1].heading = "Allocated";
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	add_types(report, table, result);
	text_add(report->text, "\n");
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* "retained" and "shared"; weight NULL: the graph was not wanted, or could not be made. */
static void show_weight(struct report *report, const struct heap_weight *weight)
{
	if (weight == NULL)
		return;
	if (!weight->is_known) {
		text_add(report->text, "  nothing leads to it: garbage, or no object of the heap\n");
		return;
	}
	report_size_line(report, "retained", weight->retained, "freed if this object went");
	if (weight->has_shared && weight->shared > 0)
		report_size_line(report, "shared", weight->shared, "of deep, kept alive by others too");
}

/* The object by itself. */
struct own_size {
	const struct type_info *type;
	uint64_t shallow, allocated; /* allocated: where it is the measure */
};

static void show_head(struct report *report, size_t index, const struct own_size *own, const struct walk_result *result,
                      const struct heap_weight *weight)
{
	struct text note = { .bytes = NULL };
	report_title(report, index, false);
	report_size_line(report, "shallow", own->shallow, NULL);
	if (request_measure(report->request) == SIZE_ALLOCATED)
		report_size_line(report, "allocated", own->allocated, "the measure of all that follows");
	units_noun(&note, result->count, "object");
	text_format(&note, " reachable (policy %s)", policy_name(report->request->policy));
	report_size_line(report, "deep", result->bytes, text_string(&note));
	text_free(&note);
	show_weight(report, weight);
	if (result->not_entered > 0) {
		text_add(report->text, "  stopped at ");
		units_noun(report->text, result->not_entered, "reference");
		text_add(report->text, " to classes, modules and code (--policy all enters them)\n");
	}
}

static void show_json(struct report *report, size_t index, const struct own_size *own, const struct walk_result *result,
                      const struct heap_weight *weight)
{
	struct json *json = &report->json;
	const bool is_allocated = request_measure(report->request) == SIZE_ALLOCATED;
	json_object(json, NULL);
	json_address(json, "address", report->targets[index]);
	json_string(json, "type", own->type->name);
	json_number(json, "shallow", own->shallow);
	if (is_allocated)
		json_number(json, "allocated", own->allocated);
	json_number(json, "deep", result->bytes);
	json_number(json, "count", result->count);
	if (weight != NULL && weight->is_known)
		json_number(json, "retained", weight->retained);
	else
		json_null(json, "retained");
	if (weight != NULL && weight->has_shared)
		json_number(json, "shared", weight->shared);
	else
		json_null(json, "shared");
	json_array(json, "by_type");
	uint64_t rows = 0;
	for (size_t i = 0; i < result->types.count && rows < report->request->limit; i++) {
		const struct type_total *total = &result->types.items[i];
		if (!passes(report->request, total))
			continue;
		rows++;
		json_object(json, NULL);
		json_string(json, "type", total->type->name);
		json_number(json, "count", total->count);
		json_number(json, "shallow", total->shallow);
		if (is_allocated)
			json_number(json, "allocated", total->allocated);
		json_number(json, "approximate", total->approximate);
		json_object_end(json);
	}
	json_array_end(json);
	report_coverage_keys(report, &result->coverage);
	json_number(json, "not_entered", result->not_entered);
}

/* Text or JSON of one target; a walk that was cancelled is shown as far as it came. */
static int show_result(struct report *report, size_t index, struct walk_result *result,
                       const struct heap_weight *weight, bool complete)
{
	/* The walk may have used the same decoder. */
	if (!decode_object(report->decoder, report->targets[index]))
		return error_set(report->error, ERROR_FAULT, "0x%" PRIx64 " cannot be decoded again",
		                 report->targets[index]);
	struct own_size own = { .type = report->decoder->out.type, .shallow = report->decoder->out.shallow };
	if (request_measure(report->request) == SIZE_ALLOCATED)
		own.allocated = allocated_of_object(report->decoder).bytes;
	const bool tree = request_has(report->request, OPTION_TREE) && complete;
	int status = OK;
	sort_types(report->request, result);
	if (result->coverage.unreadable > 0 || !complete)
		report->exit_status = EXIT_PARTIAL;
	if (report_is_json(report)) {
		show_json(report, index, &own, result, weight);
		json_bool(&report->json, "complete", complete);
		if (tree)
			status = tree_show(report, index, result);
		json_object_end(&report->json);
		return status;
	}
	if (index > 0)
		text_add(report->text, "\n");
	show_head(report, index, &own, result, weight);
	status = tree ? tree_show(report, index, result) : show_types(report, result);
	text_add(report->text, "\n");
	report_measure_line(report);
	report_coverage(report, &result->coverage);
	if (!complete)
		text_add(report->text, "Interrupted: the numbers are lower bounds.\n");
	report_next(report, tree ? "object referents sizeof" : "deepsize:-t object referents", report->targets[index]);
	return status;
}

static int show_one(struct report *report, size_t index)
{
	struct walk_result result = { .count = 0 };
	struct walk *walk;
	TRY(report_walk(report, &walk));
	int status = walk_deep(walk, &report->targets[index], 1, report->request->policy, report->progress, &result,
	                       report->error);
	if (status >= 0 || status == ERROR_CANCELLED) {
		const bool complete = status >= 0;
		const struct heap_weight *known = NULL;
		struct heap_weight weight;
		if (complete && !request_has(report->request, OPTION_NO_RETAINED)) {
			status = heap_weigh(report, report->targets[index], result.bytes, &weight);
			known = status >= 0 ? &weight : NULL;
		}
		int shown = show_result(report, index, &result, known, complete);
		status = status < 0 ? status : shown;
	}
	walk_result_clear(&result);
	return status;
}

int deepsize_report(struct report *report)
{
	return report_each_target(report, show_one);
}
