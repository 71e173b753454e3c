/* SPDX-License-Identifier: MIT */
#include "base/limits.h"
#include "object/value.h"
#include "report/report.h"
#include "report/tasks.h"

void task_name(struct task_report *tasks, uint64_t name, struct text *text)
{
	struct text string = { .bytes = NULL };
	if (name != 0 && value_str(&tasks->report->naming->objects, name, LIMIT_STRING_SHOWN, &string) > 0) {
		text_add(text, "\"");
		names_escape(text, text_string(&string), string.length, false);
		text_add(text, "\"");
	}
	text_free(&string);
}

struct python_frame task_frame(const struct task_place *place)
{
	return (struct python_frame){ .code = place->code,
		                      .last_instruction = place->instruction,
		                      .last_instruction_is_address = place->is_address };
}
