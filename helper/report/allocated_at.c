/* SPDX-License-Identifier: MIT */
#include "report/allocated_at.h"

#include "render/units.h"

void allocated_at_line(struct report *report, const struct allocated_at *at)
{
	if (!at->is_traced || at->stack.count == 0)
		return;
	text_add(report->text, "  allocated at ");
	traced_lines_name(&at->lines, at->stack.first, report->text);
	for (uint32_t i = 1; i < at->stack.count; i++) {
		text_add(report->text, i == 1 ? " (from " : ", ");
		traced_lines_name(&at->lines, at->stack.first + i, report->text);
	}
	text_add(report->text, at->stack.count > 1 ? ")" : "");
	if (at->is_reused) {
		text_add(report->text, "; traced with ");
		units_count(report->text, at->bytes);
		text_add(report->text, " bytes: the memory is another object's that was reused");
	}
	text_add(report->text, "\n");
}

void allocated_at_json(struct report *report, const struct allocated_at *at)
{
	struct json *json = &report->json;
	if (!at->is_traced) {
		json_null(json, "allocated_at");
		return;
	}
	json_number(json, "traced", at->bytes);
	json_array(json, "allocated_at");
	for (uint32_t i = 0; i < at->stack.count; i++) {
		const uint32_t file = at->lines.frame_files.items[at->stack.first + i];
		json_object(json, NULL);
		json_string(json, "file", file == UINT32_MAX ? "?" : at->lines.files.items[file]);
		json_number(json, "line", at->lines.traced.frames.items[at->stack.first + i].line);
		json_object_end(json);
	}
	json_array_end(json);
}
