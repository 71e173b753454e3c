/* SPDX-License-Identifier: MIT */
#include "query/memory/python_shares.h"

#include <stdlib.h>
#include <string.h>

#include "decode/reference_count.h"
#include "object/value.h"
#include "runtime/free_lists.h"

struct finding {
	struct python_shares *shares;
	const struct query *query;
	const struct memory_map *map;
	const struct python_blocks *blocks;
	struct decoder *decoder;
	uint64_t steps;
	bool lacks_table; /* of tracemalloc */
};

static void add(struct finding *finding, enum python_share share, enum allocator allocator, uint64_t bytes)
{
	finding->shares->count[share][allocator]++;
	finding->shares->bytes[share][allocator] += bytes;
}

/* ---- Interned strings ---- */

static uint64_t taken_by(struct finding *finding, uint64_t object)
{
	struct decoder *decoder = finding->decoder;
	return decode_object(decoder, object) ? allocated_of_object(decoder).bytes : 0;
}

static void add_interned(struct finding *finding, uint64_t string)
{
	struct decoder *decoder = finding->decoder;
	struct reference_count count;
	uint64_t bytes = 0;
	if (!decode_object(decoder, string))
		return;
	const struct allocation own = allocation_of_object(decoder);
	if (own.allocator != ALLOCATOR_NONE && !agreement_is_bad((enum agreement)own.agreement) &&
	    python_blocks_has(finding->blocks, &decoder->reader, own.block)) {
		bytes = own.taken;
		add(finding, SHARE_INTERNED, (enum allocator)own.allocator, bytes);
	}
	const bool is_immortal = reference_count_read(decoder, string, &count) && count.is_immortal;
	finding->shares->interned.count++;
	finding->shares->interned.bytes += bytes;
	finding->shares->interned.immortal_count += is_immortal;
	finding->shares->interned.immortal_bytes += is_immortal ? bytes : 0;
}

static uint64_t count_static(struct finding *finding)
{
	const struct runtime *runtime = finding->query->target->runtime;
	const struct layout *layout = &runtime->layout;
	struct traced_table table; /* of the same kind: Python/hashtable.c */
	uint64_t address;
	if (!layout_has(layout, FIELD__PyRuntimeState_interned_strings) ||
	    !reader_u64(&finding->decoder->reader,
	                runtime->address + layout_offset(layout, FIELD__PyRuntimeState_interned_strings), &address))
		return 0;
	return traced_table_open(&table, &finding->decoder->reader, layout, address) ? table.entry_count : 0;
}

static int find_interned(struct finding *finding)
{
	const struct roots *roots = &finding->query->target->graph->roots;
	finding->shares->interned.static_count = count_static(finding);
	for (size_t i = 0; i < roots->interned.count; i++) {
		const uint64_t dict = roots->interned.items[i];
		struct dict_cursor cursor;
		uint64_t key, value;
		finding->shares->interned.dict_bytes += taken_by(finding, dict);
		if (!dict_cursor_open(&cursor, &finding->decoder->objects, dict))
			continue;
		finding->shares->interned.is_known = true;
		while (dict_cursor_next(&cursor, &key, &value)) {
			add_interned(finding, key);
			if (progress_look(finding->query->progress, &finding->steps) != OK)
				return query_cancelled(finding->query);
		}
	}
	return OK;
}

/* ---- Free lists ---- */

static struct free_list_row *row_of(struct python_shares *shares, const char *name)
{
	for (size_t i = 0; i < shares->free_lists.count; i++)
		if (strcmp(shares->free_lists.items[i].name, name) == 0)
			return &shares->free_lists.items[i];
	return array_push(&shares->free_lists, (struct free_list_row){ .name = name })
	               ? &shares->free_lists.items[shares->free_lists.count - 1]
	               : NULL;
}

/* An entry counts where an allocator has a block there, in which no object lives: up to 3.10 the empty tuple stands in
 * its list. */
static bool add_kept(struct finding *finding, struct free_list_row *row, uint64_t entry)
{
	struct allocator_block block;
	struct reader *reader = &finding->decoder->reader;
	if (!memory_map_block(finding->map, reader, entry, &block))
		return false;
	if (python_blocks_has(finding->blocks, reader, block.address))
		return true;
	row->count++;
	row->bytes += block.taken;
	add(finding, SHARE_FREE_LISTS, (enum allocator)block.allocator, block.taken);
	return true;
}

static int compare_rows(const void *left, const void *right)
{
	const struct free_list_row *a = left, *b = right;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int find_kept(struct finding *finding, const struct free_lists *lists)
{
	struct python_shares *shares = finding->shares;
	shares->free_lists_are_known = lists->are_known;
	for (size_t i = 0; i < lists->lists.count; i++) {
		const struct free_list *list = &lists->lists.items[i];
		struct free_list_row *row = row_of(shares, list->name);
		bool is_torn = list->is_torn;
		if (row == NULL)
			return query_no_memory(finding->query, "the free lists");
		for (size_t j = 0; j < list->count; j++) {
			is_torn |= !add_kept(finding, row, lists->entries.items[list->first + j]);
			if (progress_look(finding->query->progress, &finding->steps) != OK)
				return query_cancelled(finding->query);
		}
		shares->torn_free_lists += is_torn;
	}
	if (shares->free_lists.count > 0)
		qsort(shares->free_lists.items, shares->free_lists.count, sizeof *shares->free_lists.items,
		      compare_rows);
	return OK;
}

static int find_free_lists(struct finding *finding)
{
	struct free_lists lists;
	TRY(free_lists_read(&lists, finding->query->target->runtime, finding->query->error));
	const int status = find_kept(finding, &lists);
	free_lists_clear(&lists);
	return status;
}

/* ---- tracemalloc ---- */

/* Its memory is from PyMem_RawMalloc() or malloc(): a block of its own each. */
static void add_traced(struct finding *finding, uint64_t address)
{
	struct allocator_block block;
	if (address != 0 && memory_map_block(finding->map, &finding->decoder->reader, address, &block))
		add(finding, SHARE_TRACEMALLOC, (enum allocator)block.allocator, block.taken);
}

/* How a table's keys and values are: blocks of their own, or words. */
enum table_content { CONTENT_TRACES, CONTENT_TRACEBACKS, CONTENT_NAMES, CONTENT_TABLES };

static int add_table(struct finding *finding, uint64_t address, enum table_content content, bool adds_bytes)
{
	struct traced_table table;
	struct traced_cursor cursor;
	struct reader *reader = &finding->decoder->reader;
	const struct layout *layout = finding->decoder->layout;
	if (!traced_table_open(&table, reader, layout, address)) {
		finding->lacks_table = true;
		return OK;
	}
	const bool has_keys = content == CONTENT_TRACEBACKS ||
	                      (content == CONTENT_NAMES && layout_feature(layout, FEATURE_TRACED_FILES_ARE_BYTES));
	add_traced(finding, address);
	add_traced(finding, table.buckets_address);
	if (adds_bytes)
		finding->shares->traced_bytes += traced_table_bytes(&table, layout);
	traced_cursor_init(&cursor, &table, reader, layout);
	for (const uint8_t *entry; (entry = traced_cursor_next(&cursor)) != NULL;) {
		add_traced(finding, cursor.given);
		if (has_keys)
			add_traced(finding, traced_entry_key(&table, entry));
		if (content == CONTENT_TRACES && !table.holds_value)
			add_traced(finding, load_u64(entry + table.value_offset));
		if (content == CONTENT_TABLES && !table.holds_value)
			TRY(add_table(finding, load_u64(entry + table.value_offset), CONTENT_TRACES, true));
		if (progress_look(finding->query->progress, &finding->steps) != OK)
			return query_cancelled(finding->query);
	}
	return OK;
}

static int find_traced(struct finding *finding)
{
	const struct traced_place *place = target_traced(finding->query->target);
	if (!place->is_tracing)
		return OK;
	TRY(add_table(finding, place->traces, CONTENT_TRACES, true));
	if (place->domains != 0)
		TRY(add_table(finding, place->domains, CONTENT_TABLES, false));
	TRY(add_table(finding, place->tracebacks, CONTENT_TRACEBACKS, true));
	TRY(add_table(finding, place->filenames, CONTENT_NAMES, true));
	if (finding->lacks_table)
		finding->shares->traced_bytes = 0;
	return OK;
}

int python_shares_find(struct python_shares *shares, const struct query *query, const struct memory_map *map,
                       const struct python_blocks *blocks)
{
	struct finding finding = {
		.shares = shares, .query = query, .map = map, .blocks = blocks, .decoder = &query->target->naming
	};
	*shares = (struct python_shares){ .traced_bytes = 0 };
	for (int i = 0; i < ALLOCATOR_COUNT; i++) {
		shares->count[SHARE_COLLECTOR][i] = blocks->collector_heads[i];
		shares->bytes[SHARE_COLLECTOR][i] = blocks->collector_bytes[i];
		shares->count[SHARE_CODE][i] = blocks->codes[i];
		shares->bytes[SHARE_CODE][i] = blocks->code_bytes[i];
	}
	TRY(find_interned(&finding));
	TRY(find_free_lists(&finding));
	return find_traced(&finding);
}

void python_shares_clear(struct python_shares *shares)
{
	array_free(&shares->free_lists);
}

uint64_t python_share_bytes(const struct python_shares *shares, enum python_share share)
{
	uint64_t sum = 0;
	for (int i = 0; i < ALLOCATOR_COUNT; i++)
		sum += shares->bytes[share][i];
	return sum;
}

uint64_t python_share_count(const struct python_shares *shares, enum python_share share)
{
	uint64_t sum = 0;
	for (int i = 0; i < ALLOCATOR_COUNT; i++)
		sum += shares->count[share][i];
	return sum;
}
