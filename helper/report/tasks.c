/* SPDX-License-Identifier: MIT
 * tasks: asyncio's tasks and what is like them, grouped by where they stand. */
#include "query/tasks/tasks.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "names/locals.h"
#include "render/units.h"
#include "report/heap.h"
#include "query/memory/library.h"
#include "query/naming.h"
#include "report/place.h"
#include "report/tasks.h"

static bool passes(const struct task_report *tasks, const struct task_group *group)
{
	return group->retained >= tasks->report->request->min_bytes;
}

/* ---- Text ---- */

static void show_step(struct task_report *tasks, const struct task_group *group, size_t index, size_t times)
{
	struct text *text = tasks->report->text;
	const struct task_place *place = &group->chain.items[index];
	const struct python_frame frame = task_frame(place);
	text_add(text, "      ");
	if (place->code != 0)
		place_text(tasks->report, &frame, text);
	else
		names_describe(tasks->report->naming, place->object, &tasks->report->names, text);
	if (times > 1) {
		text_add(text, "   ");
		units_count(text, times);
		text_add(text, " times");
	}
	text_add(text, "\n");
	if (request_has(tasks->report->request, OPTION_LOCALS))
		task_locals_show(tasks, place);
}

/* Whether a step is not of the program. */
static bool is_installed(struct task_report *tasks, const struct task_place *place)
{
	return code_is_installed(tasks->report->naming, place->code);
}

/* The end of a run of steps, from one on, that are of packages. */
static size_t end_of_installed(struct task_report *tasks, const struct task_group *group, size_t begin)
{
	size_t end = begin;
	while (end < group->chain.count && is_installed(tasks, &group->chain.items[end]))
		end++;
	return end;
}

static bool has_other_steps(struct task_report *tasks, const struct task_group *group)
{
	for (size_t i = 0; i < group->chain.count; i++)
		if (!is_installed(tasks, &group->chain.items[i]))
			return true;
	return false;
}

/* Chains of recursive coroutines: equal steps after each other are one line. The many steps of a framework between its
 * entry and the program are one too. */
static void show_chain(struct task_report *tasks, const struct task_group *group)
{
	enum { INSTALLED_SHOWN = 4 };
	const struct request *request = tasks->report->request;
	/* A program that is a package itself has no other steps; one that a thread works for has them there. */
	const bool folds = request->limit != UINT64_MAX && !request_has(request, OPTION_LOCALS) &&
	                   (group->in_pool > 0 || has_other_steps(tasks, group));
	for (size_t i = 0, installed = 0; i < group->chain.count;) {
		const struct task_place *place = &group->chain.items[i];
		if (folds && i >= installed && (installed = end_of_installed(tasks, group, i)) > i + INSTALLED_SHOWN) {
			show_step(tasks, group, i, 1);
			text_add(tasks->report->text, "      ... ");
			units_count(tasks->report->text, installed - i - 2);
			text_add(tasks->report->text, " more of packages (-n 0 shows all)\n");
			show_step(tasks, group, installed - 1, 1);
			i = installed;
			continue;
		}
		size_t end = i + 1;
		while (end < group->chain.count && group->chain.items[end].code == place->code &&
		       group->chain.items[end].instruction == place->instruction)
			end++;
		show_step(tasks, group, i, end - i);
		i = end;
	}
}

static void show_group(struct task_report *tasks, const struct task_group *group)
{
	struct report *report = tasks->report;
	struct text *text = report->text;
	struct text words = { .bytes = NULL };
	text_add(text, "\n");
	task_count_text(group->state, group->count, text);
	text_add(text, "   retained ");
	report_bytes(report, text, group->retained);
	if (task_state_has_ended(group->state) && group->payload > 0) {
		const bool failed = group->state == TASK_FAILED || group->state == TASK_FUTURE_FAILED;
		text_format(text, ", of it %s ", failed ? "exceptions" : "results");
		report_bytes(report, text, group->payload);
	}
	text_format(text, "   first 0x%" PRIx64 "\n", group->first);
	show_chain(tasks, group);
	if (group->runs_in != UINT32_MAX) {
		text_add(text, "   runs in ");
		task_thread_text(tasks, group->runs_in, text);
		text_add(text, "\n");
	}
	task_wait_text(tasks, group, &words);
	if (words.length > 0)
		text_format(text, "   waits %s\n", text_string(&words));
	else if (group->state == TASK_PENDING)
		text_add(text, "   waits for nothing: the event loop has not come to it\n");
	else if (group->state == TASK_FUTURE)
		text_format(text, "   nobody waits for %s\n", group->count == 1 ? "it" : "them");
	text_reset(&words);
	if (group->kept_by.length > 0)
		text_format(text, "   kept by %s\n", text_string(&group->kept_by));
	if (group->not_retrieved > 0) {
		text_add(text, "   ");
		units_noun(text, group->not_retrieved, "exception");
		text_add(text, " that nobody asked for\n");
	}
	text->failed |= words.failed;
	text_free(&words);
}

static void show_head(struct task_report *tasks)
{
	struct text *text = tasks->report->text;
	uint64_t counts[TASK_STATE_COUNT] = { 0 };
	bool is_first = true;
	for (size_t i = 0; i < tasks->found.groups.count; i++)
		counts[tasks->found.groups.items[i].state] += tasks->found.groups.items[i].count;
	for (int i = 0; i < TASK_STATE_COUNT; i++) {
		if (counts[i] == 0)
			continue;
		text_add(text, is_first ? "" : ", ");
		task_count_text(i, counts[i], text);
		is_first = false;
	}
	text_add(text, is_first ? "No task, greenlet or suspended coroutine.\n" : "\n");
	for (size_t i = 0; i < tasks->found.loops.count; i++) {
		const struct loop_row *loop = &tasks->found.loops.items[i];
		text_format(text, "loop 0x%" PRIx64, loop->address);
		const struct {
			const char *name;
			int64_t count;
		} parts[] = { { "ready", loop->ready },
			      { "timers", loop->timers },
			      { "descriptors", loop->descriptors } };
		for (size_t k = 0; k < 3; k++) {
			if (parts[k].count < 0)
				continue;
			text_format(text, "   %s ", parts[k].name);
			units_count(text, (uint64_t)parts[k].count);
		}
		text_add(text, "\n");
	}
}

static void show_cycles(struct task_report *tasks)
{
	struct text *text = tasks->report->text;
	bool is_first = true;
	for (size_t i = 0; i < tasks->found.cycles.count; i++) {
		const uint32_t row = tasks->found.cycles.items[i];
		if (row == UINT32_MAX) {
			text_add(text, ", which waits for the first: none of them can go on.\n");
			is_first = true;
			continue;
		}
		text_add(text, is_first ? "\nCYCLE: task " : ", which waits for task ");
		task_name(tasks, tasks->found.rows.items[row].name, text);
		text_format(text, " 0x%" PRIx64, tasks->found.rows.items[row].address);
		is_first = false;
	}
}

static int show_text(struct task_report *tasks)
{
	struct report *report = tasks->report;
	const struct task_group *first = NULL;
	uint64_t rows = 0, folded = 0;
	show_head(tasks);
	show_cycles(tasks);
	if (request_has(report->request, OPTION_AWAITS)) {
		TRY(task_tree_show(tasks));
		text_add(report->text, "\n");
		report_coverage(report, &tasks->found.coverage);
		report_next(report, "tasks", 0);
		return OK;
	}
	for (size_t i = 0; i < tasks->found.groups.count; i++) {
		const struct task_group *group = &tasks->found.groups.items[i];
		if (!passes(tasks, group))
			continue;
		if (rows++ >= report->request->limit) {
			folded++;
			continue;
		}
		first = first != NULL ? first : group;
		show_group(tasks, group);
		TRY(report_deliver(report));
	}
	report_more(report, folded);
	if (tasks->found.truncated > 0) {
		units_noun(report->text, tasks->found.truncated, "chain");
		text_add(report->text, " could not be followed to the end.\n");
	}
	text_add(report->text, "\n");
	report_measure_line(report);
	report_coverage(report, &tasks->found.coverage);
	if (first != NULL)
		report_next(report, "object path", first->first);
	return OK;
}

/* ---- JSON ---- */

static void json_words(struct json *json, const char *key, const struct text *words)
{
	if (words->length > 0)
		json_text(json, key, words);
	else
		json_null(json, key);
}

static void json_group(struct task_report *tasks, const struct task_group *group)
{
	struct report *report = tasks->report;
	struct json *json = &report->json;
	struct text words = { .bytes = NULL };
	json_object(json, NULL);
	json_number(json, "count", group->count);
	json_string(json, "state", task_state_name(group->state));
	json_array(json, "chain");
	for (size_t i = 0; i < group->chain.count; i++) {
		const struct python_frame frame = task_frame(&group->chain.items[i]);
		place_json_begin(report, &frame);
		if (request_has(report->request, OPTION_LOCALS))
			task_locals_json(tasks, &group->chain.items[i]);
		json_object_end(json);
	}
	json_array_end(json);
	task_wait_text(tasks, group, &words);
	json_words(json, "waits_for", &words);
	json_address_or_null(json, "held_by", group->wait_holder);
	json_bool(json, "held_by_is_guessed", group->holder_is_guess);
	if (group->in_pool > 0)
		json_number(json, "worker",
		            task_thread(tasks, tasks_pool_work(&tasks->found, group->pool_future)->thread)->native_id);
	else
		json_null(json, "worker");
	if (group->runs_in != UINT32_MAX)
		json_number(json, "runs_in", task_thread(tasks, group->runs_in)->native_id);
	else
		json_null(json, "runs_in");
	json_number(json, "retained", group->retained);
	json_number(json, "payload", group->payload);
	json_number(json, "not_retrieved", group->not_retrieved);
	json_words(json, "kept_by", &group->kept_by);
	json_address(json, "first", group->first);
	json_object_end(json);
	report->text->failed |= words.failed;
	text_free(&words);
}

static void json_row(struct task_report *tasks, const struct task_row *row, struct text *words)
{
	struct json *json = &tasks->report->json;
	json_object(json, NULL);
	json_address(json, "address", row->address);
	text_reset(words);
	(void)future_add_name(&tasks->report->naming->objects, row->name, words);
	json_words(json, "name", words);
	json_string(json, "state", task_state_name(row->state));
	json_number(json, "group", row->group);
	json_address_or_null(json, "kept_by", row->keeper);
	json_number(json, "retained", row->retained);
	json_address_or_null(json, "waits_for", row->wait_object);
	json_bool(json, "must_cancel", row->must_cancel);
	json_object_end(json);
}

static void json_edges(struct task_report *tasks)
{
	struct json *json = &tasks->report->json;
	const struct tasks_answer *found = &tasks->found;
	json_array(json, "awaits");
	for (size_t i = 0; i < found->edges.count; i++) {
		json_object(json, NULL);
		json_address(json, "task", found->rows.items[found->edges.items[i].from].address);
		json_address(json, "waits_for", found->rows.items[found->edges.items[i].to].address);
		json_string(json, "by", task_edge_name(found->edges.items[i].kind));
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "cycles");
	for (size_t i = 0; i < found->cycles.count; i++) {
		json_array(json, NULL);
		for (; found->cycles.items[i] != UINT32_MAX; i++)
			json_address(json, NULL, found->rows.items[found->cycles.items[i]].address);
		json_array_end(json);
	}
	json_array_end(json);
	json_array(json, "loops");
	for (size_t i = 0; i < found->loops.count; i++) {
		const struct loop_row *loop = &found->loops.items[i];
		json_object(json, NULL);
		json_address(json, "address", loop->address);
		json_signed(json, "ready", loop->ready);
		json_signed(json, "timers", loop->timers);
		json_signed(json, "descriptors", loop->descriptors);
		json_object_end(json);
	}
	json_array_end(json);
}

static int show_json(struct task_report *tasks)
{
	struct report *report = tasks->report;
	struct json *json = &report->json;
	struct text words = { .bytes = NULL };
	uint64_t rows = 0;
	report_json_begin(report);
	json_array(json, "groups");
	for (size_t i = 0; i < tasks->found.groups.count && rows < report->request->limit; i++, rows++)
		if (passes(tasks, &tasks->found.groups.items[i]))
			json_group(tasks, &tasks->found.groups.items[i]);
	json_array_end(json);
	json_array(json, "tasks");
	for (size_t i = 0; i < tasks->found.rows.count; i++)
		if (tasks->found.rows.items[i].group < rows)
			json_row(tasks, &tasks->found.rows.items[i], &words);
	json_array_end(json);
	json_edges(tasks);
	report_coverage_json(report, &tasks->found.coverage);
	report_json_end(report);
	report->text->failed |= words.failed;
	text_free(&words);
	return OK;
}

int tasks_report(struct report *report)
{
	struct task_report tasks = { .report = report };
	/* With --min others than the first ones may be shown. */
	const uint64_t with_words = report->request->min_bytes > 0 ? UINT64_MAX : report->request->limit;
	int status = query_tasks(&report->query, with_words, &tasks.found);
	if (status >= 0)
		status = report_is_json(report) ? show_json(&tasks) : show_text(&tasks);
	tasks_answer_clear(&tasks.found);
	return status;
}
