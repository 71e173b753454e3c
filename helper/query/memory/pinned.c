/* SPDX-License-Identifier: MIT */
#include "query/memory/pinned.h"

#include <stdlib.h>

#include "allocator/glibc_chunks.h"
#include "base/sort.h"
#include "query/memory/native.h"
#include "query/naming.h"

enum { SPARSE_SHARE = 10 }; /* percent of an arena in use */

struct place { /* an arena or a stretch; PINNED_PLACES: only the last block of a heap */
	uint64_t start, end;
	enum pinned_place kind;
};

struct finding {
	struct pinned *pinned;
	const struct query *query;
	const struct memory_map *map;
	const struct python_blocks *blocks;
	const struct native_graph *native;
	struct decoder *decoder;
	ARRAY(struct place) places; /* by address */
	struct address_map rows[PINNED_PLACES]; /* what owns a block to index in types[] */
	struct address_map ends; /* blocks to index in pinned->ends */
	struct visited seen; /* blocks of objects: some are several objects' */
	uint64_t steps;
};

static int no_memory(const struct query *query)
{
	return query_no_memory(query, "what keeps memory that is nearly empty");
}

/* ---- Where ---- */

static bool arena_is_sparse(const struct memory_map *map, size_t index)
{
	const struct pymalloc_arena *arena = &map->allocators->pymalloc.items.items[index];
	return map->arena_uses.items[index].used_bytes * 100 < (arena->end - arena->start) * SPARSE_SHARE;
}

int pinned_find(struct pinned *pinned, const struct query *query, const struct memory_map *map)
{
	const struct pymalloc_arenas *arenas = &map->allocators->pymalloc;
	*pinned = (struct pinned){ .sparse_arenas = 0 };
	for (size_t i = 0; i < arenas->items.count; i++) {
		if (!arena_is_sparse(map, i))
			continue;
		pinned->sparse_arenas++;
		pinned->sparse_bytes += arenas->items.items[i].end - arenas->items.items[i].start;
	}
	return sparse_heaps_find(&pinned->heaps, query, map);
}

static int compare_places(const void *left, const void *right)
{
	const uint64_t a = ((const struct place *)left)->start, b = ((const struct place *)right)->start;
	return a < b ? -1 : a > b;
}

static int sort_places(struct finding *finding)
{
	return sort_items(finding->places.items, finding->places.count, sizeof *finding->places.items, compare_places,
	                  finding->query->progress) == OK
	               ? OK
	               : query_cancelled(finding->query);
}

static int find_places(struct finding *finding)
{
	const struct pymalloc_arenas *arenas = &finding->map->allocators->pymalloc;
	const struct sparse_heaps *heaps = &finding->pinned->heaps;
	for (size_t i = 0; i < arenas->items.count; i++)
		if (arena_is_sparse(finding->map, i) &&
		    !array_push(&finding->places, (struct place){ arenas->items.items[i].start,
		                                                  arenas->items.items[i].end, PINNED_ARENAS }))
			return no_memory(finding->query);
	for (size_t i = 0; i < heaps->stretches.count; i++)
		if (!array_push(&finding->places, (struct place){ heaps->stretches.items[i].start,
		                                                  heaps->stretches.items[i].end, PINNED_HEAPS }))
			return no_memory(finding->query);
	return sort_places(finding);
}

/* Among the first `count` places, which are in order, the one that a block begins in; NULL: none. A chunk of malloc
 * begins with its header. */
static const struct place *place_among(const struct finding *finding, size_t count, uint64_t address)
{
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		const struct place *place = &finding->places.items[middle];
		if (place->end + (place->kind == PINNED_HEAPS ? GLIBC_CHUNK_HEADER : 0) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count)
		return NULL;
	const struct place *place = &finding->places.items[low];
	return place->start + (place->kind == PINNED_HEAPS ? GLIBC_CHUNK_HEADER : 0) <= address ? place : NULL;
}

static const struct place *place_of(const struct finding *finding, uint64_t address)
{
	return place_among(finding, finding->places.count, address);
}

/* The first `limit` stretches have a last block each; that of one heap may be several's. */
static int note_ends(struct finding *finding, uint64_t limit)
{
	struct pinned *pinned = finding->pinned;
	const size_t in_order = finding->places.count;
	for (size_t i = 0; i < pinned->heaps.stretches.count && i < limit; i++) {
		const uint64_t block = pinned->heaps.stretches.items[i].last;
		struct pinned_end end = { .block = block, .kind = PINNED_UNSEEN };
		const struct glibc_walk *walk = &finding->map->walks.items[pinned->heaps.stretches.items[i].walk];
		struct glibc_chunk chunk;
		if (block != 0 && glibc_walk_find(walk, &finding->decoder->reader, block, &chunk))
			end.bytes = chunk.bytes;
		else
			end.kind = PINNED_CACHED;
		if (!array_push(&pinned->ends, end))
			return no_memory(finding->query);
		if (block == 0 || address_map_get(&finding->ends, block) != ADDRESS_MAP_NONE)
			continue;
		if (!address_map_set(&finding->ends, block, (uint32_t)i) ||
		    (place_among(finding, in_order, block) == NULL &&
		     !array_push(&finding->places, (struct place){ block, block + 1, PINNED_PLACES })))
			return no_memory(finding->query);
	}
	return sort_places(finding);
}

/* ---- Owners ---- */

/* The row of what owns a block: of a type, of a file, or of neither. */
static struct pinned_type *row_of(struct finding *finding, enum pinned_place place, const struct pinned_type *like)
{
	struct pinned_types *types = &finding->pinned->types[place];
	const uint64_t what = like->type != NULL ? like->type->address : (uint64_t)(uintptr_t)like->file;
	const uint64_t key = (what << 3) + (uint64_t)like->kind + 1;
	uint32_t index = address_map_get(&finding->rows[place], key);
	if (index == ADDRESS_MAP_NONE) {
		index = (uint32_t)types->count;
		if (!array_push(types, *like) || !address_map_set(&finding->rows[place], key, index))
			return NULL;
	}
	return &types->items[index];
}

static int add(struct finding *finding, enum pinned_place place, const struct pinned_type *like, uint64_t count,
               uint64_t bytes)
{
	struct pinned_type *row = row_of(finding, place, like);
	if (row == NULL)
		return no_memory(finding->query);
	row->count += count;
	row->bytes += bytes;
	return OK;
}

/* A block that an object has: its own (role NULL) or beside it. */
static int note_block(struct finding *finding, const struct allocation *allocation, const char *role)
{
	const struct decoded *out = &finding->decoder->out;
	struct reader *reader = &finding->decoder->reader;
	const struct place *place = place_of(finding, allocation->block);
	const uint32_t end = address_map_get(&finding->ends, allocation->block);
	if ((place == NULL && end == ADDRESS_MAP_NONE) ||
	    !python_blocks_has(finding->blocks, reader, allocation->block) ||
	    !visited_add(&finding->seen,
	                 visited_place(&finding->seen, reader_segment(reader, allocation->block), allocation->block)))
		return OK;
	if (end != ADDRESS_MAP_NONE) {
		struct pinned_end *row = &finding->pinned->ends.items[end];
		row->kind = PINNED_OBJECT;
		row->owner = out->address;
		row->type = out->type;
		row->role = role;
	}
	const struct pinned_type like = { .kind = PINNED_OBJECT, .type = out->type, .example = out->address };
	return place != NULL && place->kind != PINNED_PLACES ? add(finding, place->kind, &like, 1, allocation->taken)
	                                                     : OK;
}

static bool may_matter(const struct finding *finding, uint64_t address)
{
	/* Guards of a debug build, and the words before an object, are less than this. */
	enum { BEFORE = 64 };
	return place_of(finding, address) != NULL || place_of(finding, address - BEFORE) != NULL;
}

static int note_object(struct finding *finding, uint64_t object)
{
	struct decoder *decoder = finding->decoder;
	if (!decode_object(decoder, object) || decoder->out.type == NULL)
		return OK;
	if (may_matter(finding, object)) {
		const struct allocation own = allocation_of_object(decoder);
		TRY(note_block(finding, &own, NULL));
	}
	for (size_t i = 0; i < decoder->out.blocks.count; i++) {
		const struct block *block = &decoder->out.blocks.items[i];
		if ((block->flags & (BLOCK_INTERIOR | BLOCK_PAGES)) != 0 || !may_matter(finding, block->address))
			continue;
		const struct allocation allocation = allocation_of_block(decoder, i);
		TRY(note_block(finding, &allocation, block->role));
	}
	return OK;
}

static int go_through_objects(struct finding *finding)
{
	struct object_cursor cursor;
	object_cursor_init(&cursor, &finding->query->target->graph->index);
	for (uint64_t object; (object = object_cursor_next(&cursor)) != 0;) {
		TRY(note_object(finding, object));
		if (progress_look(finding->query->progress, &finding->steps) != OK)
			return query_cancelled(finding->query);
	}
	return OK;
}

/* ---- Blocks of C code ---- */

static struct pinned_type holder_of(const struct finding *finding, const struct native_block *block)
{
	static const enum pinned_kind kinds[] = { [NATIVE_OBJECT] = PINNED_NATIVE,
		                                  [NATIVE_GARBAGE] = PINNED_GARBAGE,
		                                  [NATIVE_STATIC] = PINNED_STATIC,
		                                  [NATIVE_TREES] = PINNED_TREES,
		                                  [NATIVE_UNSEEN] = PINNED_UNSEEN };
	const struct query *query = finding->query;
	struct pinned_type like = { .kind = kinds[block->holder], .example = block->address };
	if (block->holder == NATIVE_STATIC)
		like.file = query->target->space->files.items[block->owner].path;
	if (block->holder != NATIVE_OBJECT && block->holder != NATIVE_GARBAGE)
		return like;
	const uint64_t object = native_owner_object(query, block);
	like.type = object != 0 ? query_type(query, object) : NULL;
	if (like.type != NULL)
		like.example = object;
	else if (block->holder == NATIVE_OBJECT)
		like.kind = PINNED_SEVERAL;
	return like;
}

static int go_through_free_lists(struct finding *finding)
{
	for (size_t i = 0; i < finding->native->free_listed.count; i++) {
		const struct native_block *block = &finding->native->free_listed.items[i];
		const struct place *place = place_of(finding, block->address);
		const uint32_t end = address_map_get(&finding->ends, block->address);
		const struct pinned_type like = { .kind = PINNED_FREE_LIST, .example = block->address };
		if (end != ADDRESS_MAP_NONE)
			finding->pinned->ends.items[end].kind = PINNED_FREE_LIST;
		if (place != NULL && place->kind != PINNED_PLACES)
			TRY(add(finding, place->kind, &like, 1, native_block_bytes(block)));
	}
	return OK;
}

static int go_through_native(struct finding *finding)
{
	for (size_t i = 0; i < finding->native->blocks.count; i++) {
		const struct native_block *block = &finding->native->blocks.items[i];
		const struct place *place = place_of(finding, block->address);
		const uint32_t end = address_map_get(&finding->ends, block->address);
		if (progress_look(finding->query->progress, &finding->steps) != OK)
			return query_cancelled(finding->query);
		if (place == NULL && end == ADDRESS_MAP_NONE)
			continue;
		const struct pinned_type like = holder_of(finding, block);
		if (end != ADDRESS_MAP_NONE) {
			struct pinned_end *row = &finding->pinned->ends.items[end];
			row->kind = like.kind;
			row->type = like.type;
			row->owner = like.type != NULL ? like.example : 0;
			if (like.file != NULL)
				text_add(&row->name, like.file);
		}
		if (place != NULL && place->kind != PINNED_PLACES)
			TRY(add(finding, place->kind, &like, 1, native_block_bytes(block)));
	}
	return OK;
}

/* ---- All ---- */

static int compare_types(const void *left, const void *right)
{
	const struct pinned_type *a = left, *b = right;
	return query_compare_bytes(a->bytes, a->example, b->bytes, b->example);
}

static int name_all(struct finding *finding, uint64_t limit)
{
	struct pinned *pinned = finding->pinned;
	struct naming *naming;
	TRY(naming_open(&naming, finding->query, finding->query->target->heap));
	for (int place = 0; place < PINNED_PLACES; place++) {
		struct pinned_types *types = &pinned->types[place];
		if (types->count > 0)
			qsort(types->items, types->count, sizeof *types->items, compare_types);
		for (size_t i = 0; i < types->count && i < limit; i++)
			if (types->items[i].type != NULL)
				(void)naming_object(naming, types->items[i].example, &types->items[i].name);
	}
	for (size_t i = 0; i < pinned->ends.count; i++)
		if (pinned->ends.items[i].owner != 0)
			(void)naming_object(naming, pinned->ends.items[i].owner, &pinned->ends.items[i].name);
	naming_close(naming);
	return OK;
}

static int find_owners(struct finding *finding, uint64_t limit)
{
	const struct sparse_heaps *heaps = &finding->pinned->heaps;
	const struct pinned_type cached = { .kind = PINNED_CACHED };
	TRY(find_places(finding));
	TRY(note_ends(finding, limit));
	TRY(go_through_objects(finding));
	TRY(go_through_native(finding));
	TRY(go_through_free_lists(finding));
	if (heaps->cached_blocks > 0)
		TRY(add(finding, PINNED_HEAPS, &cached, heaps->cached_blocks, heaps->cached_bytes));
	return name_all(finding, limit);
}

int pinned_find_owners(struct pinned *pinned, const struct query *query, const struct memory_map *map, uint64_t limit)
{
	struct finding finding = { .pinned = pinned, .query = query, .map = map, .decoder = &query->target->decoder };
	pinned->has_owners = true;
	if (pinned->sparse_arenas == 0 && pinned->heaps.stretches.count == 0)
		return OK;
	TRY(target_native(query->target, query->progress, &finding.native, query->error));
	TRY(target_blocks(query->target, query->progress, &finding.blocks, query->error));
	if (!visited_open(&finding.seen, query->target->space))
		return no_memory(query);
	const int status = find_owners(&finding, limit);
	visited_close(&finding.seen);
	array_free(&finding.places);
	for (int place = 0; place < PINNED_PLACES; place++)
		address_map_clear(&finding.rows[place]);
	address_map_clear(&finding.ends);
	return status;
}

void pinned_clear(struct pinned *pinned)
{
	for (int place = 0; place < PINNED_PLACES; place++) {
		for (size_t i = 0; i < pinned->types[place].count; i++)
			text_free(&pinned->types[place].items[i].name);
		array_free(&pinned->types[place]);
	}
	for (size_t i = 0; i < pinned->ends.count; i++)
		text_free(&pinned->ends.items[i].name);
	array_free(&pinned->ends);
	sparse_heaps_clear(&pinned->heaps);
}
