/* SPDX-License-Identifier: MIT
 * frames: the Python stack of every thread, and what each frame and each of its locals weighs. */
#include "query/frames/frames.h"

#include <inttypes.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"
#include "report/native_rows.h"
#include "report/native_words.h"
#include "report/place.h"
#include "report/report.h"

struct frames {
	struct report *report;
	struct frames_answer found;
	struct native_stacks_answer native; /* with --native */
};

static const struct python_thread *python_thread(const struct frames *frames, const struct frame_stack *stack)
{
	return &frames->report->target->runtime->threads.items[stack->thread];
}

/* ---- Text ---- */

static void local_cells(struct frames *frames, const struct frame_local *local, struct table *table)
{
	struct report *report = frames->report;
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	uint32_t column = 0;
	text_add(&cell, "       ");
	names_escape(&cell, text_string(&local->name), local->name.length, false);
	table_take(table, line, column++, &cell);
	if (frames->found.has_weights) {
		text_add(&cell, "deep ");
		report_bytes(report, &cell, local->deep);
		table_take(table, line, column++, &cell);
		text_add(&cell, "retained ");
		report_bytes(report, &cell, local->retained);
		if (local->native > 0) {
			text_add(&cell, frames->found.native.is_exact ? ", native " : ", ~native ");
			report_bytes(report, &cell, local->native);
		}
		table_take(table, line, column++, &cell);
	}
	text_format(&cell, "0x%" PRIx64, local->address);
	table_take(table, line, column++, &cell);
	names_describe(report->naming, local->address, &report->names, &cell);
	table_take(table, line, column, &cell);
	text_free(&cell);
}

static int show_locals(struct frames *frames, const struct frame_row *row)
{
	static const struct table_column columns[] = {
		{ "", 0 }, { "", TABLE_RIGHT }, { "", TABLE_RIGHT }, { "", 0 }, { "", 0 },
	};
	static const struct table_column plain_columns[] = { { "", 0 }, { "", 0 }, { "", 0 } };
	struct report *report = frames->report;
	const bool weighed = frames->found.has_weights;
	if (row->locals.count == 0)
		return OK;
	struct table *table =
	        table_create(weighed ? columns : plain_columns, weighed ? 5 : 3, report->style.width, false);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < row->locals.count; i++)
		local_cells(frames, &row->locals.items[i], table);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	if (row->more_locals > 0) {
		text_add(report->text, "       ... ");
		units_count(report->text, row->more_locals);
		text_add(report->text, " more\n");
	}
	return status;
}

static void row_place(struct frames *frames, const struct frame_row *row)
{
	struct report *report = frames->report;
	if (!row->full_path || row->frame.code == 0) {
		place_text(report, &row->frame, report->text);
		return;
	}
	names_place_in_file(report->naming, &row->frame, text_string(&row->path), report->text);
	if (row->is_folder_unknown)
		text_add(report->text, " (in a folder that is not known)");
}

static int show_row(struct frames *frames, const struct frame_row *row)
{
	struct report *report = frames->report;
	if (row->calls.length > 0)
		text_format(report->text, "     %s\n", text_string(&row->calls));
	text_format(report->text, "  #%" PRIu32 " ", row->depth);
	row_place(frames, row);
	if (frames->found.has_weights) {
		text_add(report->text, "   deep ");
		report_bytes(report, report->text, row->deep);
		text_add(report->text, ", only here ");
		report_bytes(report, report->text, row->only_here);
	}
	if (row->compiled != NULL) {
		text_add(report->text, "   compiled to C (");
		names_type(report->text, row->compiled);
		text_add(report->text, ")");
	}
	text_add(report->text, "\n");
	if (row->source.length > 0) {
		text_add(report->text, "     | ");
		names_escape(report->text, text_string(&row->source), row->source.length, false);
		text_add(report->text, "\n");
	}
	TRY(show_locals(frames, row));
	if (row->folded > 0) {
		text_add(report->text, "     ... ");
		units_count(report->text, row->folded);
		text_add(report->text, " more of ");
		row_place(frames, row);
		text_add(report->text, "\n");
	}
	return OK;
}

static void thread_words(struct frames *frames, const struct frame_stack *stack)
{
	struct text *text = frames->report->text;
	const struct python_thread *thread = python_thread(frames, stack);
	if (thread->native_id != 0)
		text_format(text, "Thread %" PRIu64, thread->native_id);
	else
		text_format(text, "Thread state 0x%" PRIx64, thread->address);
	if (stack->name.length == 0)
		return;
	text_add(text, " \"");
	names_escape(text, text_string(&stack->name), stack->name.length, false);
	text_add(text, "\"");
}

/* The threads that a stack stands for. */
static void show_merged(struct frames *frames, uint32_t index)
{
	enum { NAMES_SHOWN = 5 };
	struct text *text = frames->report->text;
	uint32_t shown = 0;
	for (uint32_t i = 0; i < frames->found.stacks.count; i++) {
		if (i == index || frames->found.stacks.items[i].same_as != index)
			continue;
		if (shown++ == NAMES_SHOWN) {
			text_add(text, ", ...");
			break;
		}
		text_add(text, shown == 1 ? "  and alike: " : ", ");
		thread_words(frames, &frames->found.stacks.items[i]);
	}
	text_add(text, shown > 0 ? "\n" : "");
}

static int show_stack(struct frames *frames, uint32_t index)
{
	struct report *report = frames->report;
	struct text *text = report->text;
	const struct frame_stack *stack = &frames->found.stacks.items[index];
	if (stack->same_count > 1) {
		units_noun(text, stack->same_count, "thread");
		text_add(text, ": ");
	}
	thread_words(frames, stack);
	if (python_thread(frames, stack)->is_selected)
		text_add(text, " (selected)");
	if (report->target->runtime->interpreters.count > 1 && stack->interpreter >= 0)
		text_format(text, "   interpreter %" PRId64, stack->interpreter);
	if (frames->found.has_weights) {
		text_add(text, "   retained by this thread alone: ");
		report_bytes(report, text, stack->retained);
	}
	text_add(text, "\n");
	show_merged(frames, index);
	if (stack->thread < frames->native.stacks.count)
		native_rows_above(report, &frames->native.stacks.items[stack->thread], text);
	for (size_t i = 0; i < stack->rows.count; i++)
		TRY(show_row(frames, &stack->rows.items[i]));
	if (stack->frame_count == 0)
		text_add(text, "  no Python frame\n");
	if (stack->more_rows > 0) {
		text_add(text, "  ... ");
		units_count(text, stack->more_rows);
		text_add(text, " more frames (-n 0 shows all)\n");
	}
	return OK;
}

static int show_text(struct frames *frames)
{
	struct report *report = frames->report;
	bool is_first = true;
	for (uint32_t i = 0; i < frames->found.stacks.count; i++) {
		if (frames->found.stacks.items[i].same_as != i)
			continue;
		text_add(report->text, is_first ? "" : "\n");
		is_first = false;
		TRY(show_stack(frames, i));
		TRY(report_deliver(report));
	}
	if (frames->found.is_truncated)
		text_add(report->text, "A stack could not be followed to its end.\n");
	if (!frames->found.has_weights) {
		report_next(report, "threads frames", 0);
		return OK;
	}
	text_add(report->text, "\nDeep: reached from the locals. Only here: what the frame alone keeps alive.\n");
	native_left_out_line(report, &frames->found.native);
	report_measure_line(report);
	report_coverage(report, &frames->found.coverage);
	if (frames->found.heaviest != 0)
		report_next(report, "deepsize:-t object", frames->found.heaviest);
	return OK;
}

/* ---- JSON ---- */

/* With --values what the object says. */
static void json_value(struct report *report, uint64_t object)
{
	struct text value = { .bytes = NULL };
	if (!report->names.show_values)
		return;
	names_describe(report->naming, object, &report->names, &value);
	json_text(&report->json, "value", &value);
	report->text->failed |= value.failed;
	text_free(&value);
}

static void json_local(struct frames *frames, const struct frame_local *local)
{
	struct json *json = &frames->report->json;
	json_object(json, NULL);
	json_text(json, "name", &local->name);
	json_address(json, "address", local->address);
	if (local->type != NULL)
		json_string(json, "type", local->type->name);
	else
		json_null(json, "type");
	if (frames->found.has_weights) {
		json_number(json, "deep", local->deep);
		json_number(json, "retained", local->retained);
		native_beside_row(json, &frames->found.native, local->native);
	}
	json_value(frames->report, local->address);
	json_object_end(json);
}

static void json_row(struct frames *frames, const struct frame_row *row)
{
	struct json *json = &frames->report->json;
	place_json_begin(frames->report, &row->frame);
	json_address(json, "address", row->frame.address);
	if (row->path.length > 0)
		json_text(json, "path", &row->path);
	else
		json_null(json, "path");
	if (row->source.length > 0)
		json_text(json, "source", &row->source);
	else
		json_null(json, "source");
	if (row->calls.length > 0)
		json_text(json, "calls", &row->calls);
	else
		json_null(json, "calls");
	if (row->compiled != NULL)
		json_string(json, "compiled", row->compiled->name);
	else
		json_null(json, "compiled");
	if (frames->found.has_weights) {
		json_number(json, "deep", row->deep);
		json_number(json, "retained", row->only_here);
	}
	json_array(json, "locals");
	for (size_t i = 0; i < row->locals.count; i++)
		json_local(frames, &row->locals.items[i]);
	json_array_end(json);
	json_object_end(json);
}

static void json_stack(struct frames *frames, const struct frame_stack *stack)
{
	struct json *json = &frames->report->json;
	const struct python_thread *thread = python_thread(frames, stack);
	json_object(json, NULL);
	json_number(json, "id", thread->native_id);
	json_address(json, "state", thread->address);
	if (stack->name.length > 0)
		json_text(json, "name", &stack->name);
	else
		json_null(json, "name");
	json_signed(json, "interpreter", stack->interpreter);
	json_bool(json, "main", thread->is_main);
	json_bool(json, "selected", thread->is_selected);
	if (frames->found.has_weights)
		json_number(json, "retained", stack->retained);
	if (stack->thread < frames->native.stacks.count)
		native_rows_json(frames->report, &frames->native.stacks.items[stack->thread]);
	json_array(json, "frames");
	for (size_t i = 0; i < stack->rows.count; i++)
		json_row(frames, &stack->rows.items[i]);
	json_array_end(json);
	json_object_end(json);
}

static int show_json(struct frames *frames)
{
	struct report *report = frames->report;
	struct json *json = &report->json;
	report_json_begin(report);
	json_array(json, "threads");
	for (size_t i = 0; i < frames->found.stacks.count; i++) {
		json_stack(frames, &frames->found.stacks.items[i]);
		TRY(report_deliver(report));
	}
	json_array_end(json);
	json_bool(json, "truncated", frames->found.is_truncated);
	report_coverage_json(report, &frames->found.coverage);
	report_json_end(report);
	return OK;
}

int frames_report(struct report *report)
{
	struct frames frames = { .report = report };
	const struct frames_question question = {
		.with_weights = !request_has(report->request, OPTION_NO_RETAINED),
		.is_folded = !report_is_json(report),
		.full_paths = request_has(report->request, OPTION_FULL_PATHS),
		.limit = report->request->limit,
		.min_bytes = report->request->min_bytes,
	};
	int status = query_frames(&report->query, &question, &frames.found);
	if (status >= 0)
		status = native_rows_find(report, &frames.native);
	if (status >= 0)
		status = report_is_json(report) ? show_json(&frames) : show_text(&frames);
	if (status >= 0 && frames.found.is_truncated && report->exit_status == EXIT_ANSWERED)
		report->exit_status = EXIT_PARTIAL;
	frames_answer_clear(&frames.found);
	native_stacks_answer_clear(&frames.native);
	return status;
}
