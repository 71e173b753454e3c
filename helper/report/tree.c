/* SPDX-License-Identifier: MIT */
#include "report/tree.h"

#include <inttypes.h>

#include "query/tree.h"
#include "render/table.h"
#include "render/units.h"

enum {
	TREE_ROWS = 8, /* rows of one level, where --limit does not say */
	TREE_SMALLEST = 100, /* a row below 1/100 of the whole is folded, unless --limit says how many rows */
};

static void json_group(struct json *json, const struct tree_group *group, const char *key)
{
	json_object(json, key);
	json_string(json, "label", tree_group_name(group));
	json_string(json, "type", group->type->name);
	json_number(json, "count", group->count);
	json_number(json, "deep", group->bytes);
	json_array(json, "children");
	for (const struct tree_group *child = group->first; child != NULL; child = child->next)
		json_group(json, child, NULL);
	json_array_end(json);
	json_object_end(json);
}

struct drawing {
	struct report *report;
	struct table *table;
	uint64_t whole;
	uint64_t rows; /* of one level */
	uint64_t smallest; /* bytes of a row */
};

static struct table_row *add_row(struct drawing *drawing, struct table_row *parent, uint64_t bytes, uint64_t count,
                                 struct text *name)
{
	struct table_row *row = table_add_row(drawing->table, parent);
	struct text cell = { .bytes = NULL };
	units_percent(&cell, bytes, drawing->whole);
	text_add(&cell, "%");
	table_take(drawing->table, row, 0, &cell);
	report_bytes(drawing->report, &cell, bytes);
	table_take(drawing->table, row, 1, &cell);
	units_count(&cell, count);
	table_take(drawing->table, row, 2, &cell);
	table_take(drawing->table, row, 3, name);
	text_free(&cell);
	return row;
}

static void draw_folded(struct drawing *drawing, const struct tree_group *first, struct table_row *parent)
{
	struct text name = { .bytes = NULL };
	uint64_t bytes = 0, objects = 0;
	uint32_t count = 0;
	for (const struct tree_group *child = first; child != NULL; child = child->next, count++) {
		bytes += child->bytes;
		objects += child->count;
	}
	text_format(&name, "... %" PRIu32 " more", count);
	(void)add_row(drawing, parent, bytes, objects, &name);
	text_free(&name);
}

static void draw_group(struct drawing *drawing, const struct tree_group *group, struct table_row *parent);

static void draw_children(struct drawing *drawing, const struct tree_group *group, struct table_row *parent)
{
	const struct tree_group *child = group->first;
	for (uint64_t rows = 0; child != NULL; child = child->next, rows++) {
		const bool is_shown = rows < drawing->rows && child->bytes >= drawing->smallest;
		/* A single one is not folded away. */
		if (!is_shown && child->next != NULL)
			break;
		draw_group(drawing, child, parent);
	}
	if (child != NULL)
		draw_folded(drawing, child, parent);
	struct text name = { .bytes = NULL };
	if (group->first != NULL) {
		text_add(&name, group->own_count == 1 ? "(the object itself)" : "(the objects themselves)");
		(void)add_row(drawing, parent, group->own, group->own_count, &name);
	}
	text_free(&name);
}

static void draw_group(struct drawing *drawing, const struct tree_group *group, struct table_row *parent)
{
	struct text name = { .bytes = NULL };
	if (parent != NULL)
		text_format(&name, "%s: ", tree_group_name(group));
	names_type(&name, group->type);
	struct table_row *row = add_row(drawing, parent, group->bytes, group->count, &name);
	if (row != NULL)
		draw_children(drawing, group, row); /* as deep as the answer: few levels */
	text_free(&name);
}

static int draw(struct report *report, const struct tree_group *root, const struct walk_result *whole)
{
	static const struct table_column columns[] = {
		{ "%", TABLE_RIGHT },
		{ "Deep", TABLE_RIGHT },
		{ "Objects", TABLE_RIGHT },
		{ "Reached through", TABLE_TREE | TABLE_ELASTIC },
	};
	const struct request *request = report->request;
	const bool limited = request_has(request, OPTION_LIMIT);
	struct drawing drawing = { .report = report,
		                   .whole = whole->bytes,
		                   .rows = limited ? request->limit : TREE_ROWS };
	drawing.smallest = limited ? 0 : whole->bytes / TREE_SMALLEST;
	if (request->min_bytes > drawing.smallest)
		drawing.smallest = request->min_bytes;
	drawing.table = table_create(columns, 4, report->style.width, true);
	if (drawing.table == NULL)
		return query_no_memory(&report->query, "the tree");
	draw_group(&drawing, root, NULL);
	text_add(report->text, "\n");
	int status = table_draw(drawing.table, report->text, report->error);
	table_destroy(drawing.table);
	text_add(report->text, "Each object is counted once, in the first row that reached it.\n");
	if (root->bytes != whole->bytes)
		text_format(report->text, "The rows add up to %" PRIu64 " bytes, not to the deep size.\n", root->bytes);
	return status;
}

int tree_show(struct report *report, uint64_t object, const struct walk_result *whole)
{
	const struct tree_question question = { .object = object, .policy = report->request->policy };
	struct tree_answer answer;
	int status = query_tree(&report->query, &question, &answer), shown = OK;
	if (answer.root != NULL && report_is_json(report))
		json_group(&report->json, answer.root, "tree");
	else if (answer.root != NULL)
		shown = draw(report, answer.root, whole);
	tree_answer_clear(&answer);
	return status < 0 ? status : shown;
}
