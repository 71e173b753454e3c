/* SPDX-License-Identifier: MIT
 * object: what is at an address. */
#include "query/object.h"

#include <inttypes.h>

#include "render/units.h"
#include "report/address_at.h"
#include "report/allocated_at.h"
#include "report/approximate_below.h"
#include "report/held_from_c.h"
#include "report/native_leads_rows.h"
#include "report/native_words.h"
#include "report/lock_at.h"
#include "report/referents.h"

static void show_owner(struct report *report, const struct object_answer *answer)
{
	if (!answer->has_owner)
		return;
	if (!answer->is_reachable) {
		text_add(report->text, "  owner     none: garbage, or no object of the heap\n");
		return;
	}
	static const char *const notes[] = { [SIZE_SHALLOW] = "freed if this object went",
		                             [SIZE_ALLOCATED] = "allocated, freed if this object went",
		                             [SIZE_NATIVE] = "~ of C code, freed if this object went" };
	report_size_line(report, "retained", answer->retained, notes[report->query.measure]);
	native_beside_size(report, &answer->native, answer->number);
	held_below_line(report, &answer->from_c);
	approximate_below_line(report, &answer->approximate);
	if (answer->owner.length > 0)
		text_format(report->text, "  owner     %s\n", text_string(&answer->owner));
}

static void show_instances(struct text *text, const struct type_info *type)
{
	if (type == NULL)
		return;
	if (type->flags & TYPE_IS_APPROXIMATE)
		text_add(text, "  instances by the generic rule: approximate\n");
	else
		text_format(text, "  instances decoded as %s\n", type->entry->id);
}

static int show_text(struct report *report, size_t index, const struct object_answer *answer)
{
	const struct referents_answer *referents = &answer->referents;
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(report, index, &referents->description, referents->refcount);
	text_add(text, "  type      ");
	names_type(text, referents->type);
	text_format(text, "   0x%" PRIx64 "\n", referents->type->address);
	report_size_line(report, "shallow", answer->shallow, NULL);
	report_size_line(report, "allocated", answer->allocated, answer->allocated_is_estimate ? "an estimate" : NULL);
	allocated_at_line(report, &answer->allocated_at);
	show_owner(report, answer);
	show_instances(text, answer->instances);
	lock_at_text(text, &answer->lock);
	text_add(text, "  ");
	units_noun(text, referents->total, "reference");
	text_add(text, "\n");
	int status = referents_table(report, referents);
	if (status == OK)
		status = native_leads_table(report, &answer->leads);
	report_flags(report, &referents->state);
	report_next(report, "deepsize referents sizeof", referents->address);
	return status;
}

static void json_instances(struct json *json, const struct type_info *type)
{
	if (type == NULL)
		return;
	json_object(json, "instances");
	json_string(json, "type", type->name);
	json_string(json, "decoder", type->entry->id);
	json_bool(json, "approximate", (type->flags & TYPE_IS_APPROXIMATE) != 0);
	json_bool(json, "python_class", (type->flags & TYPE_IS_PYTHON_CLASS) != 0);
	json_object_end(json);
}

static void show_json(struct report *report, const struct object_answer *answer)
{
	const struct referents_answer *referents = &answer->referents;
	const uint32_t flags = referents->state.flags;
	struct json *json = &report->json;
	json_object(json, NULL);
	json_address(json, "address", referents->address);
	json_string(json, "type", referents->type->name);
	json_address(json, "type_address", referents->type->address);
	json_text(json, "description", &referents->description);
	if (referents->refcount >= 0)
		json_signed(json, "refcount", referents->refcount);
	else
		json_null(json, "refcount");
	json_bool(json, "immortal", referents->refcount == REFCOUNT_IMMORTAL);
	json_number(json, "shallow", answer->shallow);
	json_number(json, "allocated", answer->allocated);
	allocated_at_json(report, &answer->allocated_at);
	if (answer->is_reachable)
		json_number(json, "retained", answer->retained);
	else
		json_null(json, "retained");
	native_beside_number(json, &answer->native, answer->number);
	held_below_json(json, &answer->from_c);
	approximate_below_json(json, &answer->approximate);
	if (answer->owner.length > 0)
		json_text(json, "owner", &answer->owner);
	else
		json_null(json, "owner");
	json_bool(json, "approximate", (flags & DECODED_APPROXIMATE) != 0);
	json_bool(json, "unreadable", (flags & DECODED_UNREADABLE) != 0);
	json_bool(json, "corrupt", (flags & DECODED_CORRUPT) != 0);
	json_instances(json, answer->instances);
	lock_at_json(json, &answer->lock);
	json_number(json, "total", referents->total);
	referents_json(json, referents);
	native_leads_json(json, &answer->leads);
	json_object_end(json);
}

static int show_one(struct report *report, size_t index, void *context)
{
	struct coverage *coverage = context;
	const struct object_question question = {
		.with_owner = !request_has(report->request, OPTION_NO_RETAINED),
		.referents = referents_asked(report, index),
	};
	struct object_answer answer;
	int status = query_object(&report->query, &question, &answer), shown = OK;
	if (answer.referents.type != NULL && report_is_json(report))
		show_json(report, &answer);
	else if (answer.referents.type != NULL)
		shown = show_text(report, index, &answer);
	coverage_add(coverage, &answer.coverage);
	if (coverage_is_partial(&answer.coverage))
		report->exit_status = EXIT_PARTIAL;
	object_answer_clear(&answer);
	return status < 0 ? status : shown;
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
	struct coverage coverage = { .approximate = 0 };
	const struct report_targets targets = {
		.show = show_one, .show_bad = show_other, .context = &coverage, .coverage = &coverage
	};
	return report_each_target(report, &targets);
}
