/* SPDX-License-Identifier: MIT
 * path: why an object is alive: the shortest ways to it from a root, reference by reference. */
#include "query/path.h"

#include <inttypes.h>

#include "render/table.h"
#include "render/units.h"
#include "report/address_at.h"
#include "report/losses.h"
#include "report/path_merge.h"
#include "report/report.h"

/* What all targets share. */
struct search {
	struct bearings bearings;
	uint64_t through; /* address; 0: any way */
};

/* ---- Text ---- */

static void add_share(struct report *report, const struct path_answer *answer, uint64_t bytes, struct text *cell)
{
	text_add(cell, "   ← ");
	if (bytes / 10 < answer->heap_bytes / 10000) {
		report_bytes(report, cell, bytes);
		text_add(cell, " held here");
	} else {
		units_percent(cell, bytes, answer->heap_bytes);
		text_add(cell, "% of the heap is held here");
	}
}

/* next: the step that it leads to; NULL of the object asked about. */
static void add_step(struct report *report, struct table *table, const struct path_answer *answer,
                     const struct path_step *step, const struct path_step *next)
{
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	if (step->left_out > 0) {
		text_add(&cell, "  ... ");
		units_noun(&cell, step->left_out, "step");
		table_take(table, line, 0, &cell);
		table_set(table, line, 2, "(-n 0 shows all)");
		text_free(&cell);
		return;
	}
	text_add(&cell, next == NULL ? "  → " : "  ");
	names_type(&cell, step->type);
	if (step->frame.length > 0)
		text_format(&cell, " of %s", text_string(&step->frame));
	table_take(table, line, 0, &cell);
	text_format(&cell, "0x%" PRIx64, step->address);
	table_take(table, line, 1, &cell);
	if (next != NULL) {
		text_add(&cell, next->has_label ? text_string(&next->label) : "?");
		reference_quote_local(&cell);
	}
	if (step->accumulates)
		add_share(report, answer, step->retained, &cell);
	table_take(table, line, 2, &cell);
	text_free(&cell);
}

static int show_path(struct report *report, const struct path_answer *answer, size_t index)
{
	static const struct table_column columns[] = { { "", 0 }, { "", 0 }, { "", TABLE_ELASTIC } };
	const struct path_row *row = &answer->paths.items[index];
	struct table *table = table_create(columns, 3, report->style.width, false);
	if (table == NULL)
		return query_no_memory(&report->query, "paths");
	if (answer->paths.count > 1)
		text_format(report->text, "%sPath %zu of %zu, %" PRIu64 " step%s\n", index > 0 ? "\n" : "", index + 1,
		            answer->paths.count, row->step_count, row->step_count == 1 ? "" : "s");
	text_format(report->text, "  root  %s\n", text_string(&row->root));
	for (size_t i = 0; i < row->steps.count; i++)
		add_step(report, table, answer, &row->steps.items[i],
		         i + 1 < row->steps.count ? &row->steps.items[i + 1] : NULL);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* "Path from a root to app.models.Session   0x7f319ab4c6d0   app.cache.SESSIONS['x'], retains 1.3 KiB" */
static void show_title(struct report *report, const struct path_answer *answer, size_t index)
{
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	text_format(text, "%s   0x%" PRIx64, text_string(&answer->description), answer->address);
	if (answer->name.length > 0)
		text_format(text, "   %s", text_string(&answer->name));
	text_add(text, "\n  retains ");
	report_bytes(report, text, answer->retained);
}

static void say_how_many(struct report *report, const struct path_answer *answer, bool is_through)
{
	struct text *text = report->text;
	if (answer->paths.count == 0)
		text_add(text, is_through ? "; no path from a root passes that object\n"
		                          : "; no path from a root was found\n");
	else if (answer->paths.count == 1)
		text_format(text, "; the shortest path from a root%s:\n", is_through ? " through that object" : "");
	else
		text_format(text, "; the %zu shortest paths from roots:\n", answer->paths.count);
}

static void say_others(struct report *report, const struct path_answer *answer)
{
	struct text *text = report->text;
	if (answer->has_next) {
		text_format(text, "The next path: %s, ", text_string(&answer->next.beginning));
		units_noun(text, answer->next.steps, "step");
		text_add(text, "; -k N shows more\n");
	} else if (answer->paths.count > 0) {
		text_add(text, losses_are_there(report) || coverage_is_partial(&answer->coverage)
		                       ? "There is no other path in what is known.\n"
		               : answer->paths.count == 1 ? "There is no other path.\n"
		                                          : "There are no other paths.\n");
	}
}

static void show_footer(struct report *report, const struct path_answer *answer)
{
	struct text *text = report->text;
	if (answer->referrers > 1) {
		units_noun(text, answer->referrers, "referrer");
		text_add(text, " in all.\n");
	}
	if (answer->is_held_from_c && !answer->is_last_resort)
		text_add(text, "C code holds it too: its reference count is larger than the references found.\n");
	report_measure_line(report);
	report_next(report, "referrers object deepsize:-t", report->targets[0]);
}

static int show_text(struct report *report, const struct path_answer *answer, size_t index, bool is_through)
{
	show_title(report, answer, index);
	say_how_many(report, answer, is_through);
	for (size_t i = 0; i < answer->paths.count; i++)
		TRY(show_path(report, answer, i));
	if (!is_through)
		say_others(report, answer);
	if (index + 1 == report->request->targets.count)
		show_footer(report, answer);
	return OK;
}

/* What nothing leads to. */
static void show_unreachable(struct report *report, const struct path_answer *answer, size_t index)
{
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(report, index, &answer->description, answer->refcount);
	text_add(text,
	         answer->is_known
	                 ? "  no root leads to it: garbage says whether a collection would free it\n"
	                 : "  no root leads to it, and the garbage collector does not know it: freed, or C code's "
	                   "alone\n");
	report_next(report, "referrers object", answer->address);
}

/* ---- JSON ---- */

static void json_path(struct json *json, const struct path_row *row)
{
	json_object(json, NULL);
	json_text(json, "root", &row->root);
	json_string(json, "root_kind", row->root_kind);
	json_array(json, "steps");
	for (size_t i = 0; i < row->steps.count; i++) {
		const struct path_step *step = &row->steps.items[i];
		json_object(json, NULL);
		json_address(json, "address", step->address);
		if (step->type != NULL)
			json_string(json, "type", step->type->name);
		else
			json_null(json, "type");
		json_text(json, "label", &step->label);
		json_number(json, "retained", step->retained);
		json_bool(json, "accumulates", step->accumulates);
		json_object_end(json);
	}
	json_array_end(json);
	/* Where --limit cut the end of a longer one, how much is not there. */
	json_number(json, "left_out", row->step_count - row->steps.count);
	json_object_end(json);
}

static void json_paths(struct json *json, const struct path_answer *answer)
{
	json_array(json, "paths");
	for (size_t i = 0; i < answer->paths.count; i++)
		json_path(json, &answer->paths.items[i]);
	json_array_end(json);
}

static void show_json(struct json *json, const struct path_answer *answer)
{
	json_object(json, NULL);
	json_address(json, "address", answer->address);
	json_string(json, "type", answer->type != NULL ? answer->type->name : "?");
	if (answer->name.length > 0)
		json_text(json, "name", &answer->name);
	else
		json_null(json, "name");
	json_bool(json, "reachable", answer->is_reachable);
	if (answer->is_reachable)
		json_number(json, "retained", answer->retained);
	else
		json_null(json, "retained");
	json_paths(json, answer);
	json_object_end(json);
}

/* ---- The command ---- */

static struct path_question question_of(const struct report *report, const struct search *search, uint64_t object)
{
	const bool is_json = report_is_json(report);
	return (struct path_question){
		.object = object,
		.through = search->through,
		.count = report->request->paths,
		.step_limit = report->request->limit,
		.cuts_end = is_json,
		.with_next = !is_json,
	};
}

static int show_one(struct report *report, size_t index, void *context)
{
	const struct search *search = context;
	const struct path_question question = question_of(report, search, report->targets[index]);
	struct path_answer answer;
	int status = query_path(&report->query, &search->bearings, &question, &answer);
	if (report_is_json(report))
		show_json(&report->json, &answer);
	else if (!answer.is_reachable && status == OK)
		show_unreachable(report, &answer, index);
	else if (status == OK)
		status = show_text(report, &answer, index, search->through != 0);
	path_answer_clear(&answer);
	return status;
}

/* Of memory that is no object: what it is, and the paths to the object that has it. */
static int show_other(struct report *report, size_t index, void *context)
{
	const struct search *search = context;
	struct path_answer answer = { .address = 0 };
	uint64_t owner;
	if (!report_is_other_memory(report, index)) {
		(void)report_decode_target(report, index); /* says what is wrong with it */
		return OK;
	}
	int status = address_at_show(report, index, false, &owner);
	if (status >= 0 && owner != 0) {
		const struct path_question question = question_of(report, search, owner);
		status = query_path(&report->query, &search->bearings, &question, &answer);
	}
	if (status >= 0 && report_is_json(report))
		json_paths(&report->json, &answer);
	else if (status >= 0 && answer.is_reachable)
		status = show_text(report, &answer, 1, search->through != 0); /* an empty line before it */
	address_at_end(report);
	path_answer_clear(&answer);
	return status;
}

int path_report(struct report *report)
{
	const struct request *request = report->request;
	struct search search = { .through = 0 };
	if (request->through != NULL)
		TRY(names_resolve(report->naming, request->through, &report->names, &search.through, report->error));
	if (request->merge != NULL)
		return path_merge_report(report);
	int status = bearings_open(&search.bearings, &report->query);
	if (status == OK) {
		const struct report_targets targets = { .show = show_one,
			                                .show_bad = show_other,
			                                .context = &search,
			                                .coverage = &search.bearings.heap->graph->coverage,
			                                .is_said = true };
		status = report_each_target(report, &targets);
	}
	bearings_clear(&search.bearings);
	return status;
}
