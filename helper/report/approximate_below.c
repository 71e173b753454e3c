/* SPDX-License-Identifier: MIT */
#include "report/approximate_below.h"

#include "render/units.h"

void approximate_below_line(struct report *report, const struct approximate_below *below)
{
	struct text note = { .bytes = NULL };
	if (below->count == 0)
		return;
	text_add(&note, "of retained: ");
	units_noun(&note, below->count, "object");
	text_add(&note, " with approximate references, so retained is approximate");
	report_size_line(report, "approx.", below->bytes, text_string(&note));
	text_free(&note);
}

void approximate_below_json(struct json *json, const struct approximate_below *below)
{
	json_object(json, "retained_approximate");
	json_number(json, "count", below->count);
	json_number(json, "bytes", below->bytes);
	json_object_end(json);
}
