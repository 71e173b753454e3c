/* SPDX-License-Identifier: MIT */
#include "report/pinned_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/path.h"
#include "render/table.h"
#include "render/units.h"

/* Whose it is, without a type: words for people. */
static void add_kind(struct text *text, enum pinned_kind kind, const struct type_info *type, const char *file)
{
	static const char *const words[] = {
		[PINNED_OBJECT] = "",
		[PINNED_NATIVE] = "~ C code, of ",
		[PINNED_GARBAGE] = "~ C code, of garbage: ",
		[PINNED_SEVERAL] = "~ C code, of several objects",
		[PINNED_STATIC] = "~ C code, of ",
		[PINNED_TREES] = "syntax trees of source that is run",
		[PINNED_UNSEEN] = "C code, nothing seen leads to it",
		[PINNED_FREE_LIST] = "Python's free lists",
		[PINNED_CACHED] = "kept by threads for their next calls",
	};
	text_add(text, words[kind]);
	if (type != NULL)
		names_type(text, type);
	if (file != NULL) {
		const char *base = path_base_name(file);
		names_escape(text, base, strlen(base), false);
	}
}

static int show_types(struct report *report, const struct pinned_types *types)
{
	static const struct table_column columns[] = { { "Blocks", TABLE_RIGHT },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "Of", 0 },
		                                       { "such as", 0 },
		                                       { "Name", TABLE_ELASTIC } };
	const uint64_t limit = report->request->limit;
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < types->count && i < limit; i++) {
		const struct pinned_type *row = &types->items[i];
		struct table_row *line = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		units_count(&cell, row->count);
		table_take(table, line, 0, &cell);
		report_bytes(report, &cell, row->bytes);
		table_take(table, line, 1, &cell);
		add_kind(&cell, row->kind, row->type, row->file);
		table_take(table, line, 2, &cell);
		if (row->example != 0)
			text_format(&cell, "0x%" PRIx64, row->example);
		table_take(table, line, 3, &cell);
		names_escape(&cell, text_string(&row->name), row->name.length, false);
		table_take(table, line, 4, &cell);
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, types->count > limit ? types->count - limit : 0);
	return status;
}

static void put_bytes(struct report *report, struct table *table, struct table_row *line, uint32_t column,
                      uint64_t bytes)
{
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, bytes);
	table_take(table, line, column, &cell);
	text_free(&cell);
}

static int show_stretches(struct report *report, const struct pinned *pinned)
{
	static const struct table_column columns[] = { { "From", 0 },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "In use", TABLE_RIGHT },
		                                       { "Stranded", TABLE_RIGHT },
		                                       { "Blocks above", TABLE_RIGHT },
		                                       { "Last of its heap", 0 } };
	struct table *table = table_create(columns, 6, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < pinned->ends.count; i++) {
		const struct sparse_stretch *stretch = &pinned->heaps.stretches.items[i];
		struct table_row *line = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		text_format(&cell, "0x%" PRIx64, stretch->start);
		table_take(table, line, 0, &cell);
		put_bytes(report, table, line, 1, stretch->end - stretch->start);
		put_bytes(report, table, line, 2, stretch->used_bytes + stretch->cached_bytes);
		put_bytes(report, table, line, 3, stretch->stranded_bytes);
		units_count(&cell, stretch->above_blocks);
		table_take(table, line, 4, &cell);
		if (stretch->last != 0)
			text_format(&cell, "0x%" PRIx64, stretch->last);
		table_take(table, line, 5, &cell);
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, pinned->heaps.stretches.count - pinned->ends.count);
	return status;
}

/* "0x55..., 12.0 KiB, the last block of its heap, is array of list 0x7f... __main__.KEPT: while it lives, ..." */
static void say_end(struct report *report, const struct pinned_end *end)
{
	struct text *text = report->text;
	text_format(text, "0x%" PRIx64 ", ", end->block);
	if (end->bytes > 0) {
		report_bytes(report, text, end->bytes);
		text_add(text, ", ");
	}
	text_add(text, "the last block of its heap, is ");
	if (end->role != NULL)
		text_format(text, "%s of ", end->role);
	add_kind(text, end->kind, end->type, NULL);
	if (end->owner != 0)
		text_format(text, " 0x%" PRIx64, end->owner);
	if (end->name.length > 0) {
		text_add(text, " ");
		names_escape(text, text_string(&end->name), end->name.length, false);
	}
	text_add(text, "\n");
}

static int show_heaps(struct report *report, const struct pinned *pinned)
{
	const struct sparse_heaps *heaps = &pinned->heaps;
	struct text *text = report->text;
	if (heaps->stretches.count == 0)
		return OK;
	text_add(text, "\n");
	units_count(text, heaps->stretches.count);
	text_add(text,
	         heaps->stretches.count == 1 ? " stretch of malloc's heaps is" : " stretches of malloc's heaps are");
	text_add(text, " less than a quarter in use, ");
	report_bytes(report, text, heaps->bytes);
	text_add(text, "; of it ");
	report_bytes(report, text, heaps->free_bytes - heaps->stranded_bytes);
	text_add(text, " malloc_trim(0) would return, ");
	report_bytes(report, text, heaps->stranded_bytes);
	text_add(text, " are stranded, kept by\n");
	TRY(show_types(report, &pinned->types[PINNED_HEAPS]));
	text_add(text, "\nWhere these are: a heap ends with its last block, and free() returns nothing below it\n");
	TRY(show_stretches(report, pinned));
	for (size_t i = 0; i < pinned->ends.count; i++) {
		bool was_said = pinned->ends.items[i].block == 0;
		for (size_t j = 0; j < i && !was_said; j++)
			was_said = pinned->ends.items[j].block == pinned->ends.items[i].block;
		if (!was_said)
			say_end(report, &pinned->ends.items[i]);
	}
	return OK;
}

int pinned_rows_show(struct report *report, const struct pinned *pinned)
{
	if (pinned->sparse_arenas > 0) {
		text_add(report->text, "\n");
		units_noun(report->text, pinned->sparse_arenas, "arena");
		text_add(report->text, " of pymalloc less than a tenth in use, ");
		report_bytes(report, report->text, pinned->sparse_bytes);
		text_add(report->text, ", kept by\n");
		TRY(show_types(report, &pinned->types[PINNED_ARENAS]));
	}
	return show_heaps(report, pinned);
}

static const char *const kind_names[] = {
	[PINNED_OBJECT] = "object",          [PINNED_NATIVE] = "native",       [PINNED_GARBAGE] = "native_garbage",
	[PINNED_SEVERAL] = "native_several", [PINNED_STATIC] = "static",       [PINNED_TREES] = "trees",
	[PINNED_UNSEEN] = "unseen",          [PINNED_FREE_LIST] = "free_list", [PINNED_CACHED] = "cached",
};

static void json_type(struct json *json, const struct type_info *type, const char *file)
{
	if (type != NULL)
		json_string(json, "type", type->name);
	else if (file != NULL)
		json_string(json, "type", file);
	else
		json_null(json, "type");
}

static void json_name(struct json *json, const struct text *name)
{
	if (name->length > 0)
		json_text(json, "name", name);
	else
		json_null(json, "name");
}

void pinned_rows_json(struct report *report, const struct pinned *pinned, enum pinned_place place)
{
	struct json *json = &report->json;
	const struct pinned_types *types = &pinned->types[place];
	if (!pinned->has_owners) {
		json_null(json, "pinned");
		return;
	}
	json_array(json, "pinned");
	for (size_t i = 0; i < types->count && i < report->request->limit; i++) {
		const struct pinned_type *row = &types->items[i];
		json_object(json, NULL);
		json_string(json, "kind", kind_names[row->kind]);
		json_type(json, row->type, row->file);
		json_number(json, "count", row->count);
		json_number(json, "bytes", row->bytes);
		json_address_or_null(json, "example", row->example);
		json_name(json, &row->name);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_stretch(struct json *json, const struct sparse_stretch *stretch, const struct pinned_end *end)
{
	json_object(json, NULL);
	json_address(json, "start", stretch->start);
	json_number(json, "bytes", stretch->end - stretch->start);
	json_number(json, "in_use", stretch->used_bytes);
	json_number(json, "cached", stretch->cached_bytes);
	json_number(json, "free", stretch->free_bytes);
	json_number(json, "stranded", stretch->stranded_bytes);
	json_number(json, "blocks", stretch->chunk_count);
	json_number(json, "blocks_above", stretch->above_blocks);
	json_number(json, "bytes_above", stretch->above_bytes);
	if (end->block == 0) {
		json_null(json, "last");
	} else {
		json_object(json, "last");
		json_address(json, "address", end->block);
		json_string(json, "kind", kind_names[end->kind]);
		json_type(json, end->type, NULL);
		json_address_or_null(json, "owner", end->owner);
		json_name(json, &end->name);
		json_object_end(json);
	}
	json_object_end(json);
}

void pinned_rows_json_heaps(struct report *report, const struct pinned *pinned)
{
	struct json *json = &report->json;
	const struct sparse_heaps *heaps = &pinned->heaps;
	json_object(json, "sparse");
	json_number(json, "count", heaps->stretches.count);
	json_number(json, "bytes", heaps->bytes);
	json_number(json, "blocks", heaps->used_blocks);
	json_number(json, "in_use", heaps->used_bytes);
	json_number(json, "cached_blocks", heaps->cached_blocks);
	json_number(json, "cached", heaps->cached_bytes);
	json_number(json, "free", heaps->free_bytes);
	json_number(json, "stranded", heaps->stranded_bytes);
	if (pinned->has_owners) {
		json_array(json, "stretches");
		for (size_t i = 0; i < pinned->ends.count; i++)
			json_stretch(json, &heaps->stretches.items[i], &pinned->ends.items[i]);
		json_array_end(json);
	} else {
		json_null(json, "stretches");
	}
	pinned_rows_json(report, pinned, PINNED_HEAPS);
	json_object_end(json);
}
