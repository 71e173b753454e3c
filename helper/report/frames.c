/* SPDX-License-Identifier: MIT
 * frames: the Python stack of every thread, and what each frame and each of its locals weighs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/groups.h"
#include "base/address_map.h"
#include "base/limits.h"
#include "object/value.h"
#include "names/locals.h"
#include "report/heap.h"
#include "query/holder.h"
#include "query/naming.h"
#include "query/thread_name.h"
#include "report/stacks.h"
#include "render/table.h"
#include "render/units.h"

struct local {
	struct text name; /* not escaped */
	uint64_t address;
	const struct type_info *type; /* NULL: not an object */
	uint64_t deep, retained;
};

struct frame {
	const struct holder *holder;
	ARRAY(struct local) locals; /* those that retain most first */
	uint64_t deep, only_here;
};

struct frames {
	struct report *report;
	const struct retained *heap;
	struct naming *naming;
	uint64_t *only_here; /* by holder: bytes that the frame alone keeps alive */
	struct address_map known; /* deep sizes of locals, which several frames have: index in deep */
	ARRAY(uint64_t) deep;
	uint64_t first; /* the local to look at next */
	uint64_t first_retained;
};

static int no_memory(struct frames *frames)
{
	return error_set(frames->report->error, ERROR_NO_MEMORY, "out of memory for the frames");
}

/* ---- Weighing ---- */

/* What a frame consists of in the graph: the holder, the frame object if there is one, and the generator that the frame
 * lies in. */
static void mark_frame(const struct frames *frames, uint32_t index, uint32_t *group)
{
	enum { OWNED_BY_GENERATOR = 1 };
	const struct holder *holder = &frames->heap->graph->roots.holders.items[index];
	const struct layout *layout = frames->report->decoder->layout;
	uint64_t objects[] = { holder->frame.frame_object, 0 };
	uint32_t number = retained_holder_number(frames->heap, index);
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		objects[0] = holder->frame.address;
	else if (holder->frame.owner == OWNED_BY_GENERATOR && layout_has(layout, FIELD_PyGenObject_gi_iframe))
		objects[1] = holder->frame.address - layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	if (number != UINT32_MAX)
		group[number] = index;
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
		number = objects[i] != 0 ? retained_number(frames->heap, objects[i]) : UINT32_MAX;
		if (number != UINT32_MAX)
			group[number] = index;
	}
}

static int weigh_frames(struct frames *frames)
{
	const struct roots *roots = &frames->heap->graph->roots;
	const size_t numbers = frames->heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	frames->only_here = calloc(roots->holders.count + 1, sizeof *frames->only_here);
	if (group == NULL || frames->only_here == NULL) {
		free(group);
		return no_memory(frames);
	}
	memset(group, 0xff, (numbers + 1) * sizeof *group);
	for (uint32_t i = 0; i < roots->holders.count; i++)
		if (roots->holders.items[i].kind == HOLDER_FRAME)
			mark_frame(frames, i, group);
	int status = retained_groups(frames->heap, group, (uint32_t)roots->holders.count, frames->only_here,
	                             frames->report->progress, frames->report->error);
	free(group);
	return status;
}

static int find_deep(struct frames *frames, const uint64_t *objects, size_t count, uint64_t *ret_deep)
{
	struct report *report = frames->report;
	struct walk_result result = { .count = 0 };
	struct walk *walk;
	*ret_deep = 0;
	if (count == 0)
		return OK;
	TRY(report_walk(report, &walk));
	int status = walk_deep(walk, objects, count, POLICY_DATA, report->progress, &result, report->error);
	*ret_deep = result.bytes;
	walk_result_clear(&result);
	return status;
}

static int find_local_deep(struct frames *frames, struct local *local)
{
	const uint32_t known = address_map_get(&frames->known, local->address);
	if (known != ADDRESS_MAP_NONE) {
		local->deep = frames->deep.items[known];
		return OK;
	}
	TRY(find_deep(frames, &local->address, 1, &local->deep));
	if (!address_map_set(&frames->known, local->address, (uint32_t)frames->deep.count) ||
	    !array_push(&frames->deep, local->deep))
		return no_memory(frames);
	return OK;
}

static int compare_locals(const void *left_local, const void *right_local)
{
	const struct local *left = left_local, *right = right_local;
	if (left->retained != right->retained)
		return left->retained > right->retained ? -1 : 1;
	return strcmp(text_string(&left->name), text_string(&right->name));
}

static int add_local(struct frames *frames, struct frame *frame, struct local *local)
{
	struct decoder *decoder = frames->report->naming;
	uint64_t type;
	if (value_field(&decoder->objects, local->address, FIELD_PyObject_ob_type, &type))
		local->type = decode_type(decoder, type);
	(void)retained_of(frames->heap, local->address, &local->retained);
	if (array_push(&frame->locals, *local))
		return OK;
	text_free(&local->name);
	return no_memory(frames);
}

static int gather_locals(struct frames *frames, struct frame *frame)
{
	struct decoder *decoder = frames->report->naming;
	const struct python_frame *python = &frame->holder->frame;
	for (uint32_t i = 0; i < python->slot_count; i++) {
		struct local local = { .address = local_value(decoder, python, i) };
		if (local.address == 0)
			continue;
		names_local(decoder, python->code, i, &local.name);
		TRY(add_local(frames, frame, &local));
	}
	struct dict_cursor names;
	uint64_t key, value;
	bool has_names = local_namespace(decoder, python, &names);
	while (has_names && names.next < LIMIT_FRAME_SLOTS && dict_cursor_next(&names, &key, &value)) {
		struct local local = { .address = value };
		(void)value_str(&decoder->objects, key, LIMIT_STRING_SHOWN, &local.name);
		TRY(add_local(frames, frame, &local));
	}
	if (frame->locals.count > 1)
		qsort(frame->locals.items, frame->locals.count, sizeof *frame->locals.items, compare_locals);
	return OK;
}

static bool passes(const struct frames *frames, const struct local *local)
{
	return local->retained >= frames->report->request->min_bytes;
}

static int gather_frame(struct frames *frames, uint32_t holder, struct frame *frame)
{
	*frame = (struct frame){ .holder = &frames->heap->graph->roots.holders.items[holder],
		                 .only_here = frames->only_here[holder] };
	TRY(gather_locals(frames, frame));
	uint64_t *objects = malloc((frame->locals.count + 1) * sizeof *objects);
	if (objects == NULL)
		return no_memory(frames);
	uint64_t rows = 0;
	int status = OK;
	for (size_t i = 0; i < frame->locals.count; i++) {
		struct local *local = &frame->locals.items[i];
		objects[i] = local->address;
		if (status == OK && passes(frames, local) && rows++ < frames->report->request->limit)
			status = find_local_deep(frames, local);
		if (frames->first == 0 || local->retained > frames->first_retained) {
			frames->first = local->address;
			frames->first_retained = local->retained;
		}
	}
	if (status == OK)
		status = find_deep(frames, objects, frame->locals.count, &frame->deep);
	free(objects);
	return status;
}

static void frame_clear(struct frame *frame)
{
	for (size_t i = 0; i < frame->locals.count; i++)
		text_free(&frame->locals.items[i].name);
	array_free(&frame->locals);
}

/* ---- Text ---- */

static int show_locals(struct frames *frames, const struct frame *frame)
{
	static const struct table_column columns[] = {
		{ "", 0 }, { "", TABLE_RIGHT }, { "", TABLE_RIGHT }, { "", 0 }, { "", 0 },
	};
	struct report *report = frames->report;
	struct table *table = table_create(columns, 5, report->style.width, false);
	struct text cell = { .bytes = NULL };
	uint64_t rows = 0, folded = 0;
	if (table == NULL)
		return no_memory(frames);
	for (size_t i = 0; i < frame->locals.count; i++) {
		const struct local *local = &frame->locals.items[i];
		if (!passes(frames, local))
			continue;
		if (rows++ >= report->request->limit) {
			folded++;
			continue;
		}
		struct table_row *line = table_add_row(table, NULL);
		text_add(&cell, "       ");
		names_escape(&cell, text_string(&local->name), local->name.length, false);
		table_take(table, line, 0, &cell);
		text_add(&cell, "deep ");
		report_bytes(report, &cell, local->deep);
		table_take(table, line, 1, &cell);
		text_add(&cell, "retained ");
		report_bytes(report, &cell, local->retained);
		table_take(table, line, 2, &cell);
		text_format(&cell, "0x%" PRIx64, local->address);
		table_take(table, line, 3, &cell);
		names_describe(report->naming, local->address, &report->names, &cell);
		table_take(table, line, 4, &cell);
	}
	int status = rows > 0 ? table_draw(table, report->text, report->error) : OK;
	table_destroy(table);
	text_free(&cell);
	if (folded > 0) {
		text_add(report->text, "       ... ");
		units_count(report->text, folded);
		text_add(report->text, " more\n");
	}
	return status;
}

static int show_frame(struct frames *frames, uint32_t holder, const struct frame *frame)
{
	struct report *report = frames->report;
	text_format(report->text, "  #%" PRIu32 " ", frame->holder->depth);
	holder_say(naming_references(frames->naming), holder, report->text);
	text_add(report->text, "   deep ");
	report_bytes(report, report->text, frame->deep);
	text_add(report->text, ", only here ");
	report_bytes(report, report->text, frame->only_here);
	text_add(report->text, "\n");
	return show_locals(frames, frame);
}

static void show_thread(struct frames *frames, const struct python_thread *thread, uint32_t holder)
{
	struct report *report = frames->report;
	struct text name = { .bytes = NULL };
	const uint32_t number = retained_holder_number(frames->heap, holder);
	thread_name(frames->report->naming, thread, &name);
	if (thread->native_id != 0)
		text_format(report->text, "Thread %" PRIu64, thread->native_id);
	else
		text_format(report->text, "Thread state 0x%" PRIx64, thread->address);
	if (name.length > 0) {
		text_add(report->text, " \"");
		names_escape(report->text, text_string(&name), name.length, false);
		text_add(report->text, "\"");
	}
	if (thread->is_selected)
		text_add(report->text, " (selected)");
	if (number != UINT32_MAX) {
		text_add(report->text, "   retained by this thread alone: ");
		report_bytes(report, report->text, frames->heap->bytes[number]);
	}
	text_add(report->text, "\n");
	text_free(&name);
}

/* ---- JSON ---- */

static void json_local(struct frames *frames, const struct local *local)
{
	struct json *json = &frames->report->json;
	json_object(json, NULL);
	json_text(json, "name", &local->name);
	json_address(json, "address", local->address);
	if (local->type != NULL)
		json_string(json, "type", local->type->name);
	else
		json_null(json, "type");
	json_number(json, "deep", local->deep);
	json_number(json, "retained", local->retained);
	stacks_json_value(frames->report, local->address);
	json_object_end(json);
}

static void json_frame(struct frames *frames, const struct frame *frame)
{
	struct json *json = &frames->report->json;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line;
	uint64_t rows = 0;
	names_frame(frames->report->naming, &frame->holder->frame, &function, &file, &line);
	json_object(json, NULL);
	json_address(json, "address", frame->holder->address);
	json_text(json, "function", &function);
	json_text(json, "file", &file);
	if (line > 0)
		json_signed(json, "line", line);
	else
		json_null(json, "line");
	json_number(json, "deep", frame->deep);
	json_number(json, "retained", frame->only_here);
	json_array(json, "locals");
	for (size_t i = 0; i < frame->locals.count; i++)
		if (passes(frames, &frame->locals.items[i]) && rows++ < frames->report->request->limit)
			json_local(frames, &frame->locals.items[i]);
	json_array_end(json);
	json_object_end(json);
	frames->report->text->failed |= function.failed | file.failed;
	text_free(&function);
	text_free(&file);
}

static void json_thread(struct frames *frames, const struct python_thread *thread, uint32_t holder)
{
	struct json *json = &frames->report->json;
	struct text name = { .bytes = NULL };
	const uint32_t number = retained_holder_number(frames->heap, holder);
	thread_name(frames->report->naming, thread, &name);
	json_object(json, NULL);
	json_number(json, "id", thread->native_id);
	json_address(json, "state", thread->address);
	if (name.length > 0)
		json_text(json, "name", &name);
	else
		json_null(json, "name");
	json_bool(json, "main", thread->is_main);
	json_bool(json, "selected", thread->is_selected);
	json_number(json, "retained", number != UINT32_MAX ? frames->heap->bytes[number] : 0);
	text_free(&name);
}

/* ---- All threads ---- */

static int show_or_write_frame(struct frames *frames, uint32_t holder)
{
	struct frame frame;
	int status = gather_frame(frames, holder, &frame);
	if (status == OK && report_is_json(frames->report))
		json_frame(frames, &frame);
	else if (status == OK)
		status = show_frame(frames, holder, &frame);
	frame_clear(&frame);
	return status;
}

static int show_frames(struct frames *frames, uint32_t thread_holder)
{
	struct report *report = frames->report;
	const struct roots *roots = &frames->heap->graph->roots;
	uint64_t count = 0, equal = 0;
	int status = OK;
	uint32_t i = thread_holder + 1;
	for (; status == OK && i < roots->holders.count; i++) {
		const struct holder *holder = &roots->holders.items[i];
		if (holder->kind != HOLDER_FRAME || holder->parent != thread_holder)
			break;
		/* A recursion is its first frame, and how many more there are. */
		if (!report_is_json(report) && i > thread_holder + 1 &&
		    frames_are_alike(&holder[-1].frame, &holder->frame)) {
			equal += count <= report->request->limit;
			continue;
		}
		frames_folded(report, &holder[-1].frame, &equal);
		if (count++ < report->request->limit)
			status = show_or_write_frame(frames, i);
	}
	if (report_is_json(report))
		return status;
	frames_folded(report, &roots->holders.items[i - 1].frame, &equal);
	if (count == 0)
		text_add(report->text, "  no Python frame\n");
	if (status == OK && count > report->request->limit) {
		text_add(report->text, "  ... ");
		units_count(report->text, count - report->request->limit);
		text_add(report->text, " more frames (-n 0 shows all)\n");
	}
	return status;
}

static int show_threads(struct frames *frames)
{
	struct report *report = frames->report;
	const struct runtime *runtime = report->decoder->context->runtime;
	const struct roots *roots = &frames->heap->graph->roots;
	int status = OK;
	bool is_first = true;
	for (uint32_t i = 0; status == OK && i < roots->holders.count; i++) {
		if (roots->holders.items[i].kind != HOLDER_THREAD)
			continue;
		const struct python_thread *thread = &runtime->threads.items[roots->holders.items[i].thread];
		if (report_is_json(report)) {
			json_thread(frames, thread, i);
			json_array(&report->json, "frames");
			status = show_frames(frames, i);
			json_array_end(&report->json);
			json_object_end(&report->json);
			continue;
		}
		if (!is_first)
			text_add(report->text, "\n");
		is_first = false;
		show_thread(frames, thread, i);
		status = show_frames(frames, i);
	}
	return status;
}

static int show(struct frames *frames)
{
	struct report *report = frames->report;
	const struct heap_graph *graph = frames->heap->graph;
	TRY(weigh_frames(frames));
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "threads");
		int status = show_threads(frames);
		json_array_end(&report->json);
		json_bool(&report->json, "truncated", graph->roots.frames_truncated);
		report_coverage_json(report, &graph->coverage);
		report_json_end(report);
		return status;
	}
	int status = show_threads(frames);
	text_add(report->text, "\nDeep: reached from the locals. Only here: what the frame alone keeps alive.\n");
	report_measure_line(report);
	report_coverage(report, &graph->coverage);
	if (frames->first != 0)
		report_next(report, "deepsize:-t object", frames->first);
	return status;
}

int frames_report(struct report *report)
{
	struct frames frames = { .report = report };
	if (request_has(report->request, OPTION_NO_RETAINED))
		return stacks_report(report);
	TRY(report_heap(report, &frames.heap));
	TRY(naming_open(&frames.naming, &report->query, frames.heap));
	int status = show(&frames);
	naming_close(frames.naming);
	free(frames.only_here);
	array_free(&frames.deep);
	address_map_clear(&frames.known);
	return status;
}
