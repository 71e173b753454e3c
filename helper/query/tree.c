/* SPDX-License-Identifier: MIT
 * tree: the references below an object, level by level. All objects of a level are marked as reached before any of
 * them is opened, so that siblings do not take each other's members; below the last level the walk goes on at once.
 * Every object stands under the first row that reached it, so the rows add up to the deep size. */
#include "query/tree.h"

#include <stdlib.h>
#include <string.h>

enum {
	TREE_DEPTH = 3, /* levels below the object itself */
	LIMIT_GROUPS = 256, /* of one level; references beyond go to a group without a name */
	LIMIT_KEYS = 32, /* a dict with more entries is a collection: its keys are no names */
	LIMIT_LABELS = 4096, /* names of keys that are written out for one level */
	LIMIT_WALKS = 4096, /* of one tree; further groups are not opened level by level */
};

struct tree {
	const struct query *query;
	struct walk *walk;
	enum policy policy;
	uint32_t walks, labels;
};

/* The children of one group while they are gathered: a small hash table over (kind, key, type). */
struct level {
	struct tree_group *parent;
	struct tree_group *slots[4 * LIMIT_GROUPS];
};

static void free_group(struct tree_group *group)
{
	while (group->first != NULL) {
		struct tree_group *child = group->first;
		group->first = child->next;
		free_group(child); /* at most TREE_DEPTH deep */
	}
	array_free(&group->members);
	text_free(&group->label);
	free(group);
}

static int no_memory(struct tree *tree)
{
	return query_no_memory(tree->query, "the tree");
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
	case LABEL_BLOCK_WORD:
		name.kind = "words";
		break;
	default:
		break;
	}
	return name;
}

static struct tree_group *find_slot(struct level *level, const struct reference_name *name,
                                    const struct type_info *type, struct tree_group ***ret_slot)
{
	const uint32_t mask = 4 * LIMIT_GROUPS - 1;
	uint64_t hash = address_hash((uint64_t)(uintptr_t)name->kind + (name->key ^ name->key >> 32)) ^ type->index;
	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		struct tree_group *group = level->slots[i];
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
static struct tree_group *group_of(struct tree *tree, struct level *level, const struct run *run, uint64_t slot,
                                   const struct type_info *type)
{
	struct reference_name name = name_of(run, slot);
	struct text label = { .bytes = NULL };
	struct tree_group **free_slot;
	struct tree_group *found = find_slot(level, &name, type, &free_slot);
	if (found != NULL)
		return found;
	if (name.has_label) {
		bool is_name = false;
		if (level->parent->child_count < LIMIT_GROUPS && tree->labels < LIMIT_LABELS) {
			tree->labels++;
			names_label(&tree->query->target->naming, run, slot, &tree->query->names, &label);
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
	struct tree_group *group = found != NULL ? NULL : calloc(1, sizeof *group);
	if (group == NULL) {
		text_free(&label);
		return found;
	}
	*group = (struct tree_group){ .type = type, .kind = name.kind, .key = name.key, .label = label };
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

static int gather_run(struct tree *tree, struct level *level, const struct run *run)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (slot % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && query_is_cancelled(tree->query))
			return query_cancelled(tree->query);
		const uint64_t target = run_target(run, slot);
		if (target == 0 || !walk_reach(tree->walk, target))
			continue;
		const struct type_info *type = query_type(tree->query, target);
		if (type == NULL || !policy_enters(tree->policy, type))
			continue;
		struct tree_group *group = group_of(tree, level, run, slot, type);
		if (group == NULL || !array_push(&group->members, target))
			return no_memory(tree);
	}
	return OK;
}

/* Counts the members of a group themselves and puts what they refer to into its children. */
static int open_members(struct tree *tree, struct tree_group *group, struct level *level)
{
	struct decoder *decoder = &tree->query->target->decoder;
	for (size_t i = 0; i < group->members.count; i++) {
		if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && query_is_cancelled(tree->query))
			return query_cancelled(tree->query);
		if (!decode_object(decoder, group->members.items[i]))
			continue;
		group->own_count++;
		group->own += walk_measured(tree->walk, decoder);
		if (!policy_opens(tree->policy, decoder->out.type))
			continue;
		for (size_t run = 0; run < decoder->out.runs.count; run++)
			if (policy_follows(tree->policy, &decoder->out.runs.items[run]))
				TRY(gather_run(tree, level, &decoder->out.runs.items[run]));
	}
	return OK;
}

/* All that is reached from the members and was not reached before. */
static int close_group(struct tree *tree, struct tree_group *group)
{
	struct walk_result result;
	tree->walks++;
	const struct walk_start start = { group->members.items, group->members.count, tree->policy };
	int status = walk_from_reached(tree->walk, &start, tree->query->progress, &result, tree->query->error);
	group->count = result.count;
	group->bytes = result.bytes;
	walk_result_clear(&result);
	return status;
}

static int measure_group(struct tree *tree, struct tree_group *group, int depth)
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
	for (struct tree_group *child = group->first; child != NULL && status == OK; child = child->next) {
		status = measure_group(tree, child, depth + 1);
		group->bytes += child->bytes;
		group->count += child->count;
		array_free(&child->members);
	}
	return status;
}

/* ---- The answer ---- */

static int compare_groups(const void *left_group, const void *right_group)
{
	const struct tree_group *left = *(struct tree_group *const *)left_group;
	const struct tree_group *right = *(struct tree_group *const *)right_group;
	if ((left->count == 0) != (right->count == 0))
		return left->count == 0 ? 1 : -1;
	int order = query_compare_bytes(left->bytes, left->type->address, right->bytes, right->type->address);
	return order != 0 ? order : strcmp(text_string(&left->label), text_string(&right->label));
}

static void link_children(struct tree_group *group, struct tree_group *const *children, uint32_t count)
{
	struct tree_group **link = &group->first;
	group->last = NULL;
	group->child_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (children[i]->count == 0) { /* others reached all of it, or it was not come to */
			free_group(children[i]);
			continue;
		}
		*link = group->last = children[i];
		link = &children[i]->next;
		group->child_count++;
	}
	*link = NULL;
}

/* Children in their order, those below them first. */
static int sort_children(struct tree *tree, struct tree_group *group)
{
	if (group->child_count == 0)
		return OK;
	struct tree_group **children = calloc(group->child_count, sizeof(struct tree_group *));
	uint32_t count = 0;
	if (children == NULL)
		return no_memory(tree);
	int status = OK;
	for (struct tree_group *child = group->first; child != NULL; child = child->next) {
		children[count++] = child;
		if (status == OK)
			status = sort_children(tree, child); /* at most TREE_DEPTH deep */
	}
	qsort(children, count, sizeof(struct tree_group *), compare_groups);
	link_children(group, children, count);
	free(children);
	return status;
}

int query_tree(const struct query *query, const struct tree_question *question, struct tree_answer *ret_answer)
{
	struct tree tree = { .query = query, .policy = question->policy };
	struct tree_group *root = calloc(1, sizeof *root);
	*ret_answer = (struct tree_answer){ .root = root };
	if (root == NULL)
		return no_memory(&tree);
	root->kind = "";
	root->type = query_type(query, question->object);
	TRY(query_walk(query, &tree.walk));
	if (root->type == NULL || !array_push(&root->members, question->object)) {
		tree_answer_clear(ret_answer);
		return no_memory(&tree);
	}
	(void)walk_reach(tree.walk, question->object);
	int status = measure_group(&tree, root, 0);
	int sorted = sort_children(&tree, root);
	return status < 0 ? status : sorted;
}

void tree_answer_clear(struct tree_answer *answer)
{
	if (answer->root != NULL)
		free_group(answer->root);
	answer->root = NULL;
}
