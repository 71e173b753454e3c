/* SPDX-License-Identifier: MIT */
#include "report/stacks.h"

#include <inttypes.h>
#include <string.h>

#include "names/locals.h"
#include "object/value.h"
#include "query/thread_name.h"
#include "render/units.h"
#include "report/place.h"

struct stack {
	const struct python_thread *thread;
	struct frame_list frames;
	bool truncated;
	uint32_t alike; /* later threads with an equal stack */
	bool is_merged; /* an earlier one has it */
};

struct stacks {
	struct report *report;
	ARRAY(struct stack) rows;
	bool truncated;
};

bool frames_are_alike(const struct python_frame *left, const struct python_frame *right)
{
	return left->code == right->code && left->last_instruction == right->last_instruction;
}

void frames_folded(struct report *report, const struct python_frame *frame, uint64_t *count)
{
	if (*count == 0)
		return;
	text_add(report->text, "     ... ");
	units_count(report->text, *count);
	text_add(report->text, " more of ");
	place_text(report, frame, report->text);
	text_add(report->text, "\n");
	*count = 0;
}

void stacks_json_value(struct report *report, uint64_t object)
{
	struct text value = { .bytes = NULL };
	if (!report->names.show_values)
		return;
	names_describe(report->naming, object, &report->names, &value);
	json_text(&report->json, "value", &value);
	report->text->failed |= value.failed;
	text_free(&value);
}

/* ---- Gathering ---- */

static bool is_equal(const struct stack *left, const struct stack *right)
{
	if (left->frames.count != right->frames.count || left->frames.count == 0)
		return false;
	for (size_t i = 0; i < left->frames.count; i++)
		if (!frames_are_alike(&left->frames.items[i], &right->frames.items[i]))
			return false;
	return true;
}

static void merge(struct stacks *stacks)
{
	enum { KINDS_COMPARED = 256 };
	for (uint32_t i = 0; i < stacks->rows.count; i++)
		for (uint32_t k = 0, kinds = 0; k < i && kinds < KINDS_COMPARED; k++) {
			struct stack *first = &stacks->rows.items[k];
			if (first->is_merged)
				continue;
			kinds++;
			if (!is_equal(first, &stacks->rows.items[i]))
				continue;
			first->alike++;
			stacks->rows.items[i].is_merged = true;
			break;
		}
}

static int gather(struct stacks *stacks)
{
	struct report *report = stacks->report;
	const struct runtime *runtime = report->target->runtime;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		struct stack stack = { .thread = &runtime->threads.items[i] };
		int status = runtime_frames(runtime, stack.thread, &stack.frames, &stack.truncated, report->error);
		stacks->truncated |= stack.truncated;
		if (status == OK && !array_push(&stacks->rows, stack))
			status = query_no_memory(&report->query, "the stacks");
		if (status < 0) {
			free(stack.frames.items);
			return status;
		}
		if (report_is_cancelled(report))
			return report_cancelled(report);
	}
	return OK;
}

/* ---- Text ---- */

static void thread_line(struct stacks *stacks, const struct stack *stack)
{
	struct text *text = stacks->report->text;
	struct text name = { .bytes = NULL };
	thread_name(stacks->report->naming, stack->thread, &name);
	if (stack->thread->native_id != 0)
		text_format(text, "Thread %" PRIu64, stack->thread->native_id);
	else
		text_format(text, "Thread state 0x%" PRIx64, stack->thread->address);
	if (name.length > 0) {
		text_add(text, " \"");
		names_escape(text, text_string(&name), name.length, false);
		text_add(text, "\"");
	}
	if (stack->thread->is_selected)
		text_add(text, " (selected)");
	if (stack->alike > 0) {
		text_add(text, " and ");
		units_count(text, stack->alike);
		text_add(text, stack->alike == 1 ? " more that stands alike" : " more that stand alike");
	}
	text_add(text, "\n");
	text_free(&name);
}

static void show_locals(struct report *report, const struct python_frame *frame)
{
	struct text name = { .bytes = NULL };
	uint64_t shown = 0;
	for (uint32_t i = 0; i < frame->slot_count && shown < report->request->limit; i++) {
		const uint64_t value = local_value(report->naming, frame, i);
		if (value == 0)
			continue;
		shown++;
		text_reset(&name);
		names_local(report->naming, frame->code, i, &name);
		text_add(report->text, "       ");
		names_escape(report->text, text_string(&name), name.length, false);
		text_format(report->text, "  0x%" PRIx64 "  ", value);
		names_describe(report->naming, value, &report->names, report->text);
		text_add(report->text, "\n");
	}
	text_free(&name);
}

static void show_stack(struct stacks *stacks, const struct stack *stack)
{
	struct report *report = stacks->report;
	uint64_t count = 0, equal = 0;
	thread_line(stacks, stack);
	for (size_t i = 0; i < stack->frames.count; i++) {
		const struct python_frame *frame = &stack->frames.items[i];
		if (i > 0 && frames_are_alike(&frame[-1], frame)) {
			equal += count <= report->request->limit;
			continue;
		}
		if (i > 0)
			frames_folded(report, &frame[-1], &equal);
		if (count++ >= report->request->limit)
			continue;
		text_format(report->text, "  #%zu ", i);
		place_text(report, frame, report->text);
		text_add(report->text, "\n");
		show_locals(report, frame);
	}
	if (stack->frames.count > 0)
		frames_folded(report, &stack->frames.items[stack->frames.count - 1], &equal);
	else
		text_add(report->text, "  no Python frame\n");
	if (count > report->request->limit) {
		text_add(report->text, "  ... ");
		units_count(report->text, count - report->request->limit);
		text_add(report->text, " more frames (-n 0 shows all)\n");
	}
}

static int show_text(struct stacks *stacks)
{
	struct report *report = stacks->report;
	bool is_first = true;
	merge(stacks);
	for (size_t i = 0; i < stacks->rows.count; i++) {
		if (stacks->rows.items[i].is_merged)
			continue;
		text_add(report->text, is_first ? "" : "\n");
		is_first = false;
		show_stack(stacks, &stacks->rows.items[i]);
		TRY(report_deliver(report));
	}
	if (stacks->truncated)
		text_add(report->text, "A stack could not be followed to its end.\n");
	report_next(report, "threads frames", 0);
	return OK;
}

/* ---- JSON ---- */

static void json_locals(struct report *report, const struct python_frame *frame)
{
	struct json *json = &report->json;
	struct text name = { .bytes = NULL };
	uint64_t rows = 0;
	json_array(json, "locals");
	for (uint32_t i = 0; i < frame->slot_count && rows < report->request->limit; i++) {
		const uint64_t value = local_value(report->naming, frame, i);
		if (value == 0)
			continue;
		rows++;
		text_reset(&name);
		names_local(report->naming, frame->code, i, &name);
		const struct type_info *type = query_type(&report->query, value);
		json_object(json, NULL);
		json_text(json, "name", &name);
		json_address(json, "address", value);
		if (type != NULL)
			json_string(json, "type", type->name);
		else
			json_null(json, "type");
		stacks_json_value(report, value);
		json_object_end(json);
	}
	json_array_end(json);
	report->text->failed |= name.failed;
	text_free(&name);
}

static int show_json(struct stacks *stacks)
{
	struct report *report = stacks->report;
	struct json *json = &report->json;
	report_json_begin(report);
	json_array(json, "threads");
	for (size_t i = 0; i < stacks->rows.count; i++) {
		const struct stack *stack = &stacks->rows.items[i];
		struct text name = { .bytes = NULL };
		thread_name(report->naming, stack->thread, &name);
		json_object(json, NULL);
		json_number(json, "id", stack->thread->native_id);
		json_address(json, "state", stack->thread->address);
		if (name.length > 0)
			json_text(json, "name", &name);
		else
			json_null(json, "name");
		text_free(&name);
		json_bool(json, "selected", stack->thread->is_selected);
		json_array(json, "frames");
		for (size_t k = 0; k < stack->frames.count && k < report->request->limit; k++) {
			place_json_begin(report, &stack->frames.items[k]);
			json_locals(report, &stack->frames.items[k]);
			json_object_end(json);
		}
		json_array_end(json);
		json_object_end(json);
	}
	json_array_end(json);
	json_bool(json, "truncated", stacks->truncated);
	report_json_end(report);
	return OK;
}

int stacks_report(struct report *report)
{
	struct stacks stacks = { .report = report };
	int status = gather(&stacks);
	if (status == OK && stacks.truncated)
		report->exit_status = EXIT_PARTIAL;
	if (status == OK)
		status = report_is_json(report) ? show_json(&stacks) : show_text(&stacks);
	for (size_t i = 0; i < stacks.rows.count; i++)
		free(stacks.rows.items[i].frames.items);
	array_free(&stacks.rows);
	return status;
}
