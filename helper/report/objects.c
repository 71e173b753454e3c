/* SPDX-License-Identifier: MIT
 * objects: every object of the heap, one a line, written while the heap is gone through. Nothing is allocated and no
 * format is read for a line; only a sorted answer holds its rows, 16 bytes each, and no more than twice the limit. */
#include <stdlib.h>
#include <string.h>

#include "decode/allocated.h"
#include "object/type_flags.h"
#include "report/heap.h"
#include "render/units.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_ADDRESS, SORT_SHALLOW, SORT_TYPE };

enum {
	DELIVERED_BYTES = 1 << 18, /* what is handed over at once */
};

/* What all rows of one type share. */
struct type_words {
	char *name; /* escaped for the output; NULL: not looked at yet */
	uint32_t length;
	bool is_shown;
	bool is_collected; /* instances have a GC head */
};

/* A row that waits for being sorted. */
struct waiting {
	uint64_t bytes;
	uint32_t node;
	uint32_t type; /* type_info.index */
};

struct listing {
	struct report *report;
	const struct retained *heap;
	ARRAY(struct type_words) types; /* by type_info.index */
	ARRAY(struct waiting) waiting;
	struct text cell;
	uint64_t shown, matching, shallow, allocated; /* sums: of matching rows */
	uint64_t not_objects;
	uint64_t first;
	bool needs_allocated;
};

static int no_memory(struct listing *listing)
{
	return error_set(listing->report->error, ERROR_NO_MEMORY, "out of memory for the list of objects");
}

/* ---- What a row says ---- */

__attribute__((noinline)) static bool meet_type(struct listing *listing, const struct type_info *type)
{
	struct report *report = listing->report;
	if (type->index >= listing->types.count) {
		if (!array_reserve(&listing->types, type->index + 64))
			return false;
		memset(listing->types.items + listing->types.count, 0,
		       (listing->types.capacity - listing->types.count) * sizeof *listing->types.items);
		listing->types.count = listing->types.capacity;
	}
	struct text name = { .bytes = NULL };
	if (report_is_json(report)) {
		struct json json;
		json_begin(&json, &name);
		json_string(&json, NULL, type->name);
	} else {
		names_type(&name, type);
	}
	struct type_words *words = &listing->types.items[type->index];
	*words = (struct type_words){ .length = (uint32_t)name.length,
		                      .is_shown = request_matches_type(report->request, type->name),
		                      .is_collected = type->tp_flags & TPFLAGS_HAVE_GC };
	words->name = strdup(text_string(&name));
	bool done = words->name != NULL && !name.failed;
	text_free(&name);
	return done;
}

static inline const struct type_words *words_of(struct listing *listing, const struct type_info *type)
{
	if (__builtin_expect(type->index >= listing->types.count || listing->types.items[type->index].name == NULL,
	                     0) &&
	    !meet_type(listing, type))
		return NULL;
	return &listing->types.items[type->index];
}

/* As gc.is_tracked(): Modules/gcmodule.c, Include/internal/pycore_gc.h. */
static bool is_tracked(struct decoder *decoder, uint64_t address, const struct type_info *type, bool is_collected)
{
	enum { TRACKED_BIT = 1 };
	const struct layout *layout = decoder->layout;
	if (!is_collected)
		return false;
	if (type->flags & TYPE_IS_METATYPE) {
		/* Static types are not collected: type_is_gc() of Objects/typeobject.c. */
		uint64_t flags;
		if (!reader_u64(&decoder->reader, address + layout_offset(layout, FIELD_PyTypeObject_tp_flags),
		                &flags) ||
		    !(flags & TPFLAGS_HEAPTYPE))
			return false;
	}
	if (layout_feature(layout, FEATURE_FREE_THREADED)) {
		const uint8_t *head = reader_at(&decoder->reader, address, layout->struct_bytes[STRUCT_PyObject]);
		return head != NULL && layout_get(layout, FIELD_PyObject_ob_gc_bits, head) & TRACKED_BIT;
	}
	uint64_t next;
	return reader_u64(&decoder->reader,
	                  address - layout->struct_bytes[STRUCT_PyGC_Head] +
	                          layout_offset(layout, FIELD_PyGC_Head__gc_next),
	                  &next) &&
	       next != 0;
}

/* ---- Lines ---- */

struct row {
	uint64_t address, shallow, allocated;
	const struct type_words *words;
	bool is_tracked, is_approximate, is_reachable;
};

static char *put(char *at, const char *string, size_t length)
{
	memcpy(at, string, length);
	return at + length;
}
#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_hex(char *at, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";
	unsigned shift = number != 0 ? (63 - (unsigned)__builtin_clzll(number)) / 4 * 4 : 0;
	at = PUT(at, "0x");
	for (;; shift -= 4) {
		*at++ = digits[number >> shift & 15];
		if (shift == 0)
			return at;
	}
}

static char *put_decimal(char *at, uint64_t number)
{
	char digits[20];
	unsigned count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

static char *put_bool(char *at, bool value)
{
	return value ? PUT(at, "true") : PUT(at, "false");
}

static void write_json(struct listing *listing, const struct row *row)
{
	char line[256];
	struct text *text = listing->report->text;
	char *at = PUT(line, "{\"address\":\"");
	at = put_hex(at, row->address);
	at = PUT(at, "\",\"type\":");
	text_append(text, line, (size_t)(at - line));
	text_append(text, row->words->name, row->words->length);
	at = PUT(line, ",\"shallow\":");
	at = put_decimal(at, row->shallow);
	at = PUT(at, ",\"allocated\":");
	at = put_decimal(at, row->allocated);
	at = PUT(at, ",\"tracked\":");
	at = put_bool(at, row->is_tracked);
	at = PUT(at, ",\"approximate\":");
	at = put_bool(at, row->is_approximate);
	at = PUT(at, ",\"reachable\":");
	at = put_bool(at, row->is_reachable);
	at = PUT(at, "}\n");
	text_append(text, line, (size_t)(at - line));
}

/* Columns of fixed width: the rows to come are not known. */
static void write_text(struct listing *listing, const struct row *row)
{
	static const char blanks[] = "                    ";
	enum { ADDRESS_COLUMNS = 14, SIZE_COLUMNS = 14 };
	char line[64];
	struct report *report = listing->report;
	struct text *text = report->text;
	const uint64_t bytes = request_has(report->request, OPTION_ALLOCATED) ? row->allocated : row->shallow;
	char *at = put_hex(line, row->address);
	text_append(text, line, (size_t)(at - line));
	size_t used = (size_t)(at - line);
	text_reset(&listing->cell);
	report_bytes(report, &listing->cell, bytes);
	const size_t wanted = ADDRESS_COLUMNS + SIZE_COLUMNS;
	used += listing->cell.length;
	text_append(text, blanks, used + 2 < wanted ? wanted - used : 2);
	text_append(text, text_string(&listing->cell), listing->cell.length);
	text_append(text, "  ", 2);
	text_append(text, row->words->name, row->words->length);
	text_add(text, row->is_reachable ? "\n" : "  (unreachable)\n");
}

static int write_row(struct listing *listing, const struct row *row)
{
	struct report *report = listing->report;
	if (listing->first == 0)
		listing->first = row->address;
	listing->shown++;
	if (report_is_json(report))
		write_json(listing, row);
	else
		write_text(listing, row);
	return report->text->length >= DELIVERED_BYTES ? report_deliver(report) : OK;
}

/* ---- Going through the heap ---- */

/* The rest of a row whose address and words are there. */
static void look_closely(struct listing *listing, const struct type_info *type, struct row *row)
{
	struct decoder *decoder = listing->report->decoder;
	if (listing->needs_allocated && decode_object(decoder, row->address)) {
		row->allocated = allocated_of_object(decoder).bytes;
		row->is_approximate = decoder->out.flags & DECODED_APPROXIMATE;
	}
	if (report_is_json(listing->report))
		row->is_tracked = is_tracked(decoder, row->address, type, row->words->is_collected);
}

static int compare_shallow(const void *left_row, const void *right_row)
{
	const struct waiting *left = left_row, *right = right_row;
	return report_compare_bytes(left->bytes, left->node, right->bytes, right->node);
}

static int compare_type(const void *left_row, const void *right_row, void *context)
{
	const uint32_t *ranks = context;
	const struct waiting *left = left_row, *right = right_row;
	if (left->type == right->type)
		return compare_shallow(left_row, right_row);
	return ranks[left->type] < ranks[right->type] ? -1 : 1;
}

static int compare_names(const void *left_type, const void *right_type)
{
	const struct type_info *left = *(struct type_info *const *)left_type;
	const struct type_info *right = *(struct type_info *const *)right_type;
	int order = strcmp(left->name, right->name);
	return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

/* The place of each type among their names: millions of rows then compare numbers. NULL: out of memory. */
static uint32_t *rank_types(const struct type_table *types)
{
	struct type_info **sorted = malloc((types->count + 1) * sizeof(struct type_info *));
	uint32_t *ranks = malloc((types->count + 1) * sizeof *ranks);
	if (sorted == NULL || ranks == NULL) {
		free(sorted);
		free(ranks);
		return NULL;
	}
	memcpy(sorted, types->items, types->count * sizeof(struct type_info *));
	qsort(sorted, types->count, sizeof(struct type_info *), compare_names);
	for (uint32_t i = 0; i < types->count; i++)
		ranks[sorted[i]->index] = i;
	free(sorted);
	return ranks;
}

/* The best rows so far, at most as many as are asked for. */
static int sort_waiting(struct listing *listing)
{
	const struct request *request = listing->report->request;
	if (listing->waiting.count > 1 && request->sort == SORT_TYPE) {
		uint32_t *ranks = rank_types(&listing->report->decoder->context->types);
		if (ranks == NULL)
			return no_memory(listing);
		qsort_r(listing->waiting.items, listing->waiting.count, sizeof *listing->waiting.items, compare_type,
		        ranks);
		free(ranks);
	} else if (listing->waiting.count > 1) {
		qsort(listing->waiting.items, listing->waiting.count, sizeof *listing->waiting.items, compare_shallow);
	}
	if (listing->waiting.count > request->limit)
		listing->waiting.count = request->limit;
	return OK;
}

static int keep_waiting(struct listing *listing, uint32_t node, const struct type_info *type, uint64_t bytes)
{
	const struct waiting waiting = { .bytes = bytes, .node = node, .type = type->index };
	if (!array_push(&listing->waiting, waiting))
		return no_memory(listing);
	if (listing->waiting.count / 2 >= listing->report->request->limit && listing->waiting.count >= 4096)
		return sort_waiting(listing);
	return OK;
}

static int look_at(struct listing *listing, uint64_t address, uint32_t node, const struct type_info *type)
{
	const struct retained *heap = listing->heap;
	const struct request *request = listing->report->request;
	const bool by_allocated = request_has(request, OPTION_ALLOCATED);
	struct row row = { .address = address,
		           .words = words_of(listing, type),
		           .shallow = heap_graph_shallow(heap->graph, node),
		           .is_reachable = heap->dominators.number[node] != UINT32_MAX };
	if (row.words == NULL)
		return no_memory(listing);
	if (!row.words->is_shown || (!by_allocated && row.shallow < request->min_bytes))
		return OK;
	if (by_allocated)
		row.allocated = heap_graph_allocated(heap->graph, node);
	if (by_allocated && row.allocated < request->min_bytes)
		return OK;
	const bool is_written = request->sort == SORT_ADDRESS && listing->shown < request->limit;
	if (is_written)
		look_closely(listing, type, &row);
	listing->matching++;
	listing->shallow += row.shallow;
	listing->allocated += row.allocated;
	if (request->sort != SORT_ADDRESS)
		return keep_waiting(listing, node, type, by_allocated ? row.allocated : row.shallow);
	return is_written ? write_row(listing, &row) : OK;
}

static int go_through(struct listing *listing)
{
	struct report *report = listing->report;
	const struct heap_graph *graph = listing->heap->graph;
	struct decoder *decoder = report->naming;
	const uint64_t type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	const struct type_info *type = NULL;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		const uint8_t *word = reader_at(&decoder->reader, address + type_offset, 8);
		const uint64_t type_address = word != NULL ? load_u64(word) : 0;
		if (type == NULL || type->address != type_address)
			type = type_address != 0 ? decode_type(decoder, type_address) : NULL;
		if (type == NULL)
			listing->not_objects++;
		else
			TRY(look_at(listing, address, node, type));
		if (node % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && report_is_cancelled(report))
			return report_cancelled(report);
	}
	return OK;
}

static int write_waiting(struct listing *listing)
{
	const struct heap_graph *graph = listing->heap->graph;
	const struct type_table *types = &listing->report->decoder->context->types;
	TRY(sort_waiting(listing));
	for (size_t i = 0; i < listing->waiting.count; i++) {
		const struct waiting *waiting = &listing->waiting.items[i];
		const struct type_info *type = types->items[waiting->type];
		struct row row = { .address = object_index_address(&graph->index, waiting->node),
			           .words = words_of(listing, type),
			           .shallow = heap_graph_shallow(graph, waiting->node),
			           .is_reachable = listing->heap->dominators.number[waiting->node] != UINT32_MAX };
		if (row.words == NULL)
			return no_memory(listing);
		look_closely(listing, type, &row);
		TRY(write_row(listing, &row));
		if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && report_is_cancelled(listing->report))
			return report_cancelled(listing->report);
	}
	return OK;
}

static void show_footer(struct listing *listing)
{
	struct report *report = listing->report;
	struct text *text = report->text;
	if (listing->matching > listing->shown) {
		text_add(text, "... ");
		units_count(text, listing->matching - listing->shown);
		text_add(text, " more (-n 0 shows all)\n");
	}
	units_noun(text, listing->matching, "object");
	text_add(text, ", ");
	report_bytes(report, text, listing->shallow);
	text_add(text, " shallow");
	if (request_has(report->request, OPTION_ALLOCATED)) {
		text_add(text, ", ");
		report_bytes(report, text, listing->allocated);
		text_add(text, " allocated");
	}
	text_add(text, "\n");
	report_coverage(report, &listing->heap->graph->coverage);
	if (listing->first != 0)
		report_next(report, "object path referrers", listing->first);
}

static int list(struct listing *listing)
{
	struct report *report = listing->report;
	if (!report_is_json(report))
		text_add(report->text, request_has(report->request, OPTION_ALLOCATED)
		                               ? "Address            Allocated  Type\n"
		                               : "Address              Shallow  Type\n");
	TRY(go_through(listing));
	TRY(write_waiting(listing));
	if (!report_is_json(report))
		show_footer(listing);
	return OK;
}

int objects_report(struct report *report)
{
	struct listing listing = { .report = report };
	TRY(report_heap(report, &listing.heap));
	listing.needs_allocated = report_is_json(report) || request_has(report->request, OPTION_ALLOCATED);
	if (coverage_is_partial(&listing.heap->graph->coverage))
		report->exit_status = EXIT_PARTIAL;
	int status = list(&listing);
	for (size_t i = 0; i < listing.types.count; i++)
		free(listing.types.items[i].name);
	array_free(&listing.types);
	array_free(&listing.waiting);
	report->text->failed |= listing.cell.failed;
	text_free(&listing.cell);
	return status;
}
