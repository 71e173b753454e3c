/* SPDX-License-Identifier: MIT */
#include "report/native_leads_rows.h"

#include <inttypes.h>

#include "render/table.h"
#include "render/units.h"

static void add_line(struct report *report, struct table *table, const struct native_lead *lead)
{
	struct table_row *row = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	text_format(&cell, "0x%" PRIx64, lead->block);
	table_take(table, row, 0, &cell);
	report_bytes(report, &cell, lead->bytes);
	table_take(table, row, 1, &cell);
	if (lead->at == 0)
		text_add(&cell, "decoded");
	else
		text_format(&cell, "~ word at 0x%" PRIx64, lead->at);
	if (lead->inside > 0)
		text_format(&cell, ", %" PRIu64 " bytes inside", lead->inside);
	table_take(table, row, 2, &cell);
	report->text->failed |= cell.failed;
	text_free(&cell);
}

int native_leads_table(struct report *report, const struct native_leads_answer *answer)
{
	static const struct table_column columns[] = { { "C code's block", 0 },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "Known by", TABLE_ELASTIC } };
	struct text *text = report->text;
	if (answer->count == 0)
		return OK;
	text_add(text, answer->estimated > 0 ? "  ~ " : "  ");
	units_noun(text, answer->count, "block");
	text_add(text, " of C code, ");
	report_bytes(report, text, answer->bytes);
	text_add(text, "; more may hang on these\n");
	struct table *table = table_create(columns, 3, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->rows.count; i++)
		add_line(report, table, &answer->rows.items[i]);
	const int status = table_draw(table, text, report->error);
	table_destroy(table);
	report_more(report, answer->count - answer->rows.count);
	return status;
}

void native_leads_json(struct json *json, const struct native_leads_answer *answer)
{
	json_object(json, "native_referents");
	json_number(json, "count", answer->count);
	json_number(json, "bytes", answer->bytes);
	json_bool(json, "estimate", answer->estimated > 0);
	json_array(json, "blocks");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct native_lead *lead = &answer->rows.items[i];
		json_object(json, NULL);
		json_address(json, "address", lead->block);
		json_number(json, "bytes", lead->bytes);
		json_address_or_null(json, "word", lead->at);
		json_number(json, "offset", lead->inside);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}
