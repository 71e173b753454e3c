/* SPDX-License-Identifier: MIT */
#include "query/tracemalloc/traced_objects.h"

#include <stdlib.h>

#include "base/bits.h"
#include "decode/allocated.h"
#include "query/tracemalloc/traced_freed.h"

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the traces of objects");
}

int traced_objects_index(const struct traced_lines_answer *lines, struct address_map *ret_traces, struct error *error)
{
	*ret_traces = (struct address_map){ .slots = NULL };
	for (size_t i = 0; i < lines->traced.traces.count; i++) {
		const struct trace *trace = &lines->traced.traces.items[i];
		if (trace->domain == 0 && trace->address != 0 &&
		    !address_map_set(ret_traces, trace->address, (uint32_t)i)) {
			address_map_clear(ret_traces);
			return no_memory(error);
		}
	}
	return OK;
}

struct trace_sum {
	const struct traced_lines_answer *lines;
	const struct address_map *traces;
	struct traced_row *sums;
	uint8_t *is_counted; /* a bit for each trace */
};

static void count_block(struct trace_sum *sum, uint64_t address)
{
	const uint32_t index = address_map_get(sum->traces, address);
	if (index == ADDRESS_MAP_NONE || bits_has(sum->is_counted, index))
		return;
	bits_add(sum->is_counted, index);
	const struct trace *trace = &sum->lines->traced.traces.items[index];
	sum->sums[trace->stack].object_bytes += trace->bytes;
}

static int count_objects(struct trace_sum *sum, const struct retained *heap, const struct query *query)
{
	struct decoder *decoder = &query->target->naming;
	struct object_cursor cursor;
	uint64_t steps = 0;
	object_cursor_init(&cursor, &heap->graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0;) {
		if (progress_step(query->progress, &steps) < 0)
			return query_cancelled(query);
		if (!decode_object(decoder, address))
			continue;
		count_block(sum, address - (decoder->out.type != NULL ? decoder->out.type->preheader : 0));
		for (size_t i = 0; i < decoder->out.blocks.count; i++)
			count_block(sum, decoder->out.blocks.items[i].address);
	}
	return OK;
}

int traced_objects_sum(const struct query *query, const struct traced_lines_answer *lines, struct traced_row *sums)
{
	const struct retained *heap;
	struct address_map traces;
	TRY(query_heap(query, &heap));
	TRY(traced_objects_index(lines, &traces, query->error));
	struct trace_sum sum = { .lines = lines, .traces = &traces, .sums = sums };
	sum.is_counted = calloc(lines->traced.traces.count / 8 + 1, 1);
	int status = sum.is_counted == NULL ? no_memory(query->error) : count_objects(&sum, heap, query);
	if (status == OK)
		status = traced_freed_sum(query, heap, lines, &traces, sum.is_counted, sums);
	free(sum.is_counted);
	address_map_clear(&traces);
	return status;
}
