/* SPDX-License-Identifier: MIT
 * What interpreters, threads and frames refer to for certain. A recursion has a million frames that differ in their
 * locals only: what they have in common is looked up with the first of them. */
#include "base/large_block.h"
#include "graph/heap/heap_builder.h"
#include "graph/holder_runs.h"

/* The objects that all frames of a form refer to, by number. */
struct common_nodes {
	const struct python_frame *form; /* NULL: none is here */
	int32_t stack_depth;
	uint32_t count;
	uint32_t nodes[FRAME_RUNS];
};

struct certain_writer {
	struct certain *certain;
	struct holder_runs runs;
	struct common_nodes common[FORMS_REMEMBERED]; /* beside runs.forms */
	/* Of the builder's: */
	const struct builder *builder;
	struct reader *reader;
	uint32_t *unexplained;
};

/* Behind what was written. */
static inline __attribute__((always_inline)) uint32_t *write_slots(const struct certain_writer *writer, uint32_t *to,
                                                                   const struct run *run)
{
	uint32_t *unexplained = writer->unexplained;
	for (uint64_t i = 0; i < run->count; i++) {
		const uint32_t node = run_is_counted(run, i)
		                              ? builder_slot_node(writer->builder, writer->reader, run, i)
		                              : UINT32_MAX;
		if (node == UINT32_MAX)
			continue;
		*to++ = node;
		unexplained[node]--;
	}
	return to;
}

static const struct common_nodes *find_common(struct certain_writer *writer, const struct form_runs *form,
                                              const uint8_t *bytes)
{
	struct common_nodes *common = &writer->common[form - writer->runs.forms];
	if (common->form == form->form && common->stack_depth == form->stack_depth)
		return common;
	*common = (struct common_nodes){ .form = form->form, .stack_depth = form->stack_depth };
	for (uint32_t i = form->own_count; i < form->count; i++) {
		const struct run run = form_run(form, i, bytes);
		const uint32_t node = builder_slot_node(writer->builder, writer->reader, &run, 0);
		if (node != UINT32_MAX)
			common->nodes[common->count++] = node;
	}
	return common;
}

static inline __attribute__((always_inline)) uint32_t *write_frame(struct certain_writer *writer, uint32_t *to,
                                                                   const struct form_runs *form, const uint8_t *bytes)
{
	const struct common_nodes *common = find_common(writer, form, bytes);
	for (uint32_t i = 0; i < form->own_count; i++) {
		const struct run run = form_run(form, i, bytes);
		to = write_slots(writer, to, &run);
	}
	for (uint32_t i = 0; i < common->count; i++) {
		*to++ = common->nodes[i];
		writer->unexplained[common->nodes[i]]--;
	}
	return to;
}

static inline __attribute__((always_inline)) int write_all(struct certain_writer *writer)
{
	struct edge_writer *edges = &writer->certain->edges;
	struct holder_runs *runs = &writer->runs;
	uint64_t steps = 0;
	uint32_t holder = 0;
	for (;;) {
		const uint8_t *bytes;
		const struct form_runs *form = holder_runs_next_alike(runs, &bytes);
		const struct run *run = form == NULL ? holder_runs_next(runs) : NULL;
		const bool is_over = form == NULL && run == NULL;
		while (holder < (is_over ? runs->end : runs->holder))
			writer->certain->ends[holder++] = (uint32_t)edges->count;
		if (is_over)
			return OK;
		if (!edge_writer_reserve(edges, form != NULL ? form->bytes / 8 : run->count))
			return ERROR_NO_MEMORY;
		uint32_t *to = edges->targets + edges->count;
		to = form != NULL ? write_frame(writer, to, form, bytes) : write_slots(writer, to, run);
		edges->count = (uint64_t)(to - edges->targets);
		TRY(progress_look(writer->builder->progress, &steps));
	}
}

/* The same for processors that count bits by themselves. */
WITH_POPCNT static int write_all_popcnt(struct certain_writer *writer)
{
	return write_all(writer);
}

int builder_write_certain(struct builder *builder, struct certain *ret_certain)
{
	const struct roots *roots = &builder->graph->roots;
	struct certain_writer writer = { .certain = ret_certain,
		                         .builder = builder,
		                         .reader = &builder->decoder->reader,
		                         .unexplained = builder->unexplained };
	*ret_certain = (struct certain){ .ends = large_allocate(roots->holders.count + 1, sizeof(uint32_t)) };
	if (ret_certain->ends == NULL)
		return ERROR_NO_MEMORY;
	/* What the first pass followed and the objects do not have. */
	const uint64_t left = builder->slots_drawn - builder->edges.count;
	if (builder->slots_drawn > builder->edges.count && !edge_writer_reserve(&ret_certain->edges, left))
		return ERROR_NO_MEMORY;
	holder_runs_open(&writer.runs, roots, builder->decoder);
	return object_index_has_popcnt() ? write_all_popcnt(&writer) : write_all(&writer);
}

void certain_clear(struct certain *certain)
{
	large_free(certain->edges.targets);
	large_free(certain->ends);
}
