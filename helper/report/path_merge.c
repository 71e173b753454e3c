/* SPDX-License-Identifier: MIT
 * path_merge: the shortest paths to all objects of a type, as one tree: paths are one as long as they go over
 * references of the same name between objects of the same types. */
#include "report/path_merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"

enum {
	MERGE_DEPTH = 40, /* levels; what is deeper joins the last one */
	MERGE_LOOKS_BACK = 4, /* levels above in which a group of the same name is a repetition: a linked list */
	MERGE_GROUPS = 1 << 16, /* in all */
	MERGE_CHILDREN = 512, /* of one group; further ones join the first of their kind */
	MERGE_KEYS = 64, /* a dict with more entries is a collection: its keys are no names */
	MERGE_ROWS = 8, /* of one level, where --limit does not say */
	MERGE_SMALLEST = 100, /* a row below 1/100 of the whole is folded, unless --limit says how many rows */
};

/* Objects that paths reach in the same way; groups are numbered, 0 is what holds all roots. */
struct group {
	uint32_t parent, depth;
	uint32_t first, next; /* children and siblings; 0: none */
	uint32_t child_count;
	const struct type_info *type; /* NULL: a root that is no object */
	const char *kind; /* a literal that says the name where label is NULL */
	char *label; /* the name where it is one reference's */
	uint64_t count; /* objects of the type to which paths lead through here */
	uint64_t ends; /* of them, those in this group */
	uint64_t members; /* objects of the group */
	uint64_t example; /* address of one of them, or 0 */
	bool repeats; /* the group is reached from itself */
};

struct merge {
	struct report *report;
	const struct retained *heap;
	struct naming *naming;
	const struct origins *origins;
	struct path_forest forest;
	uint32_t *counts; /* by number: objects of the type on paths through it, itself included */
	uint32_t *group_of; /* by number */
	uint8_t *is_wanted; /* bits by number */
	ARRAY(struct group) groups;
	uint64_t found, not_reached; /* objects of the type */
	uint64_t bytes, steps;
};

static int no_memory(struct merge *merge)
{
	return error_set(merge->report->error, ERROR_NO_MEMORY, "out of memory for merged paths");
}

static int check_cancel(struct merge *merge)
{
	if (++merge->steps % PROGRESS_INTERVAL == 0 && report_is_cancelled(merge->report))
		return report_cancelled(merge->report);
	return OK;
}

static bool is_wanted(const struct merge *merge, uint32_t number)
{
	return merge->is_wanted[number / 8] >> number % 8 & 1;
}

/* ---- Which objects ---- */

static bool matches(const struct request *request, const struct type_info *type)
{
	struct request by_type = { .type = request->merge };
	return request_matches_type(&by_type, type->name);
}

static int find_wanted(struct merge *merge)
{
	struct report *report = merge->report;
	struct decoder *decoder = report->naming;
	const struct retained *heap = merge->heap;
	const uint64_t type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	const struct type_info *type = NULL;
	bool is_type = false;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &heap->graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		uint64_t type_address;
		TRY(check_cancel(merge));
		if (!reader_u64(&decoder->reader, address + type_offset, &type_address))
			continue;
		if (type == NULL || type->address != type_address) {
			type = decode_type(decoder, type_address);
			is_type = type != NULL && matches(report->request, type);
		}
		if (!is_type)
			continue;
		const uint32_t number = heap->dominators.number[node];
		merge->found++;
		merge->bytes += heap_graph_bytes(heap->graph, node, heap->measure);
		if (number == UINT32_MAX || merge->forest.before[number] == PATH_NOT_REACHED)
			merge->not_reached++;
		else
			merge->is_wanted[number / 8] |= (uint8_t)(1u << number % 8);
	}
	return OK;
}

/* From the far ends of the forest towards its roots. */
static void count_paths(struct merge *merge)
{
	for (uint32_t i = merge->forest.count; i-- > 0;) {
		const uint32_t number = merge->forest.order[i];
		const uint32_t before = merge->forest.before[number];
		merge->counts[number] += is_wanted(merge, number);
		if (before != number)
			merge->counts[before] += merge->counts[number];
	}
}

/* ---- Groups ---- */

/* What a reference is grouped by; label is set where it is one reference's name. */
struct reference_name {
	const char *kind;
	bool has_label;
};

static struct reference_name name_of(const struct run *run, bool is_namespace)
{
	switch ((enum label_kind)run->label) {
	case LABEL_ITEM:
		return (struct reference_name){ "items", false };
	case LABEL_SET_ITEM:
		return (struct reference_name){ "items of set", false };
	case LABEL_DICT_KEY:
		return (struct reference_name){ "keys", false };
	case LABEL_DICT_VALUE:
		return (struct reference_name){ "values", is_namespace || run->count + run->first_index <= MERGE_KEYS };
	case LABEL_STACK:
		return (struct reference_name){ "stack", false };
	case LABEL_WORD:
		return (struct reference_name){ "words", false };
	default:
		return (struct reference_name){ "references", true };
	}
}

static bool is_same(const struct group *group, const struct type_info *type, const char *kind, const char *label)
{
	if (group->type != type || (group->label == NULL) != (label == NULL))
		return false;
	return label != NULL ? strcmp(group->label, label) == 0 : strcmp(group->kind, kind) == 0;
}

/* The group below parent for this name and type. UINT32_MAX: out of memory. */
static uint32_t find_group(struct merge *merge, uint32_t parent, const struct type_info *type, const char *kind,
                           const char *label)
{
	uint32_t above = parent;
	for (int i = 0; i < MERGE_LOOKS_BACK && above != 0; i++, above = merge->groups.items[above].parent)
		if (type != NULL && is_same(&merge->groups.items[above], type, kind, label)) {
			merge->groups.items[above].repeats = true;
			return above;
		}
	const struct group *group = &merge->groups.items[parent];
	if (group->depth >= MERGE_DEPTH)
		return parent;
	for (uint32_t child = group->first; child != 0; child = merge->groups.items[child].next)
		if (is_same(&merge->groups.items[child], type, kind, label))
			return child;
	if (group->child_count >= MERGE_CHILDREN || merge->groups.count >= MERGE_GROUPS)
		return group->first != 0 ? group->first : parent;
	const uint32_t made = (uint32_t)merge->groups.count;
	struct group fresh = { .parent = parent,
		               .depth = group->depth + 1,
		               .next = group->first,
		               .type = type,
		               .kind = kind,
		               .label = label != NULL ? strdup(label) : NULL };
	if ((label != NULL && fresh.label == NULL) || !array_push(&merge->groups, fresh)) {
		free(fresh.label);
		return UINT32_MAX;
	}
	merge->groups.items[parent].first = made;
	merge->groups.items[parent].child_count++;
	return made;
}

static int place(struct merge *merge, uint32_t number, uint32_t group, uint64_t address)
{
	if (group == UINT32_MAX)
		return no_memory(merge);
	struct group *into = &merge->groups.items[group];
	merge->group_of[number] = group;
	into->members++;
	into->ends += is_wanted(merge, number);
	if (into->example == 0)
		into->example = address;
	return OK;
}

/* A start: below everything, by its name; modules as "module app.cache". */
static int place_start(struct merge *merge, uint32_t number)
{
	const struct origin *origin = origins_at(merge->origins, number);
	struct text label = { .bytes = NULL };
	uint32_t holder;
	const uint64_t address = retained_node(merge->heap, number, &holder);
	const struct type_info *type = address != 0 ? reference_type(naming_references(merge->naming), number) : NULL;
	if (origin->kind == ORIGIN_MODULE || origin->kind == ORIGIN_MODULE_DICT) {
		text_add(&label, "module ");
		(void)naming_number(merge->naming, origin->kind == ORIGIN_MODULE ? number : origin->above, &label);
		type = NULL; /* the module and its dict are one */
	} else if (origin->kind == ORIGIN_MODULES) {
		text_add(&label, "sys.modules");
	} else {
		origins_say(merge->origins, origin->holder, number, UINT32_MAX, &label);
		type = NULL;
	}
	const uint32_t group = find_group(merge, 0, type, "roots", text_string(&label));
	int status = label.failed ? no_memory(merge) : place(merge, number, group, address);
	text_free(&label);
	return status;
}

static int place_slot(struct merge *merge, uint32_t from, const struct run *run, uint64_t slot, bool is_namespace)
{
	const uint64_t address = run_target(run, slot);
	const uint32_t number = address != 0 ? retained_number(merge->heap, address) : UINT32_MAX;
	if (number == UINT32_MAX || merge->forest.before[number] != from || merge->counts[number] == 0 ||
	    merge->group_of[number] != UINT32_MAX || number == from)
		return OK;
	const struct type_info *type = reference_type(naming_references(merge->naming), number);
	struct reference_name name = name_of(run, is_namespace);
	struct text label = { .bytes = NULL };
	if (name.has_label) {
		names_label(merge->report->naming, run, slot, &merge->report->names, &label);
		/* A key that must not be shown is no name. */
		if (run->label == LABEL_DICT_VALUE && strncmp(text_string(&label), "['", 2) != 0)
			name.has_label = false;
	}
	const uint32_t group =
	        find_group(merge, merge->group_of[from], type, name.kind, name.has_label ? text_string(&label) : NULL);
	int status = label.failed ? no_memory(merge) : place(merge, number, group, address);
	text_free(&label);
	return status;
}

/* All objects that the forest has below one: each reference of it is looked at once. */
static int place_children(struct merge *merge, uint32_t number)
{
	const struct roots *roots = &merge->heap->graph->roots;
	const struct origin *origin = origins_at(merge->origins, number);
	const bool is_namespace = origin != NULL && origin->kind >= ORIGIN_MODULES;
	struct decoder *decoder = merge->report->decoder;
	uint32_t holder = 0;
	const uint64_t address = retained_node(merge->heap, number, &holder);
	if (address != 0 && !decode_object(decoder, address))
		return OK;
	const size_t count = address != 0 ? decoder->out.runs.count : roots->runs.count;
	for (size_t i = 0; i < count; i++) {
		if (address == 0 && roots->runs.items[i].holder != holder)
			continue;
		const struct run *run = address != 0 ? &decoder->out.runs.items[i] : &roots->runs.items[i].run;
		for (uint64_t slot = 0; slot < run->count; slot++) {
			TRY(check_cancel(merge));
			TRY(place_slot(merge, number, run, slot, is_namespace));
		}
	}
	return OK;
}

/* Objects that are held for a reason, not by a reference: immortal ones, those held from C. */
static int place_held(struct merge *merge, uint32_t number, uint32_t before)
{
	uint32_t holder;
	const uint64_t address = retained_node(merge->heap, number, &holder);
	return place(merge, number,
	             find_group(merge, merge->group_of[before],
	                        reference_type(naming_references(merge->naming), number), "objects", NULL),
	             address);
}

static int make_groups(struct merge *merge)
{
	if (!array_push(&merge->groups, (struct group){ .kind = "" }))
		return no_memory(merge);
	for (uint32_t i = 0; i < merge->forest.count; i++) {
		const uint32_t number = merge->forest.order[i];
		const uint32_t before = merge->forest.before[number];
		TRY(check_cancel(merge));
		if (merge->counts[number] == 0)
			continue;
		if (before == number)
			TRY(place_start(merge, number));
		else if (merge->group_of[number] == UINT32_MAX)
			TRY(place_held(merge, number, before));
		if (merge->counts[number] > is_wanted(merge, number))
			TRY(place_children(merge, number));
	}
	/* A group stands after its parent. */
	for (uint32_t i = (uint32_t)merge->groups.count; i-- > 0;) {
		struct group *group = &merge->groups.items[i];
		group->count += group->ends;
		if (i > 0)
			merge->groups.items[group->parent].count += group->count;
	}
	return OK;
}

/* ---- Showing ---- */

static int compare_groups(const void *left_index, const void *right_index, void *context)
{
	const struct merge *merge = context;
	const struct group *left = &merge->groups.items[*(const uint32_t *)left_index];
	const struct group *right = &merge->groups.items[*(const uint32_t *)right_index];
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	int order = strcmp(left->label != NULL ? left->label : left->kind,
	                   right->label != NULL ? right->label : right->kind);
	return order != 0 ? order : left->example < right->example ? -1 : 1;
}

/* Children, largest first; freed by the caller. NULL: none, or out of memory. */
static uint32_t *sorted_children(struct merge *merge, const struct group *group)
{
	if (group->child_count == 0)
		return NULL;
	uint32_t *children = malloc(group->child_count * sizeof *children);
	uint32_t count = 0;
	for (uint32_t child = group->first; children != NULL && child != 0; child = merge->groups.items[child].next)
		children[count++] = child;
	if (children != NULL)
		qsort_r(children, count, sizeof *children, compare_groups, merge);
	return children;
}

struct drawing {
	struct merge *merge;
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
	units_percent(&cell, count, drawing->merge->groups.items[0].count);
	table_take(drawing->table, row, 1, &cell);
	if (example != 0)
		text_format(&cell, "0x%" PRIx64, example);
	table_take(drawing->table, row, 2, &cell);
	table_take(drawing->table, row, 3, words);
	text_free(&cell);
	return row;
}

/* "['SESSIONS']: dict", "values: app.models.Session (1,000,212 objects)" */
static void say_group(const struct group *group, struct text *words)
{
	text_add(words, group->label != NULL ? group->label : group->kind);
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

/* At most MERGE_DEPTH deep. */
static void draw_children(struct drawing *drawing, const struct group *group, struct table_row *parent)
{
	uint32_t *children = sorted_children(drawing->merge, group);
	struct text words = { .bytes = NULL };
	uint64_t folded = 0, folded_count = 0;
	for (uint32_t i = 0; children != NULL && i < group->child_count; i++) {
		const struct group *child = &drawing->merge->groups.items[children[i]];
		/* The first row of all is always there. */
		if ((i > 0 || parent != NULL) && (i >= drawing->rows || child->count < drawing->smallest)) {
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
	free(children);
}

static int show_text(struct merge *merge)
{
	static const struct table_column columns[] = {
		{ "Count", TABLE_RIGHT }, { "%", TABLE_RIGHT }, { "Example", 0 }, { "Path", TABLE_TREE | TABLE_ELASTIC }
	};
	struct report *report = merge->report;
	struct text *text = report->text;
	const bool limited = request_has(report->request, OPTION_LIMIT);
	units_noun(text, merge->found, "object");
	text_add(text, " of type ");
	names_escape(text, report->request->merge, strlen(report->request->merge), false);
	text_add(text, ", ");
	report_bytes(report, text, merge->bytes);
	text_format(text, " %s: a shortest path to each, merged by type and reference\n",
	            size_measure_name(merge->heap->measure));
	struct drawing drawing = { .merge = merge, .rows = limited ? report->request->limit : MERGE_ROWS };
	drawing.smallest = limited ? 0 : merge->groups.items[0].count / MERGE_SMALLEST;
	drawing.table = table_create(columns, 4, report->style.width, true);
	if (drawing.table == NULL)
		return no_memory(merge);
	int status = OK;
	if (merge->groups.items[0].count > 0) {
		draw_children(&drawing, &merge->groups.items[0], NULL);
		status = table_draw(drawing.table, text, report->error);
	}
	table_destroy(drawing.table);
	if (merge->not_reached > 0) {
		text_add(text, "No root reaches ");
		units_count(text, merge->not_reached);
		text_add(text, " of them: garbage says what a collection would free.\n");
	}
	report_coverage(report, &merge->heap->graph->coverage);
	return status;
}

static void json_group(struct merge *merge, const struct group *group)
{
	struct json *json = &merge->report->json;
	json_object(json, NULL);
	json_string(json, "label", group->label != NULL ? group->label : group->kind);
	if (group->type != NULL)
		json_string(json, "type", group->type->name);
	else
		json_null(json, "type");
	json_number(json, "count", group->count);
	json_number(json, "ends", group->ends);
	json_number(json, "members", group->members);
	if (group->example != 0)
		json_address(json, "example", group->example);
	else
		json_null(json, "example");
	json_bool(json, "repeats", group->repeats);
	json_number(json, "depth", group->depth);
	json_number(json, "parent", group->parent);
	json_object_end(json);
}

/* Flat, since a tree may be deeper than what readers of JSON take: parents are indexes, 0 is the first. */
static void show_json(struct merge *merge)
{
	struct json *json = &merge->report->json;
	report_json_begin(merge->report);
	json_string(json, "merge", merge->report->request->merge);
	json_number(json, "count", merge->found);
	json_number(json, "unreachable", merge->not_reached);
	json_array(json, "groups");
	for (size_t i = 0; i < merge->groups.count; i++)
		json_group(merge, &merge->groups.items[i]);
	json_array_end(json);
	report_coverage_json(merge->report, &merge->heap->graph->coverage);
	json_object_end(json);
	json_end(json);
}

/* ---- The command ---- */

static int run(struct merge *merge)
{
	const size_t count = (size_t)merge->heap->dominators.reached_count + 1;
	TRY(path_forest_grow(&merge->forest, &merge->heap->dominators.incoming, merge->origins->starts,
	                     merge->report->progress, merge->report->error));
	merge->counts = calloc(count, sizeof *merge->counts);
	merge->group_of = malloc(count * sizeof *merge->group_of);
	merge->is_wanted = calloc(count / 8 + 1, 1);
	if (merge->counts == NULL || merge->group_of == NULL || merge->is_wanted == NULL)
		return no_memory(merge);
	memset(merge->group_of, 0xff, count * sizeof *merge->group_of);
	TRY(find_wanted(merge));
	if (merge->found == 0)
		return error_set(merge->report->error, ERROR_NOT_FOUND, "no object has a type that matches '%s'",
		                 merge->report->request->merge);
	count_paths(merge);
	TRY(make_groups(merge));
	if (!report_is_json(merge->report))
		return show_text(merge);
	show_json(merge);
	return OK;
}

int path_merge(struct report *report, const struct retained *heap, struct naming *naming, const struct origins *origins)
{
	struct merge merge = { .report = report, .heap = heap, .naming = naming, .origins = origins };
	int status = run(&merge);
	for (size_t i = 0; i < merge.groups.count; i++)
		free(merge.groups.items[i].label);
	array_free(&merge.groups);
	path_forest_clear(&merge.forest);
	free(merge.counts);
	free(merge.group_of);
	free(merge.is_wanted);
	return status;
}
