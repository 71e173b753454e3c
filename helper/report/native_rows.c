/* SPDX-License-Identifier: MIT */
#include "report/native_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/path.h"
#include "report/place.h"

int native_rows_find(struct report *report, struct native_stacks_answer *ret_answer)
{
	*ret_answer = (struct native_stacks_answer){ .stacks = { .items = NULL } };
	if (!request_has(report->request, OPTION_NATIVE))
		return OK;
	const int status = query_native_stacks(&report->query, ret_answer);
	if (status != ERROR_NOT_FOUND)
		return status;
	/* The Python frames are an answer all the same. */
	if (!report_is_json(report))
		text_format(report->text, "%s\n\n", report->error->message);
	error_clear(report->error);
	return OK;
}

static const char *file_name(const struct report *report, const struct native_frame *frame)
{
	const struct address_space *space = report->target->space;
	return frame->file < space->files.count ? space->files.items[frame->file].path : NULL;
}

static void frame_line(const struct report *report, const struct native_frame *frame, struct text *text)
{
	const char *file = file_name(report, frame);
	text_add(text, "  C  ");
	if (frame->function != NULL) {
		names_escape(text, frame->function, strlen(frame->function), false);
		text_add(text, "()");
	} else {
		text_format(text, "0x%" PRIx64, frame->address);
	}
	if (file != NULL) {
		const char *base = path_base_name(file);
		text_add(text, " ");
		names_escape(text, base, strlen(base), false);
	}
	/* Cython's functions have no Python frame; names that begin so are its own (Cython's Naming.py). */
	if (frame->function != NULL && strncmp(frame->function, "__pyx_", strlen("__pyx_")) == 0)
		text_add(text, "   made by Cython");
	text_add(text, "\n");
}

static void end_line(const struct report *report, const struct thread_native *stack, size_t shown, struct text *text)
{
	if (shown < stack->frames.count && shown >= report->request->limit)
		text_format(text, "  C  ... %zu more (-n 0 shows all)\n", stack->frames.count - shown);
	else if (!stack->has_ended)
		text_add(text, "  C  ... no way further out is known\n");
}

void native_rows_above(const struct report *report, const struct thread_native *stack, struct text *text)
{
	for (size_t i = 0; i < stack->frames.count && i < report->request->limit; i++) {
		if (native_frame_runs_python(&stack->frames.items[i]))
			return;
		frame_line(report, &stack->frames.items[i], text);
	}
	end_line(report, stack, stack->frames.count, text);
}

size_t native_rows_all(struct report *report, const struct thread_native *stack, const struct frame_list *python,
                       struct text *text)
{
	size_t next = 0, i = 0;
	for (; i < stack->frames.count && i < report->request->limit; i++) {
		frame_line(report, &stack->frames.items[i], text);
		/* One call of the loop runs all up to the frame that began it. */
		for (bool more = native_frame_runs_python(&stack->frames.items[i]); more && next < python->count;
		     next++) {
			const struct python_frame frame = frame_list_at(python, next);
			text_add(text, "     ");
			place_text(report, &frame, text);
			text_add(text, "\n");
			more = !frame.ends_call;
		}
	}
	end_line(report, stack, i, text);
	return next;
}

void native_rows_json(struct report *report, const struct thread_native *stack)
{
	struct json *json = &report->json;
	json_array(json, "native");
	for (size_t i = 0; i < stack->frames.count; i++) {
		const struct native_frame *frame = &stack->frames.items[i];
		const char *file = file_name(report, frame);
		json_object(json, NULL);
		if (frame->function != NULL)
			json_string(json, "function", frame->function);
		else
			json_null(json, "function");
		if (file != NULL)
			json_string(json, "file", file);
		else
			json_null(json, "file");
		json_address(json, "address", frame->address);
		json_bool(json, "runs_python", native_frame_runs_python(frame));
		json_object_end(json);
	}
	json_array_end(json);
}
