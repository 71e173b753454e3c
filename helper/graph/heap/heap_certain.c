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
static inline __attribute__((always_inline)) uint32_t *write_words(const struct certain_writer *writer, uint32_t *to,
                                                                   struct pending_run words)
{
	uint32_t *unexplained = writer->unexplained;
	for (const uint8_t *slot = words.slots; words.count > 0; words.count--, slot += words.stride) {
		const uint32_t node = slot_is_counted(slot, words.flags) ? builder_node(writer->builder, writer->reader,
		                                                                        slot_target(slot, words.flags))
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

/* Rows of frames that are alike, from that holder on. */
static inline __attribute__((always_inline)) int write_alike(struct certain_writer *writer,
                                                             const struct alike_frames *alike, uint32_t holder)
{
	enum { AHEAD = 16 };
	const struct form_runs *form = alike->form;
	const struct common_nodes *common = find_common(writer, form, alike->bytes);
	struct edge_writer *edges = &writer->certain->edges;
	if (!edge_writer_reserve(edges, alike->count * (form->bytes / 8)))
		return ERROR_NO_MEMORY;
	uint32_t *to = edges->targets + edges->count;
	const uint8_t *bytes = alike->bytes;
	const int64_t ahead = AHEAD * alike->distance + (form->own_count > 0 ? (int64_t)form->runs[0].address : 0);
	for (uint32_t i = 0; i < alike->count; i++) {
		__builtin_prefetch(bytes + (i + AHEAD < alike->count ? ahead : 0));
		for (uint32_t k = 0; k < form->own_count; k++) {
			const struct run *run = &form->runs[k];
			to = write_words(
			        writer, to,
			        (struct pending_run){ bytes + run->address, run->count, run->stride, run->flags });
		}
		for (uint32_t k = 0; k < common->count; k++)
			*to++ = common->nodes[k];
		writer->certain->ends[holder + i] = (uint32_t)(to - edges->targets);
		bytes += i + 1 < alike->count ? alike->distance : 0;
	}
	edges->count = (uint64_t)(to - edges->targets);
	for (uint32_t k = 0; k < common->count; k++)
		writer->unexplained[common->nodes[k]] -= alike->count;
	return OK;
}

static inline __attribute__((always_inline)) int write_run(struct certain_writer *writer, const struct run *run)
{
	struct edge_writer *edges = &writer->certain->edges;
	if (!edge_writer_reserve(edges, run->count))
		return ERROR_NO_MEMORY;
	uint32_t *to = edges->targets + edges->count;
	to = write_words(writer, to, (struct pending_run){ run->slots, run->count, run->stride, run->flags });
	edges->count = (uint64_t)(to - edges->targets);
	return OK;
}

static inline __attribute__((always_inline)) int write_all(struct certain_writer *writer)
{
	struct holder_runs *runs = &writer->runs;
	uint64_t steps = 0;
	uint32_t holder = 0; /* the first whose row has no end yet */
	for (;;) {
		struct alike_frames alike;
		const bool is_alike = holder_runs_next_alike(runs, &alike);
		const struct run *run = is_alike ? NULL : holder_runs_next(runs);
		const bool is_over = !is_alike && run == NULL;
		while (holder < (is_over ? runs->end : runs->holder))
			writer->certain->ends[holder++] = (uint32_t)writer->certain->edges.count;
		if (is_over)
			return OK;
		TRY(is_alike ? write_alike(writer, &alike, holder) : write_run(writer, run));
		/* What is kept of the last of them may be to come. */
		holder += is_alike ? alike.count - 1 : 0;
		steps += is_alike ? PROGRESS_INTERVAL - 1 - steps % PROGRESS_INTERVAL : 0;
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
	/* What the first pass followed and the objects do not have; and room for frames with more words than that. */
	enum { ROOM = FRAMES_TOGETHER * 16 };
	const uint64_t left = builder->slots_drawn - builder->edges.count;
	if (builder->slots_drawn > builder->edges.count && !edge_writer_reserve(&ret_certain->edges, left + ROOM))
		return ERROR_NO_MEMORY;
	holder_runs_open(&writer.runs, roots, builder->decoder);
	return object_index_has_popcnt() ? write_all_popcnt(&writer) : write_all(&writer);
}

void certain_clear(struct certain *certain)
{
	large_free(certain->edges.targets);
	large_free(certain->ends);
}
