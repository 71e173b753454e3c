/* SPDX-License-Identifier: MIT
 * top: the dominator tree from the top. Interpreters, threads and sys.modules hold everything and say nothing: their
 * children are the branches. A branch is followed down while one child holds most of it; small siblings of one type
 * are one row. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "report/heap.h"
#include "query/naming.h"
#include "render/table.h"
#include "render/units.h"

enum {
	FOLLOW_PERCENT = 70, /* a child with that much of its parent is where the memory is */
	SMALLEST = 100, /* a row of its own: 1/100 of what the level holds */
	JSON_ROWS = 1000, /* where --limit does not say */
	TREE_DEPTH = 3, /* levels below a row */
	TREE_ROWS = 6, /* rows of one level */
	TREE_SMALLEST = 1000, /* below 1/1000 of the heap nothing is drawn by itself */
};

struct branch {
	ARRAY(uint32_t) members; /* numbers of the dominator tree; several: siblings of one type */
	const struct type_info *type; /* NULL: a frame */
	uint32_t largest; /* of the members */
	uint32_t start; /* where following it down began */
	uint32_t depth; /* in the dominator tree, the process is 0 */
	uint64_t retained; /* bytes */
};

struct level {
	ARRAY(struct branch) branches; /* largest first */
};

struct top {
	struct report *report;
	const struct retained *heap;
	struct naming *naming;
	struct address_map modules; /* the dicts sys.modules */
	struct address_map groups; /* of the level being opened: type object to index of its branch */
	uint64_t steps;
	uint64_t first; /* address of the first row */
};

static int no_memory(struct top *top)
{
	return error_set(top->report->error, ERROR_NO_MEMORY, "out of memory for the top of the dominator tree");
}

static int check_cancel(struct top *top)
{
	if (++top->steps % PROGRESS_INTERVAL == 0 && report_is_cancelled(top->report))
		return report_cancelled(top->report);
	return OK;
}

static uint64_t address_of(const struct top *top, uint32_t number)
{
	uint32_t holder;
	uint64_t address = retained_node(top->heap, number, &holder);
	return address != 0 ? address : top->heap->graph->roots.holders.items[holder].address;
}

/* Whether a number only stands for "everything below". */
static bool is_transparent(const struct top *top, uint32_t number)
{
	uint32_t holder;
	uint64_t address = retained_node(top->heap, number, &holder);
	if (address == 0)
		return top->heap->graph->roots.holders.items[holder].kind != HOLDER_FRAME;
	return address_map_get(&top->modules, address) != ADDRESS_MAP_NONE;
}

/* ---- Branches ---- */

static void level_clear(struct level *level)
{
	for (size_t i = 0; i < level->branches.count; i++)
		array_free(&level->branches.items[i].members);
	array_free(&level->branches);
}

/* Adds number to the branch of its type, or as one of its own. */
static int add_number(struct top *top, struct level *level, uint32_t number, uint32_t depth, uint64_t smallest)
{
	const uint64_t retained = top->heap->bytes[number];
	const struct type_info *type = reference_type(naming_references(top->naming), number);
	uint32_t index = ADDRESS_MAP_NONE;
	if (retained < smallest && type != NULL)
		index = address_map_get(&top->groups, type->address);
	if (index == ADDRESS_MAP_NONE) {
		struct branch branch = { .type = type, .largest = number, .start = number, .depth = depth };
		index = (uint32_t)level->branches.count;
		if (!array_push(&level->branches, branch))
			return no_memory(top);
		if (retained < smallest && type != NULL && !address_map_set(&top->groups, type->address, index))
			return no_memory(top);
	}
	struct branch *branch = &level->branches.items[index];
	if (!array_push(&branch->members, number))
		return no_memory(top);
	if (retained > top->heap->bytes[branch->largest])
		branch->largest = number;
	branch->retained += retained;
	return check_cancel(top);
}

/* A single object's branch goes down to where its memory fans out. */
static void follow(const struct top *top, struct branch *branch)
{
	const struct dominator_children *children = &top->heap->children;
	uint32_t number = branch->members.items[0];
	if (branch->members.count != 1)
		return;
	for (;;) {
		uint32_t largest = 0;
		for (uint32_t child = children->first[number]; child != 0; child = children->next[child])
			if (largest == 0 || top->heap->bytes[child] > top->heap->bytes[largest])
				largest = child;
		/* in units of 100 bytes: no product can wrap */
		if (largest == 0 || (top->heap->bytes[largest] + 99) / 100 <
		                            (top->heap->bytes[number] + 99) / 100 * FOLLOW_PERCENT / 100)
			break;
		number = largest;
		branch->depth++;
	}
	branch->members.items[0] = branch->largest = number;
	branch->retained = top->heap->bytes[number];
	branch->type = reference_type(naming_references(top->naming), number);
}

static int compare_branches(const void *left_branch, const void *right_branch)
{
	const struct branch *left = left_branch, *right = right_branch;
	return report_compare_bytes(left->retained, left->largest, right->retained, right->largest);
}

/* The branches below some numbers; transparent ones are opened as well where `opens`. */
static int open_level(struct top *top, const uint32_t *parents, size_t parent_count, uint32_t depth, uint64_t whole,
                      bool opens, struct level *level)
{
	struct opened {
		uint32_t number, depth;
	};
	ARRAY(struct opened) stack = { 0 };
	int status = OK;
	address_map_clear(&top->groups);
	for (size_t i = 0; status == OK && i < parent_count; i++) {
		if (!array_push(&stack, (struct opened){ parents[i], depth }))
			status = no_memory(top);
		while (status == OK && stack.count > 0) {
			const struct opened here = stack.items[--stack.count];
			uint32_t child = top->heap->children.first[here.number];
			for (; status == OK && child != 0; child = top->heap->children.next[child]) {
				if (!opens || !is_transparent(top, child))
					status = add_number(top, level, child, here.depth + 1, whole / SMALLEST);
				else if (!array_push(&stack, (struct opened){ child, here.depth + 1 }))
					status = no_memory(top);
			}
		}
	}
	array_free(&stack);
	for (size_t i = 0; i < level->branches.count; i++)
		follow(top, &level->branches.items[i]);
	if (level->branches.count > 1)
		qsort(level->branches.items, level->branches.count, sizeof *level->branches.items, compare_branches);
	return status;
}

static bool passes(const struct request *request, const struct branch *branch)
{
	return branch->retained >= request->min_bytes &&
	       request_matches_type(request, branch->type != NULL ? branch->type->name : "frame");
}

static uint64_t row_limit(const struct report *report)
{
	if (report_is_json(report) && !request_has(report->request, OPTION_LIMIT))
		return JSON_ROWS;
	return report->request->limit;
}

/* ---- Text ---- */

/* "app.cache.SESSIONS: dict, 1,000,212 entries"; what a description says already is not said twice. */
static void describe(struct top *top, const struct branch *branch, struct text *text)
{
	struct text name = { .bytes = NULL }, words = { .bytes = NULL };
	if (branch->members.count > 1) {
		names_type(text, branch->type);
		text_add(text, " objects");
		if (naming_number(top->naming, branch->largest, &name) && name.length > 0) {
			text_add(text, ", largest ");
			text_append(text, text_string(&name), name.length);
		}
		text_free(&name);
		return;
	}
	if (branch->type == NULL) {
		text_add(text, "frame ");
		(void)naming_number(top->naming, branch->largest, text);
		return;
	}
	(void)naming_number(top->naming, branch->largest, &name);
	names_describe(top->report->naming, address_of(top, branch->largest), &top->report->names, &words);
	if (name.length > 0 && strstr(text_string(&words), text_string(&name)) == NULL) {
		text_append(text, text_string(&name), name.length);
		text_add(text, ": ");
	}
	text_append(text, text_string(&words), words.length);
	const uint64_t whole = top->heap->bytes[branch->start];
	if (whole - branch->retained > whole / 20) {
		text_add(text, " (of ");
		report_bytes(top->report, text, whole);
		text_add(text, " of ");
		(void)naming_number(top->naming, branch->start, text);
		text_add(text, ")");
	}
	text_free(&name);
	text_free(&words);
}

static struct table_row *add_line(struct top *top, struct table *table, struct table_row *parent, uint64_t retained,
                                  uint64_t count, uint64_t address, struct text *words)
{
	struct table_row *line = table_add_row(table, parent);
	struct text cell = { .bytes = NULL };
	report_bytes(top->report, &cell, retained);
	table_take(table, line, 0, &cell);
	units_percent(&cell, retained, top->heap->total);
	table_take(table, line, 1, &cell);
	units_count(&cell, count);
	table_take(table, line, 2, &cell);
	if (address != 0)
		text_format(&cell, "0x%" PRIx64, address);
	table_take(table, line, 3, &cell);
	table_take(table, line, 4, words);
	text_free(&cell);
	return line;
}

static void add_folded(struct top *top, struct table *table, struct table_row *parent, uint64_t rows, uint64_t retained,
                       uint64_t count)
{
	struct text words = { .bytes = NULL };
	if (rows == 0)
		return;
	text_add(&words, "... ");
	units_count(&words, rows);
	text_add(&words, rows == 1 ? " more row" : " more rows");
	(void)add_line(top, table, parent, retained, count, 0, &words);
	text_free(&words);
}

static int add_below(struct top *top, struct table *table, struct table_row *parent, const struct branch *branch,
                     uint32_t levels);

static int add_branch(struct top *top, struct table *table, struct table_row *parent, const struct branch *branch,
                      uint32_t levels)
{
	struct text words = { .bytes = NULL };
	describe(top, branch, &words);
	struct table_row *line = add_line(top, table, parent, branch->retained, branch->members.count,
	                                  address_of(top, branch->largest), &words);
	text_free(&words);
	return levels > 0 ? add_below(top, table, line, branch, levels - 1) : OK;
}

/* At most TREE_DEPTH deep. */
static int add_below(struct top *top, struct table *table, struct table_row *parent, const struct branch *branch,
                     uint32_t levels)
{
	struct level level = { 0 };
	uint64_t folded = 0, retained = 0, count = 0;
	int status = open_level(top, branch->members.items, branch->members.count, branch->depth, branch->retained,
	                        false, &level);
	for (size_t i = 0; status == OK && i < level.branches.count; i++) {
		const struct branch *child = &level.branches.items[i];
		if (i < TREE_ROWS && child->retained >= top->heap->total / TREE_SMALLEST) {
			status = add_branch(top, table, parent, child, levels);
			continue;
		}
		folded++;
		retained += child->retained;
		count += child->members.count;
	}
	if (folded < level.branches.count) /* not below what is shown as one */
		add_folded(top, table, parent, folded, retained, count);
	level_clear(&level);
	return status;
}

static int show_text(struct top *top, const struct level *level)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT },
		{ "%", TABLE_RIGHT },
		{ "Count", TABLE_RIGHT },
		{ "Address", 0 },
		{ "Where it accumulates", TABLE_ELASTIC | TABLE_TREE },
	};
	struct report *report = top->report;
	const uint32_t levels = request_has(report->request, OPTION_TREE) ? TREE_DEPTH : 0;
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return no_memory(top);
	text_add(report->text, "Top of the dominator tree: ");
	report_bytes(report, report->text, top->heap->total);
	text_add(report->text, " in ");
	units_noun(report->text, top->heap->object_count, "object");
	text_add(report->text, "; rows followed down to where memory fans out\n");
	uint64_t rows = 0, folded = 0, retained = 0, count = 0;
	int status = OK;
	for (size_t i = 0; status == OK && i < level->branches.count; i++) {
		const struct branch *branch = &level->branches.items[i];
		if (!passes(report->request, branch))
			continue;
		if (rows++ < report->request->limit) {
			status = add_branch(top, table, NULL, branch, levels);
			continue;
		}
		folded++;
		retained += branch->retained;
		count += branch->members.count;
	}
	add_folded(top, table, NULL, folded, retained, count);
	int drawn = table_draw(table, report->text, report->error);
	table_destroy(table);
	status = status < 0 ? status : drawn;
	report_measure_line(report);
	report_coverage(report, &top->heap->graph->coverage);
	if (top->first != 0)
		report_next(report, "deepsize:-t object", top->first);
	return status;
}

/* ---- JSON ---- */

static int json_branch(struct top *top, const struct branch *branch, uint32_t levels)
{
	struct json *json = &top->report->json;
	struct text name = { .bytes = NULL };
	struct level level = { 0 };
	int status = OK;
	json_object(json, NULL);
	json_address(json, "address", address_of(top, branch->largest));
	json_string(json, "type", branch->type != NULL ? branch->type->name : "frame");
	if (naming_number(top->naming, branch->largest, &name))
		json_text(json, "name", &name);
	else
		json_null(json, "name");
	json_number(json, "depth", branch->depth);
	json_number(json, "count", branch->members.count);
	json_number(json, "retained", branch->retained);
	json_object(json, "branch");
	json_address(json, "address", address_of(top, branch->start));
	json_number(json, "retained", branch->members.count > 1 ? branch->retained : top->heap->bytes[branch->start]);
	json_object_end(json);
	if (levels > 0) {
		json_array(json, "children");
		status = open_level(top, branch->members.items, branch->members.count, branch->depth, branch->retained,
		                    false, &level);
		for (size_t i = 0; status == OK && i < level.branches.count && i < TREE_ROWS; i++)
			status = json_branch(top, &level.branches.items[i], levels - 1);
		json_array_end(json);
		level_clear(&level);
	}
	json_object_end(json);
	top->report->text->failed |= name.failed;
	text_free(&name);
	return status;
}

static int show_json(struct top *top, const struct level *level)
{
	struct report *report = top->report;
	struct json *json = &report->json;
	const uint32_t levels = request_has(report->request, OPTION_TREE) ? TREE_DEPTH : 0;
	const uint64_t limit = row_limit(report);
	uint64_t rows = 0;
	int status = OK;
	report_json_begin(report);
	json_object(json, "total");
	json_number(json, "count", top->heap->object_count);
	json_number(json, size_measure_name(top->heap->measure), top->heap->total);
	json_object_end(json);
	json_array(json, "rows");
	for (size_t i = 0; status == OK && i < level->branches.count && rows < limit; i++)
		if (passes(report->request, &level->branches.items[i])) {
			status = json_branch(top, &level->branches.items[i], levels);
			rows++;
		}
	json_array_end(json);
	report_coverage_json(report, &top->heap->graph->coverage);
	json_object_end(json);
	json_end(json);
	return status;
}

static int find_modules(struct top *top)
{
	const struct runtime *runtime = top->report->decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		if (runtime->interpreters.items[i].modules != 0 &&
		    !address_map_set(&top->modules, runtime->interpreters.items[i].modules, (uint32_t)i))
			return no_memory(top);
	return OK;
}

static int show(struct top *top)
{
	struct level level = { 0 };
	const uint32_t process = 0; /* the number of the start */
	int status = find_modules(top);
	if (status == OK)
		status = open_level(top, &process, 1, 0, top->heap->total, true, &level);
	for (size_t i = 0; top->first == 0 && i < level.branches.count; i++)
		if (level.branches.items[i].type != NULL && passes(top->report->request, &level.branches.items[i]))
			top->first = address_of(top, level.branches.items[i].largest);
	if (status == OK)
		status = report_is_json(top->report) ? show_json(top, &level) : show_text(top, &level);
	level_clear(&level);
	return status;
}

int top_report(struct report *report)
{
	struct top top = { .report = report };
	TRY(report_heap(report, &top.heap));
	TRY(naming_open(&top.naming, &report->query, top.heap));
	if (top.heap->graph->coverage.unreadable > 0)
		report->exit_status = EXIT_PARTIAL;
	int status = show(&top);
	address_map_clear(&top.modules);
	address_map_clear(&top.groups);
	naming_close(top.naming);
	return status;
}
