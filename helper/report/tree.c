/* SPDX-License-Identifier: MIT
 * tree: the references below an object, level by level. All objects of a level are marked as reached before any of
 * them is opened, so that siblings do not take each other's members; below the last level the walk goes on at once.
 * Every object stands under the first row that reached it, so the rows add up to the deep size. */
#include "report/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"

enum {
	TREE_DEPTH = 3, /* levels below the object itself */
	TREE_ROWS = 8, /* rows of one level, where --limit does not say */
	TREE_SMALLEST = 100, /* a row below 1/100 of the whole is folded, unless --limit says how many rows */
	LIMIT_GROUPS = 256, /* of one level; references beyond go to a group without a name */
	LIMIT_KEYS = 32, /* a dict with more entries is a collection: its keys are no names */
	LIMIT_LABELS = 4096, /* names of keys that are written out for one level */
	LIMIT_WALKS = 4096, /* of one tree; further groups are not opened level by level */
};

/* Objects reached through references of one name, all of one type. */
struct group {
	const struct type_info *type;
	const char *kind; /* a literal that says the name where label is empty */
	uint64_t key; /* tells groups of one kind apart: a key object, a literal; 0 */
	struct text label; /* the name where it is one reference's */
	ARRAY(uint64_t) members;
	uint64_t own_count, own; /* the members themselves: objects, bytes */
	uint64_t count, bytes; /* members and all that was reached from them first */
	struct group *first, *last, *next; /* children in the order of discovery; siblings */
	uint32_t child_count;
};

struct tree {
	struct report *report;
	struct walk *walk;
	enum policy policy;
	uint32_t walks, labels;
};

/* The children of one group while they are gathered: a small hash table over (kind, key, type). */
struct level {
	struct group *parent;
	struct group *slots[4 * LIMIT_GROUPS];
};

static void free_group(struct group *group)
{
	while (group->first != NULL) {
		struct group *child = group->first;
		group->first = child->next;
		free_group(child); /* at most TREE_DEPTH deep */
	}
	array_free(&group->members);
	text_free(&group->label);
	free(group);
}

static int no_memory(struct tree *tree)
{
	return error_set(tree->report->error, ERROR_NO_MEMORY, "out of memory for the tree");
}

/* ---- Names of references ---- */

struct reference_name {
	const char *kind;
	uint64_t key;
	bool has_label; /* names_label() is worth asking */
};

/* What a reference is grouped by. */
static struct reference_name name_of(const struct run *run, uint64_t slot)
{
	struct reference_name name = { .kind = "references" };
	switch ((enum label_kind)run->label) {
	case LABEL_FIELD:
		name.kind = run->names != NULL ? run->names[slot] : ".?";
		break;
	case LABEL_ITEM:
		name.kind = "items";
		break;
	case LABEL_SET_ITEM:
		name.kind = "items of set";
		break;
	case LABEL_DICT_KEY:
		name.kind = "keys";
		break;
	case LABEL_DICT_VALUE:
		name.kind = "values";
		/* The word before the value is its key. */
		if (run->count + run->first_index <= LIMIT_KEYS && run->argument <= 16) {
			name.key = load_u64(run->slots + slot * run->stride - run->argument);
			name.has_label = true;
		}
		break;
	case LABEL_SPLIT_VALUE:
	case LABEL_SLOT:
	case LABEL_LOCAL:
		name.kind = "attributes";
		name.key = run->argument + ((run->first_index + slot) << 48);
		name.has_label = true;
		break;
	case LABEL_TYPE:
		name.kind = ".__class__";
		break;
	case LABEL_DICT:
		name.kind = ".__dict__";
		break;
	case LABEL_WORD:
		name.kind = "words";
		break;
	default:
		break;
	}
	return name;
}

static struct group *find_slot(struct level *level, const struct reference_name *name, const struct type_info *type,
                               struct group ***ret_slot)
{
	const uint32_t mask = 4 * LIMIT_GROUPS - 1;
	uint64_t hash = address_hash((uint64_t)(uintptr_t)name->kind + (name->key ^ name->key >> 32)) ^ type->index;
	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		struct group *group = level->slots[i];
		if (group == NULL) {
			*ret_slot = &level->slots[i];
			return NULL;
		}
		if (group->type == type && group->key == name->key && strcmp(group->kind, name->kind) == 0)
			return group;
	}
}

/* The group of a reference; a key that must not be shown and whatever is beyond the limits goes to the group that
 * has no key. NULL: out of memory. */
static struct group *group_of(struct tree *tree, struct level *level, const struct run *run, uint64_t slot,
                              const struct type_info *type)
{
	struct reference_name name = name_of(run, slot);
	struct text label = { .bytes = NULL };
	struct group **free_slot;
	struct group *found = find_slot(level, &name, type, &free_slot);
	if (found != NULL)
		return found;
	if (name.has_label) {
		bool is_name = false;
		if (level->parent->child_count < LIMIT_GROUPS && tree->labels < LIMIT_LABELS) {
			tree->labels++;
			names_label(tree->report->naming, run, slot, &tree->report->names, &label);
			is_name = run->label != LABEL_DICT_VALUE || strncmp(text_string(&label), "['", 2) == 0;
		}
		if (!is_name) {
			text_reset(&label);
			name.key = 0;
			found = find_slot(level, &name, type, &free_slot);
		}
	}
	/* Twice as many types as that below one object are not met; then the first group takes the rest. */
	if (found == NULL && level->parent->child_count >= 2 * LIMIT_GROUPS)
		found = level->parent->first;
	struct group *group = found != NULL ? NULL : calloc(1, sizeof *group);
	if (group == NULL) {
		text_free(&label);
		return found;
	}
	*group = (struct group){ .type = type, .kind = name.kind, .key = name.key, .label = label };
	*free_slot = group;
	if (level->parent->last != NULL)
		level->parent->last->next = group;
	else
		level->parent->first = group;
	level->parent->last = group;
	level->parent->child_count++;
	return group;
}

/* ---- Levels ---- */

static const struct type_info *type_at(struct tree *tree, uint64_t object)
{
	struct decoder *decoder = tree->report->naming;
	uint64_t type;
	if (!reader_u64(&decoder->reader, object + layout_offset(decoder->layout, FIELD_PyObject_ob_type), &type))
		return NULL;
	return decode_type(decoder, type);
}

static int gather_run(struct tree *tree, struct level *level, const struct run *run)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (slot % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && report_is_cancelled(tree->report))
			return report_cancelled(tree->report);
		const uint64_t target = run_target(run, slot);
		if (target == 0 || !walk_reach(tree->walk, target))
			continue;
		const struct type_info *type = type_at(tree, target);
		if (type == NULL || !policy_enters(tree->policy, type))
			continue;
		struct group *group = group_of(tree, level, run, slot, type);
		if (group == NULL || !array_push(&group->members, target))
			return no_memory(tree);
	}
	return OK;
}

/* Counts the members of a group themselves and puts what they refer to into its children. */
static int open_members(struct tree *tree, struct group *group, struct level *level)
{
	struct decoder *decoder = tree->report->decoder;
	for (size_t i = 0; i < group->members.count; i++) {
		if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && report_is_cancelled(tree->report))
			return report_cancelled(tree->report);
		if (!decode_object(decoder, group->members.items[i]))
			continue;
		group->own_count++;
		group->own += measured_bytes(decoder, request_measure(tree->report->request));
		if (!policy_opens(tree->policy, decoder->out.type))
			continue;
		for (size_t run = 0; run < decoder->out.runs.count; run++)
			if (policy_follows(tree->policy, &decoder->out.runs.items[run]))
				TRY(gather_run(tree, level, &decoder->out.runs.items[run]));
	}
	return OK;
}

/* All that is reached from the members and was not reached before. */
static int close_group(struct tree *tree, struct group *group)
{
	struct walk_result result;
	tree->walks++;
	int status = walk_from_reached(tree->walk, group->members.items, group->members.count, tree->policy,
	                               tree->report->progress, &result, tree->report->error);
	group->count = result.count;
	group->bytes = result.bytes;
	walk_result_clear(&result);
	return status;
}

static int measure_group(struct tree *tree, struct group *group, int depth)
{
	if (depth >= TREE_DEPTH || tree->walks >= LIMIT_WALKS)
		return close_group(tree, group);
	struct level *level = calloc(1, sizeof *level);
	if (level == NULL)
		return no_memory(tree);
	level->parent = group;
	tree->labels = 0;
	int status = open_members(tree, group, level);
	free(level);
	group->bytes = group->own;
	group->count = group->own_count;
	for (struct group *child = group->first; child != NULL && status == OK; child = child->next) {
		status = measure_group(tree, child, depth + 1);
		group->bytes += child->bytes;
		group->count += child->count;
		array_free(&child->members);
	}
	return status;
}

/* ---- Showing ---- */

static int compare_groups(const void *left_group, const void *right_group)
{
	const struct group *left = *(struct group *const *)left_group, *right = *(struct group *const *)right_group;
	if ((left->count == 0) != (right->count == 0))
		return left->count == 0 ? 1 : -1;
	int order = report_compare_bytes(left->bytes, left->type->address, right->bytes, right->type->address);
	return order != 0 ? order : strcmp(text_string(&left->label), text_string(&right->label));
}

/* Children, largest first; freed by the caller. NULL: none, or out of memory. */
static struct group **sorted_children(const struct group *group)
{
	if (group->child_count == 0)
		return NULL;
	struct group **children = calloc(group->child_count, sizeof(struct group *));
	if (children == NULL)
		return NULL;
	uint32_t count = 0;
	for (struct group *child = group->first; child != NULL; child = child->next)
		children[count++] = child;
	qsort(children, count, sizeof(struct group *), compare_groups);
	return children;
}

static const char *group_name(const struct group *group)
{
	return group->label.length > 0 ? text_string(&group->label) : group->kind;
}

static void json_group(struct tree *tree, const struct group *group, const char *key)
{
	struct json *json = &tree->report->json;
	json_object(json, key);
	json_string(json, "label", group_name(group));
	json_string(json, "type", group->type->name);
	json_number(json, "count", group->count);
	json_number(json, "deep", group->bytes);
	json_array(json, "children");
	struct group **children = sorted_children(group);
	for (uint32_t i = 0; children != NULL && i < group->child_count; i++)
		if (children[i]->count > 0)
			json_group(tree, children[i], NULL);
	free(children);
	json_array_end(json);
	json_object_end(json);
}

struct drawing {
	struct tree *tree;
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
	report_bytes(drawing->tree->report, &cell, bytes);
	table_take(drawing->table, row, 1, &cell);
	units_count(&cell, count);
	table_take(drawing->table, row, 2, &cell);
	table_take(drawing->table, row, 3, name);
	text_free(&cell);
	return row;
}

static void draw_group(struct drawing *drawing, const struct group *group, struct table_row *parent);

/* How many of the children have a row of their own, largest first; a single one is not folded away. */
static uint32_t shown_count(const struct drawing *drawing, struct group *const *children, uint32_t count)
{
	uint32_t shown = 0;
	while (shown < count && shown < drawing->rows && children[shown]->bytes >= drawing->smallest)
		shown++;
	return shown + 1 == count ? count : shown;
}

static void draw_folded(struct drawing *drawing, struct group *const *children, uint32_t count,
                        struct table_row *parent)
{
	struct text name = { .bytes = NULL };
	uint64_t bytes = 0, objects = 0;
	for (uint32_t i = 0; i < count; i++) {
		bytes += children[i]->bytes;
		objects += children[i]->count;
	}
	text_format(&name, "... %" PRIu32 " more", count);
	(void)add_row(drawing, parent, bytes, objects, &name);
	text_free(&name);
}

static void draw_children(struct drawing *drawing, const struct group *group, struct table_row *parent)
{
	struct group **children = sorted_children(group);
	if (children == NULL)
		return;
	uint32_t count = group->child_count;
	while (count > 0 && children[count - 1]->count == 0)
		count--;
	const uint32_t shown = shown_count(drawing, children, count);
	for (uint32_t i = 0; i < shown; i++)
		draw_group(drawing, children[i], parent);
	if (shown < count)
		draw_folded(drawing, children + shown, count - shown, parent);
	struct text name = { .bytes = NULL };
	if (count > 0) {
		text_add(&name, group->own_count == 1 ? "(the object itself)" : "(the objects themselves)");
		(void)add_row(drawing, parent, group->own, group->own_count, &name);
	}
	text_free(&name);
	free(children);
}

static void draw_group(struct drawing *drawing, const struct group *group, struct table_row *parent)
{
	struct text name = { .bytes = NULL };
	if (parent != NULL)
		text_format(&name, "%s: ", group_name(group));
	names_type(&name, group->type);
	struct table_row *row = add_row(drawing, parent, group->bytes, group->count, &name);
	if (row != NULL)
		draw_children(drawing, group, row); /* at most TREE_DEPTH deep */
	text_free(&name);
}

static int draw(struct tree *tree, const struct group *root, const struct walk_result *whole)
{
	static const struct table_column columns[] = {
		{ "%", TABLE_RIGHT },
		{ "Deep", TABLE_RIGHT },
		{ "Objects", TABLE_RIGHT },
		{ "Reached through", TABLE_TREE | TABLE_ELASTIC },
	};
	const struct request *request = tree->report->request;
	const bool limited = request_has(request, OPTION_LIMIT);
	struct drawing drawing = { .tree = tree, .whole = whole->bytes, .rows = limited ? request->limit : TREE_ROWS };
	drawing.smallest = limited ? 0 : whole->bytes / TREE_SMALLEST;
	if (request->min_bytes > drawing.smallest)
		drawing.smallest = request->min_bytes;
	drawing.table = table_create(columns, 4, tree->report->style.width, true);
	if (drawing.table == NULL)
		return no_memory(tree);
	draw_group(&drawing, root, NULL);
	text_add(tree->report->text, "\n");
	int status = table_draw(drawing.table, tree->report->text, tree->report->error);
	table_destroy(drawing.table);
	text_add(tree->report->text, "Each object is counted once, in the first row that reached it.\n");
	if (root->bytes != whole->bytes)
		text_format(tree->report->text, "The rows add up to %" PRIu64 " bytes, not to the deep size.\n",
		            root->bytes);
	return status;
}

static int show(struct tree *tree, struct group *root, size_t index, const struct walk_result *whole)
{
	const uint64_t address = tree->report->targets[index];
	root->type = type_at(tree, address);
	root->kind = "";
	if (root->type == NULL || !array_push(&root->members, address))
		return no_memory(tree);
	(void)walk_reach(tree->walk, address);
	int status = measure_group(tree, root, 0);
	if (report_is_json(tree->report)) {
		json_group(tree, root, "tree");
		return status;
	}
	int drawn = draw(tree, root, whole);
	return status < 0 ? status : drawn;
}

int tree_show(struct report *report, size_t index, const struct walk_result *whole)
{
	struct tree tree = { .report = report, .walk = report->target->walk, .policy = report->request->policy };
	struct group *root = calloc(1, sizeof *root);
	if (root == NULL)
		return no_memory(&tree);
	walk_reset(tree.walk);
	int status = show(&tree, root, index, whole);
	free_group(root);
	return status;
}
