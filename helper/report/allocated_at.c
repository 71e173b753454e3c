/* SPDX-License-Identifier: MIT */
#include "report/allocated_at.h"

#include "query/traced_lines.h"
#include "render/units.h"

void allocated_at_line(struct report *report, const struct allocation *own)
{
	struct traced_lines_answer lines = { .bytes = 0 };
	struct traced_stack stack;
	uint64_t bytes;
	if (traced_lines_of_block(&lines, &report->query, own->address, &bytes, &stack) && stack.count > 0) {
		text_add(report->text, "  allocated at ");
		traced_lines_name(&lines, stack.first, report->text);
		for (uint32_t i = 1; i < stack.count; i++) {
			text_add(report->text, i == 1 ? " (from " : ", ");
			traced_lines_name(&lines, stack.first + i, report->text);
		}
		text_add(report->text, stack.count > 1 ? ")" : "");
		/* A free list keeps memory under the size that its first owner asked for. */
		if (bytes < own->requested || bytes > own->most) {
			text_add(report->text, "; traced with ");
			units_count(report->text, bytes);
			text_add(report->text, " bytes: the memory is another object's that was reused");
		}
		text_add(report->text, "\n");
	}
	traced_lines_answer_clear(&lines);
}

void allocated_at_json(struct report *report, const struct allocation *own)
{
	struct json *json = &report->json;
	struct traced_lines_answer lines = { .bytes = 0 };
	struct traced_stack stack;
	uint64_t bytes;
	if (!traced_lines_of_block(&lines, &report->query, own->address, &bytes, &stack)) {
		json_null(json, "allocated_at");
		traced_lines_answer_clear(&lines);
		return;
	}
	json_number(json, "traced", bytes);
	json_array(json, "allocated_at");
	for (uint32_t i = 0; i < stack.count; i++) {
		const uint32_t file = lines.frame_files.items[stack.first + i];
		json_object(json, NULL);
		json_string(json, "file", file == UINT32_MAX ? "?" : lines.files.items[file]);
		json_number(json, "line", lines.traced.frames.items[stack.first + i].line);
		json_object_end(json);
	}
	json_array_end(json);
	traced_lines_answer_clear(&lines);
}
