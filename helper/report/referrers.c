/* SPDX-License-Identifier: MIT
 * referrers: who holds an object, reference by reference, and whether its reference count is all accounted for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "query/naming.h"
#include "query/origins.h"
#include "report/heap.h"
#include "report/held_from_c.h"
#include "report/word_holders.h"
#include "report/report.h"
#include "render/table.h"
#include "render/units.h"

enum {
	NAMED_ROWS = 1000, /* a name is searched for; beyond that many rows none is */
	SUMMED_TYPES = 6, /* types told of where not all rows are shown */
};

/* One referrer; holders have no address. */
struct referrer {
	uint32_t number; /* in the dominator tree; UINT32_MAX: unreachable itself */
	uint64_t address;
	const struct type_info *type;
};

struct referrers {
	struct report *report;
	const struct retained *heap;
	struct naming *naming;
	struct origins origins;
	uint64_t target;
	ARRAY(struct referrer) rows; /* those shown */
	ARRAY(uint64_t) by_type; /* referrers, by type_info.index */
	uint64_t total; /* referrers that pass the filters */
	uint64_t references; /* found, whatever the filters */
	uint64_t unreachable_references; /* of them, from unreachable objects */
	uint64_t sharing; /* of them, dicts that merely share the keys table with another one found before */
	int64_t refcount; /* -1 immortal, -2 unreadable */
};

static int no_memory(struct referrers *referrers)
{
	return error_set(referrers->report->error, ERROR_NO_MEMORY, "out of memory for the referrers");
}

/* ---- Finding ---- */

static const struct type_info *type_at(struct decoder *decoder, uint64_t object)
{
	const uint64_t offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	uint64_t type;
	return reader_u64(&decoder->reader, object + offset, &type) ? decode_type(decoder, type) : NULL;
}

static bool passes(const struct request *request, const struct referrer *referrer, const char *holder)
{
	if (request->type == NULL && request->module == NULL)
		return true;
	const char *name = referrer->address == 0 ? holder : referrer->type != NULL ? referrer->type->name : "";
	return request_matches_type(request, name);
}

static int count_type(struct referrers *referrers, const struct type_info *type)
{
	if (type == NULL)
		return OK;
	if (type->index >= referrers->by_type.count) {
		if (!array_reserve(&referrers->by_type, type->index + 64))
			return no_memory(referrers);
		memset(referrers->by_type.items + referrers->by_type.count, 0,
		       (referrers->by_type.capacity - referrers->by_type.count) * sizeof(uint64_t));
		referrers->by_type.count = referrers->by_type.capacity;
	}
	referrers->by_type.items[type->index]++;
	return OK;
}

static int add_referrer(struct referrers *referrers, const struct referrer *referrer, const char *holder)
{
	if (!passes(referrers->report->request, referrer, holder))
		return OK;
	referrers->total++;
	TRY(count_type(referrers, referrer->type));
	if (referrers->rows.count < referrers->report->request->limit && !array_push(&referrers->rows, *referrer))
		return no_memory(referrers);
	return OK;
}

/* What the graph knows: references of what roots reach. */
static int add_reachable(struct referrers *referrers, uint32_t number)
{
	const struct edge_rows *incoming = &referrers->heap->dominators.incoming;
	const struct roots *roots = &referrers->heap->graph->roots;
	uint32_t last = UINT32_MAX;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		struct referrer referrer = { .number = incoming->targets[edge] };
		uint32_t holder = 0;
		const char *kind = "";
		if (referrer.number != last) {
			referrer.address = retained_node(referrers->heap, referrer.number, &holder);
			if (referrer.address == 0)
				kind = holder_kind_name(roots->holders.items[holder].kind);
			else
				referrer.type = type_at(referrers->report->naming, referrer.address);
		}
		if (referrer.number != last && referrer.address == 0 &&
		    (holder == roots->c_holder || holder == roots->runtime_holder)) {
			/* These stand for a reason, not for a reference. */
			continue;
		}
		referrers->references++;
		if (referrer.number != last)
			TRY(add_referrer(referrers, &referrer, kind));
		last = referrer.number;
		if (edge % PROGRESS_INTERVAL == 0 && report_is_cancelled(referrers->report))
			return report_cancelled(referrers->report);
	}
	return OK;
}

static uint64_t count_references(const struct decoded *out, uint64_t target)
{
	uint64_t count = 0;
	for (size_t i = 0; i < out->runs.count; i++)
		for (uint64_t slot = 0; !(out->runs.items[i].flags & RUN_OF_DICT) && slot < out->runs.items[i].count;
		     slot++)
			count += run_target(&out->runs.items[i], slot) == target &&
			         run_is_counted(&out->runs.items[i], slot);
	return count;
}

/* References of objects that no root reaches: the graph's rows lack them, so they are looked for. */
static int add_unreachable(struct referrers *referrers)
{
	const struct heap_graph *graph = referrers->heap->graph;
	const uint32_t *number = referrers->heap->dominators.number;
	struct decoder *decoder = referrers->report->decoder;
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		if (node % PROGRESS_INTERVAL == 0 && report_is_cancelled(referrers->report))
			return report_cancelled(referrers->report);
		if (number[node] != UINT32_MAX || !decode_object(decoder, address))
			continue;
		const uint64_t count = count_references(&decoder->out, referrers->target);
		if (count == 0)
			continue;
		referrers->references += count;
		referrers->unreachable_references += count;
		const struct referrer referrer = { UINT32_MAX, address, decoder->out.type };
		TRY(add_referrer(referrers, &referrer, ""));
	}
	return OK;
}

/* A key of a table that dicts share has one reference, the table's, for as often as dicts show it. */
static int subtract_sharing(struct referrers *referrers, uint32_t number)
{
	const struct edge_rows *incoming = &referrers->heap->dominators.incoming;
	struct decoder *decoder = referrers->report->decoder;
	struct address_map tables = { 0 };
	bool has_memory = true;
	uint32_t last = UINT32_MAX, holder;
	for (uint32_t edge = incoming->first[number]; has_memory && edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		const uint64_t address = from != last ? retained_node(referrers->heap, from, &holder) : 0;
		last = from;
		if (edge % PROGRESS_INTERVAL == 0 && report_is_cancelled(referrers->report))
			break;
		if (address == 0 || !decode_object(decoder, address))
			continue;
		for (size_t i = 0; i < decoder->out.runs.count; i++) {
			const struct run *run = &decoder->out.runs.items[i];
			for (uint64_t slot = 0; run->flags & RUN_SHARED_KEYS && slot < run->count; slot++) {
				if (run_target(run, slot) != referrers->target)
					continue;
				if (address_map_get(&tables, run->argument) == ADDRESS_MAP_NONE)
					has_memory &= address_map_set(&tables, run->argument, 1);
				else
					referrers->sharing++;
			}
		}
	}
	address_map_clear(&tables);
	referrers->references -= referrers->sharing;
	if (report_is_cancelled(referrers->report))
		return report_cancelled(referrers->report);
	return has_memory ? OK : no_memory(referrers);
}

static int find(struct referrers *referrers)
{
	const struct retained *heap = referrers->heap;
	const uint32_t number = retained_number(heap, referrers->target);
	if (number != UINT32_MAX)
		TRY(add_reachable(referrers, number));
	if (referrers->refcount > 0 && referrers->references > (uint64_t)referrers->refcount)
		TRY(subtract_sharing(referrers, number));
	/* What the collector knows only is looked through where a count is left over. */
	const bool is_short = referrers->refcount > 0 && (uint64_t)referrers->refcount > referrers->references;
	if (heap->unreachable_count > 0 && (number == UINT32_MAX || is_short))
		return add_unreachable(referrers);
	return OK;
}

/* ---- Rows: one for each reference ---- */

static void say_holder(struct referrers *referrers, uint32_t number, struct text *text)
{
	uint32_t holder = 0;
	(void)retained_node(referrers->heap, number, &holder);
	origins_say(&referrers->origins, holder, number, UINT32_MAX, text);
}

static const char *type_name(const struct referrers *referrers, const struct referrer *referrer)
{
	uint32_t holder = 0;
	if (referrer->address != 0)
		return referrer->type != NULL ? referrer->type->name : "?";
	(void)retained_node(referrers->heap, referrer->number, &holder);
	return holder_kind_name(referrers->heap->graph->roots.holders.items[holder].kind);
}

/* The name of a referrer; "unreachable" where no root leads to it. */
static void say_name(struct referrers *referrers, const struct referrer *referrer, struct text *text)
{
	const struct origin *origin =
	        referrer->number != UINT32_MAX ? origins_at(&referrers->origins, referrer->number) : NULL;
	if (referrer->number == UINT32_MAX)
		text_add(text, "(unreachable)");
	else if (referrer->address == 0)
		say_holder(referrers, referrer->number, text);
	else if (origin != NULL && origin->kind == ORIGIN_FRAME)
		origins_say(&referrers->origins, origin->holder, referrer->number, UINT32_MAX, text);
	else
		(void)naming_number(referrers->naming, referrer->number, text);
}

struct reference_row {
	const struct referrer *referrer;
	const struct run *run;
	uint64_t slot;
	const char *name;
};

typedef void show_reference(struct referrers *referrers, const struct reference_row *row, void *context);

/* Calls show() for each reference of the referrer to the target, whose runs are decoded by report->decoder. */
static void each_reference(struct referrers *referrers, const struct referrer *referrer, const char *name,
                           show_reference *show, void *context)
{
	const struct roots *roots = &referrers->heap->graph->roots;
	struct decoder *decoder = referrers->report->decoder;
	struct reference_row row = { .referrer = referrer, .name = name };
	uint32_t holder = 0;
	if (referrer->address == 0)
		(void)retained_node(referrers->heap, referrer->number, &holder);
	else if (!decode_object(decoder, referrer->address))
		return;
	const size_t count = referrer->address != 0 ? decoder->out.runs.count : roots->runs.count;
	for (size_t i = 0; i < count; i++) {
		if (referrer->address == 0 && roots->runs.items[i].holder != holder)
			continue;
		row.run = referrer->address != 0 ? &decoder->out.runs.items[i] : &roots->runs.items[i].run;
		if (row.run->flags & RUN_OF_DICT)
			continue; /* the dict's references */
		for (row.slot = 0; row.slot < row.run->count; row.slot++)
			if (run_target(row.run, row.slot) == referrers->target && run_is_counted(row.run, row.slot))
				show(referrers, &row, context);
	}
}

static bool is_hidden(const struct reference_row *row)
{
	return row->referrer->type != NULL &&
	       (row->run->flags & RUN_HIDDEN || row->referrer->type->flags & TYPE_NOT_TRAVERSED);
}

/* ---- Text ---- */

static void add_line(struct referrers *referrers, const struct reference_row *row, void *context)
{
	struct report *report = referrers->report;
	struct table *table = context;
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	const char *type = type_name(referrers, row->referrer);
	text_add(&cell, "  ");
	names_escape(&cell, type, strlen(type), false);
	table_take(table, line, 0, &cell);
	if (row->referrer->address != 0)
		text_format(&cell, "0x%" PRIx64, row->referrer->address);
	table_take(table, line, 1, &cell);
	names_label(report->naming, row->run, row->slot, &report->names, &cell);
	reference_quote_local(&cell);
	table_take(table, line, 2, &cell);
	table_set(table, line, 3, row->name);
	text_free(&cell);
}

static int show_table(struct referrers *referrers)
{
	static const struct table_column columns[] = {
		{ "  Type", 0 }, { "Address", 0 }, { "Reference", 0 }, { "Of", TABLE_ELASTIC }
	};
	struct report *report = referrers->report;
	if (referrers->rows.count == 0)
		return OK;
	struct table *table = table_create(columns, 4, report->style.width, true);
	struct text name = { .bytes = NULL };
	if (table == NULL)
		return no_memory(referrers);
	for (size_t i = 0; i < referrers->rows.count; i++) {
		text_reset(&name);
		if (i < NAMED_ROWS)
			say_name(referrers, &referrers->rows.items[i], &name);
		each_reference(referrers, &referrers->rows.items[i], text_string(&name), add_line, table);
	}
	text_free(&name);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

/* "... 1,204 more referrers; of all: 812 dict, 300 list, ..." */
static void show_more(struct referrers *referrers)
{
	struct text *text = referrers->report->text;
	const struct type_table *types = &referrers->report->decoder->context->types;
	const uint64_t more = referrers->total - referrers->rows.count;
	if (more == 0)
		return;
	text_add(text, "  ... ");
	units_noun(text, more, "more referrer");
	text_add(text, " (-n 0 shows all); of all:");
	for (uint32_t i = 0; i < SUMMED_TYPES; i++) {
		size_t best = 0;
		for (size_t k = 1; k < referrers->by_type.count; k++)
			if (referrers->by_type.items[k] > referrers->by_type.items[best])
				best = k;
		if (referrers->by_type.count == 0 || referrers->by_type.items[best] == 0)
			break;
		text_add(text, i > 0 ? ", " : " ");
		units_count(text, referrers->by_type.items[best]);
		text_add(text, " ");
		names_type(text, types->items[best]);
		referrers->by_type.items[best] = 0;
	}
	text_add(text, "\n");
}

/* "refcount 3: all accounted for" */
static void say_account(const struct referrers *referrers, struct text *text)
{
	const uint64_t found = referrers->references;
	if (referrers->refcount == -1) {
		text_add(text, "immortal: references to it are not counted");
		return;
	}
	if (referrers->refcount < 0) {
		text_add(text, "reference count unreadable");
		return;
	}
	const uint64_t count = (uint64_t)referrers->refcount;
	text_format(text, "refcount %" PRIu64, count);
	if (found == count) {
		text_add(text, ": all accounted for");
	} else if (layout_feature(referrers->report->decoder->layout, FEATURE_FREE_THREADED)) {
		/* PEP 703: threads count apart, and some references are not counted at all. */
		text_format(text, ", found %" PRIu64 "; in a free-threaded build the two need not agree", found);
	} else if (found < count) {
		text_format(text, ", found %" PRIu64 ": %" PRIu64 " reference%s from C code or unreadable memory",
		            found, count - found, count - found == 1 ? " comes" : "s come");
	} else {
		text_format(text, ", found %" PRIu64 ": more than are counted", found);
	}
	if (referrers->sharing > 0) {
		text_add(text, "; ");
		units_noun(text, referrers->sharing, "more dict");
		text_add(text,
		         referrers->sharing == 1 ? " shares its keys with others" : " share their keys with others");
	}
}

/* By the name that the heap gives it, however it was asked for. */
static void show_title(struct referrers *referrers, size_t index)
{
	struct report *report = referrers->report;
	struct text name = { .bytes = NULL };
	names_describe(report->naming, report->targets[index], &report->names, report->text);
	text_format(report->text, "   0x%" PRIx64, report->targets[index]);
	if (naming_object(referrers->naming, report->targets[index], &name))
		text_format(report->text, "   %s", text_string(&name));
	text_add(report->text, "\n");
	report->text->failed |= name.failed;
	text_free(&name);
}

static int show_text(struct referrers *referrers, size_t index)
{
	struct report *report = referrers->report;
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	show_title(referrers, index);
	text_add(text, "  ");
	units_noun(text, referrers->total, "referrer");
	text_add(text, "   ");
	say_account(referrers, text);
	text_add(text, "\n");
	int status = show_table(referrers);
	show_more(referrers);
	if (referrers->unreachable_references > 0) {
		text_add(text, "  ");
		units_noun(text, referrers->unreachable_references, "reference");
		text_add(text, " of unreachable objects (garbage says what a collection would free)\n");
	}
	report_next(report, "path object", referrers->target);
	return status;
}

/* ---- JSON ---- */

static void json_reference(struct referrers *referrers, const struct reference_row *row, void *context)
{
	struct json *json = context;
	struct text label = { .bytes = NULL };
	json_object(json, NULL);
	if (row->referrer->address != 0)
		json_address(json, "address", row->referrer->address);
	else
		json_null(json, "address");
	json_string(json, "type", type_name(referrers, row->referrer));
	names_label(referrers->report->naming, row->run, row->slot, &referrers->report->names, &label);
	json_text(json, "label", &label);
	json_bool(json, "hidden", is_hidden(row));
	json_bool(json, "is_root", row->referrer->address == 0);
	json_bool(json, "reachable", row->referrer->number != UINT32_MAX);
	if (row->name != NULL)
		json_string(json, "name", row->name);
	else
		json_null(json, "name");
	json_object_end(json);
	referrers->report->text->failed |= label.failed;
	text_free(&label);
}

static void show_json(struct referrers *referrers)
{
	struct report *report = referrers->report;
	struct json *json = &report->json;
	struct text name = { .bytes = NULL };
	const uint64_t found = referrers->references;
	json_object(json, NULL);
	json_address(json, "address", referrers->target);
	const struct type_info *type = type_at(report->naming, referrers->target);
	json_string(json, "type", type != NULL ? type->name : "?");
	json_array(json, "referrers");
	const bool is_named = referrers->rows.count <= NAMED_ROWS;
	for (size_t i = 0; i < referrers->rows.count; i++) {
		text_reset(&name);
		if (is_named)
			say_name(referrers, &referrers->rows.items[i], &name);
		each_reference(referrers, &referrers->rows.items[i], is_named ? text_string(&name) : NULL,
		               json_reference, json);
	}
	json_array_end(json);
	json_number(json, "total", referrers->total);
	json_number(json, "found", found);
	json_number(json, "sharing", referrers->sharing);
	if (referrers->refcount >= 0)
		json_signed(json, "refcount", referrers->refcount);
	else
		json_null(json, "refcount");
	json_bool(json, "immortal", referrers->refcount == -1);
	if (referrers->refcount >= 0)
		json_number(json, "not_found",
		            (uint64_t)referrers->refcount > found ? (uint64_t)referrers->refcount - found : 0);
	else
		json_null(json, "not_found");
	json_object_end(json);
	report->text->failed |= name.failed;
	text_free(&name);
}

/* ---- The command ---- */

static int show_one(struct referrers *referrers, size_t index)
{
	struct report *report = referrers->report;
	referrers->target = report->targets[index];
	referrers->refcount = query_refcount(report->naming, referrers->target);
	int status = find(referrers);
	if (report_is_json(report)) {
		show_json(referrers);
	} else {
		int shown = show_text(referrers, index);
		status = status < 0 ? status : shown;
	}
	array_free(&referrers->rows);
	array_free(&referrers->by_type);
	referrers->total = referrers->references = referrers->unreachable_references = referrers->sharing = 0;
	return status;
}

static int show_targets(struct referrers *referrers)
{
	struct report *report = referrers->report;
	int status = OK;
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "objects");
	}
	for (size_t i = 0; i < report->request->targets.count && status >= 0; i++) {
		if (report_is_cancelled(report))
			status = report_cancelled(report);
		else if (!report_found_target(report, i))
			continue;
		else if (decode_object(report->decoder, report->targets[i]))
			status = show_one(referrers, i);
		else
			status = word_holders_show(report, i);
	}
	if (report_is_json(report)) {
		json_array_end(&report->json);
		report_coverage_json(report, &referrers->heap->graph->coverage);
		report_json_end(report);
	} else {
		report_gaps(report, &referrers->heap->graph->coverage);
	}
	return status;
}

int referrers_report(struct report *report)
{
	struct referrers referrers = { .report = report };
	if (request_has(report->request, OPTION_FROM_C))
		return held_from_c_report(report);
	TRY(report_heap(report, &referrers.heap));
	TRY(naming_open(&referrers.naming, &report->query, referrers.heap));
	int status = origins_open(&referrers.origins, &report->query, referrers.heap);
	if (status == OK)
		status = show_targets(&referrers);
	origins_clear(&referrers.origins);
	naming_close(referrers.naming);
	return status;
}
