/* SPDX-License-Identifier: MIT */
#include "report/held_from_c.h"

#include <inttypes.h>
#include <string.h>

#include "base/path.h"
#include "query/holders/held_from_c.h"
#include "render/table.h"
#include "render/units.h"

static void place_text(struct report *report, const struct held_row *row, struct text *text)
{
	const struct held_place *place = &row->places[0];
	if (row->words == 0) {
		text_add(text, "not seen");
		return;
	}
	if (place->file != NULL) {
		const char *name = path_base_name(place->file);
		names_escape(text, name, strlen(name), false);
		text_format(text, "+0x%" PRIx64, place->offset);
	} else if (place->block != 0) {
		text_format(text, "0x%" PRIx64 ", ", place->block);
		report_bytes(report, text, place->block_bytes);
		text_format(text, " of %s", place->allocator);
	} else {
		text_format(text, "0x%" PRIx64 "%s", place->address, place->is_stack ? ", a stack" : "");
	}
	if (row->words > 1) {
		text_add(text, " and ");
		units_noun(text, row->words - 1, "other");
	}
}

static void add_row(struct report *report, struct table *table, const struct held_row *row)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, row->retained);
	table_take(table, line, 0, &cell);
	units_count(&cell, row->missing);
	table_take(table, line, 1, &cell);
	text_format(&cell, "0x%" PRIx64, row->address);
	table_take(table, line, 2, &cell);
	names_type(&cell, row->type);
	if (row->name.length > 0)
		text_format(&cell, " %s", text_string(&row->name));
	table_take(table, line, 3, &cell);
	place_text(report, row, &cell);
	table_take(table, line, 4, &cell);
	text_free(&cell);
}

static int show_rows(struct report *report, const struct held_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT }, { "Missing", TABLE_RIGHT },     { "Address", 0 },
		{ "Object", TABLE_ELASTIC }, { "Its address stands in", 0 },
	};
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->rows.count; i++)
		add_row(report, table, &answer->rows.items[i]);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->matching - answer->rows.count);
	return status;
}

static int show_types(struct report *report, const struct held_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT }, { "Objects", TABLE_RIGHT }, { "Missing", TABLE_RIGHT }, { "Type", 0 }
	};
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	const uint64_t limit = report->request->limit;
	for (size_t i = 0; i < answer->types.count && i < limit; i++) {
		const struct held_type_row *row = &answer->types.items[i];
		struct table_row *line = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		report_bytes(report, &cell, row->retained);
		table_take(table, line, 0, &cell);
		units_count(&cell, row->count);
		table_take(table, line, 1, &cell);
		units_count(&cell, row->missing);
		table_take(table, line, 2, &cell);
		names_type(&cell, row->type);
		table_take(table, line, 3, &cell);
		text_free(&cell);
	}
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->types.count > limit ? answer->types.count - limit : 0);
	return status;
}

static int show_text(struct report *report, const struct held_answer *answer)
{
	struct text *text = report->text;
	units_noun(text, answer->count, "object");
	text_add(text, answer->count == 1 ? " has" : " have");
	text_add(text, " more references counted than found: held from C. Of ");
	report_bytes(report, text, answer->heap_bytes);
	text_add(text, ", ");
	report_bytes(report, text, answer->alone_bytes);
	text_add(text, " are held from C alone\n");
	if (answer->types.count > 0)
		TRY(show_types(report, answer));
	if (answer->rows.count > 0)
		TRY(show_rows(report, answer));
	report_measure_line(report);
	report_coverage(report, &answer->coverage);
	if (answer->rows.count > 0)
		report_next(report, "referrers object deepsize", answer->rows.items[0].address);
	return OK;
}

static void json_place(struct json *json, const struct held_place *place)
{
	json_object(json, NULL);
	json_address(json, "address", place->address);
	json_bool(json, "stack", place->is_stack);
	if (place->file != NULL) {
		json_string(json, "file", place->file);
		json_number(json, "offset", place->offset);
	}
	if (place->block != 0) {
		json_address(json, "block", place->block);
		json_number(json, "bytes", place->block_bytes);
		json_string(json, "allocator", place->allocator);
	}
	json_object_end(json);
}

static void show_json(struct report *report, const struct held_answer *answer)
{
	struct json *json = &report->json;
	report_json_begin(report);
	json_number(json, "held_from_c", answer->count);
	json_number(json, "alone", answer->alone_bytes);
	json_array(json, "types");
	for (size_t i = 0; i < answer->types.count; i++) {
		json_object(json, NULL);
		json_string(json, "type", answer->types.items[i].type->name);
		json_number(json, "count", answer->types.items[i].count);
		json_number(json, "missing", answer->types.items[i].missing);
		json_number(json, "retained", answer->types.items[i].retained);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "objects");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct held_row *row = &answer->rows.items[i];
		json_object(json, NULL);
		json_address(json, "address", row->address);
		json_string(json, "type", row->type->name);
		json_text(json, "name", &row->name);
		json_number(json, "missing", row->missing);
		json_number(json, "retained", row->retained);
		json_number(json, "words", row->words);
		json_array(json, "places");
		for (uint64_t k = 0; k < row->words && k < HELD_PLACES; k++)
			json_place(json, &row->places[k]);
		json_array_end(json);
		json_object_end(json);
	}
	json_array_end(json);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int held_from_c_report(struct report *report)
{
	const struct request *request = report->request;
	const struct held_question question = { .filter = { request->type, request->module },
		                                .min_bytes = request->min_bytes,
		                                .limit = request->limit };
	struct held_answer answer;
	int status = query_held_from_c(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	held_answer_clear(&answer);
	return status;
}

void held_below_line(struct report *report, const struct held_below *below)
{
	struct text note = { .bytes = NULL };
	if (below->count == 0)
		return;
	text_add(&note, "more, in ");
	units_noun(&note, below->count, "object");
	text_add(&note, " that C code holds too: freed once it lets go");
	report_size_line(report, "from C", below->bytes, text_string(&note));
	text_free(&note);
}

void held_below_json(struct json *json, const struct held_below *below)
{
	json_object(json, "held_from_c");
	json_number(json, "count", below->count);
	json_number(json, "retained", below->bytes);
	json_object_end(json);
}
