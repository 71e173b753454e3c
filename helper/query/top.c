/* SPDX-License-Identifier: MIT */
#include "query/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "base/sort.h"
#include "query/frame_local.h"
#include "query/group_name.h"
#include "query/tracemalloc/allocated_at.h"
#include "query/garbage/garbage_tree.h"
#include "query/naming.h"

enum {
	FOLLOW_PERCENT = 70, /* a child with that much of its parent is where the memory is */
	SMALLEST = 100, /* a row of its own: 1/100 of what the level holds */
	GROUPS_REMEMBERED = 8,
};

struct branch {
	ARRAY(uint32_t) members; /* numbers of the dominator tree; several: siblings of one type */
	const struct type_info *type; /* NULL: a frame */
	uint32_t largest; /* of the members */
	uint32_t start; /* where following it down began */
	uint32_t depth; /* in the dominator tree, the process is 0 */
	uint64_t retained; /* bytes */
	uint64_t native; /* as of struct top_row */
};

struct level {
	ARRAY(struct branch) branches; /* largest first */
	uint64_t smallest; /* bytes from which a number is a branch of its own, whatever its type */
};

struct top {
	const struct query *query;
	const struct top_question *question;
	const struct retained *heap;
	struct naming *naming;
	const struct references *references; /* the naming's */
	struct address_map modules; /* the dicts sys.modules, by number + 1 */
	struct frame_locals locals;
	struct address_map groups; /* of the level being opened: type object to index of its branch */
	struct recent_group {
		uint64_t group; /* 0: none */
		uint32_t index;
	} recent[GROUPS_REMEMBERED]; /* of groups */
	uint64_t steps;
	struct top_answer *answer;
};

static int no_memory(const struct top *top)
{
	return query_no_memory(top->query, "the top of the dominator tree");
}

static int check_cancel(struct top *top)
{
	return progress_look(top->query->progress, &top->steps) == OK ? OK : query_cancelled(top->query);
}

static uint64_t address_of(const struct top *top, uint32_t number)
{
	uint32_t holder;
	uint64_t address = retained_node(top->heap, number, &holder);
	return address != 0 ? address : holders_at(&top->heap->graph->roots.holders, holder).address;
}

static void level_clear(struct level *level)
{
	for (size_t i = 0; i < level->branches.count; i++)
		array_free(&level->branches.items[i].members);
	array_free(&level->branches);
}

/* UINT32_MAX: it is an object, whose address would cost something to find. */
static uint32_t holder_of(const struct top *top, uint32_t number)
{
	const struct heap_graph *graph = top->heap->graph;
	const uint32_t node = top->heap->dominators.node[number];
	return node >= graph->index.count ? node - graph->index.count : UINT32_MAX;
}

/* Whether a number only stands for "everything below". */
static bool is_transparent(const struct top *top, uint32_t number)
{
	const uint32_t holder = holder_of(top, number);
	return holder != UINT32_MAX ? !frame_locals_is_frame(&top->locals, holder)
	                            : address_map_get(&top->modules, (uint64_t)number + 1) != ADDRESS_MAP_NONE;
}

/* A number that a level gets, and what finding its group begins with. */
struct candidate {
	uint32_t number, depth;
	uint64_t object; /* its address; 0: a holder */
	const uint8_t *type; /* where the address of the object's type is; NULL: not there */
	uint32_t frame; /* the innermost that refers to the object, as frame_locals_frame() says */
};

/* Of what several frames of a thread have, so that none of them dominates it: which local of which code of the
 * innermost one it is, with its type. 0: nothing of that kind. */
static uint64_t local_group(struct top *top, const struct candidate *candidate, const struct type_info *type)
{
	struct frame_local local;
	if (candidate->frame == UINT32_MAX ||
	    !frame_locals_of(&top->locals, candidate->frame, candidate->object, &local))
		return 0;
	const uint64_t hash = (local.code * 31 + local.slot) * UINT64_C(0x9E3779B97F4A7C15);
	return (hash ^ type->address) | 1; /* no address of a type or of code */
}

/* What makes numbers of a level one row: the type of small objects; the code of frames and the local of what they have,
 * since many threads that do the same say it once. 0: a row of its own. */
static uint64_t group_of(struct top *top, const struct level *level, const struct candidate *candidate,
                         const struct type_info *type)
{
	const uint32_t number = candidate->number;
	if (type == NULL) {
		const uint32_t holder = holder_of(top, number);
		return holder != UINT32_MAX ? frame_locals_code(&top->locals, holder) : 0;
	}
	const uint64_t local = local_group(top, candidate, type);
	return local != 0 ? local : top->heap->bytes[number] < level->smallest ? type->address : 0;
}

/* The branch of a group; ADDRESS_MAP_NONE: it has none yet. Groups come in turn. */
static uint32_t index_of_group(struct top *top, uint64_t group)
{
	struct recent_group *recent = &top->recent[group / 16 % GROUPS_REMEMBERED];
	if (recent->group == group)
		return recent->index;
	const uint32_t index = address_map_get(&top->groups, group);
	if (index != ADDRESS_MAP_NONE)
		*recent = (struct recent_group){ group, index };
	return index;
}

/* Adds a candidate to the branch of its group, or as one of its own. */
static int add_candidate(struct top *top, struct level *level, const struct candidate *candidate)
{
	const uint32_t number = candidate->number;
	const uint64_t retained = top->heap->bytes[number];
	struct decoder *decoder = top->references->decoder;
	const struct type_info *type = candidate->type != NULL ? decode_type(decoder, load_u64(candidate->type)) : NULL;
	const uint64_t group = group_of(top, level, candidate, type);
	uint32_t index = group != 0 ? index_of_group(top, group) : ADDRESS_MAP_NONE;
	if (index == ADDRESS_MAP_NONE) {
		struct branch branch = { .type = type, .largest = number, .start = number, .depth = candidate->depth };
		index = (uint32_t)level->branches.count;
		if (!array_push(&level->branches, branch))
			return no_memory(top);
		if (group != 0 && !address_map_set(&top->groups, group, index))
			return no_memory(top);
	}
	struct branch *branch = &level->branches.items[index];
	if (!array_push(&branch->members, number))
		return no_memory(top);
	if (retained > top->heap->bytes[branch->largest])
		branch->largest = number;
	branch->retained += retained;
	branch->native += native_beside_of(&top->answer->native, number);
	return check_cancel(top);
}

/* Numbers that are added together: what all of them lead to is on its way before the first is looked at. */
enum { TOGETHER = 32 };

struct crowd {
	struct candidate candidates[TOGETHER];
	uint32_t count;
};

static int add_crowd(struct top *top, struct level *level, struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->count; i++)
		TRY(add_candidate(top, level, &crowd->candidates[i]));
	crowd->count = 0;
	return OK;
}

/* Adds a number, soon: once the crowd is full, or with add_crowd(). */
static int add_number(struct top *top, struct level *level, struct crowd *crowd, uint32_t number, uint32_t depth)
{
	struct candidate *candidate = &crowd->candidates[crowd->count++];
	uint32_t holder;
	*candidate = (struct candidate){ .number = number, .depth = depth, .frame = UINT32_MAX };
	candidate->object = retained_node(top->heap, number, &holder);
	if (candidate->object != 0) {
		struct decoder *decoder = top->references->decoder;
		candidate->type =
		        reader_at(&decoder->reader,
		                  candidate->object + layout_offset(decoder->layout, FIELD_PyObject_ob_type), 8);
		if (candidate->type != NULL)
			__builtin_prefetch(candidate->type);
		candidate->frame = frame_locals_frame(&top->locals, number);
	}
	return crowd->count == TOGETHER ? add_crowd(top, level, crowd) : OK;
}

/* The child that has most of what a number holds; 0: the memory fans out here. */
static uint32_t child_to_follow(const struct top *top, uint32_t number)
{
	const struct dominator_children *children = &top->heap->children;
	uint32_t largest = 0;
	for (uint32_t child = children->first[number]; child != 0; child = children->next[child])
		if (largest == 0 || top->heap->bytes[child] > top->heap->bytes[largest])
			largest = child;
	/* in units of 100 bytes: no product can wrap */
	const bool is_most = largest != 0 && (top->heap->bytes[largest] + 99) / 100 >=
	                                             (top->heap->bytes[number] + 99) / 100 * FOLLOW_PERCENT / 100;
	return is_most ? largest : 0;
}

/* A single object's branch goes down to where its memory fans out. What it passes on the way are branches of the level
 * too, or, where they are not wanted, part of its rest. */
static int follow(struct top *top, struct level *level, size_t index, bool with_siblings)
{
	const struct dominator_children *children = &top->heap->children;
	uint32_t number = level->branches.items[index].members.items[0], next;
	uint32_t depth = level->branches.items[index].depth;
	struct crowd siblings = { .count = 0 };
	for (; (next = child_to_follow(top, number)) != 0; number = next) {
		depth++;
		for (uint32_t child = children->first[number]; with_siblings && child != 0;
		     child = children->next[child])
			if (child != next)
				TRY(add_number(top, level, &siblings, child, depth));
	}
	TRY(add_crowd(top, level, &siblings));
	struct branch *branch = &level->branches.items[index];
	branch->members.items[0] = branch->largest = number;
	branch->depth = depth;
	branch->retained = top->heap->bytes[number];
	branch->native = native_beside_of(&top->answer->native, number);
	branch->type = reference_type(top->references, number);
	return OK;
}

/* Large branches first, since siblings that they pass may join small ones of their type. */
static int follow_all(struct top *top, struct level *level)
{
	for (size_t i = 0; i < level->branches.count; i++)
		if (level->branches.items[i].members.count == 1 &&
		    top->heap->bytes[level->branches.items[i].start] >= level->smallest)
			TRY(follow(top, level, i, true));
	for (size_t i = 0; i < level->branches.count; i++)
		if (level->branches.items[i].members.count == 1 &&
		    top->heap->bytes[level->branches.items[i].start] < level->smallest)
			TRY(follow(top, level, i, false));
	return OK;
}

static int compare_branches(const void *left_branch, const void *right_branch)
{
	const struct branch *left = left_branch, *right = right_branch;
	return query_compare_bytes(left->retained, left->largest, right->retained, right->largest);
}

/* What a level is opened from. */
struct parents {
	const uint32_t *numbers;
	size_t count;
	uint32_t depth;
	uint64_t retained; /* by all of them */
	bool is_root; /* transparent numbers below are opened as well */
};

struct opened {
	uint32_t number, depth;
};

typedef ARRAY(struct opened) opened_stack;

static int open_children(struct top *top, const struct parents *parents, struct opened here, opened_stack *stack,
                         struct level *level)
{
	struct crowd crowd = { .count = 0 };
	for (uint32_t child = top->heap->children.first[here.number]; child != 0;
	     child = top->heap->children.next[child]) {
		if (!parents->is_root || !is_transparent(top, child))
			TRY(add_number(top, level, &crowd, child, here.depth + 1));
		else if (!array_push(stack, (struct opened){ child, here.depth + 1 }))
			return no_memory(top);
	}
	return add_crowd(top, level, &crowd);
}

/* The branches below some numbers. */
static int open_level(struct top *top, const struct parents *parents, struct level *level)
{
	opened_stack stack = { 0 };
	int status = OK;
	address_map_clear(&top->groups);
	memset(top->recent, 0, sizeof top->recent);
	level->smallest = parents->retained / SMALLEST;
	for (size_t i = 0; status == OK && i < parents->count; i++) {
		if (!array_push(&stack, (struct opened){ parents->numbers[i], parents->depth }))
			status = no_memory(top);
		while (status == OK && stack.count > 0) {
			const struct opened here = stack.items[--stack.count];
			status = open_children(top, parents, here, &stack, level);
		}
	}
	array_free(&stack);
	if (status == OK)
		status = follow_all(top, level);
	if (status == OK && sort_items(level->branches.items, level->branches.count, sizeof *level->branches.items,
	                               compare_branches, top->query->progress) < 0)
		status = query_cancelled(top->query);
	return status;
}

static bool passes(const struct top_question *question, const struct branch *branch)
{
	return branch->retained >= question->min_bytes &&
	       type_filter_passes(&question->types, branch->type != NULL ? branch->type->name : "frame");
}

/* ---- Rows ---- */

static void add_rest(struct top_rest *rest, const struct branch *branch)
{
	rest->rows++;
	rest->count += branch->members.count;
}

static void row_clear(struct top_row *row)
{
	text_free(&row->name);
	text_free(&row->description);
	text_free(&row->line);
	text_free(&row->start.name);
}

/* Of the first, the middle and the last of its objects, if it is the same line. */
static void find_line(const struct top *top, const struct branch *branch, struct text *line)
{
	const size_t count = branch->members.count, places[] = { 0, count / 2, count - 1 };
	uint32_t holder;
	for (size_t i = 0; i < sizeof places / sizeof places[0] && (i == 0 || count > 1); i++) {
		struct text other = { .bytes = NULL };
		const uint64_t object = retained_node(top->heap, branch->members.items[places[i]], &holder);
		if (object != 0)
			(void)query_allocated_line(top->query, object, &other);
		if (i == 0)
			text_append(line, text_string(&other), other.length);
		else if (strcmp(text_string(line), text_string(&other)) != 0)
			text_reset(line);
		text_free(&other);
	}
}

static int push_row(struct top *top, const struct branch *branch, uint32_t level)
{
	const uint64_t whole = top->heap->bytes[branch->start];
	struct top_row row = { .address = address_of(top, branch->largest),
		               .type = branch->type,
		               .level = level,
		               .depth = branch->depth,
		               .count = branch->members.count,
		               .retained = branch->retained,
		               .native = branch->native,
		               .rest = { .retained = branch->retained, .native = branch->native } };
	row.start.address = address_of(top, branch->start);
	row.start.retained = row.count > 1 ? row.retained : whole;
	if (row.count > 1)
		(void)group_name(top->naming, branch->members.items, branch->members.count, &row.name);
	else
		(void)naming_number(top->naming, branch->largest, &row.name);
	find_line(top, branch, &row.line);
	if (row.count == 1 && row.type != NULL) {
		names_describe(&top->query->target->naming, row.address, &top->query->names, &row.description);
		if (whole - row.retained > whole / 20)
			(void)naming_number(top->naming, branch->start, &row.start.name);
	}
	if (!row.name.failed && !row.description.failed && !row.start.name.failed && !row.line.failed &&
	    array_push(&top->answer->rows, row))
		return OK;
	row_clear(&row);
	return no_memory(top);
}

static int add_children(struct top *top, const struct branch *branch, size_t row_index, uint32_t row_level);

static int add_branch(struct top *top, const struct branch *branch, uint32_t level)
{
	const size_t index = top->answer->rows.count;
	TRY(push_row(top, branch, level));
	return top->question->with_children && level < TOP_LEVELS ? add_children(top, branch, index, level) : OK;
}

/* At most TOP_LEVELS deep. */
static int add_children(struct top *top, const struct branch *branch, size_t row_index, uint32_t row_level)
{
	const struct parents parents = { .numbers = branch->members.items,
		                         .count = branch->members.count,
		                         .depth = branch->depth,
		                         .retained = branch->retained };
	const uint32_t share = top->question->smallest_share;
	const uint64_t smallest = share != 0 ? top->heap->total / share : 0;
	struct level level = { 0 };
	int status = open_level(top, &parents, &level);
	for (size_t i = 0; status == OK && i < level.branches.count; i++) {
		const struct branch *child = &level.branches.items[i];
		if (i >= TOP_CHILDREN || child->retained < smallest) {
			add_rest(&top->answer->rows.items[row_index].rest, child);
			continue;
		}
		top->answer->rows.items[row_index].child_count++;
		top->answer->rows.items[row_index].rest.retained -= child->retained;
		top->answer->rows.items[row_index].rest.native -= child->native;
		status = add_branch(top, child, row_level + 1);
	}
	level_clear(&level);
	return status;
}

static int add_branches(struct top *top, const struct level *level)
{
	struct top_answer *answer = top->answer;
	uint64_t rows = 0;
	answer->rest.retained = answer->heap_bytes;
	answer->rest.native = native_beside_of(&answer->native, 0);
	for (size_t i = 0; i < level->branches.count; i++) {
		const struct branch *branch = &level->branches.items[i];
		const bool is_wanted = passes(top->question, branch);
		if (is_wanted && answer->first == 0 && branch->type != NULL)
			answer->first = address_of(top, branch->largest);
		if (!is_wanted || rows++ >= top->question->limit) {
			add_rest(&answer->rest, branch);
			continue;
		}
		answer->rest.retained -= branch->retained;
		answer->rest.native -= branch->native;
		TRY(add_branch(top, branch, 0));
	}
	return OK;
}

static int find_modules(struct top *top)
{
	const struct runtime *runtime = top->query->target->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		const uint64_t modules = runtime->interpreters.items[i].modules;
		const uint32_t number = modules != 0 ? retained_number(top->heap, modules) : UINT32_MAX;
		if (number != UINT32_MAX && !address_map_set(&top->modules, (uint64_t)number + 1, (uint32_t)i))
			return no_memory(top);
	}
	return OK;
}

static int find(struct top *top)
{
	const uint32_t process = 0; /* the number of the start */
	const struct parents root = { .numbers = &process, .count = 1, .retained = top->heap->total, .is_root = true };
	struct level level = { 0 };
	TRY(find_modules(top));
	int status = open_level(top, &root, &level);
	if (status == OK)
		status = add_branches(top, &level);
	level_clear(&level);
	return status;
}

static int answer_from(struct top *top)
{
	TRY(naming_open(&top->naming, top->query, top->heap));
	top->references = naming_references(top->naming);
	frame_locals_open(&top->locals, top->heap, top->references->decoder);
	int status = find(top);
	naming_close(top->naming);
	return status;
}

int query_top(const struct query *query, const struct top_question *question, struct top_answer *ret_answer)
{
	*ret_answer = (struct top_answer){ .is_garbage = question->of_garbage };
	struct top top = { .query = query, .question = question, .answer = ret_answer };
	struct retained *tree = NULL;
	TRY(question->of_garbage ? query_heap(query, &top.heap) : query_heap_and_blocks(query, &top.heap));
	ret_answer->measure = top.heap->measure;
	ret_answer->coverage = top.heap->graph->coverage;
	ret_answer->garbage_count = question->of_garbage ? 0 : top.heap->unreachable_count;
	ret_answer->garbage_bytes = question->of_garbage ? 0 : top.heap->unreachable_bytes;
	if (question->of_garbage) {
		TRY(garbage_tree_open(query, top.heap, &tree));
		top.heap = tree;
	} else {
		TRY(query_native_beside(query, &ret_answer->native));
	}
	ret_answer->object_count = top.heap->object_count;
	ret_answer->heap_bytes = top.heap->total;
	int status = answer_from(&top);
	address_map_clear(&top.modules);
	address_map_clear(&top.groups);
	retained_close(tree);
	return status;
}

void top_answer_clear(struct top_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++)
		row_clear(&answer->rows.items[i]);
	array_free(&answer->rows);
}
