/* SPDX-License-Identifier: MIT
 * heap: every object of the process, counted by type, module, size or generation of the collector. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/allocated.h"
#include "object/value.h"
#include "report/heap.h"
#include "render/table.h"
#include "render/units.h"
#include "allocator/tracked_objects.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_SHALLOW, SORT_COUNT, SORT_TYPE, SORT_RETAINED };

enum {
	SMALL_BYTES = 512, /* what pymalloc serves, in classes of 16 bytes */
	CLASS_BYTES = 16,
	SMALL_CLASSES = SMALL_BYTES / CLASS_BYTES + 1,
	NOT_TRACKED = GC_GENERATIONS, /* its row */
};

struct measure {
	uint64_t count, shallow, allocated;
};

struct bucket {
	const struct type_info *type; /* GROUP_BY_TYPE */
	struct text name;
	struct measure reached, unreachable;
	uint64_t retained;
	uint32_t group; /* its place before sorting */
};

struct histogram {
	struct report *report;
	const struct retained *heap;
	ARRAY(struct bucket) buckets;
	ARRAY(uint32_t) bucket_of_type; /* by type_info.index, + 1 */
	uint8_t *generations; /* by node */
	uint32_t *group; /* by number of the dominator tree, with --retained */
	struct measure reached, unreachable; /* of all rows, filtered or not */
	uint64_t not_objects;
	bool measures_allocated;
};

static int no_memory(struct report *report)
{
	return error_set(report->error, ERROR_NO_MEMORY, "out of memory for the histogram");
}

/* ---- Which row an object belongs to ---- */

/* "app.models" of a class made in Python, from its __module__; of others what stands before the last dot. */
static void type_module(struct histogram *histogram, const struct type_info *type, struct text *name)
{
	struct decoder *decoder = histogram->report->naming;
	struct text module = { .bytes = NULL };
	uint64_t string =
	        dict_get_str(&decoder->objects, value_type_dict(&decoder->objects, type->address), "__module__");
	if (string != 0 && value_str(&decoder->objects, string, LIMIT_TYPE_NAME_BYTES, &module) > 0) {
		names_escape(name, text_string(&module), module.length, false);
	} else {
		const char *dot = strrchr(type->name, '.');
		if (dot != NULL)
			names_escape(name, type->name, (size_t)(dot - type->name), false);
		else
			text_add(name, "builtins");
	}
	text_free(&module);
}

static void size_name(uint64_t group, struct text *name)
{
	if (group < SMALL_CLASSES) {
		text_format(name, "%u to %u B", group == 0 ? 0 : (unsigned)(group - 1) * CLASS_BYTES + 1,
		            (unsigned)group * CLASS_BYTES);
		return;
	}
	const uint64_t least = UINT64_C(1) << (group - SMALL_CLASSES + 9);
	units_bytes(name, least, false);
	text_add(name, " to ");
	if (group - SMALL_CLASSES + 10 < 64)
		units_bytes(name, 2 * least, false);
}

/* 513 to 1024 is the first class above the small ones. */
static uint32_t size_group(uint64_t bytes)
{
	if (bytes <= SMALL_BYTES)
		return (uint32_t)((bytes + CLASS_BYTES - 1) / CLASS_BYTES);
	uint32_t bits = 64 - (uint32_t)__builtin_clzll(bytes - 1);
	return SMALL_CLASSES + bits - 10;
}

static bool add_bucket(struct histogram *histogram, const struct bucket *bucket)
{
	return array_push(&histogram->buckets, *bucket);
}

/* Rows that are known before any object is looked at. */
static int prepare(struct histogram *histogram)
{
	static const char *const names[] = { "generation 0", "generation 1", "generation 2", "permanent",
		                             "not tracked by the collector" };
	const enum grouping by = histogram->report->request->by;
	const uint32_t count = by == GROUP_BY_SIZE         ? SMALL_CLASSES + 64 - 9
	                       : by == GROUP_BY_GENERATION ? NOT_TRACKED + 1
	                                                   : 0;
	for (uint32_t i = 0; i < count; i++) {
		struct bucket bucket = { .group = i };
		if (by == GROUP_BY_SIZE)
			size_name(i, &bucket.name);
		else
			text_add(&bucket.name, names[i]);
		if (!add_bucket(histogram, &bucket))
			return no_memory(histogram->report);
	}
	return OK;
}

static int find_generations(struct histogram *histogram)
{
	struct report *report = histogram->report;
	const struct object_index *index = &histogram->heap->graph->index;
	struct tracked_objects tracked;
	int32_t generation;
	histogram->generations = malloc((size_t)index->count + 1);
	if (histogram->generations == NULL)
		return no_memory(report);
	memset(histogram->generations, NOT_TRACKED, (size_t)index->count + 1);
	int status = tracked_objects_open(&tracked, report->decoder->context->runtime, report->error);
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		uint32_t node = object_index_find(index, object);
		if (node != UINT32_MAX && generation < NOT_TRACKED)
			histogram->generations[node] = (uint8_t)generation;
	}
	tracked_objects_close(&tracked);
	return status;
}

/* The row of a type met for the first time: its own, or that of its module. False: out of memory. */
__attribute__((noinline)) static bool place_type(struct histogram *histogram, const struct type_info *type)
{
	const bool by_module = histogram->report->request->by == GROUP_BY_MODULE;
	struct bucket bucket = { .type = by_module ? NULL : type, .group = (uint32_t)histogram->buckets.count };
	if (type->index >= histogram->bucket_of_type.count) {
		if (!array_reserve(&histogram->bucket_of_type, type->index + 64))
			return false;
		memset(histogram->bucket_of_type.items + histogram->bucket_of_type.count, 0,
		       (histogram->bucket_of_type.capacity - histogram->bucket_of_type.count) * sizeof(uint32_t));
		histogram->bucket_of_type.count = histogram->bucket_of_type.capacity;
	}
	if (by_module)
		type_module(histogram, type, &bucket.name);
	else
		names_type(&bucket.name, type);
	for (size_t i = 0; by_module && i < histogram->buckets.count; i++) {
		if (strcmp(text_string(&histogram->buckets.items[i].name), text_string(&bucket.name)) != 0)
			continue;
		text_free(&bucket.name);
		histogram->bucket_of_type.items[type->index] = (uint32_t)i + 1;
		return true;
	}
	histogram->bucket_of_type.items[type->index] = bucket.group + 1;
	return add_bucket(histogram, &bucket);
}

static inline struct bucket *bucket_of(struct histogram *histogram, const struct type_info *type, uint32_t node,
                                       uint64_t bytes)
{
	switch (histogram->report->request->by) {
	case GROUP_BY_SIZE:
		return &histogram->buckets.items[size_group(bytes)];
	case GROUP_BY_GENERATION:
		return &histogram->buckets.items[histogram->generations[node]];
	default:
		break;
	}
	if (__builtin_expect(type->index >= histogram->bucket_of_type.count ||
	                             histogram->bucket_of_type.items[type->index] == 0,
	                     0) &&
	    !place_type(histogram, type))
		return NULL;
	return &histogram->buckets.items[histogram->bucket_of_type.items[type->index] - 1];
}

/* ---- Counting ---- */

static void add_measure(struct measure *sum, uint64_t shallow, uint64_t allocated)
{
	sum->count++;
	sum->shallow += shallow;
	sum->allocated += allocated;
}

static int count_object(struct histogram *histogram, uint32_t node, const struct type_info *type, bool is_shown)
{
	const struct retained *heap = histogram->heap;
	const uint32_t number = heap->dominators.number[node];
	const uint64_t shallow = heap_graph_own(heap->graph, node);
	const uint64_t allocated = histogram->measures_allocated ? heap_graph_allocated(heap->graph, node) : 0;
	const bool is_reached = number != UINT32_MAX;
	add_measure(is_reached ? &histogram->reached : &histogram->unreachable, shallow, allocated);
	if (!is_shown)
		return OK;
	struct bucket *bucket = bucket_of(histogram, type, node, heap->measure == SIZE_ALLOCATED ? allocated : shallow);
	if (bucket == NULL)
		return no_memory(histogram->report);
	add_measure(is_reached ? &bucket->reached : &bucket->unreachable, shallow, allocated);
	if (is_reached && histogram->group != NULL)
		histogram->group[number] = bucket->group;
	return OK;
}

static int count_objects(struct histogram *histogram)
{
	struct report *report = histogram->report;
	const struct heap_graph *graph = histogram->heap->graph;
	struct decoder *decoder = report->naming;
	const uint64_t type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	const struct type_info *type = NULL;
	bool is_shown = false;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		const uint8_t *word = reader_at(&decoder->reader, address + type_offset, 8);
		const uint64_t type_address = word != NULL ? load_u64(word) : 0;
		if (type == NULL || type->address != type_address) {
			type = type_address != 0 ? decode_type(decoder, type_address) : NULL;
			is_shown = type != NULL && request_matches_type(report->request, type->name);
		}
		if (type == NULL)
			histogram->not_objects++;
		else
			TRY(count_object(histogram, node, type, is_shown));
		if (node % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && report_is_cancelled(report))
			return report_cancelled(report);
	}
	return OK;
}

static int find_retained(struct histogram *histogram)
{
	struct report *report = histogram->report;
	const uint32_t count = (uint32_t)histogram->buckets.count;
	uint64_t *bytes = calloc((size_t)count + 1, sizeof *bytes);
	if (bytes == NULL)
		return no_memory(report);
	int status = retained_groups(histogram->heap, histogram->group, count, bytes, report->progress, report->error);
	for (uint32_t i = 0; i < count; i++)
		histogram->buckets.items[i].retained = bytes[i];
	free(bytes);
	return status;
}

static int gather(struct histogram *histogram)
{
	struct report *report = histogram->report;
	const struct request *request = report->request;
	TRY(prepare(histogram));
	if (request->by == GROUP_BY_GENERATION)
		TRY(find_generations(histogram));
	if (request_has(request, OPTION_RETAINED)) {
		const size_t bytes = ((size_t)histogram->heap->dominators.reached_count + 1) * sizeof(uint32_t);
		histogram->group = malloc(bytes);
		if (histogram->group == NULL)
			return no_memory(report);
		memset(histogram->group, 0xff, bytes);
	}
	TRY(count_objects(histogram));
	return histogram->group != NULL ? find_retained(histogram) : OK;
}

/* ---- Showing ---- */

static uint64_t bytes_of(const struct histogram *histogram, const struct measure *measure)
{
	return histogram->heap->measure == SIZE_ALLOCATED ? measure->allocated : measure->shallow;
}

static int compare_buckets(const void *left_bucket, const void *right_bucket, void *context)
{
	const struct histogram *histogram = context;
	const struct bucket *left = left_bucket, *right = right_bucket;
	const uint64_t left_bytes = bytes_of(histogram, &left->reached),
	               right_bytes = bytes_of(histogram, &right->reached);
	int order = 0;
	switch (histogram->report->request->sort) {
	case SORT_COUNT:
		order = report_compare_bytes(left->reached.count, 0, right->reached.count, 0);
		break;
	case SORT_TYPE:
		/* Sizes and generations are in order already. */
		order = histogram->report->request->by <= GROUP_BY_MODULE
		                ? strcmp(text_string(&left->name), text_string(&right->name))
		                : (left->group < right->group ? -1 : 1);
		break;
	case SORT_RETAINED:
		order = report_compare_bytes(left->retained, 0, right->retained, 0);
		break;
	default:
		break;
	}
	return order != 0 ? order : report_compare_bytes(left_bytes, left->group, right_bytes, right->group);
}

static bool passes(const struct histogram *histogram, const struct bucket *bucket)
{
	return bucket->reached.count + bucket->unreachable.count > 0 &&
	       bytes_of(histogram, &bucket->reached) >= histogram->report->request->min_bytes;
}

struct column_set {
	struct table *table;
	bool has_retained;
};

static void add_row(const struct histogram *histogram, const struct column_set *columns, const struct bucket *bucket,
                    uint64_t so_far, bool is_rest)
{
	struct report *report = histogram->report;
	struct table_row *line = table_add_row(columns->table, NULL);
	struct text cell = { .bytes = NULL };
	const uint64_t bytes = bytes_of(histogram, &bucket->reached);
	const uint64_t whole = bytes_of(histogram, &histogram->reached);
	uint32_t column = 0;
	units_count(&cell, bucket->reached.count);
	table_take(columns->table, line, column++, &cell);
	report_bytes(report, &cell, bytes);
	table_take(columns->table, line, column++, &cell);
	units_percent(&cell, bytes, whole);
	table_take(columns->table, line, column++, &cell);
	units_percent(&cell, so_far, whole);
	table_take(columns->table, line, column++, &cell);
	units_count(&cell, bucket->reached.count > 0 ? bytes / bucket->reached.count : 0);
	table_take(columns->table, line, column++, &cell);
	if (columns->has_retained) {
		if (!is_rest)
			report_bytes(report, &cell, bucket->retained);
		table_take(columns->table, line, column++, &cell);
	}
	table_set(columns->table, line, column, text_string(&bucket->name));
	text_free(&cell);
}

static void add_rows(const struct histogram *histogram, const struct column_set *columns)
{
	static const char *const nouns[] = { "type", "module", "size", "generation" };
	struct bucket rest = { .group = 0 };
	uint64_t rows = 0, folded = 0, so_far = 0;
	for (size_t i = 0; i < histogram->buckets.count; i++) {
		const struct bucket *bucket = &histogram->buckets.items[i];
		if (!passes(histogram, bucket) || bucket->reached.count == 0)
			continue;
		so_far += bytes_of(histogram, &bucket->reached);
		if (rows++ < histogram->report->request->limit) {
			add_row(histogram, columns, bucket, so_far, false);
			continue;
		}
		folded++;
		rest.reached.count += bucket->reached.count;
		rest.reached.shallow += bucket->reached.shallow;
		rest.reached.allocated += bucket->reached.allocated;
	}
	if (folded == 0)
		return;
	text_add(&rest.name, "... ");
	units_count(&rest.name, folded);
	text_format(&rest.name, " more %s%s", nouns[histogram->report->request->by], folded == 1 ? "" : "s");
	add_row(histogram, columns, &rest, so_far, true);
	text_free(&rest.name);
}

static int show_table(const struct histogram *histogram)
{
	static const char *const headings[] = { "Type", "Module", "Size", "Generation" };
	struct report *report = histogram->report;
	struct table_column columns[7] = { { "Count", TABLE_RIGHT },
		                           { "Shallow", TABLE_RIGHT },
		                           { "%", TABLE_RIGHT },
		                           { "sum%", TABLE_RIGHT },
		                           { "Avg", TABLE_RIGHT } };
	struct column_set set = { .has_retained = histogram->group != NULL };
	uint32_t count = 5;
	if (request_has(report->request, OPTION_ALLOCATED))
		columns[1].heading = "Allocated";
	if (set.has_retained)
		columns[count++] = (struct table_column){ "Retained", TABLE_RIGHT };
	columns[count++] = (struct table_column){ headings[report->request->by], TABLE_ELASTIC };
	set.table = table_create(columns, count, report->style.width, true);
	if (set.table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	add_rows(histogram, &set);
	int status = table_draw(set.table, report->text, report->error);
	table_destroy(set.table);
	return status;
}

static void counted_line(struct report *report, uint64_t count, uint64_t bytes, const char *what)
{
	if (count == 0)
		return;
	text_add(report->text, "  ");
	units_noun(report->text, count, "object");
	if (bytes > 0) {
		text_add(report->text, ", ");
		report_bytes(report, report->text, bytes);
	}
	text_format(report->text, " %s\n", what);
}

/* Objects with more counted references than were found, and what nothing else keeps alive. */
static void show_held_from_c(const struct histogram *histogram)
{
	struct report *report = histogram->report;
	const struct heap_graph *graph = histogram->heap->graph;
	const uint32_t number = retained_holder_number(histogram->heap, graph->roots.c_holder);
	if (graph->held_from_c == 0)
		return;
	text_add(report->text, "  ");
	units_noun(report->text, graph->held_from_c, "object");
	text_add(report->text, " among them have more references counted than found: also held from C\n  ");
	report_bytes(report, report->text, number != UINT32_MAX ? histogram->heap->bytes[number] : 0);
	text_add(report->text, " are held from C alone\n");
}

static int show_text(const struct histogram *histogram)
{
	struct report *report = histogram->report;
	const struct heap_graph *graph = histogram->heap->graph;
	units_noun(report->text, histogram->reached.count, "object");
	text_add(report->text, ", ");
	report_bytes(report, report->text, bytes_of(histogram, &histogram->reached));
	text_add(report->text, request_has(report->request, OPTION_ALLOCATED) ? " allocated\n" : " shallow\n");
	int status = show_table(histogram);
	counted_line(report, histogram->unreachable.count, bytes_of(histogram, &histogram->unreachable),
	             "apart: unreachable; garbage says what a collection would free");
	show_held_from_c(histogram);
	if (graph->gc_list_broken)
		text_add(report->text,
		         "  a list of the garbage collector was torn: what only it knows may be missing\n");
	if (graph->roots.frames_truncated)
		text_add(report->text, "  a stack of Python frames could not be followed to its end\n");
	report_measure_line(report);
	report_coverage(report, &graph->coverage);
	report_next(report,
	            request_has(report->request, OPTION_RETAINED) ? "top modules frames"
	                                                          : "top heap:--retained modules",
	            0);
	return status;
}

static void json_measure(struct json *json, const char *key, const struct measure *measure)
{
	json_object(json, key);
	json_number(json, "count", measure->count);
	json_number(json, "shallow", measure->shallow);
	json_number(json, "allocated", measure->allocated);
	json_object_end(json);
}

static void json_bucket(const struct histogram *histogram, const struct bucket *bucket)
{
	struct json *json = &histogram->report->json;
	json_object(json, NULL);
	if (bucket->type != NULL) {
		json_string(json, "type", bucket->type->name);
		json_address(json, "type_address", bucket->type->address);
	} else {
		json_text(json, "name", &bucket->name);
	}
	json_number(json, "count", bucket->reached.count);
	json_number(json, "shallow", bucket->reached.shallow);
	json_number(json, "allocated", bucket->reached.allocated);
	if (histogram->group != NULL)
		json_number(json, "retained", bucket->retained);
	else
		json_null(json, "retained");
	json_measure(json, "unreachable", &bucket->unreachable);
	json_object_end(json);
}

static void show_json(const struct histogram *histogram)
{
	static const char *const keys[] = { "types", "modules", "sizes", "generations" };
	struct report *report = histogram->report;
	struct json *json = &report->json;
	const struct heap_graph *graph = histogram->heap->graph;
	report_json_begin(report);
	json_measure(json, "total", &histogram->reached);
	json_measure(json, "unreachable", &histogram->unreachable);
	json_array(json, keys[report->request->by]);
	uint64_t rows = 0;
	for (size_t i = 0; i < histogram->buckets.count && rows < report->request->limit; i++)
		if (passes(histogram, &histogram->buckets.items[i])) {
			json_bucket(histogram, &histogram->buckets.items[i]);
			rows++;
		}
	json_array_end(json);
	json_object(json, "coverage");
	report_coverage_keys(report, &graph->coverage);
	json_number(json, "held_from_c", graph->held_from_c);
	json_object(json, "references");
	json_number(json, "counted", graph->counted);
	json_number(json, "accounted", graph->accounted);
	json_number(json, "overcounted", graph->overcounted);
	json_object_end(json);
	json_bool(json, "gc_list_broken", graph->gc_list_broken);
	json_bool(json, "frames_truncated", graph->roots.frames_truncated);
	json_object_end(json);
	json_object_end(json);
	json_end(json);
}

static void histogram_clear(struct histogram *histogram)
{
	for (size_t i = 0; i < histogram->buckets.count; i++) {
		histogram->report->text->failed |= histogram->buckets.items[i].name.failed;
		text_free(&histogram->buckets.items[i].name);
	}
	array_free(&histogram->buckets);
	array_free(&histogram->bucket_of_type);
	free(histogram->generations);
	free(histogram->group);
}

int heap_report(struct report *report)
{
	struct histogram histogram = { .report = report };
	const struct request *request = report->request;
	if (request->sort == SORT_RETAINED && !request_has(request, OPTION_RETAINED))
		return error_set(report->error, ERROR_ARGUMENT, "--sort retained needs --retained");
	TRY(report_heap(report, &histogram.heap));
	histogram.measures_allocated = report_is_json(report) || request_has(request, OPTION_ALLOCATED);
	int status = OK;
	if (histogram.measures_allocated)
		status = heap_graph_find_allocated(histogram.heap->graph, report->progress, report->error);
	if (status == OK)
		status = gather(&histogram);
	if (status >= 0) {
		if (histogram.buckets.count > 1)
			qsort_r(histogram.buckets.items, histogram.buckets.count, sizeof *histogram.buckets.items,
			        compare_buckets, &histogram);
		if (histogram.heap->graph->coverage.unreadable > 0)
			report->exit_status = EXIT_PARTIAL;
		if (report_is_json(report))
			show_json(&histogram);
		else
			status = show_text(&histogram);
	}
	histogram_clear(&histogram);
	return status;
}
