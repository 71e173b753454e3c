/* SPDX-License-Identifier: MIT
 * Looks for the addresses of native blocks. Memory whose words are known is not looked at: bodies of str,
 * bytes, numbers, containers and classes, and every block that an object owns and that is not another library's.
 * Several threads take a part of the objects, then of the blocks; what they find is put behind each other. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/threads.h"
#include "graph/native/native_graph.h"

enum {
	BODY_MOST = 1 << 16, /* bytes of a body that are looked at */
	/* Libraries put a word of their own or an alignment before what an object or a variable keeps; further inside
	 * it is chance: where the heap lies low, two small numbers side by side, or one of 32 bits, look like an
	 * address. In a block of C a wider word is no chance. */
	INSIDE_NEAR = 64,
	OPAQUE_MOST = 64 << 20, /* of a block that an object owns for a library */
	LEAST_OBJECTS = 1 << 13, /* that are worth a thread */
	LEAST_BLOCK_BYTES = 1 << 20,
	NEAR_OBJECTS = 64, /* it is faster to go over than to look up */
	WORDS_AT_ONCE = 8,
	AHEAD_BYTES =
	        1024, /* memory is fetched: objects lie side by side, and a page ends what the processor foresees */
	MOVED_EDGES = 1 << 16,
	SMALL_BYTES = 256, /* of a block: it is looked through once before word by word */
};

#define LEAST_WIDE (UINT64_C(1) << 32)

struct scanner {
	const struct native_graph *graph;
	const struct native_sources *sources;
	struct reader reader;
	struct progress *progress;
	uint64_t low, span; /* all blocks lie in between */
	uint64_t least_deep; /* lower words may only point to a block's start or little behind it */
	uint64_t steps;
	size_t begin, end; /* which sources it looks at */
	native_edge_array edges; /* that it found, in order of their sources */
	native_edge_array garbage; /* those from objects that no root reaches; the two change places meanwhile */
	/* The block behind the last one that a word was the address of: blocks that were made one after the other are
	 * mostly named so, and need not be looked up. */
	uint64_t expected_address; /* UINT64_MAX: none is expected */
	uint32_t expected, expected_rank; /* the block, and its rank in the index */
	bool can_popcnt;
	int status;
};

/* ---- Words ---- */

/* The block that has a place in the index, by its rank there. */
static inline uint32_t numbered(const struct native_graph *graph, uint32_t rank)
{
	return __builtin_expect(graph->placed != NULL, 0) ? graph->placed[rank] : rank;
}

/* Whether a block begins in the granule or so little before it that a word of a body may point there. */
static inline __attribute__((always_inline)) bool is_near_start(const struct object_index *index, uint64_t granule)
{
	enum { BEFORE = INSIDE_NEAR / 16 };
	const uint64_t *word = &index->objects.words[granule >> 6];
	const unsigned bit = granule & 63;
	/* The granule's bit as the highest, and those before it below. */
	if (*word << (63 - bit) >> (63 - BEFORE) != 0)
		return true;
	return bit < BEFORE && granule >= 64 && word[-1] >> (64 - BEFORE + bit) != 0;
}

static inline void expect_next(struct scanner *scanner, uint32_t rank)
{
	if (rank + 1 >= scanner->graph->index.count)
		return;
	scanner->expected_rank = rank + 1;
	scanner->expected = numbered(scanner->graph, rank + 1);
	scanner->expected_address = scanner->graph->blocks.items[scanner->expected].address;
}

/* Whether a word is the address of the control bytes of a hash table of Rust (hashbrown, RawTableInner: address,
 * buckets less one, how many more fit, how many are there): deep inside their block, which they end, one for each
 * bucket and 16 more. `next` is behind the word, `left` what the block has from there on. */
static bool is_table(uint64_t word, const uint8_t *next, const uint8_t *end, uint64_t left)
{
	enum { GROUP = 16, ROUNDING = 32 };
	if (word % GROUP != 0 || end - next < 24)
		return false;
	const uint64_t mask = load_u64(next), room = load_u64(next + 8), count = load_u64(next + 16);
	return mask >= 3 && (mask & (mask + 1)) == 0 && mask < left && room <= mask && count <= mask - room &&
	       left - mask - 1 >= GROUP && left - mask - 1 < GROUP + ROUNDING;
}

/* The block that a word points to, with NATIVE_INSIDE; UINT32_MAX: none. Behind it are other words, up to `end`. */
static inline __attribute__((always_inline)) uint32_t block_of(struct scanner *scanner, uint64_t word,
                                                               const uint8_t *next, const uint8_t *end)
{
	const struct native_graph *graph = scanner->graph;
	const struct object_index *index = &graph->index;
	if (word == scanner->expected_address) {
		const uint32_t number = scanner->expected;
		expect_next(scanner, scanner->expected_rank);
		return number;
	}
	const struct segment *segment = reader_segment(&scanner->reader, word);
	if (segment == NULL || segment->data == NULL)
		return UINT32_MAX;
	const uint64_t granule = segment_granule(segment, word);
	if (scanner->least_deep == UINT64_MAX && !is_near_start(index, granule))
		return UINT32_MAX;
	const uint32_t before = object_index_rank(index, granule);
	const uint32_t here = before < index->count ? numbered(graph, before) : UINT32_MAX;
	if (here != UINT32_MAX && graph->blocks.items[here].address == word) {
		expect_next(scanner, before);
		return here;
	}
	/* The granule's own block begins at it, or this word's block before it. */
	uint32_t number = here;
	if (here == UINT32_MAX || graph->blocks.items[here].address > word) {
		if (before == 0)
			return UINT32_MAX;
		number = numbered(graph, before - 1);
	}
	const struct native_block *block = &graph->blocks.items[number];
	/* The header of the next block is no place inside this one: malloc's own lists leave its address behind. */
	const uint64_t inside = word - block->address;
	const bool is_deep = inside > INSIDE_NEAR || word % 8 != 0;
	if (inside >= native_block_bytes(block) - GLIBC_CHUNK_HEADER ||
	    (is_deep && word < scanner->least_deep && !is_table(word, next, end, native_block_bytes(block) - inside)) ||
	    native_is_truth_value(word, inside))
		return UINT32_MAX;
	return number | NATIVE_INSIDE | (is_deep ? NATIVE_DEEP : 0) | ((word & 0xff) == 0 ? NATIVE_TAIL : 0);
}

/* One word after another; what is readable goes on up to `end`. */
static inline __attribute__((always_inline)) int scan_few(struct scanner *scanner, const uint8_t *words, uint64_t count,
                                                          const uint8_t *end, uint32_t source)
{
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t word = load_u64(words + 8 * i);
		if (__builtin_expect(word - scanner->low >= scanner->span, 1))
			continue;
		const uint32_t target = block_of(scanner, word, words + 8 * i + 8, end);
		if (target == UINT32_MAX)
			continue;
		if (scanner->edges.count >= LIMIT_NATIVE_EDGES)
			return ERROR_LIMIT;
		if (!array_push(&scanner->edges, (struct native_edge){ source, target }))
			return ERROR_NO_MEMORY;
	}
	return OK;
}

static inline __attribute__((always_inline)) int scan_all(struct scanner *scanner, const uint8_t *words, uint64_t count,
                                                          uint32_t source)
{
	const uint64_t low = scanner->low, span = scanner->span;
	uint64_t i = 0;
	for (; i + WORDS_AT_ONCE <= count; i += WORDS_AT_ONCE) {
		bool is_worth = false;
		for (uint64_t j = i; j < i + WORDS_AT_ONCE; j++)
			is_worth |= load_u64(words + 8 * j) - low < span;
		if (__builtin_expect(is_worth, 0))
			TRY(scan_few(scanner, words + 8 * i, WORDS_AT_ONCE, words + 8 * count, source));
		if (i % PROGRESS_INTERVAL == 0 && i != 0 && progress_is_cancelled(scanner->progress))
			return ERROR_CANCELLED;
	}
	return scan_few(scanner, words + 8 * i, count - i, words + 8 * count, source);
}

/* The same for processors that count bits by themselves. */
WITH_POPCNT static int scan_popcnt(struct scanner *scanner, const uint8_t *words, uint64_t count, uint32_t source)
{
	return scan_all(scanner, words, count, source);
}

static int scan_plain(struct scanner *scanner, const uint8_t *words, uint64_t count, uint32_t source)
{
	return scan_all(scanner, words, count, source);
}

static inline int scan_piece(struct scanner *scanner, const uint8_t *words, uint64_t count, uint32_t source)
{
	return scanner->can_popcnt ? scan_popcnt(scanner, words, count, source)
	                           : scan_plain(scanner, words, count, source);
}

/* Memory need not be there in one piece: of a live process only pages that were touched are copied, a dump leaves out
 * what a file has. */
static int scan_words(struct scanner *scanner, uint64_t start, uint64_t bytes, uint32_t source)
{
	enum { PAGE = 4096 };
	const uint64_t end = start + (bytes & ~UINT64_C(7));
	int status = OK;
	while (status == OK && start < end) {
		const struct segment *segment = reader_segment(&scanner->reader, start);
		const uint64_t stop = segment != NULL ? segment->end : (start | (PAGE - 1)) + 1;
		const uint64_t piece = (stop < end ? stop : end) - start;
		const uint8_t *words = segment != NULL && piece >= 8 ? reader_at(&scanner->reader, start, piece) : NULL;
		if (words != NULL)
			status = scan_piece(scanner, words, piece / 8, source);
		start += piece;
	}
	return status;
}

/* Whether any of a few words lies where blocks are: of many blocks none does. */
static inline bool may_lead(const struct scanner *scanner, const uint8_t *words, uint64_t count)
{
	bool is_worth = false;
	for (uint64_t i = 0; i < count; i++)
		is_worth |= load_u64(words + 8 * i) - scanner->low < scanner->span;
	return is_worth;
}

/* ---- Crews ---- */

static int failed(struct error *error, int status)
{
	switch (status) {
	case OK:
		return OK;
	case ERROR_CANCELLED:
		return progress_cancelled(error);
	case ERROR_LIMIT:
		return error_set(error, ERROR_LIMIT,
		                 "more than %d words point to native blocks: this is no heap that can be followed",
		                 LIMIT_NATIVE_EDGES);
	default:
		return error_set(error, ERROR_NO_MEMORY, "out of memory for words that point to native blocks");
	}
}

/* What one more thread found, behind what those before it did. */
static int append(native_edge_array *all, native_edge_array *more)
{
	if (all->count == 0) {
		array_free(all);
		*all = *more;
		*more = (native_edge_array){ .count = 0 };
		return OK;
	}
	if (more->count > LIMIT_NATIVE_EDGES - all->count)
		return ERROR_LIMIT;
	if (more->count == 0)
		return OK;
	const size_t before = all->count;
	if (!array_reserve(all, before + more->count))
		return ERROR_NO_MEMORY;
	all->count += more->count;
	/* From behind, piece by piece, each given back: both are never there whole. */
	while (more->count > 0) {
		const size_t count = more->count < MOVED_EDGES ? more->count : MOVED_EDGES;
		more->count -= count;
		memcpy(all->items + before + more->count, more->items + more->count, count * sizeof *all->items);
		array_shrink(more);
	}
	return OK;
}

/* How many threads are worth having. */
static unsigned crew_for(const struct scanner *first, uint64_t parts)
{
	const unsigned most = address_space_is_immediate(first->graph->index.space) ? crew_size() : 1;
	return parts + 1 < most ? (unsigned)parts + 1 : most;
}

/* `work` of several scanners at once, each of which is as the first and knows where it begins and ends. garbage: NULL
 * where no sources are objects. */
static int scan_together(struct scanner *scanners, unsigned count, void (*work)(void *context, unsigned member),
                         native_edge_array *edges, native_edge_array *garbage)
{
	int status = OK;
	crew_run(count, work, scanners);
	for (unsigned i = 0; i < count; i++) {
		status = status == OK ? scanners[i].status : status;
		if (status == OK)
			status = append(edges, &scanners[i].edges);
		if (status == OK && garbage != NULL)
			status = append(garbage, &scanners[i].garbage);
		array_free(&scanners[i].edges);
		array_free(&scanners[i].garbage);
	}
	return status;
}

/* ---- Sources ---- */

/* Objects of a range, one after another: most are no sources. */
struct opaque_cursor {
	struct object_cursor objects;
	uint32_t next; /* node that the cursor gives next */
};

static uint64_t opaque_address(struct opaque_cursor *cursor, const struct object_index *index, uint32_t node)
{
	uint64_t address;
	if (node - cursor->next > NEAR_OBJECTS) {
		object_cursor_init_at(&cursor->objects, index, node);
		cursor->next = node;
	}
	do
		address = object_cursor_next(&cursor->objects);
	while (cursor->next++ < node);
	return address;
}

static int scan_object(struct scanner *scanner, struct decoder *decoder, uint64_t address, uint32_t number)
{
	const struct object_head head = decode_head(decoder, address);
	const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
	const uint64_t first = decoder->layout->struct_bytes[STRUCT_PyObject];
	if (type == NULL)
		return OK;
	__builtin_prefetch(head.bytes + AHEAD_BYTES);
	__builtin_prefetch(head.bytes + AHEAD_BYTES + 64);
	const uint64_t body =
	        type->tp_basicsize > 0 && type->tp_basicsize < BODY_MOST ? (uint64_t)type->tp_basicsize : BODY_MOST;
	if (body <= first)
		return OK;
	return head.available >= body ? scan_piece(scanner, head.bytes + first, (body - first) / 8, number)
	                              : scan_words(scanner, address + first, body - first, number);
}

/* Between live objects and those of garbage: what is found goes to the other list. */
static void turn_lists(struct scanner *scanner)
{
	const native_edge_array edges = scanner->edges;
	scanner->edges = scanner->garbage;
	scanner->garbage = edges;
}

/* One with words that no decoder knows; *piece: of the first block, if any, that it or a later one has for a library.
 */
static int scan_source(struct scanner *scanner, struct decoder *decoder, struct opaque_cursor *cursor, uint32_t node,
                       size_t *piece)
{
	const struct native_sources *sources = scanner->sources;
	const struct python_blocks *python = sources->python;
	const uint32_t number = sources->dominators->number[node];
	const bool is_garbage = number == UINT32_MAX;
	const uint32_t source = is_garbage ? node : number;
	if (is_garbage)
		turn_lists(scanner);
	int status = scan_object(scanner, decoder, opaque_address(cursor, &sources->heap->index, node), source);
	for (; *piece < python->pieces.count && python->pieces.items[*piece].node == node; ++*piece) {
		const struct opaque_piece *opaque = &python->pieces.items[*piece];
		const uint64_t bytes = opaque->bytes < OPAQUE_MOST ? opaque->bytes : OPAQUE_MOST;
		if (status == OK)
			status = scan_words(scanner, opaque->address, bytes, source);
	}
	if (is_garbage)
		turn_lists(scanner);
	return status;
}

/* The bodies of objects, and what they have for a library, by number. */
static void scan_objects(void *context, unsigned member)
{
	struct scanner *scanner = (struct scanner *)context + member;
	const struct native_sources *sources = scanner->sources;
	const struct python_blocks *python = sources->python;
	const struct object_index *index = &sources->heap->index;
	struct opaque_cursor cursor;
	struct decoder decoder;
	size_t piece;
	const uint32_t end = (uint32_t)scanner->end;
	uint32_t node = python_blocks_next_opaque(python, (uint32_t)scanner->begin, end);
	if (node == end)
		return;
	decoder_init(&decoder, sources->heap->decoder->context);
	cursor.next = node;
	object_cursor_init_at(&cursor.objects, index, cursor.next);
	piece = array_first_not_below(&python->pieces, node, cursor.next);
	for (; scanner->status == OK && node < end; node = python_blocks_next_opaque(python, node + 1, end)) {
		scanner->status = progress_step(scanner->progress, &scanner->steps);
		if (scanner->status == OK)
			scanner->status = scan_source(scanner, &decoder, &cursor, node, &piece);
	}
	if (scanner->status == OK && decoder.out_of_memory)
		scanner->status = ERROR_NO_MEMORY;
	decoder_clear(&decoder);
}

/* Each has as many of them. */
static int scan_all_objects(const struct scanner *first, struct native_edges *edges)
{
	const struct python_blocks *python = first->sources->python;
	const uint32_t objects = first->sources->heap->index.count;
	struct scanner scanners[CREW_MOST];
	const unsigned count = crew_for(first, python->opaque_count / LEAST_OBJECTS);
	uint64_t given = 0;
	uint32_t node = 0;
	for (unsigned i = 0; i < count; i++) {
		scanners[i] = *first;
		scanners[i].least_deep = UINT64_MAX;
		scanners[i].begin = node;
		for (; node < objects && (i + 1 == count || given < python->opaque_count * (i + 1) / count);
		     node = objects - node > 64 ? node + 64 : objects)
			given += (unsigned)__builtin_popcountll(python->opaque[node / 64]);
		scanners[i].end = node;
	}
	return scan_together(scanners, count, scan_objects, &edges->from_objects, &edges->from_garbage);
}

/* The last word of a chunk by itself: malloc() rounds up, and what it adds has what was there before. */
static int scan_block(struct scanner *scanner, const struct native_block *block, uint32_t number)
{
	uint64_t bytes = native_block_room(block);
	const bool has_tail = block->allocator == ALLOCATOR_MALLOC && bytes >= 16 && bytes % 16 == 8;
	if (!has_tail)
		return scan_words(scanner, block->address, bytes, number);
	const uint8_t *words = bytes <= SMALL_BYTES ? reader_at(&scanner->reader, block->address, bytes) : NULL;
	if (words != NULL && !may_lead(scanner, words, bytes / 8))
		return OK;
	bytes -= 8;
	if (words != NULL)
		TRY(scan_piece(scanner, words, bytes / 8, number));
	else
		TRY(scan_words(scanner, block->address, bytes, number));
	const size_t before = scanner->edges.count;
	TRY(scan_words(scanner, block->address + bytes, 8, number));
	if (scanner->edges.count > before)
		scanner->edges.items[before].target |= NATIVE_TAIL;
	return OK;
}

static void scan_blocks(void *context, unsigned member)
{
	struct scanner *scanner = (struct scanner *)context + member;
	for (size_t i = scanner->begin; scanner->status == OK && i < scanner->end; i++) {
		const struct native_block *block = &scanner->graph->blocks.items[i];
		if (block->is_data)
			continue;
		scanner->status = progress_step(scanner->progress, &scanner->steps);
		if (scanner->status == OK)
			scanner->status = scan_block(scanner, block, (uint32_t)i);
	}
}

/* Equal parts of the bytes, not of the blocks. */
static int scan_all_blocks(const struct scanner *first, native_edge_array *edges)
{
	const struct native_graph *graph = first->graph;
	struct scanner scanners[CREW_MOST];
	uint64_t all = 0, bytes = 0;
	size_t next = 0;
	for (size_t i = 0; i < graph->blocks.count; i++)
		all += graph->blocks.items[i].is_data ? 0 : native_block_bytes(&graph->blocks.items[i]);
	const unsigned count = crew_for(first, all / LEAST_BLOCK_BYTES);
	for (unsigned i = 0; i < count; i++) {
		scanners[i] = *first;
		scanners[i].least_deep = LEAST_WIDE;
		scanners[i].begin = next;
		for (; next < graph->blocks.count && (i + 1 == count || bytes < all / count * (i + 1)); next++)
			bytes += graph->blocks.items[next].is_data ? 0 : native_block_bytes(&graph->blocks.items[next]);
		scanners[i].end = next;
	}
	return scan_together(scanners, count, scan_blocks, edges, NULL);
}

/* Variables of programs and libraries. */
static int scan_files(const struct scanner *first, native_edge_array *edges)
{
	const struct memory_map *memory = first->sources->memory;
	struct scanner scanner = *first;
	int status = OK;
	scanner.least_deep = UINT64_MAX;
	for (size_t i = 0; status == OK && i < memory->regions.count; i++) {
		const struct region *region = &memory->regions.items[i];
		if (region->kind == REGION_FILE && region->is_writable &&
		    region->end - region->start <= LIMIT_BSS_BYTES)
			status = scan_words(&scanner, region->start, region->end - region->start, region->index);
		if (status == OK && progress_is_cancelled(scanner.progress))
			status = ERROR_CANCELLED;
	}
	*edges = scanner.edges;
	return status;
}

static int add_known(const struct scanner *first, struct native_edges *edges)
{
	const struct python_blocks *python = first->sources->python;
	for (size_t i = 0; i < python->known.count; i++) {
		const struct known_block *known = &python->known.items[i];
		const struct native_block *block = native_graph_find(first->graph, known->address);
		const uint32_t number = first->sources->dominators->number[known->node];
		if (block == NULL)
			continue;
		const uint32_t target = (uint32_t)(block - first->graph->blocks.items);
		if (number != UINT32_MAX
		            ? !array_push(&edges->exact, (struct native_edge){ number, target })
		            : !array_push(&edges->exact_garbage, (struct native_edge){ known->node, target }))
			return ERROR_NO_MEMORY;
	}
	return OK;
}

int native_edges_find(struct native_edges *edges, const struct native_graph *graph,
                      const struct native_sources *sources, struct progress *progress, struct error *error)
{
	struct scanner first = { .graph = graph,
		                 .sources = sources,
		                 .progress = progress,
		                 .expected_address = UINT64_MAX,
		                 .can_popcnt = object_index_has_popcnt(),
		                 .status = OK };
	memset(edges, 0, sizeof *edges);
	if (graph->blocks.count == 0)
		return OK;
	const struct native_block *last = &graph->blocks.items[graph->blocks.count - 1];
	reader_init(&first.reader, graph->index.space);
	first.low = graph->blocks.items[0].address;
	first.span = last->address + native_block_bytes(last) - first.low;
	int status = add_known(&first, edges);
	if (status == OK)
		status = scan_all_objects(&first, edges);
	if (status == OK)
		status = scan_all_blocks(&first, &edges->from_blocks);
	if (status == OK)
		status = scan_files(&first, &edges->from_files);
	if (status != OK)
		native_edges_clear(edges);
	return failed(error, status);
}

void native_edges_clear(struct native_edges *edges)
{
	array_free(&edges->exact);
	array_free(&edges->exact_garbage);
	array_free(&edges->from_objects);
	array_free(&edges->from_garbage);
	array_free(&edges->from_blocks);
	array_free(&edges->from_files);
}
