/* SPDX-License-Identifier: MIT */
#include "query/tables/open_tables.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/large_block.h"
#include "base/limits.h"
#include "object/value.h"
#include "query/naming.h"
#include "query/tables/content.h"
#include "allocator/tracked_objects.h"

static int no_memory(struct tables *tables)
{
	return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for the tables of the heap");
}

int tables_check(struct tables *tables, uint64_t step)
{
	return step % PROGRESS_INTERVAL == 0 ? progress_check(tables->query.progress, tables->query.error) : OK;
}

int tables_open(struct tables **ret_tables, const struct query *query)
{
	*ret_tables = NULL;
	struct tables *tables = calloc(1, sizeof *tables);
	if (tables == NULL)
		return query_no_memory(query, "the tables of the heap");
	tables->query = *query;
	tables->query.measure = SIZE_SHALLOW;
	/* Equal strings are to be told from a dump, not from what is known of their hash. */
	if (getrandom(&tables->content_key, sizeof tables->content_key, GRND_NONBLOCK) != sizeof tables->content_key)
		tables->content_key = (uint64_t)(uintptr_t)tables;
	int status = query_heap(&tables->query, &tables->heap);
	if (status < 0) {
		tables_close(tables);
		return status;
	}
	*ret_tables = tables;
	return OK;
}

void tables_close(struct tables *tables)
{
	if (tables == NULL)
		return;
	for (size_t i = 0; i < tables->module_count; i++)
		free(tables->modules[i]);
	naming_close(tables->naming);
	free(tables->modules);
	free(tables->type_of);
	free(tables->by_type);
	free(tables->type_first);
	free(tables->type_ranked);
	free(tables->content_kinds);
	free(tables->generations);
	free(tables->depths);
	text_free(&tables->text);
	free(tables);
}

uint32_t tables_object_count(const struct tables *tables)
{
	return tables->heap->graph->index.count;
}

uint64_t tables_address(const struct tables *tables, uint32_t object)
{
	return object_index_address(&tables->heap->graph->index, object);
}

uint32_t tables_find(const struct tables *tables, uint64_t address)
{
	return object_index_find(&tables->heap->graph->index, address);
}

const struct type_info *tables_type(const struct tables *tables, uint32_t object)
{
	const uint32_t index = tables->type_of[object];
	return index == UINT32_MAX ? NULL : tables->query.target->context->types.items[index];
}

int tables_types(struct tables *tables)
{
	if (tables->type_of != NULL)
		return OK;
	const uint32_t count = tables_object_count(tables);
	struct decoder *decoder = &tables->query.target->naming;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &tables->heap->graph->index);
	uint32_t *types = malloc(((size_t)count + 1) * sizeof *types);
	if (types == NULL)
		return no_memory(tables);
	for (uint32_t object = 0; object < count; object++) {
		const struct object_head head = decode_head(decoder, object_cursor_next(&cursor));
		const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
		types[object] = type != NULL ? type->index : UINT32_MAX;
		int status = tables_check(tables, object);
		if (status < 0) {
			free(types);
			return status;
		}
	}
	tables->type_of = types;
	return OK;
}

static int compare_names(const void *left_rank, const void *right_rank, void *context)
{
	const struct type_table *types = context;
	const struct type_info *left = types->items[*(const uint32_t *)left_rank];
	const struct type_info *right = types->items[*(const uint32_t *)right_rank];
	int order = strcmp(left->name, right->name);
	return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

/* Objects whose head says nothing have no row in by_type: they come before all types, at rank 0, without a name. */
static int sort_by_type(struct tables *tables, uint32_t *rank_of)
{
	const struct type_table *types = &tables->query.target->context->types;
	const uint32_t count = tables_object_count(tables), type_count = (uint32_t)types->count;
	for (uint32_t rank = 0; rank < type_count; rank++)
		tables->type_ranked[rank] = rank;
	qsort_r(tables->type_ranked, type_count, sizeof *tables->type_ranked, compare_names, (void *)types);
	for (uint32_t rank = 0; rank < type_count; rank++)
		rank_of[tables->type_ranked[rank]] = rank;
	/* Counting sort: how many, where they begin, then each to its place; the begins move to the ends meanwhile. */
	for (uint32_t object = 0; object < count; object++)
		if (tables->type_of[object] != UINT32_MAX)
			tables->type_first[rank_of[tables->type_of[object]] + 1]++;
	for (uint32_t rank = 0; rank < type_count; rank++)
		tables->type_first[rank + 1] += tables->type_first[rank];
	for (uint32_t object = 0; object < count; object++) {
		TRY(tables_check(tables, object));
		if (tables->type_of[object] != UINT32_MAX)
			tables->by_type[tables->type_first[rank_of[tables->type_of[object]]]++] = object;
	}
	memmove(tables->type_first + 1, tables->type_first, type_count * sizeof *tables->type_first);
	tables->type_first[0] = 0;
	tables->type_count = type_count;
	return OK;
}

int tables_by_type(struct tables *tables)
{
	if (tables->by_type != NULL)
		return OK;
	TRY(tables_types(tables));
	const size_t count = tables_object_count(tables), types = tables->query.target->context->types.count;
	uint32_t *rank_of = malloc((types + 1) * sizeof *rank_of);
	tables->by_type = malloc((count + 1) * sizeof *tables->by_type);
	tables->type_first = calloc(types + 2, sizeof *tables->type_first);
	tables->type_ranked = malloc((types + 1) * sizeof *tables->type_ranked);
	int status =
	        rank_of == NULL || tables->by_type == NULL || tables->type_first == NULL || tables->type_ranked == NULL
	                ? no_memory(tables)
	                : sort_by_type(tables, rank_of);
	free(rank_of);
	if (status < 0) {
		free(tables->by_type);
		free(tables->type_first);
		free(tables->type_ranked);
		tables->by_type = tables->type_first = tables->type_ranked = NULL;
	}
	return status;
}

bool tables_type_range(const struct tables *tables, const char *name, size_t length, uint32_t *ret_first,
                       uint32_t *ret_end)
{
	const struct type_table *types = &tables->query.target->context->types;
	uint32_t low = 0, high = tables->type_count;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const char *found = types->items[tables->type_ranked[middle]]->name;
		if (strncmp(found, name, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* Types of one name stand side by side. */
	for (high = low; high < tables->type_count; high++) {
		const char *found = types->items[tables->type_ranked[high]]->name;
		if (strlen(found) != length || memcmp(found, name, length) != 0)
			break;
	}
	*ret_first = tables->type_first[low];
	*ret_end = tables->type_first[high];
	return *ret_first < *ret_end;
}

static char *module_name(struct tables *tables, const struct type_info *type)
{
	struct text name = { .bytes = NULL };
	names_type_module(&tables->query.target->naming, type, &name);
	if (!name.failed)
		return name.bytes;
	text_free(&name);
	return NULL;
}

const char *tables_module(struct tables *tables, const struct type_info *type)
{
	if (tables->modules == NULL) {
		tables->module_count = tables->query.target->context->types.count;
		tables->modules = calloc(tables->module_count + 1, sizeof *tables->modules);
		tables->module_count = tables->modules != NULL ? tables->module_count : 0;
	}
	if (type->index >= tables->module_count)
		return ""; /* met later: no object of the heap has this type */
	if (tables->modules[type->index] == NULL)
		tables->modules[type->index] = module_name(tables, type);
	return tables->modules[type->index] != NULL ? tables->modules[type->index] : "";
}

uint8_t tables_content_kind(struct tables *tables, const struct type_info *type)
{
	if (tables->content_kinds == NULL) {
		const size_t count = tables->query.target->context->types.count;
		tables->content_kinds = calloc(count + 1, 1);
		tables->content_kind_count = tables->content_kinds != NULL ? count : 0;
	}
	if (type->index < tables->content_kind_count && tables->content_kinds[type->index] != CONTENT_UNKNOWN)
		return tables->content_kinds[type->index];
	const enum content_kind kind =
	        content_kind_of(&tables->query.target->naming.objects, type->address, type->tp_flags);
	if (type->index < tables->content_kind_count)
		tables->content_kinds[type->index] = (uint8_t)kind;
	return (uint8_t)kind;
}

int tables_generations(struct tables *tables)
{
	if (tables->generations != NULL)
		return OK;
	const uint32_t count = tables_object_count(tables);
	uint8_t *generations = malloc((size_t)count + 1);
	struct tracked_objects tracked;
	int32_t generation;
	if (generations == NULL)
		return no_memory(tables);
	memset(generations, GC_GENERATIONS, (size_t)count + 1);
	int status = tracked_objects_open(&tracked, tables->query.target->runtime, tables->query.error);
	uint64_t step = 0;
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		const uint32_t number = tables_find(tables, object);
		if (number != UINT32_MAX && generation < GC_GENERATIONS)
			generations[number] = (uint8_t)generation;
		status = tables_check(tables, ++step);
	}
	tracked_objects_close(&tracked);
	if (status < 0)
		free(generations);
	else
		tables->generations = generations;
	return status;
}

int tables_depths(struct tables *tables)
{
	if (tables->depths != NULL)
		return OK;
	/* A dominator has a smaller number than what it dominates. */
	const struct dominators *dominators = &tables->heap->dominators;
	uint32_t *depths = malloc(((size_t)dominators->reached_count + 1) * sizeof *depths);
	if (depths == NULL)
		return no_memory(tables);
	depths[0] = 0;
	for (uint32_t number = 1; number < dominators->reached_count; number++) {
		/* Holders are no steps: what hangs on one is at depth 1. */
		const bool is_object = dominators->node[number] < tables_object_count(tables);
		depths[number] = depths[dominators->idom[number]] + (is_object ? 1 : 0);
	}
	tables->depths = depths;
	return OK;
}
