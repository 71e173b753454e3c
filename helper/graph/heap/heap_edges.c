/* SPDX-License-Identifier: MIT
 * The second pass over a heap: its objects by address, so that memory is read from end to end. Several threads take a
 * part of the addresses each; their rows are then put behind each other. */
#include "decode/quick_size.h"
#include "graph/heap/heap_builder.h"
#include "graph/native/block_noter.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "base/large_block.h"

enum {
	LEAST_RANGE = 1 << 15, /* objects that are worth a thread */
	RECENT_TARGETS = 1 << 10,
};

/* References found to one object and not yet taken from builder->unexplained: None and the like are met all the time,
 * and threads would wait for each other's turn at the same word. */
struct recent_target {
	uint32_t node, count;
};

/* What one thread does: objects begin up to (not including) end, by number. */
struct edge_range {
	struct builder *builder;
	struct decoder *decoder;
	uint32_t begin, end;
	bool is_shared; /* other threads count at the same time */
	bool can_popcnt;
	int status;
	uint64_t done;
	size_t next_static;
	struct edge_writer writer;
	number_array guesses, permanent, uncounted, doubtful, boundaries;
	struct shared_keys shared_keys;
	struct recent_target recent[RECENT_TARGETS];
	struct decoder own_decoder;
	bool notes_blocks; /* blocks are noted by the way */
	struct block_noter noter;
};

bool edge_writer_reserve(struct edge_writer *writer, uint64_t more)
{
	if (writer->count + more <= writer->capacity)
		return true;
	uint64_t capacity = writer->capacity + writer->capacity / 2 + more + 1024;
	uint32_t *targets = large_reallocate(writer->targets, capacity, sizeof *targets);
	if (targets == NULL)
		return false;
	writer->targets = targets;
	writer->capacity = capacity;
	return true;
}

static inline void flush_recent(struct edge_range *range, const struct recent_target *recent)
{
	__atomic_fetch_sub(&range->builder->unexplained[recent->node], recent->count, __ATOMIC_RELAXED);
}

static inline void count_found(struct edge_range *range, uint32_t node)
{
	if (!range->is_shared) {
		range->builder->unexplained[node]--;
		return;
	}
	struct recent_target *recent = &range->recent[node % RECENT_TARGETS];
	if (recent->node != node) {
		if (recent->count != 0)
			flush_recent(range, recent);
		*recent = (struct recent_target){ .node = node };
	}
	recent->count++;
}

static inline __attribute__((always_inline)) bool write_slots(struct edge_range *range, const struct run *run)
{
	struct builder *builder = range->builder;
	struct edge_writer *writer = &range->writer;
	struct reader *reader = &range->decoder->reader;
	for (uint64_t i = 0; i < run->count; i++) {
		uint32_t node = builder_slot_node(builder, reader, run, i);
		if (node == UINT32_MAX)
			continue;
		if (__builtin_expect(run->label == LABEL_WORD, 0) &&
		    !array_push(&range->guesses, (uint32_t)writer->count))
			return false;
		writer->targets[writer->count++] = node;
		count_found(range, node);
	}
	return true;
}

/* The same for processors that count bits by themselves. */
WITH_POPCNT static bool write_slots_popcnt(struct edge_range *range, const struct run *run)
{
	return write_slots(range, run);
}

/* Runs of which not every slot is a reference that the count of the object knows of. */
static bool write_uncounted(struct edge_range *range, const struct run *run)
{
	const bool is_shared = (run->flags & RUN_SHARED_KEYS) != 0;
	if (is_shared && !shared_keys_note(&range->shared_keys, run->argument))
		return false;
	for (uint64_t i = 0; i < run->count; i++) {
		uint32_t node = run_is_counted(run, i)
		                        ? builder_slot_node(range->builder, &range->decoder->reader, run, i)
		                        : UINT32_MAX;
		if (node == UINT32_MAX)
			continue;
		range->writer.targets[range->writer.count++] = node;
		if (!is_shared)
			count_found(range, node);
	}
	return true;
}

static bool write_run(struct edge_range *range, const struct run *run)
{
	if (run->flags & RUN_OF_DICT)
		return true; /* the dict has the same words */
	if (!edge_writer_reserve(&range->writer, run->count))
		return false;
	if (__builtin_expect(run->flags & (RUN_SHARED_KEYS | RUN_BORROWS), 0))
		return write_uncounted(range, run);
	return range->can_popcnt ? write_slots_popcnt(range, run) : write_slots(range, run);
}

/* Whether an address is static; asked for ascending addresses. */
static bool is_static(struct edge_range *range, uint64_t address)
{
	const struct builder *builder = range->builder;
	while (range->next_static < builder->static_count && builder->static_ranges[range->next_static].end <= address)
		range->next_static++;
	return range->next_static < builder->static_count &&
	       builder->static_ranges[range->next_static].start <= address;
}

/* What the count of an object says: how many references there should be, or that it never goes. */
static bool note_count(struct edge_range *range, uint32_t node, uint64_t address, const uint8_t *head)
{
	struct builder *builder = range->builder;
	struct reference_count count;
	reference_count_at(range->decoder, address, head, &count);
	/* 3.13's free-threaded build makes immortal what it defers once a second thread runs (gh-117696): all
	 * functions, classes and modules. They have their owners as ever. */
	if (is_static(range, address) || (count.is_immortal && !count.is_deferred))
		return array_push(&range->permanent, node);
	if (count.is_immortal || !count.is_known || count.count < 0 || count.count >= UINT32_MAX)
		return array_push(&range->uncounted, node);
	__atomic_fetch_add(&builder->unexplained[node], (uint32_t)count.count, __ATOMIC_RELAXED);
	return count.count <= INT32_MAX || array_push(&range->doubtful, node);
}

/* An object whose size is known without its decoder. */
static bool write_leaf(struct edge_range *range, uint32_t node, const struct object_head *head,
                       const struct type_info *type, uint64_t shallow)
{
	struct decoder *decoder = range->decoder;
	range->builder->graph->shallow[node] = shallow < HEAP_GRAPH_LARGE ? (uint32_t)shallow : HEAP_GRAPH_LARGE;
	if (range->notes_blocks && !block_noter_leaf(&range->noter, decoder, head, type, shallow) &&
	    decode_typed_object(decoder, head, type))
		block_noter_object(&range->noter, decoder, node);
	return note_count(range, node, head->address, head->bytes);
}

static bool write_object(struct edge_range *range, uint32_t node, uint64_t address)
{
	struct builder *builder = range->builder;
	struct decoder *decoder = range->decoder;
	const struct object_head head = decode_head(decoder, address);
	builder->first[node] = (uint32_t)range->writer.count;
	const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
	uint64_t shallow;
	if (type != NULL && quick_leaf(decoder, &head, type, &shallow))
		return write_leaf(range, node, &head, type, shallow);
	bool is_object = decode_typed_object(decoder, &head, type);
	shallow = !is_object ? 0 : decoder->out.included != 0 ? HEAP_GRAPH_LARGE : decoder->out.shallow;
	is_object = is_object && !roots_is_interned_dict(&builder->graph->roots, address);
	builder->graph->shallow[node] = shallow < HEAP_GRAPH_LARGE ? (uint32_t)shallow : HEAP_GRAPH_LARGE;
	for (size_t i = 0; is_object && i < decoder->out.runs.count; i++)
		if (!write_run(range, &decoder->out.runs.items[i]))
			return false;
	if (type != NULL && type->flags & TYPE_IS_BOUNDARY && !array_push(&range->boundaries, node))
		return false;
	if (type != NULL && range->notes_blocks)
		block_noter_object(&range->noter, decoder, node);
	if (head.bytes == NULL)
		return array_push(&range->uncounted, node);
	return note_count(range, node, address, head.bytes);
}

static void write_range(void *context, unsigned member)
{
	struct edge_range *range = (struct edge_range *)context + member;
	struct object_cursor cursor;
	object_cursor_init_at(&cursor, &range->builder->graph->index, range->begin);
	range->status = OK;
	range->decoder->skip_blocks = !range->notes_blocks;
	for (uint32_t node = range->begin; range->status == OK && node < range->end; node++) {
		uint64_t address = object_cursor_next(&cursor);
		if (!write_object(range, node, address))
			range->status = ERROR_NO_MEMORY;
		else if (range->writer.count > UINT32_MAX - (1u << 24))
			range->status = ERROR_LIMIT;
		else
			range->status = progress_step(range->builder->progress, &range->done);
	}
	for (size_t i = 0; range->is_shared && i < RECENT_TARGETS; i++)
		if (range->recent[i].count != 0)
			flush_recent(range, &range->recent[i]);
	range->decoder->skip_blocks = true;
	if (!range->notes_blocks)
		return;
	block_noter_end(&range->noter);
	if (range->status == OK && (range->noter.out_of_memory || range->decoder->out_of_memory))
		range->status = ERROR_NO_MEMORY;
}

static bool append(number_array *all, const number_array *part, uint32_t more)
{
	if (!array_reserve(all, all->count + part->count))
		return false;
	for (size_t i = 0; i < part->count; i++)
		all->items[all->count++] = part->items[i] + more;
	return true;
}

/* The rows of a range behind those of the ones before it. */
static int append_range(struct builder *builder, struct edge_range *range)
{
	uint64_t before = builder->edges.count;
	if (before + range->writer.count > UINT32_MAX - (1u << 24))
		return ERROR_LIMIT;
	if (!append(&builder->guesses, &range->guesses, (uint32_t)before) ||
	    !append(&builder->permanent, &range->permanent, 0) || !append(&builder->uncounted, &range->uncounted, 0) ||
	    !append(&builder->doubtful, &range->doubtful, 0) ||
	    !append(&builder->graph->boundaries, &range->boundaries, 0) ||
	    !shared_keys_add(&builder->shared_keys, &range->shared_keys) ||
	    (range->notes_blocks && !python_blocks_add(builder->notes->blocks, &range->noter.own)))
		return ERROR_NO_MEMORY;
	if (range->begin == 0) {
		builder->edges = range->writer;
		range->writer = (struct edge_writer){ .count = 0 };
		return OK;
	}
	if (!edge_writer_reserve(&builder->edges, range->writer.count))
		return ERROR_NO_MEMORY;
	if (range->writer.count > 0)
		memcpy(builder->edges.targets + before, range->writer.targets,
		       range->writer.count * sizeof *range->writer.targets);
	builder->edges.count += range->writer.count;
	large_free(range->writer.targets);
	range->writer = (struct edge_writer){ .count = 0 };
	for (uint32_t node = range->begin; node < range->end; node++)
		builder->first[node] += (uint32_t)before;
	return OK;
}

static void clear_range(struct edge_range *range)
{
	large_free(range->writer.targets);
	array_free(&range->guesses);
	array_free(&range->permanent);
	array_free(&range->uncounted);
	array_free(&range->doubtful);
	array_free(&range->boundaries);
	shared_keys_clear(&range->shared_keys);
	block_noter_clear(&range->noter);
	decoder_clear(&range->own_decoder);
}

/* Objects by number are objects by address: about equal parts of either. */
static void begin_range(struct builder *builder, struct edge_range *range, unsigned index, unsigned count)
{
	const uint64_t objects = builder->graph->index.count;
	range->builder = builder;
	range->begin = python_blocks_part(objects, index, count);
	range->end = python_blocks_part(objects, index + 1, count);
	range->is_shared = count > 1;
	range->can_popcnt = object_index_has_popcnt();
	range->decoder = builder->decoder;
	if (index > 0) {
		decoder_init(&range->own_decoder, builder->decoder->context);
		range->decoder = &range->own_decoder;
	}
	range->notes_blocks = builder->notes != NULL && builder->notes->is_made;
	if (range->notes_blocks)
		block_noter_init(&range->noter, builder->notes->blocks, builder->notes->memory,
		                 builder->decoder->layout);
	/* A first guess; it grows where it must. All other rows are put behind those of the first range. */
	const uint64_t all = builder->slots_drawn + builder->slots_drawn / 64 + builder->graph->roots.holders.count;
	range->writer.capacity = (index > 0 ? builder->slots_drawn / count : all) + 1024;
	range->writer.targets = large_allocate(range->writer.capacity, sizeof *range->writer.targets);
	if (range->writer.targets == NULL)
		range->writer.capacity = 0;
}

/* Whether blocks are noted too: somebody wants them, and those of large objects are not most of all. */
static int begin_notes(struct builder *builder)
{
	struct heap_block_notes *notes = builder->notes;
	if (notes == NULL || builder->large_bytes > notes->large_most)
		return OK;
	TRY(python_blocks_open(notes->blocks, &builder->graph->index, builder->error));
	notes->is_made = true;
	return OK;
}

int builder_write_objects(struct builder *builder)
{
	TRY(begin_notes(builder));
	unsigned count = builder_crew(builder, builder->graph->index.count / LEAST_RANGE);
	struct edge_range *ranges = calloc(count, sizeof *ranges);
	if (ranges == NULL)
		return builder_no_memory(builder);
	for (unsigned i = 0; i < count; i++)
		begin_range(builder, &ranges[i], i, count);
	crew_run(count, write_range, ranges);
	int status = OK;
	for (unsigned i = 0; i < count; i++) {
		status = status == OK ? ranges[i].status : status;
		if (status == OK)
			status = append_range(builder, &ranges[i]);
		clear_range(&ranges[i]);
	}
	free(ranges);
	if (status == OK && builder->notes != NULL && builder->notes->is_made)
		python_blocks_complete(builder->notes->blocks);
	return status == OK ? OK : builder_failed(builder, status);
}
