/* SPDX-License-Identifier: MIT
 * The locals of the frames that one of a group, a task, coroutine or greenlet, stands in. */
#include <inttypes.h>

#include "base/limits.h"
#include "names/locals.h"
#include "query/tasks/awaitable.h"
#include "report/report.h"
#include "report/tasks.h"

static bool frame_at(struct task_report *tasks, const struct task_place *place, struct python_frame *ret_frame)
{
	struct decoder *decoder = tasks->report->naming;
	if (place->code == 0 || place->object == 0)
		return false;
	if (place->object_is_frame)
		return runtime_read_frame(decoder->context->runtime, &decoder->reader, place->object, ret_frame);
	const enum awaitable_state state = awaitable_frame(decoder, place->object, ret_frame);
	return state == AWAITABLE_CREATED || state == AWAITABLE_SUSPENDED || state == AWAITABLE_RUNNING;
}

void task_locals_show(struct task_report *tasks, const struct task_place *place)
{
	struct report *report = tasks->report;
	struct python_frame frame;
	uint64_t shown = 0, more = 0;
	if (!frame_at(tasks, place, &frame))
		return;
	for (uint32_t i = 0; i < frame.slot_count && i < LIMIT_FRAME_SLOTS; i++) {
		struct text name = { .bytes = NULL };
		const uint64_t value = local_value(report->naming, &frame, i);
		if (value == 0 || shown >= report->request->limit) {
			more += value != 0;
			continue;
		}
		shown++;
		names_local(report->naming, frame.code, i, &name);
		text_add(report->text, "          ");
		names_escape(report->text, text_string(&name), name.length, false);
		text_format(report->text, "  0x%" PRIx64 "  ", value);
		names_describe(report->naming, value, &report->names, report->text);
		text_add(report->text, "\n");
		text_free(&name);
	}
	if (more > 0)
		text_format(report->text, "          ... %" PRIu64 " more\n", more);
}

void task_locals_json(struct task_report *tasks, const struct task_place *place)
{
	struct report *report = tasks->report;
	struct json *json = &report->json;
	struct python_frame frame;
	struct text words = { .bytes = NULL };
	json_array(json, "locals");
	const bool is_known = frame_at(tasks, place, &frame);
	for (uint32_t i = 0; is_known && i < frame.slot_count && i < LIMIT_FRAME_SLOTS; i++) {
		const uint64_t value = local_value(report->naming, &frame, i);
		if (value == 0)
			continue;
		json_object(json, NULL);
		text_reset(&words);
		names_local(report->naming, frame.code, i, &words);
		json_text(json, "name", &words);
		json_address(json, "address", value);
		text_reset(&words);
		names_type(&words, query_type(&report->query, value));
		json_text(json, "type", &words);
		if (report->names.show_values) {
			text_reset(&words);
			names_describe(report->naming, value, &report->names, &words);
			json_text(json, "value", &words);
		}
		json_object_end(json);
	}
	json_array_end(json);
	report->text->failed |= words.failed;
	text_free(&words);
}
