/* SPDX-License-Identifier: MIT
 * diff: what grew between two or three targets. */
#include "query/diff/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query/naming.h"
#include "render/table.h"
#include "render/units.h"
#include "report/other_target.h"
#include "report/report.h"

enum row_kind { ROW_OWNER, ROW_OBJECTS, ROW_MEMORY };

enum {
	WORDS_NAMED = 3, /* owners and types in the first sentence */
	WORTH_A_WORD = 1 << 20 /* bytes */
};

struct comparison {
	struct report *report;
	struct target *opened[DIFF_MOST_SIDES]; /* ours to close */
	struct query query; /* of the last side */
	struct diff_answer answer;
};

static uint32_t last_of(const struct comparison *comparison)
{
	return comparison->answer.side_count - 1;
}

/* ---- Opening the others ---- */

/* A number is a live process. Files of the target lie where those of the first one do, if nothing else is said. */

/* ---- Text ---- */

static void signed_bytes(const struct report *report, struct text *text, uint64_t before, uint64_t after)
{
	text_add(text, after < before ? "-" : "+");
	report_bytes(report, text, after < before ? before - after : after - before);
}

static void signed_count(struct text *text, uint64_t before, uint64_t after)
{
	text_add(text, after < before ? "-" : "+");
	units_count(text, after < before ? before - after : after - before);
}

/* "app.HISTORY +1.1 MiB" of the rows that grew most. */
static void say_growth(const struct comparison *comparison, const diff_rows *rows, bool is_owner, const char *lead)
{
	struct text *text = comparison->report->text;
	const uint32_t last = last_of(comparison);
	uint32_t said = 0;
	for (size_t i = 0; i < rows->count && said < WORDS_NAMED; i++) {
		const struct diff_row *row = &rows->items[i];
		const struct diff_sum *old = &row->sides[0], *new = &row->sides[last];
		const uint64_t before = is_owner ? old->retained : old->bytes;
		const uint64_t after = is_owner ? new->retained : new->bytes;
		/* What grew by less than a twentieth of the first says nothing more. */
		if (after <= before ||
		    (i > 0 &&
		     (after - before) < (rows->items[0].sides[last].bytes + rows->items[0].sides[last].retained -
		                         rows->items[0].sides[0].bytes - rows->items[0].sides[0].retained) /
		                                20))
			break;
		text_format(text, "%s %s ", said == 0 ? lead : ",", row->name);
		if (is_owner) {
			signed_bytes(comparison->report, text, before, after);
		} else {
			signed_count(text, old->count, new->count);
			text_add(text, " objects");
		}
		said++;
	}
}

/* What objects do not explain: the part of the process's memory that grew most, if it did more than they. */
static void say_memory(const struct comparison *comparison)
{
	const struct diff_answer *answer = &comparison->answer;
	const struct diff_sum *old = &answer->total[0], *new = &answer->total[last_of(comparison)];
	uint64_t most = new->bytes > old->bytes ? new->bytes - old->bytes : 0;
	const struct diff_row *grown = NULL;
	for (size_t i = 0; i < answer->memory.count; i++) {
		const struct diff_row *row = &answer->memory.items[i];
		const uint64_t before = row->sides[0].bytes, after = row->sides[last_of(comparison)].bytes;
		if (after <= before || after - before <= most || after - before < WORTH_A_WORD ||
		    strstr(row->name, ": ") == NULL || strstr(row->name, "Python objects") != NULL)
			continue;
		grown = row;
		most = after - before;
	}
	if (grown == NULL)
		return;
	text_format(comparison->report->text, "What grew more is no object's: %s ", grown->name);
	signed_bytes(comparison->report, comparison->report->text, grown->sides[0].bytes,
	             grown->sides[last_of(comparison)].bytes);
	text_add(comparison->report->text, ".\n");
}

static void show_sentence(const struct comparison *comparison)
{
	struct report *report = comparison->report;
	const struct diff_answer *answer = &comparison->answer;
	const struct diff_sum *old = &answer->total[0], *new = &answer->total[last_of(comparison)];
	struct text *text = report->text;
	if (new->bytes == old->bytes &&new->count == old->count) {
		text_add(text, "Nothing grew");
	} else {
		text_add(text, new->bytes < old->bytes ? "It shrank by " : "It grew by ");
		const uint64_t by = new->bytes < old->bytes ? old->bytes - new->bytes : new->bytes - old->bytes;
		report_bytes(report, text, by);
		text_add(text, " (");
		units_percent(text, by, old->bytes);
		text_add(text, " %)");
		say_growth(comparison, &answer->owners, true, ", kept by");
		say_growth(comparison, &answer->types, false, ";");
	}
	text_add(text, ".\n");
	say_memory(comparison);
	for (uint32_t i = 0; i < answer->side_count; i++) {
		text_add(text, i == 0 ? "first" : i == last_of(comparison) ? "; last " : "; then ");
		text_add(text, i == 0 ? " " : "");
		units_noun(text, answer->total[i].count, "object");
		text_add(text, ", ");
		report_bytes(report, text, answer->total[i].bytes);
	}
	text_add(text, "\n");
}

static void add_row(const struct comparison *comparison, struct table *table, const struct diff_row *row,
                    enum row_kind kind)
{
	const bool is_owner = kind == ROW_OWNER;
	const struct report *report = comparison->report;
	const struct diff_sum *old = &row->sides[0], *new = &row->sides[last_of(comparison)];
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	uint32_t column = 0;
	if (!is_owner) {
		signed_count(&cell, old->count, new->count);
		table_take(table, line, column++, &cell);
		signed_bytes(report, &cell, old->bytes, new->bytes);
		table_take(table, line, column++, &cell);
	}
	if (is_owner || (kind == ROW_OBJECTS && request_has(report->request, OPTION_RETAINED))) {
		signed_bytes(report, &cell, old->retained, new->retained);
		table_take(table, line, column++, &cell);
	}
	report_bytes(report, &cell, is_owner ? new->retained : new->bytes);
	table_take(table, line, column++, &cell);
	const bool was_there = old->count + old->bytes > 0, is_there = new->count + new->bytes > 0;
	if (kind != ROW_OWNER)
		table_set(table, line, column++, !was_there ? "NEW" : !is_there ? "GONE" : "");
	else
		table_set(table, line, column++, old->count == 0 ? "NEW" : new->count == 0 ? "GONE" : "");
	if (is_owner) {
		text_format(&cell, "0x%" PRIx64, row->address);
		table_take(table, line, column++, &cell);
	}
	table_set(table, line, column, row->name);
	text_free(&cell);
}

static bool has_changed(const struct comparison *comparison, const struct diff_row *row)
{
	const struct diff_sum *old = &row->sides[0], *new = &row->sides[last_of(comparison)];
	const uint64_t before = old->bytes + old->retained, after = new->bytes + new->retained;
	const uint64_t change = after > before ? after - before : before - after;
	return (old->count != new->count || before != after) && change >= comparison->report->request->min_bytes;
}

/* Largest changes first, in whichever direction: half of the limit of each. */
static int show_rows(const struct comparison *comparison, const diff_rows *rows, enum row_kind kind,
                     const char *heading)
{
	const bool is_owner = kind == ROW_OWNER;
	struct report *report = comparison->report;
	struct table_column columns[6];
	uint32_t count = 0;
	if (!is_owner) {
		columns[count++] = (struct table_column){ "Count", TABLE_RIGHT };
		columns[count++] = (struct table_column){ kind == ROW_MEMORY ? "Bytes" : report_measure_heading(report),
			                                  TABLE_RIGHT };
	}
	if (is_owner || (kind == ROW_OBJECTS && request_has(report->request, OPTION_RETAINED)))
		columns[count++] = (struct table_column){ "Retained", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "now", TABLE_RIGHT };
	columns[count++] = (struct table_column){ "", 0 };
	if (is_owner)
		columns[count++] = (struct table_column){ "Address", 0 };
	columns[count++] = (struct table_column){ heading, TABLE_ELASTIC };
	uint64_t changed = 0, shown = 0;
	for (size_t i = 0; i < rows->count; i++)
		changed += has_changed(comparison, &rows->items[i]);
	if (changed == 0)
		return OK;
	struct table *table = table_create(columns, count, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < rows->count && shown < report->request->limit; i++)
		if (has_changed(comparison, &rows->items[i])) {
			add_row(comparison, table, &rows->items[i], kind);
			shown++;
		}
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, changed - shown);
	return status;
}

static int show_objects(const struct comparison *comparison)
{
	static const struct table_column columns[] = {
		{ "Size", TABLE_RIGHT }, { "Retained", TABLE_RIGHT }, { "Address", 0 }, { "Object", TABLE_ELASTIC }
	};
	struct report *report = comparison->report;
	const struct diff_answer *answer = &comparison->answer;
	struct text *text = report->text;
	if (!answer->is_same_process) {
		text_add(text, "Objects are not compared one by one: these are dumps of different processes.\n");
		return OK;
	}
	units_noun(text, answer->object_total.count, "object");
	text_add(text, ", ");
	report_bytes(report, text, answer->object_total.bytes);
	text_add(text, answer->side_count == 3
	                       ? ", of the second are still there in the third and were not in the first; "
	                         "an address may have been used again\n"
	                       : " of the last were not in the first; an address may have been used "
	                         "again\n");
	if (answer->objects.count == 0)
		return OK;
	struct table *table = table_create(columns, 4, report->style.width, true);
	struct text cell = { .bytes = NULL };
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->objects.count; i++) {
		const struct diff_object *object = &answer->objects.items[i];
		struct table_row *line = table_add_row(table, NULL);
		report_bytes(report, &cell, object->bytes);
		table_take(table, line, 0, &cell);
		report_bytes(report, &cell, object->retained);
		table_take(table, line, 1, &cell);
		text_format(&cell, "0x%" PRIx64, object->address);
		table_take(table, line, 2, &cell);
		if (object->name.length > 0)
			text_format(&cell, "%s: ", text_string(&object->name));
		names_describe(&comparison->query.target->naming, object->address, &report->names, &cell);
		table_take(table, line, 3, &cell);
	}
	text_free(&cell);
	int status = table_draw(table, text, report->error);
	table_destroy(table);
	return status;
}

static int show_text(const struct comparison *comparison)
{
	struct report *report = comparison->report;
	const struct diff_answer *answer = &comparison->answer;
	show_sentence(comparison);
	TRY(show_rows(comparison, &answer->owners, ROW_OWNER, "Owner"));
	TRY(show_rows(comparison, &answer->types, ROW_OBJECTS, "Type"));
	if (answer->is_traced)
		TRY(show_rows(comparison, &answer->lines, ROW_OBJECTS, "Line that asked for it"));
	TRY(show_rows(comparison, &answer->memory, ROW_MEMORY, "Memory of the process"));
	TRY(show_objects(comparison));
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	text_add(report->text, "Addresses are those of the last dump. Next, with it as the target: deepsize -t, path, "
	                       "object, findings\n");
	return OK;
}

/* ---- JSON ---- */

static void json_delta(struct json *json, const char *key, const char *delta_key, uint64_t old, uint64_t new)
{
	json_number(json, key, new);
	json_signed(json, delta_key, (int64_t)(new - old));
}

static const char *delta_key(enum size_measure measure)
{
	static const char *const keys[] = {
		[SIZE_SHALLOW] = "shallow_delta", [SIZE_ALLOCATED] = "allocated_delta", [SIZE_NATIVE] = "native_delta"
	};
	return keys[measure];
}

static void json_rows(const struct comparison *comparison, const diff_rows *rows, const char *key, const char *name)
{
	struct report *report = comparison->report;
	struct json *json = &report->json;
	const bool is_owner = rows == &comparison->answer.owners;
	uint64_t shown = 0;
	json_array(json, key);
	for (size_t i = 0; i < rows->count && shown < report->request->limit; i++) {
		const struct diff_row *row = &rows->items[i];
		const struct diff_sum *old = &row->sides[0], *new = &row->sides[last_of(comparison)];
		if (!has_changed(comparison, row))
			continue;
		shown++;
		json_object(json, NULL);
		json_string(json, name, row->name);
		if (row->address != 0)
			json_address(json, is_owner ? "address" : "type_address", row->address);
		if (!is_owner) {
			json_delta(json, "count", "count_delta", old->count, new->count);
			json_delta(json, size_measure_name(report->query.measure), delta_key(report->query.measure),
			           old->bytes, new->bytes);
		}
		if (is_owner || request_has(report->request, OPTION_RETAINED))
			json_delta(json, "retained", "retained_delta", old->retained, new->retained);
		json_string(json, "change", old->count == 0 ? "new" : new->count == 0 ? "gone" : "changed");
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_memory(const struct comparison *comparison)
{
	const diff_rows *rows = &comparison->answer.memory;
	struct json *json = &comparison->report->json;
	json_array(json, "memory");
	for (size_t i = 0; i < rows->count; i++) {
		const struct diff_sum *old = &rows->items[i].sides[0],
		                      *new = &rows->items[i].sides[last_of(comparison)];
		json_object(json, NULL);
		json_string(json, "name", rows->items[i].name);
		json_delta(json, "bytes", "bytes_delta", old->bytes, new->bytes);
		json_delta(json, "count", "count_delta", old->count, new->count);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_objects(const struct comparison *comparison)
{
	struct json *json = &comparison->report->json;
	const struct diff_answer *answer = &comparison->answer;
	json_array(json, "objects");
	for (size_t i = 0; i < answer->objects.count; i++) {
		const struct diff_object *object = &answer->objects.items[i];
		json_object(json, NULL);
		json_address(json, "address", object->address);
		json_string(json, "type", object->type->name);
		if (object->name.length > 0)
			json_text(json, "name", &object->name);
		else
			json_null(json, "name");
		json_number(json, size_measure_name(comparison->report->query.measure), object->bytes);
		json_number(json, "retained", object->retained);
		json_object_end(json);
	}
	json_array_end(json);
}

static void show_json(const struct comparison *comparison)
{
	struct report *report = comparison->report;
	struct json *json = &report->json;
	const struct diff_answer *answer = &comparison->answer;
	const struct diff_sum *old = &answer->total[0], *new = &answer->total[last_of(comparison)];
	report_json_begin(report);
	json_object(json, "total");
	json_delta(json, "count", "count_delta", old->count, new->count);
	json_delta(json, size_measure_name(report->query.measure), delta_key(report->query.measure), old->bytes,
	           new->bytes);
	json_object_end(json);
	json_rows(comparison, &answer->types, "types", "type");
	json_rows(comparison, &answer->owners, "owners", "name");
	json_rows(comparison, &answer->lines, "lines", "line");
	json_memory(comparison);
	json_bool(json, "traced", answer->is_traced);
	json_bool(json, "one_by_one", answer->was_one_by_one);
	json_bool(json, "same_process", answer->is_same_process);
	json_rows(comparison, &answer->object_types, "object_types", "type");
	json_number(json, "object_count", answer->object_total.count);
	json_objects(comparison);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

/* ---- The command ---- */

static int answer(struct comparison *comparison)
{
	struct report *report = comparison->report;
	const struct request *request = report->request;
	struct diff_question question = { .sides[0] = report->target,
		                          .side_count = (uint32_t)request->operands.count + 1,
		                          .with_retained = request_has(request, OPTION_RETAINED),
		                          .object_limit = request->limit };
	for (uint32_t i = 1; i < question.side_count; i++) {
		TRY(other_target_open(report, request->operands.items[i - 1], i - 1, &comparison->opened[i]));
		question.sides[i] = comparison->opened[i];
	}
	comparison->query = report->query;
	comparison->query.target = question.sides[question.side_count - 1];
	TRY(query_diff(&comparison->query, &question, &comparison->answer));
	if (report_is_json(report))
		show_json(comparison);
	else
		TRY(show_text(comparison));
	const struct diff_sum *total = comparison->answer.total;
	const uint64_t after = total[last_of(comparison)].bytes;
	return report_fail_over(report, after > total[0].bytes ? after - total[0].bytes : 0, total[0].bytes);
}

int diff_report(struct report *report)
{
	const size_t others = report->request->operands.count;
	if (others < 1 || others >= DIFF_MOST_SIDES)
		return error_set(report->error, ERROR_ARGUMENT,
		                 "diff needs one or two later dumps, core files or process numbers: %s",
		                 report->request->command->usage);
	TRY(other_target_check(report->request, (uint32_t)others, report->error));
	struct comparison comparison = { .report = report };
	int status = answer(&comparison);
	diff_answer_clear(&comparison.answer);
	for (uint32_t i = 1; i < DIFF_MOST_SIDES; i++)
		target_close(comparison.opened[i]);
	return status;
}
