/* SPDX-License-Identifier: MIT */
#include "query/address.h"

#include <sys/mman.h>

#include "allocator/glibc_chunks.h"
#include "allocator/pymalloc.h"
#include "query/memory/native.h"
#include "query/naming.h"

enum { PIECE_BYTES = 1 << 16 }; /* that are read at once where memory must be asked for */

struct finder {
	const struct query *query;
	const struct address_question *question;
	const struct memory_map *map;
	const struct retained *heap;
	struct reader *reader;
	struct address_answer *answer;
	uint64_t steps;
};

/* The last object that begins in [start, end); 0: none does. */
static uint64_t last_object(const struct finder *finder, uint64_t start, uint64_t end)
{
	const struct object_index *index = &finder->heap->graph->index;
	const struct segment *segment = end > start ? reader_segment(finder->reader, end - 1) : NULL;
	if (segment == NULL || segment->data == NULL)
		return 0;
	uint32_t before = object_index_rank(index, segment_granule(segment, end - 1));
	const uint64_t same = before < index->count ? object_index_address(index, before) : 0;
	if (same >= start && same != 0 && same < end)
		return same;
	const uint64_t object = before > 0 ? object_index_address(index, before - 1) : 0;
	return object >= start && object < end ? object : 0;
}

/* ---- The region and the block ---- */

static void find_region(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	const struct address_space *space = finder->query->target->space;
	const struct region *region = answer->region = memory_map_find(finder->map, answer->address);
	if (region == NULL)
		return;
	if (region->kind == REGION_FILE)
		answer->file = space->files.items[region->index].path;
	if (region->kind == REGION_STACK)
		answer->thread = space->threads.items[region->index].tid;
}

static bool is_free_block(const struct finder *finder, const struct allocator_block *block)
{
	struct pymalloc_pool pool;
	if (block->allocator != ALLOCATOR_PYMALLOC ||
	    !pymalloc_pool_at(finder->map->allocators->layout, finder->reader, block->address, &pool))
		return false;
	const uint64_t number = (block->address - pool.start) / pool.block_bytes;
	return number >= pool.carved || pymalloc_is_free(&pool, finder->reader, (uint32_t)number);
}

/* Where to begin for the chunk before an address: a chunk of the heap of which the walk kept the place. */
static uint64_t place_before(const struct glibc_walk *walk, const struct region *region, uint64_t address)
{
	const struct glibc_heap_use *heap = &walk->heaps.items[region->index];
	size_t low = heap->first_place, high = low + heap->place_count;
	uint64_t place = region->start;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (walk->places.items[middle] > address) {
			high = middle;
		} else {
			place = walk->places.items[middle];
			low = middle + 1;
		}
	}
	return place;
}

/* What is free around the address, or the chunk that a thread keeps for its next calls. */
static void find_free_range(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	const struct region *region = answer->region;
	const struct glibc_walk *walk = &finder->map->walks.items[region->glibc];
	struct glibc_chunk chunk;
	struct glibc_cursor cursor;
	size_t heap;
	if (region->kind != REGION_HEAP)
		return;
	if (glibc_walk_at(walk, finder->reader, answer->address, &chunk, &heap)) {
		answer->is_cached = true;
		answer->free_start = chunk.address - GLIBC_CHUNK_HEADER;
		answer->free_end = answer->free_start + chunk.bytes;
		return;
	}
	answer->free_start = region->start;
	answer->free_end = region->end;
	glibc_cursor_init(&cursor, walk, finder->reader, place_before(walk, region, answer->address));
	while (glibc_cursor_next(&cursor, &chunk) && chunk.address < region->end) {
		if (chunk.address > answer->address) {
			answer->free_end = chunk.address - GLIBC_CHUNK_HEADER;
			break;
		}
		if (chunk.address > region->start)
			answer->free_start = chunk.address - GLIBC_CHUNK_HEADER + chunk.bytes;
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			break;
	}
}

static void find_block(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	const struct region *region = answer->region;
	if (region == NULL)
		return;
	answer->has_block = memory_map_block(finder->map, finder->reader, answer->address, &answer->block);
	if (answer->has_block)
		answer->is_free = is_free_block(finder, &answer->block);
	else
		answer->is_free = (region->kind == REGION_HEAP || region->kind == REGION_MAPPED_CHUNK) &&
		                  finder->map->walks.items[region->glibc].is_confirmed;
	if (!answer->has_block && answer->is_free)
		find_free_range(finder);
}

/* No block, but a mapping that an object is known to have. */
static int find_mapper(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	const struct python_blocks *blocks;
	TRY(target_blocks(finder->query->target, finder->query->progress, &blocks, finder->query->error));
	for (size_t i = 0; i < blocks->known.count; i++) {
		const struct known_block *known = &blocks->known.items[i];
		if (answer->address - known->address >= known->bytes)
			continue;
		answer->object = object_index_address(&finder->heap->graph->index, known->node);
		answer->is_pages = true;
		break;
	}
	return OK;
}

/* ---- The owner ---- */

/* An object whose block it is, of those that have blocks beside their bodies: all are looked through. */
static int search_owner(struct finder *finder)
{
	struct decoder *decoder = &finder->query->target->decoder;
	const struct allocator_block *wanted = &finder->answer->block;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &finder->heap->graph->index);
	for (uint64_t object; (object = object_cursor_next(&cursor)) != 0;) {
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
		if (!decode_object(decoder, object))
			continue;
		for (size_t i = 0; i < decoder->out.blocks.count; i++) {
			const struct block *block = &decoder->out.blocks.items[i];
			if (block->address - wanted->address >= wanted->taken || (block->flags & BLOCK_INTERIOR) != 0)
				continue;
			finder->answer->object = object;
			finder->answer->role = block->role;
			return OK;
		}
	}
	return OK;
}

static int find_native_owner(struct finder *finder, const struct native_block *block)
{
	struct address_answer *answer = finder->answer;
	answer->is_native = true;
	answer->is_exact = block->is_exact;
	answer->holder = block->holder;
	answer->object = native_owner_object(finder->query, block);
	if (block->holder == NATIVE_STATIC)
		text_add(&answer->name, finder->query->target->space->files.items[block->owner].path);
	return answer->name.failed ? query_no_memory(finder->query, "a block's owner") : OK;
}

/* In memory of no allocator: an object of a file, in whose body the address lies. */
static void find_static_object(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	struct decoder *decoder = &finder->query->target->decoder;
	const uint64_t address = answer->address;
	const uint64_t object = last_object(finder, answer->region->start, address + 1);
	if (object != 0 && decode_object(decoder, object) && address - object < decoder->out.body)
		answer->object = object;
}

static int find_owner(struct finder *finder)
{
	struct address_answer *answer = finder->answer;
	const struct native_graph *native;
	const struct allocator_block *block = &answer->block;
	struct naming *naming;
	if (answer->has_block && !answer->is_free) {
		TRY(target_native(finder->query->target, finder->query->progress, &native, finder->query->error));
		const struct native_block *found = native_graph_find(native, answer->address);
		if (found != NULL)
			TRY(find_native_owner(finder, found));
		else
			answer->object = last_object(finder, block->address, block->address + block->taken);
		if (found == NULL && answer->object == 0)
			TRY(search_owner(finder));
	} else if (answer->region != NULL && !answer->is_free) {
		if (answer->region->kind == REGION_FILE)
			find_static_object(finder);
		if (answer->object == 0)
			TRY(find_mapper(finder));
	}
	if (answer->object == 0)
		return OK;
	answer->type = query_type(finder->query, answer->object);
	TRY(naming_open(&naming, finder->query, finder->heap));
	(void)naming_object(naming, answer->object, &answer->name);
	naming_close(naming);
	return answer->name.failed ? query_no_memory(finder->query, "a block's owner") : OK;
}

/* ---- Words ---- */

static int note_word(struct finder *finder, uint64_t at, uint64_t inside)
{
	struct address_answer *answer = finder->answer;
	struct address_word word = { .at = at, .inside = inside };
	struct allocator_block block;
	const struct region *region = memory_map_find(finder->map, at);
	if (at - answer->block.address < answer->block.taken)
		return OK; /* its own */
	if (memory_map_block(finder->map, finder->reader, at, &block)) {
		if (is_free_block(finder, &block))
			return OK;
		word.block = block.address;
		word.block_bytes = block.taken;
		word.object = last_object(finder, block.address, block.address + block.taken);
	} else if (region != NULL && region->kind != REGION_FILE && region->kind != REGION_STACK) {
		return OK; /* left behind in what is free */
	}
	answer->word_count++;
	if (answer->words.count >= finder->question->limit)
		return OK;
	word.type = word.object != 0 ? query_type(finder->query, word.object) : NULL;
	word.is_stack = region != NULL && region->kind == REGION_STACK;
	if (region != NULL && region->kind == REGION_FILE)
		word.file = finder->query->target->space->files.items[region->index].path;
	return array_push(&answer->words, word) ? OK : query_no_memory(finder->query, "the words of an address");
}

static int search_piece(struct finder *finder, uint64_t start, uint64_t bytes)
{
	const struct allocator_block *block = &finder->answer->block;
	const uint8_t *words = reader_at(finder->reader, start, bytes);
	/* The header of the next block is no place inside this one: malloc's own lists have its address. */
	const bool has_header = block->allocator == ALLOCATOR_MALLOC && block->taken > GLIBC_CHUNK_HEADER;
	const uint64_t room = block->taken - (has_header ? GLIBC_CHUNK_HEADER : 0);
	for (uint64_t at = 0; words != NULL && at + 8 <= bytes; at += 8) {
		const uint64_t inside = load_u64(words + at) - block->address;
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
		if (inside < room)
			TRY(note_word(finder, start + at, inside));
	}
	return OK;
}

static int find_words(struct finder *finder)
{
	const struct address_space *space = finder->query->target->space;
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		if (segment->data == NULL || (segment->protection & PROT_WRITE) == 0)
			continue;
		for (uint64_t at = (segment->start + 7) & ~UINT64_C(7); at < segment->end; at += PIECE_BYTES)
			TRY(search_piece(finder, at,
			                 segment->end - at < PIECE_BYTES ? segment->end - at : PIECE_BYTES));
	}
	return OK;
}

int query_address(const struct query *query, const struct address_question *question, struct address_answer *ret_answer)
{
	struct finder finder = { .query = query, .question = question, .answer = ret_answer };
	*ret_answer = (struct address_answer){ .address = question->address };
	finder.reader = &query->target->naming.reader;
	ret_answer->state = address_space_state(query->target->space, question->address);
	ret_answer->is_live = query->target->space->kind == SPACE_PROCESS;
	TRY(target_memory(query->target, query->progress, &finder.map, query->error));
	find_region(&finder);
	find_block(&finder);
	if (!question->with_owner && !question->with_words)
		return OK;
	TRY(query_heap(query, &finder.heap));
	if (question->with_owner)
		TRY(find_owner(&finder));
	return question->with_words && ret_answer->has_block ? find_words(&finder) : OK;
}

void address_answer_clear(struct address_answer *answer)
{
	text_free(&answer->name);
	array_free(&answer->words);
}
