/* SPDX-License-Identifier: MIT */
#include "report/path_merge.h"

#include <inttypes.h>
#include <string.h>

#include "query/path_merge.h"
#include "render/table.h"
#include "render/units.h"

enum {
	MERGE_ROWS = 8, /* of one level, where --limit does not say */
	MERGE_SMALLEST = 100, /* a row below 1/100 of the whole is folded, unless --limit says how many rows */
};

struct drawing {
	struct report *report;
	const struct path_merge_answer *answer;
	struct table *table;
	uint64_t rows, smallest;
};

static struct table_row *add_row(struct drawing *drawing, struct table_row *parent, uint64_t count, uint64_t example,
                                 struct text *words)
{
	struct table_row *row = table_add_row(drawing->table, parent);
	struct text cell = { .bytes = NULL };
	units_count(&cell, count);
	table_take(drawing->table, row, 0, &cell);
	units_percent(&cell, count, drawing->answer->groups.items[0].count);
	table_take(drawing->table, row, 1, &cell);
	if (example != 0)
		text_format(&cell, "0x%" PRIx64, example);
	table_take(drawing->table, row, 2, &cell);
	table_take(drawing->table, row, 3, words);
	text_free(&cell);
	return row;
}

/* "['SESSIONS']: dict", "values: app.models.Session (1,000,212 objects)" */
static void say_group(const struct path_group *group, struct text *words)
{
	text_add(words, path_group_name(group));
	if (group->type != NULL) {
		text_add(words, ": ");
		names_type(words, group->type);
	}
	if (group->members > 1 && group->type != NULL) {
		text_add(words, " (");
		units_noun(words, group->members, "object");
		text_add(words, ")");
	}
	if (group->repeats)
		text_add(words, ", again and again");
}

/* As deep as the answer is, which its limits say. */
static void draw_children(struct drawing *drawing, const struct path_group *group, struct table_row *parent)
{
	const struct path_group *groups = drawing->answer->groups.items;
	struct text words = { .bytes = NULL };
	uint64_t rows = 0, folded = 0, folded_count = 0;
	for (uint32_t at = group->first; at != 0; at = groups[at].next, rows++) {
		const struct path_group *child = &groups[at];
		/* The first row of all is always there. */
		if ((rows > 0 || parent != NULL) && (rows >= drawing->rows || child->count < drawing->smallest)) {
			folded++;
			folded_count += child->count;
			continue;
		}
		say_group(child, &words);
		struct table_row *row = add_row(drawing, parent, child->count, child->example, &words);
		draw_children(drawing, child, row);
	}
	if (folded > 0) {
		text_format(&words, "... %" PRIu64 " more", folded);
		(void)add_row(drawing, parent, folded_count, 0, &words);
	}
	text_free(&words);
}

static int show_text(struct report *report, const struct path_merge_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Count", TABLE_RIGHT }, { "%", TABLE_RIGHT }, { "Example", 0 }, { "Path", TABLE_TREE | TABLE_ELASTIC }
	};
	struct text *text = report->text;
	const bool limited = request_has(report->request, OPTION_LIMIT);
	units_noun(text, answer->found, "object");
	text_add(text, " of type ");
	names_escape(text, report->request->merge, strlen(report->request->merge), false);
	text_add(text, answer->measure == SIZE_NATIVE ? ", ~" : ", ");
	report_bytes(report, text, answer->bytes);
	text_format(text, " %s: a shortest path to each, merged by type and reference\n",
	            size_measure_name(answer->measure));
	struct drawing drawing = { .report = report,
		                   .answer = answer,
		                   .rows = limited ? report->request->limit : MERGE_ROWS };
	drawing.smallest = limited ? 0 : answer->groups.items[0].count / MERGE_SMALLEST;
	drawing.table = table_create(columns, 4, report->style.width, true);
	if (drawing.table == NULL)
		return query_no_memory(&report->query, "merged paths");
	int status = OK;
	if (answer->groups.items[0].count > 0) {
		draw_children(&drawing, &answer->groups.items[0], NULL);
		status = table_draw(drawing.table, text, report->error);
	}
	table_destroy(drawing.table);
	if (answer->not_reached > 0) {
		text_add(text, "No root reaches ");
		units_count(text, answer->not_reached);
		text_add(text, " of them: garbage says what a collection would free.\n");
	}
	report_coverage(report, &answer->coverage);
	return status;
}

static void json_group(struct json *json, const struct path_group *group)
{
	json_object(json, NULL);
	json_string(json, "label", path_group_name(group));
	if (group->type != NULL)
		json_string(json, "type", group->type->name);
	else
		json_null(json, "type");
	json_number(json, "count", group->count);
	json_number(json, "ends", group->ends);
	json_number(json, "members", group->members);
	json_address_or_null(json, "example", group->example);
	json_bool(json, "repeats", group->repeats);
	json_number(json, "depth", group->depth);
	json_number(json, "parent", group->parent);
	json_object_end(json);
}

/* Flat, since a tree may be deeper than what readers of JSON take: parents are indexes, 0 is the first. */
static void show_json(struct report *report, const struct path_merge_answer *answer)
{
	struct json *json = &report->json;
	report_json_begin(report);
	json_string(json, "merge", report->request->merge);
	json_number(json, "count", answer->found);
	json_number(json, "unreachable", answer->not_reached);
	json_array(json, "groups");
	for (size_t i = 0; i < answer->groups.count; i++)
		json_group(json, &answer->groups.items[i]);
	json_array_end(json);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int path_merge_report(struct report *report)
{
	const struct path_merge_question question = { .type = report->request->merge };
	struct path_merge_answer answer;
	int status = query_path_merge(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	path_merge_answer_clear(&answer);
	return status;
}
