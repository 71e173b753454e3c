/* SPDX-License-Identifier: MIT
 * referents: every strong reference that an object owns, in the order in which the object holds them. */
#include "report/referents.h"

#include <inttypes.h>

#include "render/table.h"
#include "render/units.h"

struct referents_question referents_asked(const struct report *report, size_t index)
{
	const struct request *request = report->request;
	return (struct referents_question){ .object = report->targets[index],
		                            .types = request_types(request),
		                            .min_bytes = request->min_bytes,
		                            .limit = request->limit,
		                            .order = (enum referents_order)request->sort,
		                            .with_descriptions = !report_is_json(report),
		                            .with_blocks = !report->query.no_native };
}

static void add_line(struct report *report, const struct referents_answer *answer, const struct referent *row,
                     struct table *table)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	text_format(&cell, "0x%" PRIx64, row->address);
	table_take(table, line, 0, &cell);
	if (row->type != NULL)
		report_bytes(report, &cell, row->shallow);
	table_take(table, line, 1, &cell);
	text_add(&cell, row->is_estimate ? "~ " : "");
	text_add(&cell, words_at(&answer->words, row->label));
	if (row->is_hidden && !row->is_estimate)
		text_add(&cell, " (hidden)");
	table_take(table, line, 2, &cell);
	table_set(table, line, 3,
	          row->type != NULL ? words_at(&answer->words, row->description)
	          : row->is_absent  ? "not in this dump"
	                            : "not an object");
	text_free(&cell);
}

int referents_table(struct report *report, const struct referents_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Address", 0 },
		{ "Shallow", TABLE_RIGHT },
		{ "Reference", 0 },
		{ "Object", TABLE_ELASTIC },
	};
	if (answer->rows.count == 0)
		return OK;
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->rows.count; i++)
		add_line(report, answer, &answer->rows.items[i], table);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->left_out);
	return status;
}

void referents_json(struct json *json, const struct referents_answer *answer)
{
	json_array(json, "referents");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct referent *row = &answer->rows.items[i];
		json_object(json, NULL);
		json_address(json, "address", row->address);
		if (row->type != NULL)
			json_string(json, "type", row->type->name);
		else
			json_null(json, "type");
		json_string(json, "label", words_at(&answer->words, row->label));
		json_bool(json, "hidden", row->is_hidden);
		json_bool(json, "estimate", row->is_estimate);
		json_number(json, "shallow", row->shallow);
		json_object_end(json);
	}
	json_array_end(json);
}

static int show_text(struct report *report, size_t index, const struct referents_answer *answer)
{
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(report, index, &answer->description, answer->refcount);
	text_add(text, "  ");
	units_noun(text, answer->total, "reference");
	if (answer->hidden > 0) {
		text_add(text, ", ");
		units_count(text, answer->hidden);
		text_add(text, " of them hidden from gc.get_referents()");
	}
	if (answer->estimated > 0) {
		text_add(text, ", ");
		units_count(text, answer->estimated);
		text_add(text, " of them ~ words in memory of C code");
	}
	text_add(text, "\n");
	int status = referents_table(report, answer);
	report_flags(report, &answer->state);
	if (answer->no_blocks.length > 0)
		text_format(text, "What it has in memory of C code was not looked at: %s\n",
		            text_string(&answer->no_blocks));
	if ((answer->type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0)
		text_format(text, "The blocks of C code that it has, object 0x%" PRIx64 " lists.\n", answer->address);
	if (answer->rows.count > 0)
		report_next(report, "object deepsize", answer->rows.items[0].address);
	return status;
}

static void show_json(struct json *json, const struct referents_answer *answer)
{
	json_object(json, NULL);
	json_address(json, "address", answer->address);
	json_string(json, "type", answer->type->name);
	referents_json(json, answer);
	json_number(json, "total", answer->total);
	json_number(json, "estimated", answer->estimated);
	if (answer->no_blocks.length > 0)
		json_text(json, "native_left_out", &answer->no_blocks);
	json_bool(json, "approximate", (answer->state.flags & DECODED_APPROXIMATE) != 0);
	json_object_end(json);
}

static int show_one(struct report *report, size_t index, void *context)
{
	struct coverage *coverage = context;
	const struct referents_question question = referents_asked(report, index);
	struct referents_answer answer;
	int status = query_referents(&report->query, &question, &answer), shown = OK;
	if (answer.type != NULL && report_is_json(report))
		show_json(&report->json, &answer);
	else if (answer.type != NULL)
		shown = show_text(report, index, &answer);
	coverage_add(coverage, &answer.coverage);
	referents_answer_clear(&answer);
	return status < 0 ? status : shown;
}

int referents_report(struct report *report)
{
	struct coverage coverage = { .approximate = 0 };
	const struct report_targets targets = { .show = show_one, .context = &coverage, .coverage = &coverage };
	return report_each_target(report, &targets);
}
