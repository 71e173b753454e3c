/* SPDX-License-Identifier: MIT */
#include "query/garbage/garbage.h"

#include <inttypes.h>

#include "render/table.h"
#include "render/units.h"
#include "report/native_words.h"
#include "report/report.h"

static const char *const kind_names[] = { [GARBAGE_COLLECTABLE] = "collectable", [GARBAGE_STUCK] = "stuck" };
static const char *const age_names[] = { "generation 0", "generation 1", "generation 2", "frozen", "not tracked" };

/* "236 objects, 3.8 MiB and ~10.0 MiB of C code" */
static void say_sum(struct report *report, const struct garbage_answer *answer, const struct garbage_sum *sum,
                    const char *noun)
{
	struct text *text = report->text;
	units_noun(text, sum->count, "object");
	text_format(text, "%s, ", noun);
	report_bytes(report, text, sum->bytes);
	if (sum->native == 0)
		return;
	text_add(text, " and ");
	native_beside_bytes(report, &answer->native, sum->native);
}

static void sum_line(struct report *report, const struct garbage_answer *answer, const char *name,
                     const struct garbage_sum *sum, const char *note)
{
	if (sum->count == 0)
		return;
	text_format(report->text, "  %s: ", name);
	say_sum(report, answer, sum, "");
	text_format(report->text, "%s\n", note);
}

static void show_collector(struct report *report, const struct collector *collector)
{
	struct text *text = report->text;
	if (!collector->is_known)
		return;
	text_format(text, "Collector: %s", collector->is_enabled ? "on" : "off (gc.disable())");
	if (collector->has_thresholds) {
		text_add(text, "; thresholds");
		for (int i = 0; i < GC_GENERATIONS - 1; i++)
			text_format(text, " %" PRId64, collector->thresholds[i]);
		text_add(text, ", counts");
		for (int i = 0; i < GC_GENERATIONS - 1; i++)
			text_format(text, " %" PRId64, collector->counts[i]);
		if (collector->is_enabled && collector->thresholds[0] == 0)
			text_add(text, ": a threshold of 0 is as good as off");
	}
	if (collector->is_collecting)
		text_add(text, "; a collection is under way");
	text_add(text, "\n");
	if (collector->garbage_list > 0) {
		text_add(text, "  gc.garbage has ");
		units_noun(text, collector->garbage_list, "object");
		text_add(text, " (they are held by it, and not counted here)\n");
	}
}

static void cycle_text(struct text *text, const struct garbage_cycle_row *row)
{
	if (row->step_count == 0) {
		text_add(text, "in no cycle, or held by several of these");
		return;
	}
	for (uint32_t i = 0; i < row->step_count; i++) {
		const struct garbage_step *step = &row->steps[i];
		if (i > 0)
			text_add(text, " -> ");
		names_type(text, step->type);
		text_format(text, "%s%s", text_string(&step->label), step->is_unseen ? " (unseen)" : "");
	}
	text_add(text, row->step_count < row->length ? " -> ..." : row->length == 1 ? " -> itself" : " -> the first");
}

/* The column for what C code has, where any of the garbage has some. */
static void add_native(struct report *report, struct table *table, struct table_row *line, uint32_t *column,
                       const struct garbage_sum *sum)
{
	struct text cell = { .bytes = NULL };
	if (sum->native > 0)
		report_bytes(report, &cell, sum->native);
	table_take(table, line, (*column)++, &cell);
	text_free(&cell);
}

static void add_cycle(struct report *report, struct table *table, const struct garbage_cycle_row *row, bool has_native)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	uint32_t column = 0;
	report_bytes(report, &cell, row->sum.bytes);
	table_take(table, line, column++, &cell);
	if (has_native)
		add_native(report, table, line, &column, &row->sum);
	units_count(&cell, row->sum.count);
	table_take(table, line, column++, &cell);
	if (row->cycles > 0)
		units_count(&cell, row->cycles);
	table_take(table, line, column++, &cell);
	table_set(table, line, column++, kind_names[row->kind]);
	if (row->step_count > 0)
		text_format(&cell, "0x%" PRIx64, row->steps[0].address);
	table_take(table, line, column++, &cell);
	cycle_text(&cell, row);
	table_take(table, line, column, &cell);
	text_free(&cell);
}

static int show_cycles(struct report *report, const struct garbage_answer *answer)
{
	struct table_column columns[7] = { { "Bytes", TABLE_RIGHT } };
	const bool has_native = answer->native.garbage > 0;
	uint32_t count = 1;
	if (has_native)
		columns[count++] = (struct table_column){ native_beside_heading(&answer->native), TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Objects", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Cycles", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Kind", 0 };
	columns[count++] = (struct table_column){ "One of them", 0 };
	columns[count++] = (struct table_column){ "What holds it together", TABLE_ELASTIC };
	struct table *table = table_create(columns, count, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->cycles.count; i++)
		add_cycle(report, table, &answer->cycles.items[i], has_native);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->cycles_matching - answer->cycles.count);
	return status;
}

static int show_types(struct report *report, const struct garbage_answer *answer)
{
	struct table_column columns[5] = { { "Count", TABLE_RIGHT }, { "Bytes", TABLE_RIGHT } };
	const bool has_native = answer->native.garbage > 0;
	uint32_t count = 2;
	if (has_native)
		columns[count++] = (struct table_column){ native_beside_heading(&answer->native), TABLE_RIGHT };
	columns[count++] = (struct table_column){ "Kind", 0 };
	columns[count++] = (struct table_column){ "Type", 0 };
	struct table *table = table_create(columns, count, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->types.count; i++) {
		const struct garbage_type_row *row = &answer->types.items[i];
		struct table_row *line = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		uint32_t column = 0;
		units_count(&cell, row->sum.count);
		table_take(table, line, column++, &cell);
		report_bytes(report, &cell, row->sum.bytes);
		table_take(table, line, column++, &cell);
		if (has_native)
			add_native(report, table, line, &column, &row->sum);
		table_set(table, line, column++, kind_names[row->kind]);
		names_type(&cell, row->type);
		table_take(table, line, column, &cell);
		text_free(&cell);
	}
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->types_matching - answer->types.count);
	return status;
}

static void show_head(struct report *report, const struct garbage_answer *answer, const struct garbage_sum *all)
{
	struct text *text = report->text;
	say_sum(report, answer, all, " of garbage");
	text_add(text, "; reachable objects have ");
	report_bytes(report, text, answer->heap_bytes);
	text_add(text, "\n");
	sum_line(report, answer, kind_names[GARBAGE_COLLECTABLE], &answer->kinds[GARBAGE_COLLECTABLE],
	         ": a full collection would free them");
	sum_line(report, answer, kind_names[GARBAGE_STUCK], &answer->kinds[GARBAGE_STUCK],
	         ": no collection frees them");
	for (int age = 0; age <= GARBAGE_UNTRACKED_AGE; age++)
		sum_line(report, answer, age_names[age], &answer->ages[age],
		         age == GC_GENERATIONS - 1 ? ": by gc.freeze(), until gc.unfreeze()" : "");
	if (answer->finalizers > 0) {
		text_add(text, "  ");
		units_noun(text, answer->finalizers, "object");
		text_add(text, " with a finalizer (__del__), which a collection runs first\n");
	}
	if (answer->finalized > 0) {
		text_add(text, "  ");
		units_noun(text, answer->finalized, "object");
		text_add(text, " whose finalizer has run already\n");
	}
}

static int show_text(struct report *report, const struct garbage_answer *answer)
{
	const struct garbage_sum all = {
		.count = answer->kinds[GARBAGE_COLLECTABLE].count + answer->kinds[GARBAGE_STUCK].count,
		.bytes = answer->kinds[GARBAGE_COLLECTABLE].bytes + answer->kinds[GARBAGE_STUCK].bytes,
		.native = answer->kinds[GARBAGE_COLLECTABLE].native + answer->kinds[GARBAGE_STUCK].native,
	};
	show_head(report, answer, &all);
	for (size_t i = 0; i < answer->collectors.count; i++)
		show_collector(report, &answer->collectors.items[i]);
	if (answer->types.count > 0)
		TRY(show_types(report, answer));
	if (answer->cycles.count > 0)
		TRY(show_cycles(report, answer));
	native_left_out_line(report, &answer->native);
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	for (size_t i = 0; i < answer->cycles.count; i++) {
		if (answer->cycles.items[i].step_count == 0)
			continue;
		report_next(report, "object referrers referents", answer->cycles.items[i].steps[0].address);
		break;
	}
	return OK;
}

static void json_sum(struct json *json, const char *key, const struct garbage_answer *answer,
                     const struct garbage_sum *sum)
{
	json_object(json, key);
	json_number(json, "count", sum->count);
	json_number(json, "shallow", sum->bytes);
	native_beside_row(json, &answer->native, sum->native);
	json_object_end(json);
}

static void json_type(struct json *json, const struct garbage_answer *answer, const struct garbage_type_row *row)
{
	struct text name = { .bytes = NULL };
	json_object(json, NULL);
	names_type(&name, row->type);
	json_text(json, "type", &name);
	json_string(json, "kind", kind_names[row->kind]);
	json_number(json, "count", row->sum.count);
	json_number(json, "shallow", row->sum.bytes);
	native_beside_row(json, &answer->native, row->sum.native);
	json_object_end(json);
	text_free(&name);
}

static void json_cycle(struct report *report, const struct garbage_answer *answer, const struct garbage_cycle_row *row)
{
	struct json *json = &report->json;
	struct text name = { .bytes = NULL };
	json_object(json, NULL);
	json_string(json, "kind", kind_names[row->kind]);
	json_number(json, "cycles", row->cycles);
	json_number(json, "count", row->sum.count);
	json_number(json, "shallow", row->sum.bytes);
	native_beside_row(json, &answer->native, row->sum.native);
	json_number(json, "length", row->length);
	json_array(json, "steps");
	for (uint32_t i = 0; i < row->step_count; i++) {
		json_object(json, NULL);
		json_address(json, "address", row->steps[i].address);
		name.length = 0;
		names_type(&name, row->steps[i].type);
		json_text(json, "type", &name);
		json_text(json, "label", &row->steps[i].label);
		json_bool(json, "unseen", row->steps[i].is_unseen);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	text_free(&name);
}

static void json_collector(struct json *json, const char *key, const struct collector *collector)
{
	json_object(json, key);
	json_address(json, "interpreter", collector->interpreter);
	if (collector->is_known)
		json_bool(json, "enabled", collector->is_enabled);
	else
		json_null(json, "enabled");
	json_bool(json, "collecting", collector->is_collecting);
	json_array(json, "thresholds");
	for (int i = 0; collector->has_thresholds && i < GC_GENERATIONS - 1; i++)
		json_signed(json, NULL, collector->thresholds[i]);
	json_array_end(json);
	json_array(json, "counts");
	for (int i = 0; collector->has_thresholds && i < GC_GENERATIONS - 1; i++)
		json_signed(json, NULL, collector->counts[i]);
	json_array_end(json);
	json_signed(json, "debug", collector->debug);
	json_number(json, "garbage_list", collector->garbage_list);
	json_object_end(json);
}

static void show_json(struct report *report, const struct garbage_answer *answer)
{
	static const char *const ages[] = { "0", "1", "2", "frozen", "untracked" };
	struct json *json = &report->json;
	report_json_begin(report);
	json_sum(json, "collectable", answer, &answer->kinds[GARBAGE_COLLECTABLE]);
	json_sum(json, "stuck", answer, &answer->kinds[GARBAGE_STUCK]);
	if (answer->native.left_out != NULL)
		json_string(json, "native_left_out", answer->native.left_out);
	json_object(json, "ages");
	for (int age = 0; age <= GARBAGE_UNTRACKED_AGE; age++)
		json_sum(json, ages[age], answer, &answer->ages[age]);
	json_object_end(json);
	json_number(json, "finalizers", answer->finalizers);
	json_number(json, "finalized", answer->finalized);
	json_array(json, "types");
	for (size_t i = 0; i < answer->types.count; i++)
		json_type(json, answer, &answer->types.items[i]);
	json_array_end(json);
	json_array(json, "cycles");
	for (size_t i = 0; i < answer->cycles.count; i++)
		json_cycle(report, answer, &answer->cycles.items[i]);
	json_array_end(json);
	if (answer->collectors.count > 0)
		json_collector(json, "collector", &answer->collectors.items[0]);
	json_array(json, "other_collectors");
	for (size_t i = 1; i < answer->collectors.count; i++)
		json_collector(json, NULL, &answer->collectors.items[i]);
	json_array_end(json);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int garbage_report(struct report *report)
{
	const struct request *request = report->request;
	const struct garbage_question question = { .filter = { request->type, request->module },
		                                   .min_bytes = request->min_bytes,
		                                   .limit = request->limit };
	struct garbage_answer answer;
	int status = query_garbage(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	garbage_answer_clear(&answer);
	return status;
}
