/* SPDX-License-Identifier: MIT */
#include "query/holders/held_places.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "allocator/region_map.h"
#include "base/address_map.h"
#include "graph/holder_runs.h"
#include "graph/object_places.h"

enum {
	REFERRERS_MOST = 1 << 16, /* of one object, whose references are told from unknown words */
	STEP = 16,
	MOST_PREHEADER = 48, /* of an object in its block: debug guards, dict and weakrefs, head of the collector */
};

struct finder {
	const struct query *query;
	const struct retained *heap;
	struct held_answer *answer;
	const struct memory_map *map;
	struct address_map rows; /* address of an object to its row */
	struct address_map known; /* words that are known references */
	struct object_places places;
	uint64_t low, high; /* of the objects */
	uint64_t steps;
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "the places of what is held from C");
}

static bool note_known(struct finder *finder, const struct run *run)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		const uint64_t target = run_target(run, slot);
		if (target < finder->low || target > finder->high ||
		    address_map_get(&finder->rows, target) == ADDRESS_MAP_NONE)
			continue;
		if (!address_map_set(&finder->known, run->address + slot * run->stride, 1))
			return false;
	}
	return true;
}

/* The references of all that refers to the object of a row. */
static int note_referrers(struct finder *finder, const struct held_row *row)
{
	const struct edge_rows *incoming = &finder->heap->dominators.incoming;
	const uint32_t number = retained_number(finder->heap, row->address);
	struct decoder *decoder = &finder->query->target->decoder;
	uint32_t last = UINT32_MAX, looked = 0, holder;
	if (number == UINT32_MAX)
		return OK;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		const uint64_t address = from != last ? retained_node(finder->heap, from, &holder) : 0;
		last = from;
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
		if (address == 0 || looked++ == REFERRERS_MOST || !decode_object(decoder, address))
			continue;
		for (size_t i = 0; i < decoder->out.runs.count; i++)
			if (!note_known(finder, &decoder->out.runs.items[i]))
				return no_memory(finder);
	}
	return OK;
}

/* A word in the body of an object is what its type makes of it: a borrowed address, if it is no reference. */
static bool is_of_object(const struct finder *finder, const struct allocator_block *block)
{
	for (uint64_t before = 0; before <= MOST_PREHEADER; before += STEP)
		if (object_index_find(&finder->heap->graph->index, block->address + before) != UINT32_MAX)
			return true;
	return false;
}

static void set_file(const struct finder *finder, struct held_place *place)
{
	const struct address_space *space = finder->query->target->space;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (!file->is_elf || place->address < file->start || place->address >= file->end)
			continue;
		place->file = file->path;
		place->offset = place->address - file->start;
	}
}

static void note_word(struct finder *finder, struct held_row *row, uint64_t word)
{
	struct allocator_block block = { .address = 0 };
	const enum object_place kind = object_places_find(&finder->places, word);
	const bool has_block = kind == PLACE_HEAP &&
	                       memory_map_block(finder->map, &finder->query->target->decoder.reader, word, &block);
	if (has_block && is_of_object(finder, &block))
		return;
	uint64_t index = row->words++;
	/* One of a stack's makes room. */
	for (uint64_t i = 0; index >= HELD_PLACES && kind != PLACE_STACK && i < HELD_PLACES; i++)
		if (row->places[i].is_stack)
			index = i;
	if (index >= HELD_PLACES)
		return;
	struct held_place *place = &row->places[index];
	*place = (struct held_place){ .address = 0 };
	place->address = word;
	place->is_stack = kind == PLACE_STACK;
	if (kind == PLACE_STATIC)
		set_file(finder, place);
	if (!has_block)
		return;
	place->block = block.address;
	place->block_bytes = block.taken;
	place->allocator = allocator_name((enum allocator)block.allocator);
}

static int search_segment(struct finder *finder, const struct segment *segment)
{
	const uint64_t start = (segment->start + 7) & ~UINT64_C(7);
	for (uint64_t at = start; at + 8 <= segment->end; at += 8) {
		const uint64_t word = load_u64(segment->data + (at - segment->start));
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
		if (word < finder->low || word > finder->high)
			continue;
		const uint32_t row = address_map_get(&finder->rows, word);
		if (row != ADDRESS_MAP_NONE && address_map_get(&finder->known, at) == ADDRESS_MAP_NONE)
			note_word(finder, &finder->answer->rows.items[row], at);
	}
	return OK;
}

static int find(struct finder *finder)
{
	const struct address_space *space = finder->query->target->space;
	struct held_answer *answer = finder->answer;
	struct holder_runs runs;
	TRY(target_memory(finder->query->target, finder->query->progress, &finder->map, finder->query->error));
	for (size_t i = 0; i < answer->rows.count; i++) {
		const uint64_t address = answer->rows.items[i].address;
		if (!address_map_set(&finder->rows, address, (uint32_t)i))
			return no_memory(finder);
		finder->low = i == 0 || address < finder->low ? address : finder->low;
		finder->high = address > finder->high ? address : finder->high;
	}
	for (size_t i = 0; i < answer->rows.count; i++)
		TRY(note_referrers(finder, &answer->rows.items[i]));
	holder_runs_open(&runs, &finder->heap->graph->roots, &finder->query->target->decoder);
	for (const struct run *run; (run = holder_runs_next(&runs)) != NULL;)
		if (!note_known(finder, run))
			return no_memory(finder);
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		if (segment->data != NULL && segment->lazy == NULL && segment->protection & PROT_WRITE)
			TRY(search_segment(finder, segment));
	}
	return OK;
}

int held_places_find(const struct query *query, const struct retained *heap, struct held_answer *answer)
{
	struct finder finder = { .query = query, .heap = heap, .answer = answer };
	if (answer->rows.count == 0)
		return OK;
	int status = object_places_open(&finder.places, query->target->runtime) ? find(&finder) : no_memory(&finder);
	object_places_close(&finder.places);
	address_map_clear(&finder.rows);
	address_map_clear(&finder.known);
	return status;
}
