/* SPDX-License-Identifier: MIT
 * referents: every strong reference that an object owns, in the order in which the object holds them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/referents.h"
#include "render/table.h"
#include "render/units.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_ORDER, SORT_SHALLOW, SORT_TYPE };

static int compare_order(const void *left_row, const void *right_row)
{
	const struct referent *left = left_row, *right = right_row;
	if (left->run != right->run)
		return left->run < right->run ? -1 : 1;
	return left->slot < right->slot ? -1 : left->slot > right->slot;
}

static int compare_shallow(const void *left_row, const void *right_row)
{
	const struct referent *left = left_row, *right = right_row;
	int order = report_compare_bytes(left->shallow, left->address, right->shallow, right->address);
	return order != 0 ? order : compare_order(left_row, right_row);
}

static int compare_type(const void *left_row, const void *right_row)
{
	const struct referent *left = left_row, *right = right_row;
	int order = strcmp(left->type != NULL ? left->type->name : "", right->type != NULL ? right->type->name : "");
	return order != 0 ? order : compare_order(left_row, right_row);
}

/* Of a type that the collector does not traverse, gc.get_referents() sees nothing. */
static bool is_hidden(const struct report *report, const struct run *run)
{
	const struct decoded *out = &report->decoder->out;
	return run->flags & RUN_HIDDEN || (out->type != NULL && out->type->flags & TYPE_NOT_TRAVERSED);
}

/* Type and size of what a slot refers to. */
static struct referent look_at(struct report *report, uint32_t run, uint64_t slot, uint64_t address)
{
	struct referent referent = { .address = address, .run = run, .slot = slot };
	referent.hidden = is_hidden(report, &report->decoder->out.runs.items[run]);
	if (decode_object(report->naming, address)) {
		referent.type = report->naming->out.type;
		referent.shallow = report->naming->out.shallow;
	}
	return referent;
}

static bool passes(const struct request *request, const struct referent *referent)
{
	const bool filtered = request->type != NULL || request->module != NULL;
	if (filtered && (referent->type == NULL || !request_matches_type(request, referent->type->name)))
		return false;
	return referent->shallow >= request->min_bytes;
}

static int gather_run(struct report *report, uint32_t index, struct referents *referents)
{
	const struct request *request = report->request;
	const struct run *run = &report->decoder->out.runs.items[index];
	/* Rows beyond the limit are only counted, unless they have to be compared. */
	const bool all = request->sort != SORT_ORDER || request->type != NULL || request->module != NULL ||
	                 request->min_bytes > 0;
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (slot % PROGRESS_INTERVAL == 0 && report_is_cancelled(report))
			return report_cancelled(report);
		const uint64_t address = run_target(run, slot);
		if (address == 0)
			continue;
		referents->total++;
		referents->hidden += is_hidden(report, run);
		if (!all && referents->rows.count >= request->limit)
			continue;
		const struct referent referent = look_at(report, index, slot, address);
		if (!passes(request, &referent))
			continue;
		referents->matching++;
		referents->bad += referent.type == NULL;
		if (!array_push(&referents->rows, referent))
			return error_set(report->error, ERROR_NO_MEMORY, "out of memory for %zu references",
			                 referents->rows.count);
	}
	return OK;
}

int referents_gather(struct report *report, struct referents *referents)
{
	*referents = (struct referents){ .total = 0 };
	int status = OK;
	for (uint32_t i = 0; i < report->decoder->out.runs.count && status == OK; i++)
		status = gather_run(report, i, referents);
	if (referents->rows.count > 1 && report->request->sort != SORT_ORDER)
		qsort(referents->rows.items, referents->rows.count, sizeof *referents->rows.items,
		      report->request->sort == SORT_SHALLOW ? compare_shallow : compare_type);
	return status;
}

void referents_clear(struct referents *referents)
{
	array_free(&referents->rows);
}

static void add_line(struct report *report, const struct referent *referent, struct table *table)
{
	const struct run *run = &report->decoder->out.runs.items[referent->run];
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	text_format(&cell, "0x%" PRIx64, referent->address);
	table_take(table, line, 0, &cell);
	if (referent->type != NULL)
		report_bytes(report, &cell, referent->shallow);
	table_take(table, line, 1, &cell);
	names_label(report->naming, run, referent->slot, &report->names, &cell);
	if (referent->hidden)
		text_add(&cell, " (hidden)");
	table_take(table, line, 2, &cell);
	if (referent->type != NULL)
		names_describe(report->naming, referent->address, &report->names, &cell);
	else
		text_add(&cell, "not an object");
	table_take(table, line, 3, &cell);
	text_free(&cell);
}

int referents_table(struct report *report, const struct referents *referents)
{
	static const struct table_column columns[] = {
		{ "Address", 0 },
		{ "Shallow", TABLE_RIGHT },
		{ "Reference", 0 },
		{ "Object", TABLE_ELASTIC },
	};
	if (referents->rows.count == 0)
		return OK;
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	const uint64_t limit = report->request->limit;
	for (size_t i = 0; i < referents->rows.count && i < limit; i++)
		add_line(report, &referents->rows.items[i], table);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	/* What the limit cut off: counted only (total), or gathered and filtered (matching). */
	const bool filtered =
	        report->request->type != NULL || report->request->module != NULL || report->request->min_bytes > 0;
	const uint64_t all = filtered ? referents->matching : referents->total;
	if (all > limit) {
		text_add(report->text, "... ");
		units_count(report->text, all - limit);
		text_add(report->text, " more (-n 0 shows all)\n");
	}
	return status;
}

void referents_json(struct report *report, const struct referents *referents)
{
	struct json *json = &report->json;
	struct text label = { .bytes = NULL };
	const uint64_t limit = report->request->limit;
	json_array(json, "referents");
	for (size_t i = 0; i < referents->rows.count && i < limit; i++) {
		const struct referent *referent = &referents->rows.items[i];
		const struct run *run = &report->decoder->out.runs.items[referent->run];
		text_reset(&label);
		names_label(report->naming, run, referent->slot, &report->names, &label);
		json_object(json, NULL);
		json_address(json, "address", referent->address);
		if (referent->type != NULL)
			json_string(json, "type", referent->type->name);
		else
			json_null(json, "type");
		json_text(json, "label", &label);
		json_bool(json, "hidden", referent->hidden);
		json_number(json, "shallow", referent->shallow);
		json_object_end(json);
	}
	json_array_end(json);
	report->text->failed |= label.failed;
	text_free(&label);
}

static int show_one(struct report *report, size_t index, void *context)
{
	(void)context;
	struct referents referents;
	int status = referents_gather(report, &referents);
	if (report_is_json(report)) {
		json_object(&report->json, NULL);
		json_address(&report->json, "address", report->targets[index]);
		json_string(&report->json, "type", report->decoder->out.type->name);
		referents_json(report, &referents);
		json_number(&report->json, "total", referents.total);
		json_bool(&report->json, "approximate", (report->decoder->out.flags & DECODED_APPROXIMATE) != 0);
		json_object_end(&report->json);
	} else {
		struct text *text = report->text;
		if (index > 0)
			text_add(text, "\n");
		report_title(report, index, true);
		text_add(text, "  ");
		units_noun(text, referents.total, "reference");
		if (referents.hidden > 0) {
			text_add(text, ", ");
			units_count(text, referents.hidden);
			text_add(text, " of them hidden from gc.get_referents()");
		}
		text_add(text, "\n");
		int drawn = referents_table(report, &referents);
		status = status < 0 ? status : drawn;
		report_flags(report, &report->decoder->out);
		const uint64_t next = referents.rows.count > 0 ? referents.rows.items[0].address : 0;
		if (next != 0)
			report_next(report, "object deepsize", next);
	}
	if ((report->decoder->out.flags & DECODED_UNREADABLE) != 0)
		report->exit_status = EXIT_PARTIAL;
	referents_clear(&referents);
	return status;
}

int referents_report(struct report *report)
{
	const struct report_targets targets = { .show = show_one };
	return report_each_target(report, &targets);
}
