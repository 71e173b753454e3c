/* SPDX-License-Identifier: MIT
 * sizeof: shallow and allocated size of objects; of one object with the parts that make them up, of several in a
 * table. */
#include "query/sizes.h"

#include <inttypes.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"
#include "report/allocated_at.h"
#include "report/report.h"

/* What all targets share. */
struct sizes {
	struct size_list list;
	struct coverage coverage;
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

enum { MANY_PARTS = 4 }; /* alike: they share a line */

static const char *const allocator_words[] = {
	[ALLOCATOR_NONE] = "static or inside another block",
	[ALLOCATOR_PYMALLOC] = "pymalloc",
	[ALLOCATOR_MIMALLOC] = "mimalloc",
	[ALLOCATOR_MALLOC] = "malloc, header included",
	[ALLOCATOR_MMAP] = "malloc, pages of its own",
	[ALLOCATOR_JEMALLOC] = "jemalloc",
	[ALLOCATOR_MIMALLOC_POOL] = "mimalloc of a library",
	[ALLOCATOR_PAGES] = "pages of its own",
	[ALLOCATOR_UNKNOWN] = "estimate",
};

/* How many parts from `first` on are alike: what one block would be a line for a thousand pages of a database. */
static size_t run_of_parts(const struct size_answer *answer, size_t first)
{
	const struct size_part *one = &answer->parts.items[first];
	size_t end = first + 1;
	for (; end < answer->parts.count; end++) {
		const struct size_part *other = &answer->parts.items[end];
		if (other->is_allocated != one->is_allocated || other->is_counted != one->is_counted ||
		    other->is_shared != one->is_shared || other->allocation.allocator != one->allocation.allocator ||
		    strcmp(other->role, one->role) != 0)
			break;
	}
	return end - first >= MANY_PARTS ? end - first : 1;
}

/* Several parts in one line. */
static void run_line(struct text *text, const struct size_answer *answer, size_t first, size_t count, bool is_counted)
{
	struct text name = { .bytes = NULL }, note = { .bytes = NULL };
	uint64_t bytes = 0, asked = 0;
	for (size_t i = first; i < first + count; i++) {
		const struct size_part *part = &answer->parts.items[i];
		bytes += is_counted ? part->counted_bytes : part->is_allocated ? part->allocation.taken : 0;
		asked += part->is_allocated ? part->allocation.requested : part->bytes;
	}
	units_count(&name, count);
	text_format(&name, " x %s", answer->parts.items[first].role);
	if (!is_counted) {
		const struct size_part *part = &answer->parts.items[first];
		text_add(&note, part->is_allocated ? allocator_words[part->allocation.allocator] : "shared");
		text_add(&note, ", ");
		units_count(&note, asked);
		text_add(&note, part->is_allocated ? " asked for" : " not counted");
	}
	part_line(text, text_string(&name), bytes, text_string(&note));
	text_free(&name);
	text_free(&note);
}

static void shallow_parts(struct text *text, const struct size_answer *answer)
{
	if (answer->presize > 0)
		part_line(text, "header before the object", answer->presize, "");
	part_line(text, "object", answer->object_bytes, "");
	for (size_t i = 0; i < answer->parts.count; i++) {
		const struct size_part *part = &answer->parts.items[i];
		const size_t count = run_of_parts(answer, i);
		if (part->is_counted && count > 1)
			run_line(text, answer, i, count, true);
		else if (part->is_counted)
			part_line(text, part->role, part->counted_bytes,
			          part->is_shared ? "shared with other objects" : "");
		i += count - 1;
	}
}

/* "96 in a pymalloc block" and so on: what was asked for, and who gave it. */
static void allocation_line(struct text *text, const char *name, const struct allocation *allocation)
{
	struct text note = { .bytes = NULL };
	text_add(&note, allocator_words[allocation->allocator]);
	if (allocation->allocator != ALLOCATOR_NONE && allocation->taken != allocation->requested) {
		text_add(&note, ", ");
		units_count(&note, allocation->requested);
		text_add(&note, " asked for");
	}
	part_line(text, name, allocation->taken, text_string(&note));
	text_free(&note);
}

static void allocated_parts(struct text *text, const struct size_answer *answer)
{
	allocation_line(text, answer->has_preheader ? "object and what precedes it" : "object", &answer->own);
	for (size_t i = 0; i < answer->parts.count; i++) {
		const struct size_part *part = &answer->parts.items[i];
		const size_t count = run_of_parts(answer, i);
		if (count > 1) {
			run_line(text, answer, i, count, false);
			i += count - 1;
			continue;
		}
		if (part->is_allocated) {
			allocation_line(text, part->role, &part->allocation);
			continue;
		}
		struct text note = { .bytes = NULL };
		text_add(&note, "shared, ");
		units_count(&note, part->bytes);
		text_add(&note, " not counted");
		part_line(text, part->role, 0, text_string(&note));
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
static const char *shallow_words(const struct object_state *state)
{
	if ((state->type->flags & TYPE_OVERRIDES_SIZEOF) != 0)
		return "~ without what its class's own __sizeof__() says";
	if ((state->flags & DECODED_APPROXIMATE) != 0)
		return "~ as its type says; a __sizeof__() of its own is not run";
	return "= sys.getsizeof()";
}

/* The answer for one object, the only target. */
static void show_parts(struct report *report, const struct size_answer *answer)
{
	report_title(report, 0, &answer->description, answer->refcount);
	exact_line(report->text, "shallow", answer->shallow, shallow_words(&answer->state));
	shallow_parts(report->text, answer);
	struct text note = { .bytes = NULL };
	if (answer->allocated >= answer->shallow) {
		text_add(&note, "+");
		units_count(&note, answer->allocated - answer->shallow);
	} else {
		text_add(&note, "-");
		units_count(&note, answer->shallow - answer->allocated);
	}
	if (answer->allocated_is_estimate)
		text_add(&note, ", an estimate");
	exact_line(report->text, "allocated", answer->allocated, text_string(&note));
	text_free(&note);
	allocated_parts(report->text, answer);
	allocated_at_line(report, &answer->allocated_at);
	report_flags(report, &answer->state);
}

static void fill_table(struct report *report, const struct size_list *list, struct table *table)
{
	struct text cell = { .bytes = NULL };
	for (size_t i = 0; i < list->rows.count; i++) {
		const struct size_answer *row = &list->rows.items[i];
		struct table_row *line = table_add_row(table, NULL);
		report_bytes(report, &cell, row->shallow);
		table_take(table, line, 0, &cell);
		report_bytes(report, &cell, row->allocated);
		table_take(table, line, 1, &cell);
		text_format(&cell, "0x%" PRIx64, row->address);
		table_take(table, line, 2, &cell);
		table_set(table, line, 3, text_string(&row->description));
	}
	text_free(&cell);
}

static int show_rows(struct report *report, const struct size_list *list)
{
	static const struct table_column columns[] = {
		{ "Shallow", TABLE_RIGHT },
		{ "Allocated", TABLE_RIGHT },
		{ "Address", 0 },
		{ "Object", TABLE_ELASTIC },
	};
	struct text *text = report->text;
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	units_noun(text, list->rows.count, "object");
	text_add(text, "   shallow ");
	report_bytes(report, text, list->shallow);
	text_add(text, "   allocated ");
	report_bytes(report, text, list->allocated);
	text_add(text, "\n");
	fill_table(report, list, table);
	int status = table_draw(table, text, report->error);
	table_destroy(table);
	if (list->approximate > 0) {
		text_add(text, "Approximate: ");
		units_noun(text, list->approximate, "object");
		text_add(text, " with an estimated size.\n");
	}
	return status;
}

/* part: NULL of the object itself. */
static void json_part(struct json *json, const struct allocation *allocation, const struct size_part *part)
{
	json_object(json, NULL);
	json_string(json, "role", part == NULL ? "object" : part->role);
	json_address(json, "address", allocation->address);
	json_number(json, "requested", allocation->requested);
	/* Where the target does not say exactly how many. */
	json_number(json, "requested_at_most", allocation->most);
	json_bool(json, "interior", part != NULL && part->is_interior);
	json_number(json, "allocated", allocation->taken);
	json_string(json, "allocator", allocator_name(allocation->allocator));
	json_bool(json, "counted", part == NULL || part->is_counted);
	json_bool(json, "shared", part != NULL && part->is_shared);
	json_object_end(json);
}

static void json_row(struct report *report, const struct size_answer *row)
{
	const uint32_t flags = row->state.flags;
	struct json *json = &report->json;
	json_object(json, NULL);
	json_address(json, "address", row->address);
	json_string(json, "type", row->state.type->name);
	json_number(json, "shallow", row->shallow);
	json_number(json, "allocated", row->allocated);
	json_bool(json, "approximate", (flags & DECODED_APPROXIMATE) != 0);
	json_bool(json, "allocated_approximate", row->allocated_is_estimate);
	json_bool(json, "unreadable", (flags & DECODED_UNREADABLE) != 0);
	json_bool(json, "corrupt", (flags & DECODED_CORRUPT) != 0);
	json_number(json, "presize", row->presize);
	allocated_at_json(report, &row->allocated_at);
	json_array(json, "parts");
	json_part(json, &row->own, NULL);
	for (size_t i = 0; i < row->parts.count; i++)
		json_part(json, &row->parts.items[i].allocation, &row->parts.items[i]);
	json_array_end(json);
	json_object_end(json);
}

static bool passes(const struct request *request, const struct size_answer *answer)
{
	const uint64_t measure = request_measure(request) == SIZE_ALLOCATED ? answer->allocated : answer->shallow;
	return measure >= request->min_bytes && request_matches_type(request, answer->state.type->name);
}

static int show_one(struct report *report, size_t index, void *context)
{
	struct sizes *sizes = context;
	struct size_answer answer;
	int status = query_size(&report->query, report->targets[index], &answer);
	if (status == OK && passes(report->request, &answer)) {
		coverage_add(&sizes->coverage, &answer.coverage);
		if (coverage_is_partial(&answer.coverage))
			report->exit_status = EXIT_PARTIAL;
		/* In the order of the targets, those among them that are no objects in their places. */
		if (report_is_json(report) && report->request->sort == SIZES_AS_GIVEN)
			json_row(report, &answer);
		else if (size_list_add(&sizes->list, &answer))
			return OK;
		else
			status = query_no_memory(&report->query, "the sizes");
	}
	size_answer_clear(&answer);
	return status;
}

static int show_list(struct report *report, void *context)
{
	struct size_list *list = &((struct sizes *)context)->list;
	size_list_sort(list, (enum sizes_order)report->request->sort);
	if (report_is_json(report)) {
		for (size_t i = 0; i < list->rows.count; i++)
			json_row(report, &list->rows.items[i]);
		return OK;
	}
	if (list->rows.count == 0)
		return OK;
	if (report->request->targets.count > 1)
		TRY(show_rows(report, list));
	else
		show_parts(report, &list->rows.items[0]);
	report_next(report, "deepsize referents object", list->rows.items[0].address);
	return OK;
}

int sizeof_report(struct report *report)
{
	struct sizes sizes = { .list = { .shallow = 0 } };
	const struct report_targets targets = {
		.show = show_one, .end = show_list, .context = &sizes, .coverage = &sizes.coverage
	};
	int status = report_each_target(report, &targets);
	size_list_clear(&sizes.list);
	return status;
}
