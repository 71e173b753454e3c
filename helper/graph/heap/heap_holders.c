/* SPDX-License-Identifier: MIT
 * The holders of a heap graph: what interpreters, threads and frames refer to, what is never freed, and what only C
 * code can be holding. */
#include "graph/heap/block_references.h"

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

static bool write_run(struct builder *builder, struct edge_writer *writer, const struct run *run)
{
	if (run->flags & RUN_OF_DICT)
		return true; /* the dict has the same words */
	if (!edge_writer_reserve(writer, run->count))
		return false;
	for (uint64_t i = 0; i < run->count; i++) {
		uint32_t node = run_is_counted(run, i) ? builder_slot_node(builder, &builder->decoder->reader, run, i)
		                                       : UINT32_MAX;
		if (node != UINT32_MAX)
			writer->targets[writer->count++] = node;
	}
	return true;
}

static int count_run(struct builder *builder, const struct run *run, uint64_t *steps)
{
	for (uint64_t i = 0; i < run->count; i++) {
		TRY(progress_look(builder->progress, steps));
		uint32_t node = run_is_counted(run, i) ? builder_slot_node(builder, &builder->decoder->reader, run, i)
		                                       : UINT32_MAX;
		if (node != UINT32_MAX)
			builder->unexplained[node]--;
	}
	return OK;
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
static int find_references(struct builder *builder)
{
	struct roots *roots = &builder->graph->roots;
	const struct count_book book = { missing_references, take_reference, look_in_blocks, builder };
	uint64_t steps = 0;
	for (size_t i = 0; i < roots->runs.count; i++)
		TRY(count_run(builder, &roots->runs.items[i].run, &steps));
	const struct shared_keys_visitor visitor = { count_key, builder };
	TRY(shared_keys_each(&builder->shared_keys, builder->decoder, &visitor, builder->progress));
	TRY(drop_guesses(builder));
	settle_counts(builder);
	return doubtful_settle(&builder->words, &builder->graph->index, &book);
}

static int write_permanent(struct builder *builder)
{
	const number_array *permanent = &builder->permanent;
	if (!edge_writer_reserve(&builder->edges, permanent->count))
		return builder_no_memory(builder);
	if (permanent->count > 0)
		memcpy(builder->edges.targets + builder->edges.count, permanent->items,
		       permanent->count * sizeof *permanent->items);
	builder->edges.count += permanent->count;
	return OK;
}

static int write_held_from_c(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	graph->counted = graph->index.count - (uint32_t)(builder->permanent.count + builder->uncounted.count);
	for (uint32_t node = 0; node < graph->index.count; node++) {
		graph->overcounted += (int32_t)builder->unexplained[node] < 0;
		if ((int32_t)builder->unexplained[node] <= 0)
			continue;
		if (!edge_writer_reserve(&builder->edges, 1) ||
		    !array_push(&graph->from_c, ((struct held_object){ node, builder->unexplained[node] })))
			return builder_no_memory(builder);
		builder->edges.targets[builder->edges.count++] = node;
		graph->held_from_c++;
	}
	graph->accounted = graph->counted - graph->held_from_c - graph->overcounted;
	return OK;
}

/* Which holders each holder has below it, as linked lists: a thread may have a million frames. */
struct holder_children {
	uint32_t *first; /* of a holder; UINT32_MAX: none */
	uint32_t *next; /* of a child, in the same allocation */
};

static bool link_children(const struct roots *roots, struct holder_children *ret_children)
{
	size_t count = roots->holders.count;
	uint32_t *first = malloc((2 * count + 1) * sizeof *first);
	*ret_children = (struct holder_children){ first, first + count };
	if (first == NULL)
		return false;
	memset(first, 0xff, 2 * count * sizeof *first);
	for (size_t child = count; child-- > 1;) {
		uint32_t parent = roots->holders.items[child].parent;
		ret_children->next[child] = first[parent];
		first[parent] = (uint32_t)child;
	}
	return true;
}

static bool write_children(const struct holder_children *children, struct edge_writer *writer, uint32_t holder,
                           uint32_t objects)
{
	for (uint32_t child = children->first[holder]; child != UINT32_MAX; child = children->next[child]) {
		if (!edge_writer_reserve(writer, 1))
			return false;
		writer->targets[writer->count++] = objects + child;
	}
	return true;
}

/* Of all runs of the holders the references, and where in them each run ends. */
static int write_runs(struct builder *builder, struct edge_writer *runs, uint32_t *run_ends)
{
	const struct roots *roots = &builder->graph->roots;
	for (size_t i = 0; i < roots->runs.count; i++) {
		if (!write_run(builder, runs, &roots->runs.items[i].run))
			return builder_no_memory(builder);
		run_ends[i] = (uint32_t)runs->count;
	}
	return OK;
}

/* Rows of the holders: their runs, and the holders below them. */
static int write_rows(struct builder *builder, const struct edge_writer *runs, const uint32_t *run_ends,
                      const struct holder_children *children)
{
	const struct roots *roots = &builder->graph->roots;
	const uint32_t objects = builder->graph->index.count;
	struct edge_writer *writer = &builder->edges;
	size_t next_run = 0;
	for (uint32_t holder = 0; holder < roots->holders.count; holder++) {
		builder->first[objects + holder] = (uint32_t)writer->count;
		size_t from = next_run;
		while (next_run < roots->runs.count && roots->runs.items[next_run].holder == holder)
			next_run++;
		uint32_t begin = from == 0 ? 0 : run_ends[from - 1];
		uint32_t end = next_run == 0 ? 0 : run_ends[next_run - 1];
		if (!edge_writer_reserve(writer, end - begin))
			return builder_no_memory(builder);
		if (end > begin)
			memcpy(writer->targets + writer->count, runs->targets + begin,
			       (end - begin) * sizeof *runs->targets);
		writer->count += end - begin;
		if (!write_children(children, writer, holder, objects))
			return builder_no_memory(builder);
		if (holder == roots->runtime_holder)
			TRY(write_permanent(builder));
		if (holder == roots->c_holder)
			TRY(write_held_from_c(builder));
		if (writer->count > UINT32_MAX - (1u << 20))
			return error_set(builder->error, ERROR_LIMIT, "more than 4 billion references");
	}
	return OK;
}

int builder_write_holders(struct builder *builder)
{
	const int found = find_references(builder);
	if (found != OK)
		return builder_failed(builder, found);
	const struct roots *roots = &builder->graph->roots;
	struct edge_writer runs = { 0 };
	uint32_t *run_ends = malloc((roots->runs.count + 1) * sizeof *run_ends);
	struct holder_children children;
	int status = OK;
	if (!link_children(roots, &children) || run_ends == NULL)
		status = builder_no_memory(builder);
	if (status == OK)
		status = write_runs(builder, &runs, run_ends);
	if (status == OK)
		status = write_rows(builder, &runs, run_ends, &children);
	large_free(runs.targets);
	free(run_ends);
	free(children.first);
	return status;
}
