/* SPDX-License-Identifier: MIT */
#include "query/reference.h"

#include <string.h>

#include "graph/heap/block_references.h"

struct references references_of(const struct query *query, const struct retained *heap)
{
	return (struct references){ .decoder = &query->target->naming, .heap = heap, .names = query->names };
}

const struct type_info *reference_type(const struct references *references, uint32_t number)
{
	uint32_t holder;
	uint64_t object = retained_node(references->heap, number, &holder);
	return object != 0 ? query_type_at(references->decoder, object) : NULL;
}

bool run_cursor_open(struct run_cursor *cursor, const struct retained *heap, struct decoder *decoder, uint64_t address,
                     uint32_t holder)
{
	*cursor = (struct run_cursor){ .decoder = decoder, .is_holder = address == 0 };
	if (!cursor->is_holder) {
		cursor->graph = heap->graph;
		cursor->node = object_index_find(&heap->graph->index, address);
		cursor->next_block = block_references_of(heap->graph, cursor->node);
		return decode_object(decoder, address);
	}
	holder_runs_open_one(&cursor->holder, &heap->graph->roots, decoder, holder);
	return true;
}

static const struct run *next_of_blocks(struct run_cursor *cursor)
{
	const block_reference_array *references = &cursor->graph->block_references;
	while (cursor->next_block < references->count && references->items[cursor->next_block].owner == cursor->node)
		if (block_reference_run(&references->items[cursor->next_block++], &cursor->decoder->reader,
		                        &cursor->block_run))
			return &cursor->block_run;
	return NULL;
}

const struct run *run_cursor_next(struct run_cursor *cursor)
{
	if (cursor->is_holder)
		return holder_runs_next(&cursor->holder);
	return cursor->next < cursor->decoder->out.runs.count ? &cursor->decoder->out.runs.items[cursor->next++]
	                                                      : next_of_blocks(cursor);
}

/* The first reference of `from` to `to`: a copy of its run, which is good until the next one is looked for. */
bool reference_find(const struct references *references, uint32_t from, uint32_t to, struct run *ret_run,
                    uint64_t *ret_slot)
{
	uint32_t holder = 0, other;
	uint64_t source = retained_node(references->heap, from, &holder);
	uint64_t target = retained_node(references->heap, to, &other);
	struct run_cursor runs;
	if (target == 0 || !run_cursor_open(&runs, references->heap, references->decoder, source, holder))
		return false;
	for (const struct run *run; (run = run_cursor_next(&runs)) != NULL;)
		for (uint64_t slot = 0; slot < run->count; slot++)
			if (run_target(run, slot) == target) {
				*ret_run = *run;
				*ret_slot = slot;
				return true;
			}
	return false;
}

bool reference_label(const struct references *references, uint32_t from, uint32_t to, struct text *text)
{
	struct run run;
	uint64_t slot;
	uint32_t holder;
	if (reference_find(references, from, to, &run, &slot)) {
		names_label(references->decoder, &run, slot, &references->names, text);
		return true;
	}
	return retained_node(references->heap, from, &holder) == 0;
}

void reference_quote_local(struct text *label)
{
	if (strncmp(text_string(label), "local ", 6) != 0)
		return;
	struct text quoted = { .bytes = NULL };
	text_format(&quoted, "local '%s'", text_string(label) + 6);
	quoted.failed |= label->failed;
	text_free(label);
	*label = quoted;
}
