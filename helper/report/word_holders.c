/* SPDX-License-Identifier: MIT */
#include "report/word_holders.h"

#include <inttypes.h>

#include "query/holders/word_holders.h"
#include "render/table.h"
#include "render/units.h"
#include "report/address_at.h"

static const char *state_words(enum memory_state state)
{
	switch (state) {
	case MEMORY_ABSENT:
		return "the dump lacks this memory";
	case MEMORY_UNMAPPED:
		return "nothing was mapped there";
	default:
		return "no object is there: freed, torn or overwritten";
	}
}

static int show_table(struct report *report, const struct word_holders_answer *answer)
{
	static const struct table_column columns[] = {
		{ "  Type", 0 }, { "Address", 0 }, { "Reference", 0 }, { "Of", TABLE_ELASTIC }
	};
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct word_holder *row = &answer->rows.items[i];
		struct table_row *line = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		text_add(&cell, "  ");
		if (row->address != 0)
			names_type(&cell, row->type);
		else
			text_add(&cell, "root");
		table_take(table, line, 0, &cell);
		if (row->address != 0)
			text_format(&cell, "0x%" PRIx64, row->address);
		table_take(table, line, 1, &cell);
		table_set(table, line, 2, text_string(&row->label));
		table_set(table, line, 3, text_string(&row->name));
		text_free(&cell);
	}
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->references - answer->rows.count);
	return status;
}

static int show_text(struct report *report, uint64_t address, const struct word_holders_answer *answer)
{
	text_format(report->text, "0x%" PRIx64 "   %s\n  ", address, state_words(answer->state));
	units_noun(report->text, answer->references, "reference");
	text_add(report->text, " to it\n");
	return answer->rows.count > 0 ? show_table(report, answer) : OK;
}

static void show_json(struct report *report, uint64_t address, const struct word_holders_answer *answer)
{
	struct json *json = &report->json;
	json_object(json, NULL);
	json_address(json, "address", address);
	json_string(json, "error", state_words(answer->state));
	json_array(json, "referrers");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct word_holder *row = &answer->rows.items[i];
		json_object(json, NULL);
		json_address_or_null(json, "address", row->address);
		json_string(json, "type", row->type != NULL ? row->type->name : "root");
		json_text(json, "label", &row->label);
		json_bool(json, "is_root", row->address == 0);
		json_text(json, "name", &row->name);
		json_object_end(json);
	}
	json_array_end(json);
	json_number(json, "total", answer->references);
	json_object_end(json);
}

int word_holders_show(struct report *report, size_t index, void *context)
{
	const struct word_holders_question question = { .address = report->targets[index],
		                                        .limit = report->request->limit };
	struct word_holders_answer answer;
	(void)context;
	int status = query_word_holders(&report->query, &question, &answer);
	if (status >= 0 && answer.references == 0 && report_is_other_memory(report, index)) {
		uint64_t owner;
		status = address_at_show(report, index, true, &owner);
		address_at_end(report);
	} else if (status >= 0 && answer.references == 0) {
		(void)report_decode_target(report, index); /* says that it is no object */
	} else if (status >= 0 && report_is_json(report)) {
		show_json(report, question.address, &answer);
	} else if (status >= 0) {
		if (index > 0)
			text_add(report->text, "\n");
		status = show_text(report, question.address, &answer);
	}
	word_holders_answer_clear(&answer);
	return status;
}
