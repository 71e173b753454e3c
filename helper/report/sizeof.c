/* SPDX-License-Identifier: MIT
 * sizeof: shallow and allocated size of objects; of one object with the parts that make them up, of several in a
 * table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode/allocated.h"
#include "report/allocated_at.h"
#include "report/report.h"
#include "render/table.h"
#include "render/units.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_GIVEN, SORT_SHALLOW, SORT_ALLOCATED, SORT_TYPE };

struct sized {
	uint64_t address;
	size_t target; /* index of it */
	uint64_t shallow, allocated;
	const struct type_info *type;
	uint32_t flags; /* enum decoded_flag */
	bool approximate; /* the allocated size */
	enum sort_key sort;
};

struct sizes {
	ARRAY(struct sized) rows;
	uint64_t shallow, allocated;
	uint32_t approximate;
};

static void part_line(struct text *text, const char *name, uint64_t bytes, const char *note)
{
	struct text number = { .bytes = NULL };
	units_count(&number, bytes);
	text_format(text, "    %-30s %14s", name, text_string(&number));
	if (note[0] != '\0')
		text_format(text, "   %s", note);
	text_add(text, "\n");
	text_free(&number);
}

static void shallow_parts(struct report *report)
{
	const struct decoded *out = &report->decoder->out;
	uint64_t known = out->presize;
	if (out->presize > 0)
		part_line(report->text, "header before the object", out->presize, "");
	/* What __sizeof__() gives and no block accounts for is the object itself. */
	uint64_t blocks = 0;
	for (size_t i = 0; i < out->blocks.count; i++)
		if ((out->blocks.items[i].flags & BLOCK_COUNTED) != 0)
			blocks += out->blocks.items[i].bytes - out->blocks.items[i].uncounted;
	known += blocks;
	part_line(report->text, "object", out->shallow >= known ? out->shallow - known : out->shallow, "");
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		if ((block->flags & BLOCK_COUNTED) != 0)
			part_line(report->text, block->role, block->bytes - block->uncounted,
			          (block->flags & BLOCK_SHARED) != 0 ? "shared with other objects" : "");
	}
}

/* "96 in a pymalloc block" and so on: what was asked for, and who gave it. */
static void allocation_line(struct text *text, const char *name, const struct allocation *allocation)
{
	static const char *const how[] = {
		[ALLOCATOR_NONE] = "static or inside another block",
		[ALLOCATOR_PYMALLOC] = "pymalloc",
		[ALLOCATOR_MIMALLOC] = "mimalloc",
		[ALLOCATOR_MALLOC] = "malloc, header included",
		[ALLOCATOR_MMAP] = "malloc, pages of its own",
		[ALLOCATOR_UNKNOWN] = "estimate",
	};
	struct text note = { .bytes = NULL };
	text_add(&note, how[allocation->allocator]);
	if (allocation->allocator != ALLOCATOR_NONE && allocation->taken != allocation->requested) {
		text_add(&note, ", ");
		units_count(&note, allocation->requested);
		text_add(&note, " asked for");
	}
	part_line(text, name, allocation->taken, text_string(&note));
	text_free(&note);
}

static void allocated_parts(struct report *report, const struct allocated *allocated)
{
	const struct decoded *out = &report->decoder->out;
	const bool has_more = out->type != NULL && out->type->preheader > 0;
	allocation_line(report->text, has_more ? "object and what precedes it" : "object", &allocated->own);
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		struct allocation allocation = allocation_of_block(report->decoder, i);
		if (allocated_counts_block(block)) {
			allocation_line(report->text, block->role, &allocation);
			continue;
		}
		struct text note = { .bytes = NULL };
		text_add(&note, "shared, ");
		units_count(&note, block->bytes);
		text_add(&note, " not counted");
		part_line(report->text, block->role, 0, text_string(&note));
		text_free(&note);
	}
}

static void exact_line(struct text *text, const char *name, uint64_t bytes, const char *note)
{
	struct text number = { .bytes = NULL }, rounded = { .bytes = NULL };
	units_count(&number, bytes);
	units_bytes(&rounded, bytes, false);
	text_format(text, "  %-9s %14s B", name, text_string(&number));
	if (bytes >= 1024)
		text_format(text, "   %s", text_string(&rounded));
	text_format(text, "   %s\n", note);
	text_free(&number);
	text_free(&rounded);
}

/* Whether it is what sys.getsizeof() would say: a __sizeof__ that nobody here knows is not run. */
static const char *shallow_words(const struct decoded *out)
{
	if ((out->type->flags & TYPE_OVERRIDES_SIZEOF) != 0)
		return "~ without what its class's own __sizeof__() says";
	if ((out->flags & DECODED_APPROXIMATE) != 0)
		return "~ as its type says; a __sizeof__() of its own is not run";
	return "= sys.getsizeof()";
}

/* The answer for one object. */
static void show_parts(struct report *report, size_t index)
{
	const struct decoded *out = &report->decoder->out;
	const struct allocated allocated = allocated_of_object(report->decoder);
	report_title(report, index, true);
	exact_line(report->text, "shallow", out->shallow, shallow_words(out));
	shallow_parts(report);
	struct text note = { .bytes = NULL };
	if (allocated.bytes >= out->shallow) {
		text_add(&note, "+");
		units_count(&note, allocated.bytes - out->shallow);
	} else {
		text_add(&note, "-");
		units_count(&note, out->shallow - allocated.bytes);
	}
	if (allocated.approximate)
		text_add(&note, ", an estimate");
	exact_line(report->text, "allocated", allocated.bytes, text_string(&note));
	text_free(&note);
	allocated_parts(report, &allocated);
	allocated_at_line(report, &allocated.own);
	report_flags(report, out);
}

static int compare_rows(const void *left_row, const void *right_row)
{
	const struct sized *left = left_row, *right = right_row;
	int order = 0;
	if (left->sort == SORT_SHALLOW)
		order = report_compare_bytes(left->shallow, left->address, right->shallow, right->address);
	else if (left->sort == SORT_ALLOCATED)
		order = report_compare_bytes(left->allocated, left->address, right->allocated, right->address);
	else if (left->sort == SORT_TYPE)
		order = strcmp(left->type->name, right->type->name);
	if (order != 0)
		return order;
	return left->target < right->target ? -1 : left->target > right->target;
}

static void show_table(struct report *report, const struct sizes *sizes, struct table *table)
{
	struct text *text = report->text;
	units_noun(text, sizes->rows.count, "object");
	text_add(text, "   shallow ");
	report_bytes(report, text, sizes->shallow);
	text_add(text, "   allocated ");
	report_bytes(report, text, sizes->allocated);
	text_add(text, "\n");
	struct text cell = { .bytes = NULL };
	for (size_t i = 0; i < sizes->rows.count; i++) {
		const struct sized *row = &sizes->rows.items[i];
		struct table_row *line = table_add_row(table, NULL);
		report_bytes(report, &cell, row->shallow);
		table_take(table, line, 0, &cell);
		report_bytes(report, &cell, row->allocated);
		table_take(table, line, 1, &cell);
		text_format(&cell, "0x%" PRIx64, row->address);
		table_take(table, line, 2, &cell);
		names_describe(report->naming, row->address, &report->names, &cell);
		table_take(table, line, 3, &cell);
	}
	text_free(&cell);
}

static int show_rows(struct report *report, const struct sizes *sizes)
{
	static const struct table_column columns[] = {
		{ "Shallow", TABLE_RIGHT },
		{ "Allocated", TABLE_RIGHT },
		{ "Address", 0 },
		{ "Object", TABLE_ELASTIC },
	};
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	show_table(report, sizes, table);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	if (sizes->approximate > 0) {
		text_add(report->text, "Approximate: ");
		units_noun(report->text, sizes->approximate, "object");
		text_add(report->text, " with an estimated size.\n");
	}
	return status;
}

static void json_parts(struct report *report, const struct sized *row)
{
	struct json *json = &report->json;
	struct decoder *decoder = report->decoder;
	if (!decode_object(decoder, row->address))
		return;
	const struct allocated allocated = allocated_of_object(decoder);
	json_number(json, "presize", decoder->out.presize);
	allocated_at_json(report, &allocated.own);
	json_array(json, "parts");
	for (size_t i = 0; i <= decoder->out.blocks.count; i++) {
		const struct block *block = i == 0 ? NULL : &decoder->out.blocks.items[i - 1];
		const struct allocation allocation = i == 0 ? allocated.own : allocation_of_block(decoder, i - 1);
		json_object(json, NULL);
		json_string(json, "role", i == 0 ? "object" : block->role);
		json_address(json, "address", allocation.address);
		json_number(json, "requested", allocation.requested);
		/* Where the target does not say exactly how many. */
		json_number(json, "requested_at_most", allocation.most);
		json_bool(json, "interior", block != NULL && (block->flags & BLOCK_INTERIOR) != 0);
		json_number(json, "allocated", allocation.taken);
		json_string(json, "allocator", allocator_name(allocation.allocator));
		json_bool(json, "counted", block == NULL || (block->flags & BLOCK_COUNTED) != 0);
		json_bool(json, "shared", block != NULL && (block->flags & BLOCK_SHARED) != 0);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_row(struct report *report, const struct sized *row)
{
	struct json *json = &report->json;
	json_object(json, NULL);
	json_address(json, "address", row->address);
	json_string(json, "type", row->type->name);
	json_number(json, "shallow", row->shallow);
	json_number(json, "allocated", row->allocated);
	json_bool(json, "approximate", (row->flags & DECODED_APPROXIMATE) != 0);
	json_bool(json, "allocated_approximate", row->approximate);
	json_bool(json, "unreadable", (row->flags & DECODED_UNREADABLE) != 0);
	json_bool(json, "corrupt", (row->flags & DECODED_CORRUPT) != 0);
	json_parts(report, row);
	json_object_end(json);
}

static int measure(struct report *report, size_t index, struct sizes *sizes)
{
	const struct request *request = report->request;
	struct decoder *decoder = report->decoder;
	const struct allocated allocated = allocated_of_object(decoder);
	const struct decoded *out = &decoder->out;
	const uint64_t measure = request_has(request, OPTION_ALLOCATED) ? allocated.bytes : out->shallow;
	if (measure < request->min_bytes || !request_matches_type(request, out->type->name))
		return OK;
	struct sized row = {
		.address = out->address,
		.target = index,
		.shallow = out->shallow,
		.allocated = allocated.bytes,
		.type = out->type,
		.flags = out->flags,
		.approximate = allocated.approximate,
		.sort = (enum sort_key)request->sort,
	};
	if ((out->flags & DECODED_UNREADABLE) != 0)
		report->exit_status = EXIT_PARTIAL;
	/* In the order of the targets, those among them that are no objects in their places. */
	if (report_is_json(report) && row.sort == SORT_GIVEN) {
		json_row(report, &row);
		return OK;
	}
	if (!array_push(&sizes->rows, row))
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for %zu sizes", sizes->rows.count);
	sizes->shallow += out->shallow;
	sizes->allocated += allocated.bytes;
	sizes->approximate += (out->flags & DECODED_APPROXIMATE) != 0 || allocated.approximate;
	return OK;
}

static int show(struct report *report, struct sizes *sizes)
{
	if (sizes->rows.count > 1)
		qsort(sizes->rows.items, sizes->rows.count, sizeof *sizes->rows.items, compare_rows);
	if (report_is_json(report)) {
		for (size_t i = 0; i < sizes->rows.count; i++)
			json_row(report, &sizes->rows.items[i]);
		json_array_end(&report->json);
		json_object_end(&report->json);
		json_end(&report->json);
		return OK;
	}
	if (sizes->rows.count == 0)
		return OK;
	if (report->request->targets.count > 1)
		TRY(show_rows(report, sizes));
	else if (decode_object(report->decoder, sizes->rows.items[0].address))
		show_parts(report, sizes->rows.items[0].target);
	report_next(report, "deepsize referents object", sizes->rows.items[0].address);
	return OK;
}

int sizeof_report(struct report *report)
{
	struct sizes sizes = { .shallow = 0 };
	int status = OK;
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "objects");
	}
	for (size_t i = 0; i < report->request->targets.count && status == OK; i++) {
		if (report_is_cancelled(report))
			status = report_cancelled(report);
		else if (report_decode_target(report, i))
			status = measure(report, i, &sizes);
	}
	int shown = show(report, &sizes);
	array_free(&sizes.rows);
	return status < 0 ? status : shown;
}
