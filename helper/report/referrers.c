/* SPDX-License-Identifier: MIT
 * referrers: who holds an object, reference by reference, and whether its reference count is all accounted for. */
#include "query/referrers.h"

#include <inttypes.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"
#include "report/held_from_c.h"
#include "report/report.h"
#include "report/word_holders.h"

/* ---- Text ---- */

static void add_line(struct table *table, const struct referrers_answer *answer, const struct referrer_row *row)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	text_add(&cell, "  ");
	names_escape(&cell, row->type, strlen(row->type), false);
	table_take(table, line, 0, &cell);
	if (row->address != 0)
		text_format(&cell, "0x%" PRIx64, row->address);
	table_take(table, line, 1, &cell);
	text_add(&cell, words_at(&answer->words, row->label));
	reference_quote_local(&cell);
	table_take(table, line, 2, &cell);
	table_set(table, line, 3, words_at(&answer->words, row->name));
	text_free(&cell);
}

static int show_table(struct report *report, const struct referrers_answer *answer)
{
	static const struct table_column columns[] = {
		{ "  Type", 0 }, { "Address", 0 }, { "Reference", 0 }, { "Of", TABLE_ELASTIC }
	};
	if (answer->total == answer->left_out)
		return OK;
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "the referrers");
	for (size_t i = 0; i < answer->rows.count; i++)
		add_line(table, answer, &answer->rows.items[i]);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* "... 1,204 more referrers; of all: 812 dict, 300 list, ..." */
static void show_more(struct text *text, const struct referrers_answer *answer)
{
	if (answer->left_out == 0)
		return;
	text_add(text, "  ... ");
	units_noun(text, answer->left_out, "more referrer");
	text_add(text, " (-n 0 shows all); of all:");
	for (uint32_t i = 0; i < REFERRERS_TYPES && answer->types[i].count > 0; i++) {
		text_add(text, i > 0 ? ", " : " ");
		units_count(text, answer->types[i].count);
		text_add(text, " ");
		names_type(text, answer->types[i].type);
	}
	text_add(text, "\n");
}

/* "refcount 3: all accounted for" */
static void say_account(const struct referrers_answer *answer, struct text *text)
{
	const uint64_t found = answer->found;
	if (answer->refcount == REFCOUNT_IMMORTAL) {
		text_add(text, "immortal: references to it are not counted");
		return;
	}
	if (answer->refcount < 0) {
		text_add(text, "reference count unreadable");
		return;
	}
	const uint64_t count = (uint64_t)answer->refcount;
	text_format(text, "refcount %" PRIu64, count);
	if (found == count) {
		text_add(text, ": all accounted for");
	} else if (answer->is_free_threaded) {
		text_format(text, ", found %" PRIu64 "; in a free-threaded build the two need not agree", found);
	} else if (found < count) {
		text_format(text, ", found %" PRIu64 ": %" PRIu64 " reference%s from C code or unreadable memory",
		            found, count - found, count - found == 1 ? " comes" : "s come");
	} else {
		text_format(text, ", found %" PRIu64 ": more than are counted", found);
	}
	if (answer->sharing > 0) {
		text_add(text, "; ");
		units_noun(text, answer->sharing, "more dict");
		text_add(text, answer->sharing == 1 ? " shares its keys with others" : " share their keys with others");
	}
}

static int show_text(struct report *report, size_t index, const struct referrers_answer *answer)
{
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	/* By the name that the heap gives it, however it was asked for. */
	text_format(text, "%s   0x%" PRIx64, text_string(&answer->description), answer->address);
	if (answer->name.length > 0)
		text_format(text, "   %s", text_string(&answer->name));
	text_add(text, "\n  ");
	units_noun(text, answer->total, "referrer");
	text_add(text, "   ");
	say_account(answer, text);
	text_add(text, "\n");
	int status = show_table(report, answer);
	show_more(text, answer);
	if (answer->unreachable > 0) {
		text_add(text, "  ");
		units_noun(text, answer->unreachable, "reference");
		text_add(text, " of unreachable objects (garbage says what a collection would free)\n");
	}
	report_next(report, "path object", answer->address);
	return status;
}

/* ---- JSON ---- */

static void json_row(struct json *json, const struct referrers_answer *answer, const struct referrer_row *row)
{
	json_object(json, NULL);
	json_address_or_null(json, "address", row->address);
	json_string(json, "type", row->type);
	json_string(json, "label", words_at(&answer->words, row->label));
	json_bool(json, "hidden", row->is_hidden);
	json_bool(json, "is_root", row->address == 0);
	json_bool(json, "reachable", row->is_reachable);
	if (row->is_named)
		json_string(json, "name", words_at(&answer->words, row->name));
	else
		json_null(json, "name");
	json_object_end(json);
}

static void show_json(struct json *json, const struct referrers_answer *answer)
{
	json_object(json, NULL);
	json_address(json, "address", answer->address);
	json_string(json, "type", answer->type != NULL ? answer->type->name : "?");
	json_array(json, "referrers");
	for (size_t i = 0; i < answer->rows.count; i++)
		json_row(json, answer, &answer->rows.items[i]);
	json_array_end(json);
	json_number(json, "total", answer->total);
	json_number(json, "found", answer->found);
	json_number(json, "sharing", answer->sharing);
	if (answer->refcount >= 0)
		json_signed(json, "refcount", answer->refcount);
	else
		json_null(json, "refcount");
	json_bool(json, "immortal", answer->refcount == REFCOUNT_IMMORTAL);
	if (answer->refcount >= 0)
		json_number(json, "not_found",
		            (uint64_t)answer->refcount > answer->found ? (uint64_t)answer->refcount - answer->found
		                                                       : 0);
	else
		json_null(json, "not_found");
	json_object_end(json);
}

/* ---- The command ---- */

static int show_one(struct report *report, size_t index, void *context)
{
	const struct bearings *bearings = context;
	const struct referrers_question question = { .object = report->targets[index],
		                                     .types = request_types(report->request),
		                                     .limit = report->request->limit,
		                                     .names_some = !report_is_json(report) };
	struct referrers_answer answer;
	int status = query_referrers(&report->query, bearings, &question, &answer), shown = OK;
	if (report_is_json(report))
		show_json(&report->json, &answer);
	else
		shown = show_text(report, index, &answer);
	referrers_answer_clear(&answer);
	return status < 0 ? status : shown;
}

int referrers_report(struct report *report)
{
	if (request_has(report->request, OPTION_FROM_C))
		return held_from_c_report(report);
	struct bearings bearings;
	int status = bearings_open(&bearings, &report->query);
	if (status == OK) {
		const struct report_targets targets = { .show = show_one,
			                                .show_bad = word_holders_show,
			                                .context = &bearings,
			                                .coverage = &bearings.heap->graph->coverage,
			                                .is_said = true };
		status = report_each_target(report, &targets);
	}
	bearings_clear(&bearings);
	return status;
}
