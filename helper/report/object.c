/* SPDX-License-Identifier: MIT
 * object: what is at an address. */
#include <inttypes.h>

#include "decode/allocated.h"
#include "report/referents.h"
#include "report/units.h"

static void show_json(struct report *report, const struct referents *referents, const struct allocated *allocated,
                      int64_t refcount)
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
	json_bool(json, "approximate", (out->flags & DECODED_APPROXIMATE) != 0);
	json_bool(json, "unreadable", (out->flags & DECODED_UNREADABLE) != 0);
	json_bool(json, "corrupt", (out->flags & DECODED_CORRUPT) != 0);
	json_number(json, "total", referents->total);
	referents_json(report, referents);
	json_object_end(json);
	text_free(&described);
}

static int show_text(struct report *report, size_t index, const struct referents *referents,
                     const struct allocated *allocated)
{
	const struct decoded *out = &report->decoder->out;
	struct text *text = report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(report, index, true);
	text_add(text, "  type      ");
	report_type_name(text, out->type);
	text_format(text, "   0x%" PRIx64 "\n", out->type->address);
	report_size_line(report, "shallow", out->shallow, NULL);
	report_size_line(report, "allocated", allocated->bytes, allocated->approximate ? "an estimate" : NULL);
	text_add(text, "  ");
	units_noun(text, referents->total, "reference");
	text_add(text, "\n");
	int status = referents_table(report, referents);
	report_flags(report, out);
	report_next(report, "deepsize referents sizeof", out->address);
	return status;
}

static int show_one(struct report *report, size_t index)
{
	const int64_t refcount = report_refcount(report->decoder, report->targets[index]);
	const struct allocated allocated = allocated_of_object(report->decoder);
	struct referents referents;
	int status = referents_gather(report, &referents);
	int shown = OK;
	if (report_is_json(report))
		show_json(report, &referents, &allocated, refcount);
	else
		shown = show_text(report, index, &referents, &allocated);
	referents_clear(&referents);
	return status < 0 ? status : shown;
}

int object_report(struct report *report)
{
	return report_each_target(report, show_one);
}
