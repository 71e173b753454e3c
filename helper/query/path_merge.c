/* SPDX-License-Identifier: MIT */
#include "query/path_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "graph/heap/heap_cursor.h"
#include "query/bearings.h"
#include "query/type_filter.h"

enum {
	MERGE_DEPTH = 40, /* levels; what is deeper joins the last one */
	MERGE_LOOKS_BACK = 4, /* levels above in which a group of the same name is a repetition: a linked list */
	MERGE_GROUPS = 1 << 16, /* in all */
	MERGE_CHILDREN = 512, /* of one group; further ones join the first of their kind */
	MERGE_KEYS = 64, /* a dict with more entries is a collection: its keys are no names */
};

struct merge {
	const struct query *query;
	const struct path_merge_question *question;
	struct bearings bearings;
	struct path_merge_answer *answer;
	struct path_forest forest;
	uint32_t *counts; /* by number: objects of the type on paths through it, itself included */
	uint32_t *group_of; /* by number */
	uint8_t *is_wanted; /* bits by number */
	uint64_t steps;
};

static int no_memory(struct merge *merge)
{
	return query_no_memory(merge->query, "merged paths");
}

static int check_cancel(struct merge *merge)
{
	return progress_look(merge->query->progress, &merge->steps) == OK ? OK : query_cancelled(merge->query);
}

static bool is_wanted(const struct merge *merge, uint32_t number)
{
	return bits_has(merge->is_wanted, number);
}

/* ---- Which objects ---- */

static int find_wanted(struct merge *merge)
{
	const struct type_filter filter = { .type = merge->question->type };
	const struct retained *heap = merge->bearings.heap;
	struct path_merge_answer *answer = merge->answer;
	const struct type_info *type = NULL;
	struct heap_cursor cursor;
	bool is_type = false;
	heap_cursor_init(&cursor, heap->graph, &merge->query->target->naming, merge->query->progress);
	while (heap_cursor_next(&cursor)) {
		if (cursor.type != type) {
			type = cursor.type;
			is_type = type_filter_passes(&filter, type->name);
		}
		if (!is_type)
			continue;
		const uint32_t number = heap->dominators.number[cursor.node];
		answer->found++;
		answer->bytes += heap_graph_bytes(heap->graph, cursor.node, heap->measure);
		if (number == UINT32_MAX || merge->forest.before[number] == PATH_NOT_REACHED)
			answer->not_reached++;
		else
			bits_add(merge->is_wanted, number);
	}
	return cursor.status == OK ? OK : query_cancelled(merge->query);
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
	case LABEL_BLOCK_WORD:
		return (struct reference_name){ "words", false };
	default:
		return (struct reference_name){ "references", true };
	}
}

static bool is_same(const struct path_group *group, const struct type_info *type, const char *kind, const char *label)
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
	for (int i = 0; i < MERGE_LOOKS_BACK && above != 0; i++, above = merge->answer->groups.items[above].parent)
		if (type != NULL && is_same(&merge->answer->groups.items[above], type, kind, label)) {
			merge->answer->groups.items[above].repeats = true;
			return above;
		}
	const struct path_group *group = &merge->answer->groups.items[parent];
	if (group->depth >= MERGE_DEPTH)
		return parent;
	for (uint32_t child = group->first; child != 0; child = merge->answer->groups.items[child].next)
		if (is_same(&merge->answer->groups.items[child], type, kind, label))
			return child;
	if (group->child_count >= MERGE_CHILDREN || merge->answer->groups.count >= MERGE_GROUPS)
		return group->first != 0 ? group->first : parent;
	const uint32_t made = (uint32_t)merge->answer->groups.count;
	struct path_group fresh = { .parent = parent,
		                    .depth = group->depth + 1,
		                    .next = group->first,
		                    .type = type,
		                    .kind = kind,
		                    .label = label != NULL ? strdup(label) : NULL };
	if ((label != NULL && fresh.label == NULL) || !array_push(&merge->answer->groups, fresh)) {
		free(fresh.label);
		return UINT32_MAX;
	}
	merge->answer->groups.items[parent].first = made;
	merge->answer->groups.items[parent].child_count++;
	return made;
}

static int place(struct merge *merge, uint32_t number, uint32_t group, uint64_t address)
{
	if (group == UINT32_MAX)
		return no_memory(merge);
	struct path_group *into = &merge->answer->groups.items[group];
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
	struct origin origin = { .kind = ORIGIN_HOLDER };
	(void)origins_at(&merge->bearings.origins, number, &origin); /* it is one */
	struct text label = { .bytes = NULL };
	uint32_t holder;
	const uint64_t address = retained_node(merge->bearings.heap, number, &holder);
	const struct type_info *type =
	        address != 0 ? reference_type(naming_references(merge->bearings.naming), number) : NULL;
	if (origin.kind == ORIGIN_MODULE || origin.kind == ORIGIN_MODULE_DICT) {
		text_add(&label, "module ");
		(void)naming_number(merge->bearings.naming, origin.kind == ORIGIN_MODULE ? number : origin.above,
		                    &label);
		type = NULL; /* the module and its dict are one */
	} else if (origin.kind == ORIGIN_MODULES) {
		text_add(&label, "sys.modules");
	} else {
		origins_say(&merge->bearings.origins, origin.holder, number, UINT32_MAX, &label);
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
	const uint32_t number = address != 0 ? retained_number(merge->bearings.heap, address) : UINT32_MAX;
	if (number == UINT32_MAX || merge->forest.before[number] != from || merge->counts[number] == 0 ||
	    merge->group_of[number] != UINT32_MAX || number == from)
		return OK;
	const struct type_info *type = reference_type(naming_references(merge->bearings.naming), number);
	struct reference_name name = name_of(run, is_namespace);
	struct text label = { .bytes = NULL };
	if (name.has_label) {
		names_label(&merge->query->target->naming, run, slot, &merge->query->names, &label);
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
	struct origin origin;
	const bool is_namespace =
	        origins_at(&merge->bearings.origins, number, &origin) && origin.kind >= ORIGIN_MODULES;
	struct run_cursor runs;
	uint32_t holder = 0;
	const uint64_t address = retained_node(merge->bearings.heap, number, &holder);
	if (!run_cursor_open(&runs, merge->bearings.heap, &merge->query->target->decoder, address, holder))
		return OK;
	for (const struct run *run; (run = run_cursor_next(&runs)) != NULL;) {
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
	const uint64_t address = retained_node(merge->bearings.heap, number, &holder);
	return place(merge, number,
	             find_group(merge, merge->group_of[before],
	                        reference_type(naming_references(merge->bearings.naming), number), "objects", NULL),
	             address);
}

static int make_groups(struct merge *merge)
{
	if (!array_push(&merge->answer->groups, (struct path_group){ .kind = "" }))
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
	for (uint32_t i = (uint32_t)merge->answer->groups.count; i-- > 0;) {
		struct path_group *group = &merge->answer->groups.items[i];
		group->count += group->ends;
		if (i > 0)
			merge->answer->groups.items[group->parent].count += group->count;
	}
	return OK;
}

/* ---- The answer ---- */

static int compare_groups(const void *left_index, const void *right_index, void *context)
{
	const struct path_group *groups = context;
	const struct path_group *left = &groups[*(const uint32_t *)left_index];
	const struct path_group *right = &groups[*(const uint32_t *)right_index];
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	int order = strcmp(path_group_name(left), path_group_name(right));
	return order != 0 ? order : left->example < right->example ? -1 : 1;
}

/* Children of each group: those with most objects first. */
static int sort_groups(struct merge *merge)
{
	struct path_group *groups = merge->answer->groups.items;
	uint32_t *children = malloc((merge->answer->groups.count + 1) * sizeof *children);
	if (children == NULL)
		return no_memory(merge);
	for (size_t i = 0; i < merge->answer->groups.count; i++) {
		uint32_t count = 0;
		for (uint32_t child = groups[i].first; child != 0; child = groups[child].next)
			children[count++] = child;
		if (count > 1)
			qsort_r(children, count, sizeof *children, compare_groups, groups);
		for (uint32_t k = 0; k < count; k++)
			groups[children[k]].next = k + 1 < count ? children[k + 1] : 0;
		groups[i].first = count > 0 ? children[0] : 0;
	}
	free(children);
	return OK;
}

static int find(struct merge *merge)
{
	const struct query *query = merge->query;
	const size_t count = (size_t)merge->bearings.heap->dominators.reached_count + 1;
	TRY(path_forest_grow(&merge->forest, &merge->bearings.heap->dominators.incoming, merge->bearings.origins.starts,
	                     query->progress, query->error));
	merge->counts = calloc(count, sizeof *merge->counts);
	merge->group_of = malloc(count * sizeof *merge->group_of);
	merge->is_wanted = calloc(count / 8 + 1, 1);
	if (merge->counts == NULL || merge->group_of == NULL || merge->is_wanted == NULL)
		return no_memory(merge);
	memset(merge->group_of, 0xff, count * sizeof *merge->group_of);
	TRY(find_wanted(merge));
	if (merge->answer->found == 0)
		return error_set(query->error, ERROR_NOT_FOUND, "no object has a type that matches '%s'",
		                 merge->question->type);
	count_paths(merge);
	TRY(make_groups(merge));
	return sort_groups(merge);
}

int query_path_merge(const struct query *query, const struct path_merge_question *question,
                     struct path_merge_answer *ret_answer)
{
	struct merge merge = { .query = query, .question = question, .answer = ret_answer };
	*ret_answer = (struct path_merge_answer){ .found = 0 };
	int status = bearings_open(&merge.bearings, query);
	if (status == OK) {
		ret_answer->measure = merge.bearings.heap->measure;
		ret_answer->coverage = merge.bearings.heap->graph->coverage;
		status = find(&merge);
	}
	bearings_clear(&merge.bearings);
	path_forest_clear(&merge.forest);
	free(merge.counts);
	free(merge.group_of);
	free(merge.is_wanted);
	return status;
}

void path_merge_answer_clear(struct path_merge_answer *answer)
{
	for (size_t i = 0; i < answer->groups.count; i++)
		free(answer->groups.items[i].label);
	array_free(&answer->groups);
}
