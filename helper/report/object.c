/* SPDX-License-Identifier: MIT
 * object: what is at an address. */
#include <inttypes.h>

#include "decode/allocated.h"
#include "report/address_at.h"
#include "report/allocated_at.h"
#include "report/heap.h"
#include "report/lock_at.h"
#include "query/naming.h"
#include "report/referents.h"
#include "render/units.h"

/* What leads to an object, and what it keeps alive. */
struct ownership {
	bool is_asked; /* not --no-retained */
	bool is_reachable;
	uint64_t retained;
	struct text owner; /* "": nothing that has a name */
};

static int find_owner(struct report *report, uint64_t object, struct ownership *ownership)
{
	*ownership = (struct ownership){ .is_asked = !request_has(report->request, OPTION_NO_RETAINED) };
	const struct retained *heap;
	struct naming *naming;
	if (!ownership->is_asked)
		return OK;
	TRY(report_heap(report, &heap));
	ownership->is_reachable = retained_of(heap, object, &ownership->retained);
	TRY(naming_open(&naming, &report->query, heap));
	(void)naming_object(naming, object, &ownership->owner);
	naming_close(naming);
	return OK;
}

static void show_owner(struct report *report, const struct ownership *ownership)
{
	if (!ownership->is_asked)
		return;
	if (!ownership->is_reachable) {
		text_add(report->text, "  owner     none: garbage, or no object of the heap\n");
		return;
	}
	report_size_line(report, "retained", ownership->retained,
	                 request_measure(report->request) == SIZE_ALLOCATED ? "allocated, freed if this object went"
	                                                                    : "freed if this object went");
	if (ownership->owner.length > 0)
		text_format(report->text, "  owner     %s\n", text_string(&ownership->owner));
}

/* Of a type: how its instances are decoded; NULL: the object is none. */
static const struct type_info *described_type(struct report *report)
{
	const struct decoded *out = &report->decoder->out;
	if (!(out->type->flags & TYPE_IS_METATYPE))
		return NULL;
	const struct type_info *type = decode_type(report->decoder, out->address);
	return type != NULL && !(type->flags & TYPE_IS_WILD) ? type : NULL;
}

static void show_instances_json(struct report *report)
{
	struct json *json = &report->json;
	const struct type_info *type = described_type(report);
	if (type == NULL)
		return;
	json_object(json, "instances");
	json_string(json, "type", type->name);
	json_string(json, "decoder", type->entry->id);
	json_bool(json, "approximate", (type->flags & TYPE_IS_APPROXIMATE) != 0);
	json_bool(json, "python_class", (type->flags & TYPE_IS_PYTHON_CLASS) != 0);
	json_object_end(json);
}

static void show_instances(struct report *report)
{
	const struct type_info *type = described_type(report);
	if (type == NULL)
		return;
	if (type->flags & TYPE_IS_APPROXIMATE)
		text_add(report->text, "  instances by the generic rule: approximate\n");
	else
		text_format(report->text, "  instances decoded as %s\n", type->entry->id);
}

static int show_json(struct report *report, const struct referents *referents, const struct allocated *allocated,
                     int64_t refcount, const struct ownership *ownership)
{
	struct json *json = &report->json;
	const struct decoded *out = &report->decoder->out;
	struct text described = { .bytes = NULL };
	names_describe(report->naming, out->address, &report->names, &described);
	json_object(json, NULL);
	json_address(json, "address", out->address);
	json_string(json, "type", out->type->name);
	json_address(json, "type_address", out->type->address);
	json_text(json, "description", &described);
	if (refcount >= 0)
		json_signed(json, "refcount", refcount);
	else
		json_null(json, "refcount");
	json_bool(json, "immortal", refcount == -1);
	json_number(json, "shallow", out->shallow);
	json_number(json, "allocated", allocated->bytes);
	allocated_at_json(report, &allocated->own);
	if (ownership->is_reachable)
		json_number(json, "retained", ownership->retained);
	else
		json_null(json, "retained");
	if (ownership->owner.length > 0)
		json_text(json, "owner", &ownership->owner);
	else
		json_null(json, "owner");
	json_bool(json, "approximate", (out->flags & DECODED_APPROXIMATE) != 0);
	json_bool(json, "unreadable", (out->flags & DECODED_UNREADABLE) != 0);
	json_bool(json, "corrupt", (out->flags & DECODED_CORRUPT) != 0);
	show_instances_json(report);
	int status = ownership->is_asked ? lock_at_show(report, out->address) : OK;
	json_number(json, "total", referents->total);
	referents_json(report, referents);
	json_object_end(json);
	text_free(&described);
	return status;
}

static int show_text(struct report *report, size_t index, const struct referents *referents,
                     const struct allocated *allocated, const struct ownership *ownership)
{
	const struct decoded *out = &report->decoder->out;
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(report, index, true);
	text_add(text, "  type      ");
	names_type(text, out->type);
	text_format(text, "   0x%" PRIx64 "\n", out->type->address);
	report_size_line(report, "shallow", out->shallow, NULL);
	report_size_line(report, "allocated", allocated->bytes, allocated->approximate ? "an estimate" : NULL);
	allocated_at_line(report, &allocated->own);
	show_owner(report, ownership);
	show_instances(report);
	if (ownership->is_asked)
		TRY(lock_at_show(report, out->address));
	text_add(text, "  ");
	units_noun(text, referents->total, "reference");
	text_add(text, "\n");
	int status = referents_table(report, referents);
	report_flags(report, out);
	report_next(report, "deepsize referents sizeof", out->address);
	return status;
}

static int show_one(struct report *report, size_t index, void *context)
{
	(void)context;
	const int64_t refcount = query_refcount(report->decoder, report->targets[index]);
	const struct allocated allocated = allocated_of_object(report->decoder);
	struct ownership ownership;
	struct referents referents;
	int owned = find_owner(report, report->targets[index], &ownership);
	/* The graph was made with the same decoder. */
	if (!decode_object(report->decoder, report->targets[index]))
		return error_set(report->error, ERROR_FAULT, "0x%" PRIx64 " cannot be decoded again",
		                 report->targets[index]);
	int status = referents_gather(report, &referents);
	int shown = OK;
	if (report_is_json(report))
		shown = show_json(report, &referents, &allocated, refcount, &ownership);
	else
		shown = show_text(report, index, &referents, &allocated, &ownership);
	referents_clear(&referents);
	report->text->failed |= ownership.owner.failed;
	text_free(&ownership.owner);
	return owned < 0 ? owned : status < 0 ? status : shown;
}

static int show_other(struct report *report, size_t index, void *context)
{
	uint64_t owner;
	(void)context;
	if (!report_is_other_memory(report, index)) {
		(void)report_decode_target(report, index); /* says what is wrong with it */
		return OK;
	}
	const int status = address_at_show(report, index, false, &owner);
	address_at_end(report);
	return status;
}

int object_report(struct report *report)
{
	const struct report_targets targets = { .show = show_one, .show_bad = show_other };
	return report_each_target(report, &targets);
}
