/* SPDX-License-Identifier: MIT
 * deepsize: what is reached from an object under a policy, by type or as a tree (tree.c). */
#include <inttypes.h>

#include "query/deep.h"
#include "render/table.h"
#include "render/units.h"
#include "report/approximate_below.h"
#include "report/held_from_c.h"
#include "report/native_words.h"
#include "report/report.h"
#include "report/tree.h"

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
	const struct table_column columns[] = {
		{ "Count", TABLE_RIGHT },  { report_measure_heading(report), TABLE_RIGHT },
		{ "%", TABLE_RIGHT },      { "sum%", TABLE_RIGHT },
		{ "Type", TABLE_ELASTIC },
	};
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	add_types(report, table, result);
	text_add(report->text, "\n");
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* "retained" and "shared", where the graph was wanted and could be made. */
static void show_weight(struct report *report, const struct deep_answer *answer)
{
	if (!answer->has_weight)
		return;
	if (!answer->is_held) {
		text_add(report->text, "  nothing leads to it: garbage, or no object of the heap\n");
		return;
	}
	report_size_line(report, "retained", answer->retained, "freed if this object went");
	native_beside_size(report, &answer->native, answer->number);
	held_below_line(report, &answer->from_c);
	approximate_below_line(report, &answer->approximate);
	if (answer->has_shared && answer->shared > 0)
		report_size_line(report, "shared", answer->shared, "of deep, kept alive by others too");
}

static void show_behind(struct report *report, const struct objects_behind *behind)
{
	struct text note = { .bytes = NULL };
	if (behind->count == 0)
		return;
	units_noun(&note, behind->count, "object");
	text_add(&note, behind->is_partial ? " more at least" : " more");
	text_add(&note, ", which words in memory of C code lead to");
	report_size_line(report, "~ behind", behind->bytes, text_string(&note));
	text_free(&note);
}

static void show_head(struct report *report, size_t index, const struct deep_answer *answer)
{
	const struct walk_result *reached = &answer->reached;
	struct text note = { .bytes = NULL };
	report_title(report, index, &answer->description, REFCOUNT_UNREADABLE);
	report_size_line(report, "shallow", answer->shallow, NULL);
	if (report->query.measure == SIZE_ALLOCATED)
		report_size_line(report, "allocated", answer->allocated, "the measure of all that follows");
	if (report->query.measure == SIZE_NATIVE)
		report_size_line(report, "~ native", answer->own_native, "of C code: the measure of all that follows");
	units_noun(&note, reached->count, "object");
	text_format(&note, " reachable (policy %s)", policy_name(report->request->policy));
	report_size_line(report, "deep", reached->bytes, text_string(&note));
	text_free(&note);
	show_behind(report, &answer->behind);
	if (answer->native_reached > native_beside_of(&answer->native, answer->number))
		report_size_line(report, answer->native.is_exact ? "native" : "~ native", answer->native_reached,
		                 "of C code, hang on what is reached");
	show_weight(report, answer);
	if (reached->not_entered > 0) {
		text_add(report->text, "  stopped at ");
		units_noun(report->text, reached->not_entered, "reference");
		text_add(report->text, " to classes, modules and code (--policy all enters them)\n");
	}
	if (report->request->policy == POLICY_ASIZEOF)
		text_add(report->text, "  as pympler 1.1 counts, but for attributes that Python code computes\n");
}

static void json_types(struct report *report, const struct walk_result *reached)
{
	struct json *json = &report->json;
	uint64_t rows = 0;
	json_array(json, "by_type");
	for (size_t i = 0; i < reached->types.count && rows < report->request->limit; i++) {
		const struct type_total *total = &reached->types.items[i];
		if (!passes(report->request, total))
			continue;
		rows++;
		json_object(json, NULL);
		json_string(json, "type", total->type->name);
		json_number(json, "count", total->count);
		json_number(json, "shallow", total->shallow);
		if (report->query.measure == SIZE_ALLOCATED)
			json_number(json, "allocated", total->allocated);
		if (report->query.measure == SIZE_NATIVE)
			json_number(json, "native", total->native);
		json_number(json, "approximate", total->approximate);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_number_or_null(struct json *json, const char *key, bool is_known, uint64_t number)
{
	if (is_known)
		json_number(json, key, number);
	else
		json_null(json, key);
}

/* An object, left open. */
static void show_json(struct report *report, const struct deep_answer *answer)
{
	struct json *json = &report->json;
	json_object(json, NULL);
	json_address(json, "address", answer->address);
	json_string(json, "type", answer->type->name);
	json_number(json, "shallow", answer->shallow);
	if (report->query.measure == SIZE_ALLOCATED)
		json_number(json, "allocated", answer->allocated);
	if (report->query.measure == SIZE_NATIVE)
		json_number(json, "own_native", answer->own_native);
	json_number(json, "deep", answer->reached.bytes);
	json_number(json, "count", answer->reached.count);
	json_number_or_null(json, "retained", answer->has_weight && answer->is_held, answer->retained);
	native_beside_number(json, &answer->native, answer->number);
	const bool is_reached_known = answer->native.is_known && report->request->policy != POLICY_ASIZEOF;
	json_number_or_null(json, "native_reached", is_reached_known, answer->native_reached);
	if (answer->has_weight && !report->query.no_native) {
		json_object(json, "behind");
		json_number(json, "count", answer->behind.count);
		json_number(json, "bytes", answer->behind.bytes);
		json_bool(json, "partial", answer->behind.is_partial);
		json_object_end(json);
	} else {
		json_null(json, "behind");
	}
	held_below_json(json, &answer->from_c);
	approximate_below_json(json, &answer->approximate);
	json_number_or_null(json, "shared", answer->has_shared, answer->shared);
	json_types(report, &answer->reached);
	report_coverage_keys(report, &answer->reached.coverage);
	json_number(json, "not_entered", answer->reached.not_entered);
	json_bool(json, "complete", answer->is_complete && !coverage_is_partial(&answer->reached.coverage));
}

/* Text or JSON of one target; a walk that was cancelled is shown as far as it came. */
static int show_answer(struct report *report, size_t index, struct deep_answer *answer)
{
	const bool tree = request_has(report->request, OPTION_TREE) && answer->is_complete;
	int status = OK;
	if (!answer->is_complete)
		report->exit_status = EXIT_PARTIAL;
	if (report_is_json(report)) {
		show_json(report, answer);
		if (tree)
			status = tree_show(report, answer->address, &answer->reached);
		json_object_end(&report->json);
		return status;
	}
	if (index > 0)
		text_add(report->text, "\n");
	show_head(report, index, answer);
	status = tree ? tree_show(report, answer->address, &answer->reached) : show_types(report, &answer->reached);
	text_add(report->text, "\n");
	report_measure_line(report);
	report_coverage(report, &answer->reached.coverage);
	if (!answer->is_complete)
		text_add(report->text, "Interrupted: the numbers are lower bounds.\n");
	report_next(report, tree ? "object referents sizeof" : "deepsize:-t object referents", answer->address);
	return status;
}

static int show_one(struct report *report, size_t index, void *context)
{
	(void)context;
	const struct deep_question question = { .object = report->targets[index],
		                                .policy = report->request->policy,
		                                .order = (enum deep_order)report->request->sort,
		                                .with_retained = !request_has(report->request, OPTION_NO_RETAINED) };
	struct deep_answer answer;
	int status = query_deep(&report->query, &question, &answer);
	if (answer.type != NULL && (status >= 0 || status == ERROR_CANCELLED || answer.is_complete)) {
		int shown = show_answer(report, index, &answer);
		status = status < 0 ? status : shown;
	}
	deep_answer_clear(&answer);
	return status;
}

int deepsize_report(struct report *report)
{
	const struct report_targets targets = { .show = show_one };
	return report_each_target(report, &targets);
}
