/* SPDX-License-Identifier: MIT */
#include "report/native_words.h"

#include "render/units.h"

const char *native_beside_heading(const struct native_beside *beside)
{
	return beside->is_exact ? "Native" : "~Native";
}

void native_beside_bytes(struct report *report, const struct native_beside *beside, uint64_t bytes)
{
	text_add(report->text, beside->is_exact ? "" : "~");
	report_bytes(report, report->text, bytes);
	text_add(report->text, " of C code");
}

void native_beside_line(struct report *report, const struct native_beside *beside)
{
	struct text *text = report->text;
	if (beside->private_bytes == 0)
		return;
	text_add(text, "Of ");
	report_bytes(report, text, beside->private_bytes);
	text_add(text, " private memory ");
	units_percent(text, beside->named_bytes, beside->private_bytes);
	text_add(text, "% have a known owner (memory)");
	if (beside->total > 0) {
		text_add(text, "; ");
		native_beside_bytes(report, beside, beside->total);
		text_add(text, " hang on objects (native)");
	}
	text_add(text, "\n");
}

void garbage_apart_line(struct report *report, uint64_t count, uint64_t bytes, const struct native_beside *beside)
{
	struct text *text = report->text;
	if (count == 0)
		return;
	text_add(text, "  ");
	units_noun(text, count, "object");
	if (bytes > 0) {
		text_add(text, ", ");
		report_bytes(report, text, bytes);
	}
	text_add(text, " apart: unreachable");
	if (beside->garbage > 0) {
		text_add(text, ", and ");
		native_beside_bytes(report, beside, beside->garbage);
		text_add(text, " that hang on them");
	}
	text_add(text, "; garbage says what a collection would free\n");
}

void native_left_out_line(struct report *report, const struct native_beside *beside)
{
	if (!beside->is_missed)
		return;
	text_format(report->text, "Blocks of C code%s are left out: %s\n", beside->is_known ? " of malloc" : "",
	            beside->left_out);
}

void native_beside_json(struct json *json, const struct native_beside *beside)
{
	json_object(json, "memory");
	json_number(json, "private", beside->private_bytes);
	json_number(json, "explained", beside->named_bytes);
	json_object_end(json);
	if (!beside->is_known) {
		json_null(json, "native");
	} else {
		json_object(json, "native");
		json_number(json, "bytes", beside->total);
		json_bool(json, "estimate", !beside->is_exact);
		json_object_end(json);
	}
	if (beside->left_out != NULL)
		json_string(json, "native_left_out", beside->left_out);
}

void native_beside_size(struct report *report, const struct native_beside *beside, uint32_t number)
{
	const uint64_t bytes = native_beside_of(beside, number);
	if (beside->is_missed)
		text_format(report->text, "  native    %sleft out: %s\n", beside->is_known ? "malloc's " : "",
		            beside->left_out);
	if (bytes > 0)
		report_size_line(report, beside->is_exact ? "native" : "~ native", bytes,
		                 "of C code, hang on what it retains");
}

void native_beside_row(struct json *json, const struct native_beside *beside, uint64_t bytes)
{
	if (beside->is_known)
		json_number(json, "native", bytes);
	else
		json_null(json, "native");
}

void native_beside_number(struct json *json, const struct native_beside *beside, uint32_t number)
{
	if (number != UINT32_MAX)
		native_beside_row(json, beside, native_beside_of(beside, number));
	else
		json_null(json, "native");
}
