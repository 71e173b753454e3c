/* SPDX-License-Identifier: MIT */
#include "query/diff/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "graph/visited.h"
#include "query/diff/diff_rows.h"
#include "query/memory/memory.h"
#include "query/naming.h"
#include "query/holders/owners.h"
#include "query/tracemalloc/traced_lines.h"

struct comparison {
	const struct query *query;
	const struct diff_question *question;
	struct diff_answer *answer;
	struct query sides[DIFF_MOST_SIDES]; /* how each is asked */
	const struct retained *heaps[DIFF_MOST_SIDES];
	struct diff_names types, owners, lines, memory, object_types;
	struct visited reached[DIFF_MOST_SIDES]; /* of one process: the objects of all sides but the last */
};

static int no_memory(const struct comparison *comparison)
{
	return query_no_memory(comparison->query, "the comparison");
}

/* ---- By type ---- */

/* Of one heap, by type_info.index. */
struct type_sums {
	struct diff_sum *sums;
	uint32_t *group; /* by number of the dominator tree: index of the type; NULL: not wanted */
	size_t capacity;
};

static bool grow_sums(struct type_sums *sums, size_t wanted)
{
	if (wanted <= sums->capacity)
		return true;
	const size_t capacity = wanted * 2;
	struct diff_sum *grown = realloc(sums->sums, capacity * sizeof *grown);
	if (grown == NULL)
		return false;
	memset(grown + sums->capacity, 0, (capacity - sums->capacity) * sizeof *grown);
	sums->sums = grown;
	sums->capacity = capacity;
	return true;
}

static int count_types(struct comparison *comparison, uint32_t side, struct type_sums *sums)
{
	const struct retained *heap = comparison->heaps[side];
	struct decoder *decoder = &comparison->sides[side].target->naming;
	const uint64_t type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	struct object_cursor cursor;
	uint64_t steps = 0;
	uint32_t node = 0;
	object_cursor_init(&cursor, &heap->graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		const uint32_t number = heap->dominators.number[node];
		const uint8_t *word = reader_at(decoder->objects.reader, address + type_offset, 8);
		const struct type_info *type = word != NULL ? decode_type(decoder, load_u64(word)) : NULL;
		if (progress_look(comparison->query->progress, &steps) < 0)
			return query_cancelled(comparison->query);
		if (number == UINT32_MAX || type == NULL)
			continue;
		if (!grow_sums(sums, type->index + 1))
			return no_memory(comparison);
		sums->sums[type->index].count++;
		sums->sums[type->index].bytes += heap_graph_bytes(heap->graph, node, heap->measure);
		if (sums->group != NULL)
			sums->group[number] = type->index;
	}
	return OK;
}

static int weigh_types(struct comparison *comparison, uint32_t side, struct type_sums *sums)
{
	uint64_t *bytes = calloc(sums->capacity + 1, sizeof *bytes);
	if (bytes == NULL)
		return no_memory(comparison);
	int status = retained_groups(comparison->heaps[side], sums->group, (uint32_t)sums->capacity, bytes,
	                             comparison->query->progress, comparison->query->error);
	for (size_t i = 0; status == OK && i < sums->capacity; i++)
		sums->sums[i].retained = bytes[i];
	free(bytes);
	return status;
}

static int add_types(struct comparison *comparison, uint32_t side)
{
	struct diff_answer *answer = comparison->answer;
	const struct type_table *table = &comparison->sides[side].target->context->types;
	struct type_sums sums = { .sums = NULL };
	const size_t numbers = (size_t)comparison->heaps[side]->dominators.reached_count + 1;
	struct text name = { .bytes = NULL };
	int status = OK;
	if (comparison->question->with_retained) {
		sums.group = malloc(numbers * sizeof *sums.group);
		if (sums.group == NULL)
			return no_memory(comparison);
		memset(sums.group, 0xff, numbers * sizeof *sums.group);
	}
	status = count_types(comparison, side, &sums);
	if (status == OK && sums.group != NULL)
		status = weigh_types(comparison, side, &sums);
	for (size_t i = 0; status == OK && i < table->count && i < sums.capacity; i++) {
		const struct type_info *type = table->items[i];
		if (sums.sums[type->index].count == 0)
			continue;
		text_reset(&name);
		names_type(&name, type);
		if (!diff_rows_add(&answer->types, &comparison->types, text_string(&name), side,
		                   &sums.sums[type->index], type->address))
			status = no_memory(comparison);
		answer->total[side].count += sums.sums[type->index].count;
		answer->total[side].bytes += sums.sums[type->index].bytes;
	}
	text_free(&name);
	free(sums.sums);
	free(sums.group);
	return status;
}

/* ---- By owner, by line ---- */

static int add_owners(struct comparison *comparison, uint32_t side)
{
	owner_array owners = { .items = NULL };
	int status = owners_find(&comparison->sides[side], comparison->heaps[side], &owners);
	for (size_t i = 0; status == OK && i < owners.count; i++) {
		const struct diff_sum sum = { .count = 1, .retained = owners.items[i].retained };
		if (!diff_rows_add(&comparison->answer->owners, &comparison->owners, owners.items[i].name, side, &sum,
		                   owners.items[i].address))
			status = no_memory(comparison);
	}
	owners_clear(&owners);
	return status;
}

/* "malloc heaps: in use by C code": the tree of `memory` has two levels below its root. */
static int add_memory(struct comparison *comparison, uint32_t side)
{
	const struct memory_question question = { .limit = 0 };
	struct memory_answer memory;
	struct text name = { .bytes = NULL };
	const char *above = "";
	int status = query_memory(&comparison->sides[side], &question, &memory);
	for (size_t i = 0; status == OK && i < memory.parts.count; i++) {
		const struct memory_part *part = &memory.parts.items[i];
		const struct diff_sum sum = { .count = part->count, .bytes = part->bytes };
		above = part->level == 1 ? part->name : above;
		text_reset(&name);
		if (part->level > 1)
			text_format(&name, "%s: ", above);
		text_add(&name, part->name);
		if (!diff_rows_add(&comparison->answer->memory, &comparison->memory, text_string(&name), side, &sum, 0))
			status = no_memory(comparison);
	}
	text_free(&name);
	memory_answer_clear(&memory);
	return status;
}

static int add_lines(struct comparison *comparison, uint32_t side)
{
	const struct traced_lines_question question = { .by = TRACED_BY_LINE };
	struct traced_lines_answer lines;
	struct text name = { .bytes = NULL };
	int status = query_traced_lines(&comparison->sides[side], &question, &lines);
	for (size_t i = 0; status == OK && i < lines.rows.count; i++) {
		const struct traced_row *row = &lines.rows.items[i];
		const struct diff_sum sum = { .count = row->count, .bytes = row->bytes };
		const struct traced_stack *stack = &lines.traced.stacks.items[row->stack];
		text_reset(&name);
		if (stack->count > 0)
			traced_lines_name(&lines, stack->first, &name);
		else
			text_add(&name, "?");
		if (!diff_rows_add(&comparison->answer->lines, &comparison->lines, text_string(&name), side, &sum, 0))
			status = no_memory(comparison);
	}
	text_free(&name);
	traced_lines_answer_clear(&lines);
	return status;
}

/* ---- Object by object ---- */

/* What later sides are compared with, and all of a side that is needed when its graph is gone. */
static int remember_objects(struct comparison *comparison, uint32_t side)
{
	const struct retained *heap = comparison->heaps[side];
	const struct address_space *space = comparison->question->sides[side]->space;
	struct object_cursor cursor;
	uint64_t steps = 0;
	uint32_t node = 0;
	if (!visited_open(&comparison->reached[side], space))
		return no_memory(comparison);
	object_cursor_init(&cursor, &heap->graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		const struct segment *segment = address_space_find(space, address);
		if (progress_look(comparison->query->progress, &steps) < 0)
			return query_cancelled(comparison->query);
		if (segment != NULL && heap->dominators.number[node] != UINT32_MAX)
			(void)visited_add(&comparison->reached[side],
			                  visited_place(&comparison->reached[side], segment, address));
	}
	return OK;
}

/* Two targets have two tables of types: the type's address is compared. */
static bool has_object(const struct comparison *comparison, uint32_t side, uint64_t address,
                       const struct type_info *type)
{
	const struct segment *segment = address_space_find(comparison->question->sides[side]->space, address);
	if (segment == NULL ||
	    !visited_has(&comparison->reached[side], visited_place(&comparison->reached[side], segment, address)))
		return false;
	const struct type_info *other = query_type(&comparison->sides[side], address);
	return other != NULL && (other == type || other->address == type->address);
}

static int compare_objects(const void *left_object, const void *right_object)
{
	const struct diff_object *left = left_object, *right = right_object;
	return query_compare_bytes(left->retained, left->address, right->retained, right->address);
}

static int add_object(struct comparison *comparison, const struct diff_object *object)
{
	struct diff_answer *answer = comparison->answer;
	const struct diff_sum sum = { .count = 1, .bytes = object->bytes };
	struct text name = { .bytes = NULL };
	names_type(&name, object->type);
	const bool is_added = diff_rows_add(&answer->object_types, &comparison->object_types, text_string(&name),
	                                    answer->side_count - 1, &sum, object->type->address) &&
	                      array_push(&answer->objects, *object);
	text_free(&name);
	answer->object_total.count++;
	answer->object_total.bytes += object->bytes;
	return is_added ? OK : no_memory(comparison);
}

/* Those of the last side that the side before it has too, if there are three, and the first has not. */
static int find_objects(struct comparison *comparison)
{
	const uint32_t last = comparison->answer->side_count - 1;
	const struct retained *heap = comparison->heaps[last];
	struct object_cursor cursor;
	uint64_t steps = 0;
	uint32_t node = 0;
	object_cursor_init(&cursor, &heap->graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		struct diff_object object = { .address = address, .number = heap->dominators.number[node] };
		if (progress_look(comparison->query->progress, &steps) < 0)
			return query_cancelled(comparison->query);
		if (object.number == UINT32_MAX)
			continue;
		object.type = query_type(&comparison->sides[last], address);
		if (object.type == NULL || has_object(comparison, 0, address, object.type) ||
		    (last == 2 && !has_object(comparison, 1, address, object.type)))
			continue;
		object.bytes = heap_graph_bytes(heap->graph, node, heap->measure);
		object.retained = heap->bytes[object.number];
		TRY(add_object(comparison, &object));
	}
	return OK;
}

static int name_objects(struct comparison *comparison)
{
	const uint32_t last = comparison->answer->side_count - 1;
	struct naming *naming;
	bool failed = false;
	if (comparison->answer->objects.count == 0)
		return OK;
	TRY(naming_open(&naming, &comparison->sides[last], comparison->heaps[last]));
	for (size_t i = 0; i < comparison->answer->objects.count; i++) {
		struct diff_object *object = &comparison->answer->objects.items[i];
		(void)naming_number(naming, object->number, &object->name);
		failed |= object->name.failed;
	}
	naming_close(naming);
	return failed ? no_memory(comparison) : OK;
}

static bool is_same_process(const struct diff_question *question)
{
	const struct target *first = question->sides[0];
	for (uint32_t i = 1; i < question->side_count; i++) {
		const struct target *other = question->sides[i];
		if (first->space->pid != other->space->pid || first->runtime->address != other->runtime->address ||
		    first->runtime->interpreters.count == 0 || other->runtime->interpreters.count == 0 ||
		    first->runtime->interpreters.items[0].modules != other->runtime->interpreters.items[0].modules)
			return false;
	}
	return true;
}

static void forget_sides(struct comparison *comparison, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		target_forget(comparison->question->sides[i]);
		comparison->heaps[i] = NULL;
	}
	comparison->answer->was_one_by_one = true;
}

/* Two graphs at once if there is room, else those before are given up: for a heap as large as the one before, and what
 * is asked of it. */
static int build_side(struct comparison *comparison, uint32_t side)
{
	enum { BYTES_PER_OBJECT = 96, BYTES_MORE = 16 << 20 };
	const struct address_space *space = comparison->question->sides[side]->space;
	struct error error = { .status = OK };
	if (side > 0) {
		const uint64_t wanted = comparison->answer->total[side - 1].count * BYTES_PER_OBJECT + BYTES_MORE;
		if (address_space_require(space, wanted, "", &error) < 0)
			forget_sides(comparison, side);
		error_clear(&error);
	}
	int status = query_heap(&comparison->sides[side], &comparison->heaps[side]);
	if ((status != ERROR_LIMIT && status != ERROR_NO_MEMORY) || side == 0 || comparison->heaps[side - 1] == NULL)
		return status;
	error_clear(comparison->query->error);
	forget_sides(comparison, side);
	return query_heap(&comparison->sides[side], &comparison->heaps[side]);
}

static int add_side(struct comparison *comparison, uint32_t side)
{
	struct diff_answer *answer = comparison->answer;
	TRY(build_side(comparison, side));
	coverage_add(&answer->coverage, &comparison->heaps[side]->graph->coverage);
	TRY(add_types(comparison, side));
	TRY(add_owners(comparison, side));
	TRY(add_memory(comparison, side));
	if (answer->is_traced)
		TRY(add_lines(comparison, side));
	return answer->is_same_process && side + 1 < answer->side_count ? remember_objects(comparison, side) : OK;
}

static int compare(struct comparison *comparison)
{
	struct diff_answer *answer = comparison->answer;
	for (uint32_t i = 0; i < answer->side_count; i++)
		TRY(add_side(comparison, i));
	diff_rows_sort(&answer->types, answer->side_count, false);
	diff_rows_sort(&answer->owners, answer->side_count, true);
	diff_rows_sort(&answer->lines, answer->side_count, false);
	diff_rows_sort(&answer->memory, answer->side_count, false);
	if (!answer->is_same_process)
		return OK;
	TRY(find_objects(comparison));
	diff_rows_sort(&answer->object_types, answer->side_count, false);
	if (sort_items(answer->objects.items, answer->objects.count, sizeof *answer->objects.items, compare_objects,
	               comparison->query->progress) < 0)
		return query_cancelled(comparison->query);
	if (answer->objects.count > comparison->question->object_limit)
		answer->objects.count = comparison->question->object_limit;
	return name_objects(comparison);
}

int query_diff(const struct query *query, const struct diff_question *question, struct diff_answer *ret_answer)
{
	*ret_answer = (struct diff_answer){ .side_count = question->side_count };
	struct comparison comparison = { .query = query, .question = question, .answer = ret_answer };
	ret_answer->is_same_process = is_same_process(question);
	ret_answer->is_traced = true;
	for (uint32_t i = 0; i < question->side_count; i++) {
		comparison.sides[i] = *query;
		comparison.sides[i].target = question->sides[i];
		ret_answer->is_traced &= target_traced(question->sides[i])->is_tracing;
	}
	int status = compare(&comparison);
	diff_names_clear(&comparison.types);
	diff_names_clear(&comparison.owners);
	diff_names_clear(&comparison.lines);
	diff_names_clear(&comparison.memory);
	diff_names_clear(&comparison.object_types);
	for (uint32_t i = 0; i < DIFF_MOST_SIDES; i++)
		visited_close(&comparison.reached[i]);
	return status;
}

void diff_answer_clear(struct diff_answer *answer)
{
	diff_rows_clear(&answer->types);
	diff_rows_clear(&answer->owners);
	diff_rows_clear(&answer->lines);
	diff_rows_clear(&answer->memory);
	diff_rows_clear(&answer->object_types);
	for (size_t i = 0; i < answer->objects.count; i++)
		text_free(&answer->objects.items[i].name);
	array_free(&answer->objects);
}
