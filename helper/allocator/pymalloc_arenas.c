/* SPDX-License-Identifier: MIT */
#include "allocator/pymalloc_arenas.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/debug_guards.h"
#include "base/limits.h"

enum {
	FIRST_ENTRIES = 16, /* INITIAL_ARENA_OBJECTS; then twice as many each time */
	STATE_BYTES =
	        2048, /* of struct _obmalloc_state that are searched: `mgmt` comes after the used pools, 1024 bytes */
	POOLS_OF_ARENA = 64,
};

struct finder {
	const struct runtime *runtime;
	const struct layout *layout;
	struct reader reader;
	struct pymalloc_arenas *arenas;
	const struct glibc_list *glibc;
	/* No table lies there: malloc() gave it. Most words of a program are its own. musl's malloc gives what is left
	 * over in the pages of a program's variables (ldso/dynlink.c, reclaim_gaps()): without glibc it is empty. */
	uint64_t file_start, file_end;
};

/* What an entry says; false: it is no arena_object, or it is one that has no arena (*ret_is_free). */
static bool read_entry(struct finder *finder, uint64_t table, uint32_t index, struct pymalloc_arena *ret_arena,
                       bool *ret_is_free)
{
	const struct layout *layout = finder->layout;
	const uint32_t bytes = layout->struct_bytes[STRUCT_arena_object];
	const uint8_t *entry = reader_at(&finder->reader, table + (uint64_t)index * bytes, bytes);
	*ret_is_free = false;
	if (entry == NULL)
		return false;
	const uint64_t pool_bytes = finder->arenas->pool_bytes;
	const uint64_t start = layout_get(layout, FIELD_arena_object_address, entry);
	const uint64_t pool_address = layout_get(layout, FIELD_arena_object_pool_address, entry);
	const uint64_t free_pools = layout_get(layout, FIELD_arena_object_nfreepools, entry);
	const uint64_t total = layout_get(layout, FIELD_arena_object_ntotalpools, entry);
	if (start == 0) {
		*ret_is_free = true;
		return false;
	}
	const uint64_t first = round_up(start, pool_bytes);
	if (start % 4096 != 0 || total == 0 || total > 2 * POOLS_OF_ARENA || free_pools > total ||
	    pool_address < first || pool_address > first + total * pool_bytes || pool_address % pool_bytes != 0)
		return false;
	const uint64_t all = pool_bytes * (total > POOLS_OF_ARENA ? 2 * POOLS_OF_ARENA : POOLS_OF_ARENA);
	*ret_arena = (struct pymalloc_arena){ .start = start,
		                              .end = start + all,
		                              .first_pool = first,
		                              .pool_address = pool_address,
		                              .free_pools = (uint32_t)free_pools,
		                              .total_pools = (uint32_t)total,
		                              .index = index };
	return true;
}

/* A pool that was ever given out names its arena. */
static bool pools_agree(struct finder *finder, const struct pymalloc_arena *arena)
{
	const struct layout *layout = finder->layout;
	if (arena->pool_address == arena->first_pool)
		return true;
	const uint8_t *head = reader_at(&finder->reader, arena->first_pool, layout->struct_bytes[STRUCT_pool_header]);
	return head != NULL && layout_get(layout, FIELD_pool_header_arenaindex, head) == arena->index;
}

/* Tables double when all entries are in use: the second half of one has at least one that is, or was. */
static uint32_t entries_by_doubling(struct finder *finder, uint64_t table)
{
	uint32_t count = FIRST_ENTRIES;
	while (count < LIMIT_PYMALLOC_ARENAS) {
		uint32_t associated = 0;
		for (uint32_t i = count; i < 2 * count; i++) {
			struct pymalloc_arena arena;
			bool is_free;
			if (read_entry(finder, table, i, &arena, &is_free) && pools_agree(finder, &arena))
				associated++;
			else if (!is_free)
				return count;
		}
		if (associated == 0)
			break;
		count *= 2;
	}
	return count;
}

/* The table has as many entries as its block holds: what guards around it say, or glibc's chunk. */
static uint32_t entries_of_block(struct finder *finder, uint64_t table)
{
	const uint32_t bytes = finder->layout->struct_bytes[STRUCT_arena_object];
	struct allocator_block block = { 0 };
	uint64_t asked;
	if (debug_guards_at(&finder->reader, table, &asked))
		return asked / bytes < LIMIT_PYMALLOC_ARENAS ? (uint32_t)(asked / bytes) : 0;
	for (size_t i = 0; i < finder->glibc->count; i++) {
		if (!glibc_block_at(&finder->glibc->items[i], &finder->reader, table, &block))
			continue;
		uint32_t count = FIRST_ENTRIES;
		while (2 * (uint64_t)count * bytes <= block.taken && count < LIMIT_PYMALLOC_ARENAS)
			count *= 2;
		return block.taken < FIRST_ENTRIES * (uint64_t)bytes ? 0 : count;
	}
	return entries_by_doubling(finder, table);
}

/* Whether an address is that of a table; *ret_count: its entries. */
static bool is_table(struct finder *finder, uint64_t table, uint32_t *ret_count)
{
	struct pymalloc_arena arena;
	bool is_free;
	uint32_t associated = 0;
	if (table == 0 || table % 8 != 0)
		return false;
	for (uint32_t i = 0; i < FIRST_ENTRIES; i++) {
		if (read_entry(finder, table, i, &arena, &is_free)) {
			if (!pools_agree(finder, &arena))
				return false;
			associated++;
		} else if (!is_free) {
			return false;
		}
	}
	*ret_count = entries_of_block(finder, table);
	return associated > 0 && *ret_count != 0;
}

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the list of pymalloc's arenas");
}

/* Whether entry i of a table has an arena. The first ones were held against their pools when the table was found: each
 * further one would cost a page, of a cold core a read from the disk, of thousands. That it is memory of its own must
 * do; whoever walks its pools sees whether they agree. */
static bool has_arena(struct finder *finder, uint64_t table, uint32_t i, struct pymalloc_arena *ret_arena)
{
	bool is_free;
	if (!read_entry(finder, table, i, ret_arena, &is_free))
		return false;
	if (i < FIRST_ENTRIES)
		return pools_agree(finder, ret_arena);
	const struct segment *first = address_space_find(finder->reader.space, ret_arena->start);
	const struct segment *last = address_space_find(finder->reader.space, ret_arena->end - 1);
	return first != NULL && first->writable_private && last != NULL && last->writable_private;
}

static int add_table(struct finder *finder, uint64_t table, uint32_t count, struct error *error)
{
	struct pymalloc_arenas *arenas = finder->arenas;
	for (size_t i = 0; i < arenas->tables.count; i++)
		if (arenas->tables.items[i].address == table)
			return OK;
	const struct pymalloc_table row = { table, count, (uint32_t)arenas->starts.count };
	if (!array_push(&arenas->tables, row))
		return no_memory(error);
	for (uint32_t i = 0; i < count; i++) {
		struct pymalloc_arena arena;
		const bool is = has_arena(finder, table, i, &arena);
		arena.table = (uint32_t)arenas->tables.count - 1;
		if (!array_push(&arenas->starts, is ? arena.start : 0) || (is && !array_push(&arenas->items, arena)))
			return no_memory(error);
	}
	return OK;
}

/* The table that the word at an address is the address of, if it is one. */
static int try_word(struct finder *finder, uint64_t at, struct error *error)
{
	uint64_t word;
	uint32_t count;
	if (!reader_u64(&finder->reader, at, &word) || word == 0 || word % 8 != 0 ||
	    (word >= finder->file_start && word < finder->file_end) || !is_table(finder, word, &count))
		return OK;
	return add_table(finder, word, count, error);
}

/* 3.12: in the interpreter; since 3.13 the interpreter has a pointer to it. */
static int search_interpreter(struct finder *finder, const struct interpreter *interpreter, struct error *error)
{
	const struct layout *layout = finder->layout;
	uint64_t table = 0, state = 0;
	uint32_t count;
	if (layout_has(layout, FIELD_PyInterpreterState_obmalloc_arenas)) {
		const uint64_t place =
		        interpreter->address + layout_offset(layout, FIELD_PyInterpreterState_obmalloc_arenas);
		if (reader_u64(&finder->reader, place, &table) && is_table(finder, table, &count))
			return add_table(finder, table, count, error);
	} else if (layout_has(layout, FIELD_PyInterpreterState_obmalloc)) {
		const uint64_t place = interpreter->address + layout_offset(layout, FIELD_PyInterpreterState_obmalloc);
		if (!reader_u64(&finder->reader, place, &state) || state % 8 != 0)
			return OK;
		const size_t before = finder->arenas->tables.count;
		for (uint64_t i = 0; state != 0 && i < STATE_BYTES && finder->arenas->tables.count == before; i += 8)
			TRY(try_word(finder, state + i, error));
	}
	return OK;
}

static int search_static(struct finder *finder, struct error *error)
{
	const struct address_space *space = finder->runtime->space;
	const struct mapped_file *file = finder->runtime->file;
	for (size_t i = 0; file != NULL && i < space->segment_count && finder->arenas->tables.count == 0; i++) {
		const struct segment *segment = &space->segments[i];
		if (!segment->writable_private || segment->data == NULL || segment->end <= file->start ||
		    segment->start >= file->end)
			continue;
		const uint64_t start = segment->start < file->start ? file->start : segment->start;
		uint64_t end = segment->end > file->end ? file->end : segment->end;
		if (end - start > LIMIT_BSS_BYTES)
			end = start + LIMIT_BSS_BYTES;
		/* From the end: .bss, where the variable is (`arenas`), comes after .data. */
		for (uint64_t at = end & ~UINT64_C(7); at >= start + 8 && finder->arenas->tables.count == 0; at -= 8)
			TRY(try_word(finder, at - 8, error));
	}
	return OK;
}

static int compare_arenas(const void *left, const void *right)
{
	const uint64_t a = ((const struct pymalloc_arena *)left)->start,
	               b = ((const struct pymalloc_arena *)right)->start;
	return a < b ? -1 : a > b;
}

int pymalloc_arenas_find(struct pymalloc_arenas *arenas, const struct runtime *runtime, const struct glibc_list *glibc,
                         struct error *error)
{
	const struct layout *layout = &runtime->layout;
	struct finder finder = { .runtime = runtime, .layout = layout, .glibc = glibc, .arenas = arenas };
	if (runtime->file != NULL && glibc->count > 0) {
		finder.file_start = runtime->file->start;
		finder.file_end = runtime->file->end;
	}
	memset(arenas, 0, sizeof *arenas);
	arenas->pool_bytes = pymalloc_pool_bytes(layout);
	if (layout->struct_bytes[STRUCT_arena_object] == 0 || layout->struct_bytes[STRUCT_pool_header] == 0 ||
	    layout_feature(layout, FEATURE_FREE_THREADED) || !layout_has(layout, FIELD_arena_object_ntotalpools))
		return OK;
	reader_init(&finder.reader, runtime->space);
	int status = OK;
	for (size_t i = 0; status == OK && i < runtime->interpreters.count; i++)
		status = search_interpreter(&finder, &runtime->interpreters.items[i], error);
	if (status == OK && arenas->tables.count == 0)
		status = search_static(&finder, error);
	if (status != OK) {
		pymalloc_arenas_clear(arenas);
		return status;
	}
	arenas->is_found = arenas->items.count > 0;
	if (!arenas->is_found)
		return OK;
	qsort(arenas->items.items, arenas->items.count, sizeof *arenas->items.items, compare_arenas);
	arenas->arena_bytes = arenas->items.items[0].end - arenas->items.items[0].start;
	return OK;
}

void pymalloc_arenas_clear(struct pymalloc_arenas *arenas)
{
	array_free(&arenas->items);
	array_free(&arenas->tables);
	array_free(&arenas->starts);
	arenas->is_found = false;
}

const struct pymalloc_arena *pymalloc_arena_at(const struct pymalloc_arenas *arenas, uint64_t address)
{
	size_t low = 0, high = arenas->items.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (arenas->items.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < arenas->items.count && arenas->items.items[low].start <= address ? &arenas->items.items[low]
	                                                                              : NULL;
}

/* One pool that was ever given out, and so names its arena. */
static void count_pool(struct pymalloc_use *use, struct pymalloc_arena_use *arena, uint32_t arena_index,
                       const struct layout *layout, struct reader *reader, uint64_t address)
{
	const uint32_t overhead = (uint32_t)round_up(layout->struct_bytes[STRUCT_pool_header], PYMALLOC_ALIGNMENT);
	const uint8_t *head = reader_at(reader, address, layout->struct_bytes[STRUCT_pool_header]);
	const uint64_t used = head != NULL ? layout_get(layout, FIELD_pool_header_ref_count, head) : 0;
	if (used == 0)
		return; /* one of the free ones */
	const uint64_t class = layout_get(layout, FIELD_pool_header_szidx, head);
	const uint64_t bytes = (class + 1) * PYMALLOC_ALIGNMENT, room = pymalloc_pool_bytes(layout) - overhead;
	if (class >= PYMALLOC_CLASSES || used > room / bytes ||
	    layout_get(layout, FIELD_pool_header_arenaindex, head) != arena_index) {
		use->broken_pools++;
		return;
	}
	const uint64_t free_blocks = room / bytes - used;
	use->classes[class].pools++;
	use->classes[class].used_blocks += used;
	use->classes[class].free_blocks += free_blocks;
	use->used_blocks += used;
	use->used_bytes += used * bytes;
	use->free_blocks += free_blocks;
	use->free_bytes += free_blocks * bytes;
	use->header_bytes += overhead;
	use->quantization_bytes += room % bytes;
	if (arena != NULL) {
		arena->used_blocks += used;
		arena->used_bytes += used * bytes;
		arena->free_bytes += free_blocks * bytes;
	}
}

int pymalloc_count(struct pymalloc_use *ret_use, struct pymalloc_arena_use *by_arena,
                   const struct pymalloc_arenas *arenas, const struct layout *layout, struct reader *reader,
                   struct progress *progress)
{
	uint64_t steps = 0;
	memset(ret_use, 0, sizeof *ret_use);
	for (size_t i = 0; i < arenas->items.count; i++) {
		const struct pymalloc_arena *arena = &arenas->items.items[i];
		struct pymalloc_arena_use unused = { 0 };
		struct pymalloc_arena_use *use = by_arena != NULL ? &by_arena[i] : &unused;
		*use = unused;
		for (uint64_t pool = arena->first_pool; pool < arena->pool_address; pool += arenas->pool_bytes) {
			count_pool(ret_use, use, arena->index, layout, reader, pool);
			TRY(progress_look(progress, &steps));
		}
		use->free_bytes += arena->free_pools * arenas->pool_bytes;
		ret_use->arenas++;
		ret_use->free_pools += arena->free_pools;
		ret_use->alignment_bytes += arena->end - arena->start - arena->total_pools * arenas->pool_bytes;
	}
	ret_use->free_pool_bytes = ret_use->free_pools * arenas->pool_bytes;
	return OK;
}
