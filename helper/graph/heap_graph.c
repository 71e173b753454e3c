/* SPDX-License-Identifier: MIT
 * Two passes over the heap: the first follows references to find the objects, in any order; the second goes through
 * them by address and writes the edges down. Between them stands only the bitmap of addresses. */
#include "graph/heap_graph.h"

#include <string.h>

#include "decode/reference_count.h"
#include "decode/value.h"
#include "graph/frontier.h"
#include "runtime/tracked_objects.h"

enum { CONTROL_INTERVAL = 4096 };

/* Memory of a mapped ELF file, .bss included, not of an allocator. An allocator's arena may follow it directly, in the
 * same segment. */
struct static_range {
	uint64_t start, end;
};

struct builder {
	struct heap_graph *graph;
	struct decoder *decoder;
	struct walk_control *control;
	struct error *error;
	struct frontier frontier;
	uint64_t interned; /* the dict of interned strings: its references are not counted and keep nothing alive */
	uint32_t *found; /* references found to each object */
	ARRAY(uint32_t) guesses; /* edges that are words of unknown meaning which happen to be addresses of objects */
	uint64_t done;
	struct static_range *static_ranges; /* sorted */
	size_t static_count;
	size_t types_rooted;
};

static int no_memory(struct builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the graph of the heap");
}

static int check_cancel(struct builder *builder)
{
	if (builder->control != NULL && atomic_load_explicit(&builder->control->cancel, memory_order_relaxed))
		return error_set(builder->error, ERROR_CANCELLED, "cancelled");
	return OK;
}

static int check_control(struct builder *builder)
{
	if (++builder->done % CONTROL_INTERVAL != 0 || builder->control == NULL)
		return OK;
	atomic_fetch_add_explicit(&builder->control->visited, CONTROL_INTERVAL, memory_order_relaxed);
	return check_cancel(builder);
}

/* ---- First pass: which objects there are ---- */

static void note_flags(struct builder *builder, const struct decoded *out)
{
	struct walk_result *bad = &builder->graph->bad;
	bad->approximate += (out->flags & DECODED_APPROXIMATE) != 0;
	bad->unreadable += (out->flags & DECODED_UNREADABLE) != 0;
	bad->corrupt += (out->flags & DECODED_CORRUPT) != 0;
	bad->in_flux += (out->flags & DECODED_IN_FLUX) != 0;
	if (out->flags & ~(uint32_t)DECODED_APPROXIMATE && bad->example_count < WALK_EXAMPLES) {
		bad->examples[bad->example_count].address = out->address;
		bad->examples[bad->example_count++].reason = out->reason;
	}
}

static int visit(struct builder *builder, const struct upcoming *upcoming)
{
	struct decoder *decoder = builder->decoder;
	if (upcoming->head.address == builder->interned)
		return OK;
	(void)frontier_decode(&builder->frontier, upcoming);
	if (__builtin_expect(decoder->out.flags != 0, 0))
		note_flags(builder, &decoder->out);
	if (decoder->out_of_memory || builder->frontier.out_of_memory)
		return no_memory(builder);
	return check_control(builder);
}

static int drain(struct builder *builder)
{
	for (const struct upcoming *next; (next = frontier_next(&builder->frontier)) != NULL;)
		TRY(visit(builder, next));
	return OK;
}

/* An object that no run leads to. */
static int reach(struct builder *builder, uint64_t address)
{
	struct upcoming upcoming;
	return frontier_take(&builder->frontier, address, &upcoming) ? visit(builder, &upcoming) : OK;
}

/* Static types are owned by nobody's reference: every one that an object was seen to have is there by itself. */
static int reach_static_types(struct builder *builder)
{
	const struct type_table *types = &builder->decoder->context->types;
	while (builder->types_rooted < types->count) {
		const struct type_info *type = types->items[builder->types_rooted++];
		if (!(type->flags & TYPE_IS_HEAP))
			TRY(reach(builder, type->address));
		if (builder->types_rooted == types->count)
			TRY(drain(builder));
	}
	return OK;
}

/* What no root reaches but the collector tracks: held from C alone, or garbage in cycles. */
static int reach_tracked(struct builder *builder)
{
	struct tracked_objects tracked;
	int32_t generation;
	uint64_t seen = 0;
	int status = tracked_objects_open(&tracked, builder->decoder->context->runtime, builder->error);
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		status = reach(builder, object);
		if (status == OK)
			status = drain(builder);
		/* Most were reached before, and are no progress. */
		if (status == OK && ++seen % CONTROL_INTERVAL == 0)
			status = check_cancel(builder);
	}
	builder->graph->gc_list_broken |= tracked.is_broken;
	builder->graph->bad.tracked_unknown |= tracked.is_unknown;
	tracked_objects_close(&tracked);
	return status;
}

static int find_objects(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	for (size_t i = 0; i < graph->roots.runs.count; i++)
		frontier_add_run(&builder->frontier, &graph->roots.runs.items[i].run);
	TRY(drain(builder));
	TRY(reach_static_types(builder));
	TRY(reach_tracked(builder));
	TRY(reach_static_types(builder));
	graph->bad.corrupt += builder->frontier.wild;
	return object_index_number(&graph->index, builder->error);
}

/* ---- Second pass: the edges ---- */

struct edge_writer {
	uint32_t *targets;
	uint64_t count, capacity;
};

static bool writer_reserve(struct edge_writer *writer, uint64_t more)
{
	if (writer->count + more <= writer->capacity)
		return true;
	uint64_t capacity = writer->capacity + writer->capacity / 2 + more + 1024;
	uint32_t *targets = realloc(writer->targets, capacity * sizeof *targets);
	if (targets == NULL)
		return false;
	writer->targets = targets;
	writer->capacity = capacity;
	return true;
}

static bool write_run(struct builder *builder, struct edge_writer *writer, const struct run *run)
{
	const struct object_index *index = &builder->graph->index;
	struct reader *reader = &builder->decoder->reader;
	if (run->flags & RUN_OF_DICT)
		return true; /* the dict has the same words */
	if (!writer_reserve(writer, run->count))
		return false;
	for (uint64_t i = 0; i < run->count; i++) {
		uint64_t target = run_target(run, i);
		if (target == 0)
			continue;
		const struct segment *segment = reader_segment(reader, target);
		if (segment == NULL)
			continue;
		uint32_t node = object_index_rank(index, segment_granule(segment, target));
		if (__builtin_expect(run->label == LABEL_WORD, 0) &&
		    !array_push(&builder->guesses, (uint32_t)writer->count))
			return false;
		writer->targets[writer->count++] = node;
		builder->found[node]++;
	}
	return true;
}

static int write_objects(struct builder *builder, struct edge_writer *writer, uint32_t *first)
{
	struct heap_graph *graph = builder->graph;
	struct decoder *decoder = builder->decoder;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		first[node] = (uint32_t)writer->count;
		bool is_object = decode_object(decoder, address);
		uint64_t shallow = is_object ? decoder->out.shallow : 0;
		graph->shallow[node] = shallow < HEAP_GRAPH_LARGE ? (uint32_t)shallow : HEAP_GRAPH_LARGE;
		for (size_t i = 0; is_object && address != builder->interned && i < decoder->out.runs.count; i++)
			if (!write_run(builder, writer, &decoder->out.runs.items[i]))
				return no_memory(builder);
		if (writer->count > UINT32_MAX - (1u << 24))
			return error_set(builder->error, ERROR_LIMIT, "more than 4 billion references");
		TRY(check_control(builder));
	}
	return OK;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct static_range *a = left, *b = right;
	return a->start < b->start ? -1 : a->start > b->start;
}

static bool find_static_ranges(struct builder *builder)
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

/* Whether an address is static; asked for ascending addresses, *next begins as 0. */
static bool is_static(const struct builder *builder, size_t *next, uint64_t address)
{
	while (*next < builder->static_count && builder->static_ranges[*next].end <= address)
		++*next;
	return *next < builder->static_count && builder->static_ranges[*next].start <= address;
}

/* A guessed reference stands only where the target's count has room for it: borrowed ones (a pointer back to the
 * parent) are not counted. Given up ones lead to the process instead, which is as good as nowhere. */
static void drop_guesses(struct builder *builder, struct edge_writer *writer)
{
	for (size_t i = 0; i < builder->guesses.count; i++) {
		uint32_t *target = &writer->targets[builder->guesses.items[i]];
		const uint64_t address = object_index_address(&builder->graph->index, *target);
		struct reference_count count;
		if (!reference_count_read(builder->decoder, address, &count) || count.is_immortal ||
		    count.is_deferred || !count.is_known || count.count >= (int64_t)builder->found[*target])
			continue;
		builder->found[*target]--;
		*target = builder->graph->node_process;
	}
}

/* Objects that are never freed, and objects with more references than were found: an edge each from the holder that
 * stands for the reason. */
static int write_special_holder(struct builder *builder, struct edge_writer *writer, bool is_c)
{
	struct heap_graph *graph = builder->graph;
	size_t next_range = 0;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		struct reference_count count;
		if (!reference_count_read(builder->decoder, address, &count))
			continue;
		/* 3.13's free-threaded build makes immortal what it defers once a second thread runs (gh-117696): all
		 * functions, classes and modules. They have their owners as ever. */
		bool is_permanent =
		        is_static(builder, &next_range, address) || (count.is_immortal && !count.is_deferred);
		bool is_held = !is_permanent && !count.is_immortal && count.is_known &&
		               count.count > (int64_t)builder->found[node] && count.count < UINT32_MAX;
		if (is_c ? !is_held : !is_permanent)
			continue;
		if (!writer_reserve(writer, 1))
			return no_memory(builder);
		writer->targets[writer->count++] = node;
		graph->held_from_c += is_c;
	}
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
		if (!writer_reserve(writer, 1))
			return false;
		writer->targets[writer->count++] = objects + child;
	}
	return true;
}

/* Rows of the holders: their runs, and the holders below them. */
static int write_holders(struct builder *builder, struct edge_writer *writer, uint32_t *first)
{
	struct heap_graph *graph = builder->graph;
	const struct roots *roots = &graph->roots;
	uint32_t objects = graph->index.count;
	/* All runs first: they are references found, which the C holder's row is about. */
	struct edge_writer runs = { 0 };
	uint32_t *run_ends = malloc((roots->runs.count + 1) * sizeof *run_ends);
	struct holder_children children;
	if (!link_children(roots, &children) || run_ends == NULL) {
		free(children.first);
		free(run_ends);
		return no_memory(builder);
	}
	int status = OK;
	for (size_t i = 0; status == OK && i < roots->runs.count; i++) {
		if (!write_run(builder, &runs, &roots->runs.items[i].run))
			status = no_memory(builder);
		run_ends[i] = (uint32_t)runs.count;
	}
	if (status == OK)
		drop_guesses(builder, writer);
	size_t next_run = 0;
	for (uint32_t holder = 0; status == OK && holder < roots->holders.count; holder++) {
		first[objects + holder] = (uint32_t)writer->count;
		size_t from = next_run;
		while (next_run < roots->runs.count && roots->runs.items[next_run].holder == holder)
			next_run++;
		uint32_t begin = from == 0 ? 0 : run_ends[from - 1];
		uint32_t end = next_run == 0 ? 0 : run_ends[next_run - 1];
		if (!writer_reserve(writer, end - begin)) {
			status = no_memory(builder);
			break;
		}
		if (end > begin)
			memcpy(writer->targets + writer->count, runs.targets + begin,
			       (end - begin) * sizeof *runs.targets);
		writer->count += end - begin;
		if (!write_children(&children, writer, holder, objects))
			status = no_memory(builder);
		if (status == OK && (holder == roots->runtime_holder || holder == roots->c_holder))
			status = write_special_holder(builder, writer, holder == roots->c_holder);
	}
	free(runs.targets);
	free(run_ends);
	free(children.first);
	return status;
}

static int write_edges(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	graph->node_process = graph->index.count;
	graph->node_count = graph->index.count + (uint32_t)graph->roots.holders.count;
	uint32_t *first = malloc(((size_t)graph->node_count + 1) * sizeof *first);
	graph->shallow = malloc(((size_t)graph->index.count + 1) * sizeof *graph->shallow);
	builder->found = calloc((size_t)graph->index.count + 1, sizeof *builder->found);
	struct edge_writer writer = { 0 };
	int status = OK;
	if (first == NULL || graph->shallow == NULL || builder->found == NULL || !find_static_ranges(builder))
		status = no_memory(builder);
	if (status == OK)
		status = write_objects(builder, &writer, first);
	if (status == OK)
		status = write_holders(builder, &writer, first);
	if (status < 0) {
		free(first);
		free(writer.targets);
		return status;
	}
	first[graph->node_count] = (uint32_t)writer.count;
	graph->edges = (struct edge_rows){ graph->node_count, first, writer.targets };
	graph->edge_count = writer.count;
	return OK;
}

static int build(struct builder *builder)
{
	struct heap_graph *graph = builder->graph;
	struct decoder *decoder = builder->decoder;
	const struct runtime *runtime = decoder->context->runtime;
	if (runtime->interpreters.count > 0)
		(void)value_field(decoder, runtime->interpreters.items[0].address,
		                  FIELD_PyInterpreterState_interned_strings, &builder->interned);
	TRY(object_index_open(&graph->index, decoder->context->space, builder->error));
	TRY(roots_collect(&graph->roots, decoder, builder->error));
	frontier_init(&builder->frontier, decoder, &graph->index.objects);
	TRY(find_objects(builder));
	return write_edges(builder);
}

int heap_graph_open(struct heap_graph **ret_graph, struct decoder *decoder, struct walk_control *control,
                    struct error *error)
{
	*ret_graph = NULL;
	struct heap_graph *graph = calloc(1, sizeof *graph);
	if (graph == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the graph of the heap");
	graph->decoder = decoder;
	struct builder builder = { .graph = graph, .decoder = decoder, .control = control, .error = error };
	decoder->skip_blocks = true;
	int status = build(&builder);
	decoder->skip_blocks = false;
	frontier_clear(&builder.frontier);
	free(builder.found);
	array_free(&builder.guesses);
	free(builder.static_ranges);
	if (status < 0) {
		heap_graph_close(graph);
		return status;
	}
	*ret_graph = graph;
	return OK;
}

void heap_graph_close(struct heap_graph *graph)
{
	if (graph == NULL)
		return;
	object_index_close(&graph->index);
	roots_clear(&graph->roots);
	edge_rows_free(&graph->edges);
	free(graph->shallow);
	free(graph);
}

uint64_t heap_graph_shallow(const struct heap_graph *graph, uint32_t node)
{
	if (node >= graph->index.count)
		return 0;
	if (graph->shallow[node] != HEAP_GRAPH_LARGE)
		return graph->shallow[node];
	return decode_object(graph->decoder, object_index_address(&graph->index, node)) ? graph->decoder->out.shallow
	                                                                                : 0;
}
