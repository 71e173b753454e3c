/* SPDX-License-Identifier: MIT
 * objects: every object of the heap, one a line, written while the heap is gone through. Nothing is allocated and no
 * format is read for a line. */
#include "query/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/digits.h"
#include "render/units.h"
#include "report/losses.h"
#include "report/report.h"

enum { DELIVERED_BYTES = 1 << 18 }; /* what is handed over at once */

/* The name of a type, escaped for the output. */
struct type_words {
	char *name; /* NULL: not made yet */
	uint32_t length;
};

struct listing {
	struct report *report;
	struct objects objects;
	ARRAY(struct type_words) types; /* by type_info.index */
	struct text cell;
	uint64_t first;
};

__attribute__((noinline)) static bool meet_type(struct listing *listing, const struct type_info *type)
{
	if (type->index >= listing->types.count) {
		if (!array_reserve(&listing->types, type->index + 64))
			return false;
		memset(listing->types.items + listing->types.count, 0,
		       (listing->types.capacity - listing->types.count) * sizeof *listing->types.items);
		listing->types.count = listing->types.capacity;
	}
	struct text name = { .bytes = NULL };
	if (report_is_json(listing->report)) {
		struct json json;
		json_begin(&json, &name);
		json_string(&json, NULL, type->name);
	} else {
		names_type(&name, type);
	}
	struct type_words *words = &listing->types.items[type->index];
	words->length = (uint32_t)name.length;
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

/* ---- Lines ---- */

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
	char digits[DECIMAL_DIGITS];
	const char *first = decimal_digits(number, &digits);
	return mempcpy(at, first, (size_t)(digits + sizeof digits - first));
}

static char *put_bool(char *at, bool value)
{
	return value ? PUT(at, "true") : PUT(at, "false");
}

static void write_json(struct listing *listing, const struct object_row *row, const struct type_words *words)
{
	char line[256];
	struct text *text = listing->report->text;
	char *at = PUT(line, "{\"address\":\"");
	at = put_hex(at, row->address);
	at = PUT(at, "\",\"type\":");
	text_append(text, line, (size_t)(at - line));
	text_append(text, words->name, words->length);
	at = PUT(line, ",\"shallow\":");
	at = put_decimal(at, row->shallow);
	at = PUT(at, ",\"allocated\":");
	at = put_decimal(at, row->allocated);
	if (listing->report->query.measure == SIZE_NATIVE) {
		at = PUT(at, ",\"native\":");
		at = put_decimal(at, row->native);
	}
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
static void write_text(struct listing *listing, const struct object_row *row, const struct type_words *words)
{
	static const char blanks[] = "                    ";
	enum { ADDRESS_COLUMNS = 14, SIZE_COLUMNS = 14 };
	char line[64];
	struct report *report = listing->report;
	struct text *text = report->text;
	const uint64_t bytes = object_row_bytes(row, report->query.measure);
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
	text_append(text, words->name, words->length);
	text_add(text, row->is_reachable ? "\n" : "  (unreachable)\n");
}

static int write_row(struct listing *listing, const struct object_row *row)
{
	struct report *report = listing->report;
	const struct type_words *words = words_of(listing, row->type);
	if (words == NULL)
		return query_no_memory(&report->query, "the list of objects");
	if (listing->first == 0)
		listing->first = row->address;
	if (report_is_json(report))
		write_json(listing, row, words);
	else
		write_text(listing, row, words);
	return report->text->length >= DELIVERED_BYTES ? report_deliver(report) : OK;
}

static void show_footer(struct listing *listing)
{
	const struct objects *objects = &listing->objects;
	struct report *report = listing->report;
	struct text *text = report->text;
	report_more(report, objects->matching - objects->shown);
	units_noun(text, objects->matching, "object");
	text_add(text, ", ");
	report_bytes(report, text, objects->shallow);
	text_add(text, " shallow");
	if (report->query.measure == SIZE_ALLOCATED) {
		text_add(text, ", ");
		report_bytes(report, text, objects->allocated);
		text_add(text, " allocated");
	} else if (report->query.measure == SIZE_NATIVE) {
		text_add(text, ", ~");
		report_bytes(report, text, objects->native);
		text_add(text, " of C code");
	}
	text_add(text, "\n");
	report_coverage(report, objects->coverage);
	if (listing->first != 0)
		report_next(report, "object path referrers", listing->first);
}

/* The last line: what was lost before anybody looked, where anything was. */
static void write_json_losses(struct report *report)
{
	struct json json;
	if (!losses_are_there(report))
		return;
	json_begin(&json, report->text);
	json_object(&json, NULL);
	losses_json(&json, report);
	json_object_end(&json);
	json_end(&json);
}

static int list(struct listing *listing)
{
	struct report *report = listing->report;
	struct object_row row;
	int found;
	if (coverage_is_partial(listing->objects.coverage))
		report->exit_status = EXIT_PARTIAL;
	if (!report_is_json(report))
		text_format(report->text, "Address     %16s  Type\n", report_measure_heading(report));
	while ((found = objects_next(&listing->objects, &row)) > 0)
		TRY(write_row(listing, &row));
	if (found == 0 && report_is_json(report))
		write_json_losses(report);
	else if (found == 0)
		show_footer(listing);
	return found;
}

int objects_report(struct report *report)
{
	const struct request *request = report->request;
	const struct objects_question question = { .types = request_types(request),
		                                   .min_bytes = request->min_bytes,
		                                   .limit = request->limit,
		                                   .order = (enum objects_order)request->sort,
		                                   .with_details = report_is_json(report) };
	struct listing listing = { .report = report };
	int status = objects_open(&listing.objects, &report->query, &question);
	if (status == OK)
		status = list(&listing);
	objects_close(&listing.objects);
	for (size_t i = 0; i < listing.types.count; i++)
		free(listing.types.items[i].name);
	array_free(&listing.types);
	report->text->failed |= listing.cell.failed;
	text_free(&listing.cell);
	return status;
}
