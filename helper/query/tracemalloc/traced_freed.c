/* SPDX-License-Identifier: MIT */
#include "query/tracemalloc/traced_freed.h"

#include <sys/mman.h>

#include "base/bits.h"
#include "base/limits.h"
#include "decode/decoder.h"
#include "decode/reference_count.h"
#include "object/keys_table.h"

enum {
	MOST_IN_CHAIN = 256, /* PyFloat_MAXFREELIST is 100 (Objects/floatobject.c) */
	LEAST_ADDRESS = 1 << 16, /* below it nothing is mapped (vm.mmap_min_addr): a count, no link */
	KEPT_KEYS = 5, /* only tables of 8 slots are kept, which take 5 keys (Objects/dictobject.c free_keys_object) */
};

enum { LONE_FLOATS = 64, SCANNED_BYTES = 4096 };

struct freed_sum {
	const struct traced_lines_answer *lines;
	const struct retained *heap;
	const struct address_map *traces;
	struct decoder *decoder;
	uint8_t *is_counted; /* a bit for each trace */
	struct traced_row *sums;
	uint32_t lone[LONE_FLOATS]; /* traces that may be a float alone in its free list */
	uint32_t lone_count;
	struct progress *progress;
};

static void count_freed(struct freed_sum *sum, uint32_t index)
{
	const struct trace *trace = &sum->lines->traced.traces.items[index];
	if (bits_has(sum->is_counted, index))
		return;
	bits_add(sum->is_counted, index);
	sum->sums[trace->stack].free_bytes += trace->bytes;
	sum->sums[trace->stack].free_count++;
}

static const uint8_t *head_at(const struct freed_sum *sum, uint64_t address)
{
	return address % 8 == 0
	               ? reader_at(&sum->decoder->reader, address, sum->decoder->layout->struct_bytes[STRUCT_PyObject])
	               : NULL;
}

static uint64_t type_word(const struct freed_sum *sum, const uint8_t *head)
{
	return load_u64(head + layout_offset(sum->decoder->layout, FIELD_PyObject_ob_type));
}

static bool has_no_count(const struct freed_sum *sum, uint64_t address, const uint8_t *head)
{
	struct reference_count count;
	reference_count_at(sum->decoder, address, head, &count);
	return !count.is_immortal && count.count == 0;
}

static bool is_live(const struct freed_sum *sum, uint64_t address)
{
	return object_index_find(&sum->heap->graph->index, address) != UINT32_MAX;
}

/* Nobody counts a reference to what is at address; or its first word links it to another dead one of its type (3.14,
 * pycore_freelist.h). */
static bool is_dead(const struct freed_sum *sum, uint64_t address, const uint8_t *head)
{
	if (has_no_count(sum, address, head))
		return true;
	const uint64_t link = load_u64(head);
	const uint8_t *other = link >= LEAST_ADDRESS ? head_at(sum, link) : NULL;
	return other != NULL && type_word(sum, other) == type_word(sum, head) && !is_live(sum, link);
}

/* Whether an object of the type may have asked for a block of that many bytes. */
static bool fits(const struct type_info *type, uint64_t bytes)
{
	const uint64_t least = type->preheader + (uint64_t)type->tp_basicsize;
	if (type->tp_basicsize <= 0 || bytes < least)
		return false;
	return type->tp_itemsize > 0 ? (bytes - least) % (uint64_t)type->tp_itemsize == 0 : bytes == least;
}

static bool is_dead_object(const struct freed_sum *sum, const struct trace *trace)
{
	const uint32_t offsets[] = { 0, sum->decoder->layout->struct_bytes[STRUCT_PyGC_Head] };
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		const uint64_t address = trace->address + offsets[i];
		const uint8_t *head = offsets[i] < trace->bytes ? head_at(sum, address) : NULL;
		if (head == NULL || type_word(sum, head) < LEAST_ADDRESS || is_live(sum, address) ||
		    !is_dead(sum, address, head))
			continue;
		const struct type_info *type = decode_head_type(sum->decoder, head);
		if (type != NULL && (type->flags & TYPE_IS_WILD) == 0 && type->preheader == offsets[i] &&
		    fits(type, trace->bytes))
			return true;
	}
	return false;
}

/* Up to 3.13 floats are linked by their type word, the last one's is 0: all of such a chain, if it ends so. */
static void count_floats(struct freed_sum *sum, const struct trace *trace)
{
	uint64_t chain[MOST_IN_CHAIN];
	uint32_t count = 0;
	if (trace->bytes != sum->decoder->layout->struct_bytes[STRUCT_PyFloatObject])
		return;
	for (uint64_t at = trace->address; at != 0; count++) {
		const uint8_t *head = count < MOST_IN_CHAIN ? head_at(sum, at) : NULL;
		if (head == NULL || is_live(sum, at) || !has_no_count(sum, at, head))
			return;
		chain[count] = at;
		at = type_word(sum, head);
	}
	const uint32_t first = address_map_get(sum->traces, trace->address);
	if (count == 1 && first != ADDRESS_MAP_NONE && sum->lone_count < LONE_FLOATS)
		sum->lone[sum->lone_count++] = first;
	for (uint32_t i = 0; count > 1 && i < count; i++) {
		const uint32_t index = address_map_get(sum->traces, chain[i]);
		if (index != ADDRESS_MAP_NONE && sum->lines->traced.traces.items[index].bytes == trace->bytes)
			count_freed(sum, index);
	}
}

/* Those of sum->lone whose address is a word of this memory. */
static void find_lone(struct freed_sum *sum, uint64_t start, uint64_t bytes)
{
	for (uint64_t at = round_up(start, 8), end = start + bytes; at + 8 <= end;) {
		if (progress_is_cancelled(sum->progress))
			return;
		const uint64_t page_end = (at | (SCANNED_BYTES - 1)) + 1;
		const uint64_t size = (page_end < end ? page_end : end) - at;
		const uint8_t *words = reader_at(&sum->decoder->reader, at, (size_t)size);
		for (uint64_t i = 0; words != NULL && i + 8 <= size; i += 8)
			for (uint32_t k = 0; k < sum->lone_count; k++)
				if (load_u64(words + i) == sum->lines->traced.traces.items[sum->lone[k]].address)
					count_freed(sum, sum->lone[k]);
		at = page_end;
	}
}

/* A float that is alone in its free list looks like any small block that is nearly empty, but for the list's head that
 * leads to it: in static memory up to 3.9, then in the interpreter's state, in free-threaded builds in the thread's. */
static void count_lone_floats(struct freed_sum *sum, const struct runtime *runtime)
{
	const struct layout *layout = &runtime->layout;
	if (sum->lone_count == 0)
		return;
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		find_lone(sum, runtime->interpreters.items[i].address, layout->struct_bytes[STRUCT_PyInterpreterState]);
	if (layout_feature(layout, FEATURE_FREE_THREADED))
		for (size_t i = 0; i < runtime->threads.count; i++)
			find_lone(sum, runtime->threads.items[i].address,
			          layout->struct_bytes[STRUCT__PyThreadStateImpl]);
	uint64_t left = LIMIT_BSS_BYTES;
	for (uint64_t at = runtime->file != NULL ? runtime->file->start : 0;
	     runtime->file != NULL && at < runtime->file->end && left > 0;) {
		const struct segment *segment = reader_segment(&sum->decoder->reader, at);
		uint64_t end = segment != NULL ? segment->end : (at | (SCANNED_BYTES - 1)) + 1;
		end = end < runtime->file->end ? end : runtime->file->end;
		end = end - at < left ? end : at + left;
		if (segment != NULL && (segment->protection & PROT_WRITE) != 0 && segment->data != NULL) {
			find_lone(sum, at, end - at);
			left -= end - at;
		}
		at = end;
	}
}

static bool are_dead_keys(const struct freed_sum *sum, const struct trace *trace)
{
	struct keys_table keys, next;
	if (!keys_table_read(&sum->decoder->objects, trace->address, &keys) || keys.bytes != trace->bytes ||
	    keys.usable + keys.entry_count != KEPT_KEYS)
		return false;
	return keys.reference_count == 0 ||
	       (keys.reference_count >= LEAST_ADDRESS &&
	        keys_table_read(&sum->decoder->objects, (uint64_t)keys.reference_count, &next) &&
	        next.usable + next.entry_count == KEPT_KEYS);
}

int traced_freed_sum(const struct query *query, const struct retained *heap, const struct traced_lines_answer *lines,
                     const struct address_map *traces, uint8_t *is_counted, struct traced_row *sums)
{
	struct freed_sum sum = { .lines = lines,
		                 .heap = heap,
		                 .traces = traces,
		                 .decoder = &query->target->naming,
		                 .is_counted = is_counted,
		                 .sums = sums,
		                 .progress = query->progress };
	uint64_t steps = 0;
	for (size_t i = 0; i < lines->traced.traces.count; i++) {
		const struct trace *trace = &lines->traced.traces.items[i];
		if (progress_look(query->progress, &steps) < 0)
			return query_cancelled(query);
		if (trace->domain != 0 || trace->address == 0 || bits_has(is_counted, i))
			continue;
		if (is_dead_object(&sum, trace) || are_dead_keys(&sum, trace))
			count_freed(&sum, (uint32_t)i);
		else
			count_floats(&sum, trace);
	}
	count_lone_floats(&sum, query->target->runtime);
	return query_is_cancelled(query) ? query_cancelled(query) : OK;
}
