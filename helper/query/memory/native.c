/* SPDX-License-Identifier: MIT */
#include "query/memory/native.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "query/naming.h"

static int compare_rows(const void *left, const void *right)
{
	const struct native_row *a = left, *b = right;
	return query_compare_bytes(native_block_bytes(&a->block), a->block.address, native_block_bytes(&b->block),
	                           b->block.address);
}

static int compare_owners(const void *left, const void *right)
{
	const struct native_owner *a = left, *b = right;
	return query_compare_bytes(a->bytes, a->example, b->bytes, b->example);
}

uint64_t native_owner_object(const struct query *query, const struct native_block *block)
{
	const struct retained *heap = query->target->heap;
	uint32_t holder;
	if (block->holder == NATIVE_GARBAGE)
		return object_index_address(&heap->graph->index, block->owner);
	return block->holder == NATIVE_OBJECT ? retained_node(heap, block->owner, &holder) : 0;
}

/* ---- Sums ---- */

typedef ARRAY(uint32_t) row_array;

struct owner_rows { /* 1 + index in answer->owners; 0: none yet */
	row_array by_type, by_file; /* by_type: two for each type, the second of garbage */
	uint32_t several, trees, unseen;
};

static struct native_owner *row_of(struct native_answer *answer, uint32_t *place)
{
	if (*place == 0) {
		if (!array_push(&answer->owners, (struct native_owner){ .type = NULL }))
			return NULL;
		*place = (uint32_t)answer->owners.count;
	}
	return &answer->owners.items[*place - 1];
}

static uint32_t *slot_of(row_array *rows, uint32_t index)
{
	while (rows->count <= index)
		if (!array_push(rows, 0))
			return NULL;
	return &rows->items[index];
}

static struct native_owner *find_owner(const struct query *query, struct native_answer *answer, struct owner_rows *rows,
                                       const struct native_block *block)
{
	const uint64_t object = native_owner_object(query, block);
	const struct type_info *type = object != 0 ? query_type(query, object) : NULL;
	struct native_owner *owner;
	uint32_t *place;
	if (type != NULL) {
		const bool is_garbage = block->holder == NATIVE_GARBAGE;
		place = slot_of(&rows->by_type, 2 * type->index + is_garbage);
		owner = place != NULL ? row_of(answer, place) : NULL;
		if (owner != NULL && owner->type == NULL) {
			owner->type = type;
			owner->example = object;
			owner->is_garbage = is_garbage;
		}
	} else if (block->holder == NATIVE_STATIC) {
		place = slot_of(&rows->by_file, block->owner);
		owner = place != NULL ? row_of(answer, place) : NULL;
		if (owner != NULL)
			owner->words = query->target->space->files.items[block->owner].path;
	} else if (block->holder == NATIVE_OBJECT) {
		owner = row_of(answer, &rows->several);
		if (owner != NULL)
			owner->words = "several objects";
	} else if (block->holder == NATIVE_TREES) {
		owner = row_of(answer, &rows->trees);
		if (owner != NULL)
			owner->words = "syntax trees";
	} else {
		owner = row_of(answer, &rows->unseen);
		if (owner != NULL)
			owner->words = "nothing seen";
	}
	return owner;
}

/* What C code has lost, if it has, is many blocks of one size. */
static void note_unseen(struct native_answer *answer, unsigned size, const struct native_block *block)
{
	struct native_total *total = &answer->unseen_sizes[size];
	total->blocks++;
	total->bytes += native_block_bytes(block);
	answer->unseen_examples[size] = block->address;
	if (total->bytes > answer->unseen_sizes[answer->unseen_most].bytes)
		answer->unseen_most = size;
}

static int sum_up(const struct query *query, const struct native_graph *graph, struct native_answer *answer)
{
	struct owner_rows rows = { .several = 0 };
	uint64_t steps = 0;
	int status = OK;
	for (size_t i = 0; i < graph->blocks.count && status == OK; i++) {
		const struct native_block *block = &graph->blocks.items[i];
		const unsigned power = 63 - (unsigned)__builtin_clzll(native_block_bytes(block) | 1);
		const unsigned class = power < NATIVE_SIZES ? power : NATIVE_SIZES - 1;
		struct native_total *size = &answer->sizes[class];
		struct native_owner *owner = find_owner(query, answer, &rows, block);
		if (owner == NULL) {
			status = query_no_memory(query, "the owners of native blocks");
			break;
		}
		owner->count++;
		owner->bytes += native_block_bytes(block);
		size->blocks++;
		size->bytes += native_block_bytes(block);
		if (block->holder == NATIVE_UNSEEN)
			note_unseen(answer, class, block);
		if (progress_look(query->progress, &steps) != OK)
			status = query_cancelled(query);
	}
	if (rows.unseen != 0)
		answer->owners.items[rows.unseen - 1].example = answer->unseen_examples[answer->unseen_most];
	array_free(&rows.by_type);
	array_free(&rows.by_file);
	if (answer->owners.count > 0)
		qsort(answer->owners.items, answer->owners.count, sizeof *answer->owners.items, compare_owners);
	return status;
}

/* ---- The largest ---- */

static int sort_rows(const struct query *query, struct native_answer *answer)
{
	return sort_items(answer->rows.items, answer->rows.count, sizeof *answer->rows.items, compare_rows,
	                  query->progress) == OK
	               ? OK
	               : query_cancelled(query);
}

/* Keeps the largest `limit` rows: twice as many at most while it goes. */
static int note_block(const struct query *query, struct native_answer *answer, const struct native_block *block,
                      uint64_t limit)
{
	if (limit < UINT64_MAX / 4 && answer->rows.count >= 2 * limit + 2) {
		TRY(sort_rows(query, answer));
		answer->rows.count = (size_t)limit;
	}
	return array_push(&answer->rows, (struct native_row){ .block = *block })
	               ? OK
	               : query_no_memory(query, "the rows of native blocks");
}

static void name_row(const struct query *query, struct naming *naming, struct native_row *row)
{
	if (row->block.holder == NATIVE_STATIC)
		text_add(&row->name, query->target->space->files.items[row->block.owner].path);
	else if (row->block.holder == NATIVE_OBJECT)
		(void)naming_number(naming, row->block.owner, &row->name);
}

static int find_rows(const struct query *query, const struct native_graph *graph,
                     const struct native_question *question, struct native_answer *answer)
{
	uint64_t steps = 0;
	for (size_t i = 0; i < graph->blocks.count; i++) {
		if (progress_look(query->progress, &steps) != OK)
			return query_cancelled(query);
		if (native_block_bytes(&graph->blocks.items[i]) < question->min_bytes)
			continue;
		answer->matching++;
		TRY(note_block(query, answer, &graph->blocks.items[i], question->limit));
	}
	TRY(sort_rows(query, answer));
	if (answer->rows.count > question->limit)
		answer->rows.count = (size_t)question->limit;
	for (size_t i = 0; i < answer->rows.count; i++) {
		struct native_row *row = &answer->rows.items[i];
		if (progress_look(query->progress, &steps) != OK)
			return query_cancelled(query);
		row->owner = native_owner_object(query, &row->block);
		row->type = row->owner != 0 ? query_type(query, row->owner) : NULL;
	}
	return OK;
}

static int name_rows(const struct query *query, uint64_t named, struct native_answer *answer)
{
	struct naming *naming;
	int status = OK;
	if (named == 0)
		return OK;
	TRY(naming_open(&naming, query, query->target->heap));
	for (size_t i = 0; i < answer->rows.count && i < named && status == OK; i++) {
		name_row(query, naming, &answer->rows.items[i]);
		if (query_is_cancelled(query))
			status = query_cancelled(query);
	}
	naming_close(naming);
	return status;
}

int query_native(const struct query *query, const struct native_question *question, struct native_answer *ret_answer)
{
	struct native_answer *answer = ret_answer;
	const struct native_graph *graph;
	const struct retained *heap;
	*answer = (struct native_answer){ .matching = 0 };
	TRY(target_note_blocks(query->target, UINT64_MAX, query->progress, query->error));
	TRY(query_heap(query, &heap));
	answer->coverage = heap->graph->coverage;
	TRY(target_native(query->target, query->progress, &graph, query->error));
	memcpy(answer->holders, graph->holders, sizeof answer->holders);
	answer->all = graph->all;
	const struct memory_map *memory = query->target->memory;
	for (size_t i = 0; i < memory->walks.count; i++)
		if (!memory->walks.items[i].is_confirmed)
			answer->refusal = memory->walks.items[i].refusal;
	if (memory->walks.count == 0)
		answer->refusal = query->target->context->allocators.other != NULL
		                          ? "what stands in for glibc's malloc is not gone through"
		                          : "no heap of glibc's malloc was found";
	TRY(sum_up(query, graph, answer));
	TRY(find_rows(query, graph, question, answer));
	return name_rows(query, question->named, answer);
}

void native_answer_clear(struct native_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++)
		text_free(&answer->rows.items[i].name);
	array_free(&answer->rows);
	array_free(&answer->owners);
}
