/* SPDX-License-Identifier: MIT
 * The holders of a heap graph: what interpreters, threads and frames refer to, what is never freed, and what only C
 * code can be holding. */
#include "graph/heap/block_references.h"
#include "graph/holder_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/large_block.h"

static int compare_ranges(const void *left, const void *right)
{
	const struct static_range *a = left, *b = right;
	return a->start < b->start ? -1 : a->start > b->start;
}

bool builder_find_static_ranges(struct builder *builder)
{
	const struct address_space *space = builder->decoder->reader.space;
	builder->static_ranges = calloc(space->files.count + 1, sizeof *builder->static_ranges);
	if (builder->static_ranges == NULL)
		return false;
	for (size_t i = 0; i < space->files.count; i++)
		if (space->files.items[i].is_elf)
			builder->static_ranges[builder->static_count++] =
			        (struct static_range){ space->files.items[i].start, space->files.items[i].end };
	qsort(builder->static_ranges, builder->static_count, sizeof *builder->static_ranges, compare_ranges);
	return true;
}

static int write_run(struct builder *builder, struct edge_writer *writer, const struct run *run, uint64_t *steps)
{
	if (!edge_writer_reserve(writer, run->count))
		return ERROR_NO_MEMORY;
	for (uint64_t i = 0; i < run->count; i++) {
		const uint32_t node = run_is_counted(run, i)
		                              ? builder_slot_node(builder, &builder->decoder->reader, run, i)
		                              : UINT32_MAX;
		if (node != UINT32_MAX)
			writer->targets[writer->count++] = node;
	}
	return progress_look(builder->progress, steps);
}

static void count_key(void *context, uint64_t key)
{
	struct builder *builder = context;
	const uint32_t node = object_index_find(&builder->graph->index, key);
	if (node != UINT32_MAX)
		builder->unexplained[node]--;
}

/* A guessed reference stands only where the target's count has room for it: borrowed ones (a pointer back to the
 * parent) are not counted. Given up ones lead to the process instead, which is as good as nowhere. */
static int drop_guesses(struct builder *builder)
{
	uint64_t steps = 0;
	for (size_t i = 0; i < builder->guesses.count; i++) {
		TRY(progress_look(builder->progress, &steps));
		uint32_t *target = &builder->edges.targets[builder->guesses.items[i]];
		const uint64_t address = object_index_address(&builder->graph->index, *target);
		struct reference_count count;
		if (!reference_count_read(builder->decoder, address, &count) || count.is_immortal ||
		    count.is_deferred || !count.is_known ||
		    count.count >= (int64_t)builder_found(builder, *target, &count))
			continue;
		builder->unexplained[*target]++;
		*target = builder->graph->node_process;
	}
	return OK;
}

/* Makes of what is left of every count a number that is above 0, as int32_t, just where C code must hold the object. */
static void settle_counts(struct builder *builder)
{
	for (size_t i = 0; i < builder->doubtful.count; i++) {
		uint32_t node = builder->doubtful.items[i];
		struct reference_count count;
		bool is_held = reference_count_read(builder->decoder,
		                                    object_index_address(&builder->graph->index, node), &count) &&
		               count.count > (int64_t)builder_found(builder, node, &count);
		builder->unexplained[node] = is_held;
	}
	for (size_t i = 0; i < builder->permanent.count; i++)
		builder->unexplained[builder->permanent.items[i]] = 0;
	for (size_t i = 0; i < builder->uncounted.count; i++)
		builder->unexplained[builder->uncounted.items[i]] = 0;
}

static int64_t missing_references(void *context, uint32_t node)
{
	return (int32_t)((struct builder *)context)->unexplained[node];
}

static void take_reference(void *context, uint32_t node)
{
	((struct builder *)context)->unexplained[node]--;
}

static int look_in_blocks(void *context)
{
	return builder_find_block_references(context);
}

/* Everything that is certain is counted before anything that is not. */
static int find_references(struct builder *builder, struct certain *certain)
{
	const struct count_book book = { missing_references, take_reference, look_in_blocks, builder };
	TRY(builder_write_certain(builder, certain));
	const struct shared_keys_visitor visitor = { count_key, builder };
	TRY(shared_keys_each(&builder->shared_keys, builder->decoder, &visitor, builder->progress));
	TRY(drop_guesses(builder));
	settle_counts(builder);
	return doubtful_settle(&builder->words, &builder->graph->index, &book);
}

static bool write_permanent(struct builder *builder)
{
	const number_array *permanent = &builder->permanent;
	if (!edge_writer_reserve(&builder->edges, permanent->count))
		return false;
	if (permanent->count > 0)
		memcpy(builder->edges.targets + builder->edges.count, permanent->items,
		       permanent->count * sizeof *permanent->items);
	builder->edges.count += permanent->count;
	return true;
}

static bool write_held_from_c(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	graph->counted = graph->index.count - (uint32_t)(builder->permanent.count + builder->uncounted.count);
	for (uint32_t node = 0; node < graph->index.count; node++) {
		graph->overcounted += (int32_t)builder->unexplained[node] < 0;
		if ((int32_t)builder->unexplained[node] <= 0)
			continue;
		if (!edge_writer_reserve(&builder->edges, 1) ||
		    !array_push(&graph->from_c, ((struct held_object){ node, builder->unexplained[node] })))
			return false;
		builder->edges.targets[builder->edges.count++] = node;
		graph->held_from_c++;
	}
	graph->accounted = graph->counted - graph->held_from_c - graph->overcounted;
	return true;
}

/* Which rows of the holders each row has below it, as linked lists; the frames of a thread come right after it. */
struct holder_children {
	uint32_t *first; /* of a row; UINT32_MAX: none */
	uint32_t *next; /* of a child, in the same allocation */
};

static bool link_children(const struct holders *holders, struct holder_children *ret_children)
{
	const size_t count = holders->rows.count;
	uint32_t *first = malloc((2 * count + 1) * sizeof *first);
	*ret_children = (struct holder_children){ first, first + count };
	if (first == NULL)
		return false;
	memset(first, 0xff, 2 * count * sizeof *first);
	for (size_t child = count, parent = count; child-- > 1;) {
		/* Neighbours have mostly one parent; it comes before them. */
		const uint32_t number = holders->rows.items[child].parent;
		if (parent == count || holders->rows.items[parent].number != number)
			parent = array_first_not_below(&holders->rows, number, number);
		ret_children->next[child] = first[parent];
		first[parent] = (uint32_t)child;
	}
	return true;
}

static bool write_children(const struct holders *holders, const struct holder_children *children,
                           struct edge_writer *writer, uint32_t row, uint32_t objects)
{
	for (uint32_t child = children->first[row]; child != UINT32_MAX; child = children->next[child]) {
		if (!edge_writer_reserve(writer, 1))
			return false;
		writer->targets[writer->count++] = objects + holders->rows.items[child].number;
	}
	return true;
}

/* Those of the thread that is the last row in front of the stretch. */
static bool write_frames(const struct holder_stretch *frames, struct edge_writer *writer, uint32_t objects)
{
	if (!edge_writer_reserve(writer, frames->end - frames->first))
		return false;
	for (uint32_t frame = frames->first; frame < frames->end; frame++)
		writer->targets[writer->count++] = objects + frame;
	return true;
}

static bool write_targets(struct edge_writer *writer, const struct edge_writer *from, uint64_t begin, uint64_t end)
{
	if (!edge_writer_reserve(writer, end - begin))
		return false;
	if (end > begin)
		memcpy(writer->targets + writer->count, from->targets + begin, (end - begin) * sizeof *from->targets);
	writer->count += end - begin;
	return true;
}

struct rows_writer {
	struct builder *builder;
	const struct certain *certain;
	struct holder_children children;
	size_t accepted; /* the next of the accepted runs */
	uint64_t begin; /* of the next holder's certain edges */
	uint64_t steps;
};

/* Rows of holders, from that one up to end, that have certain references only. */
static bool write_certain_rows(struct rows_writer *rows, uint32_t holder, uint32_t end)
{
	struct edge_writer *writer = &rows->builder->edges;
	const struct certain *certain = rows->certain;
	if (holder == end)
		return true;
	uint32_t *first = rows->builder->first + rows->builder->graph->index.count;
	/* May wrap: what is added to it is larger. */
	const uint64_t moved = writer->count - rows->begin;
	first[holder] = (uint32_t)writer->count;
	for (uint32_t next = holder + 1; next < end; next++)
		first[next] = (uint32_t)(certain->ends[next - 1] + moved);
	if (!write_targets(writer, &certain->edges, rows->begin, certain->ends[end - 1]))
		return false;
	rows->begin = certain->ends[end - 1];
	return true;
}

/* The references of holders, certain and accepted ones. */
static int write_references(struct rows_writer *rows, uint32_t holder, uint32_t end)
{
	struct builder *builder = rows->builder;
	const struct roots *roots = &builder->graph->roots;
	while (holder < end) {
		uint32_t with = end; /* the next one that has accepted ones */
		if (rows->accepted < roots->accepted.count && roots->accepted.items[rows->accepted].holder < end)
			with = roots->accepted.items[rows->accepted].holder;
		if (!write_certain_rows(rows, holder, with + (with < end)))
			return ERROR_NO_MEMORY;
		while (with < end && rows->accepted < roots->accepted.count &&
		       roots->accepted.items[rows->accepted].holder == with)
			TRY(write_run(builder, &builder->edges, &roots->accepted.items[rows->accepted++].run,
			              &rows->steps));
		holder = with + 1;
	}
	return builder->edges.count > UINT32_MAX - (1u << 20) ? ERROR_LIMIT : OK;
}

/* What is below a holder that is no frame. */
static int write_below(struct rows_writer *rows, uint32_t row, const struct holder_stretch *frames)
{
	struct builder *builder = rows->builder;
	const struct roots *roots = &builder->graph->roots;
	const uint32_t objects = builder->graph->index.count;
	const uint32_t number = roots->holders.rows.items[row].number;
	if (!write_children(&roots->holders, &rows->children, &builder->edges, row, objects) ||
	    (frames != NULL && !write_frames(frames, &builder->edges, objects)) ||
	    (number == roots->runtime_holder && !write_permanent(builder)) ||
	    (number == roots->c_holder && !write_held_from_c(builder)))
		return ERROR_NO_MEMORY;
	return builder->edges.count > UINT32_MAX - (1u << 20) ? ERROR_LIMIT : OK;
}

static int write_rows(struct rows_writer *rows)
{
	const struct holders *holders = &rows->builder->graph->roots.holders;
	for (size_t i = 0; i < holders->stretches.count; i++) {
		const struct holder_stretch *stretch = &holders->stretches.items[i];
		if (stretch->frames != NULL)
			TRY(write_references(rows, stretch->first, stretch->end));
		for (uint32_t holder = stretch->first; stretch->frames == NULL && holder < stretch->end; holder++) {
			/* Frames are below the row in front of them. */
			const bool is_before = holder + 1 == stretch->end && i + 1 < holders->stretches.count;
			TRY(write_references(rows, holder, holder + 1));
			TRY(write_below(rows, stretch->row + (holder - stretch->first),
			                is_before ? stretch + 1 : NULL));
		}
	}
	return OK;
}

int builder_write_holders(struct builder *builder)
{
	struct roots *roots = &builder->graph->roots;
	struct certain certain = { .ends = NULL };
	struct rows_writer rows = { .builder = builder, .certain = &certain };
	int status = find_references(builder, &certain);
	if (status == OK && !link_children(&roots->holders, &rows.children))
		status = ERROR_NO_MEMORY;
	if (status == OK)
		status = write_rows(&rows);
	if (status == OK && !doubtful_merge(roots))
		status = ERROR_NO_MEMORY;
	certain_clear(&certain);
	free(rows.children.first);
	return status == OK ? OK : builder_failed(builder, status);
}
