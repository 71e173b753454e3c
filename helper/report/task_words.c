/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "query/threads/thread_name.h"
#include "render/units.h"
#include "report/place.h"
#include "report/report.h"
#include "report/tasks.h"

void task_name(struct task_report *tasks, uint64_t name, struct text *text)
{
	struct text string = { .bytes = NULL };
	if (future_add_name(&tasks->report->naming->objects, name, &string)) {
		text_add(text, "\"");
		names_escape(text, text_string(&string), string.length, false);
		text_add(text, "\"");
	}
	text_free(&string);
}

void task_count_text(enum task_state state, uint64_t count, struct text *text)
{
	units_count(text, count);
	text_format(text, " %s%s", task_state_name(state), count != 1 && task_state_is_noun(state) ? "s" : "");
}

struct python_frame task_frame(const struct task_place *place)
{
	return (struct python_frame){ .code = place->code,
		                      .last_instruction = place->instruction,
		                      .last_instruction_is_address = place->is_address };
}

/* ---- What a group waits for ---- */

static const char *const wait_words[] = {
	[WAIT_METHOD] = "in ",
	[WAIT_FUNCTION] = "in ",
	[WAIT_TASK] = "for task ",
	[WAIT_GATHER] = "for gather() ",
	[WAIT_SHIELD] = "for shield() ",
	[WAIT_EXECUTOR] = "for a thread or process pool: ",
	[WAIT_FUTURE] = "for a future: ",
	[WAIT_OTHER] = "for ",
};

/* Where each task of a group waits for another one, in their place; NULL: "different ones, the first" follows. */
static const char *const wait_words_of_many[] = {
	[WAIT_TASK] = "for different tasks, the first ",
	[WAIT_GATHER] = "for a gather() each, the first ",
	[WAIT_SHIELD] = "for a shield() each, the first ",
	[WAIT_OTHER] = NULL,
};

const struct python_thread *task_thread(const struct task_report *tasks, uint32_t index)
{
	return &tasks->report->target->runtime->threads.items[index];
}

void task_thread_text(struct task_report *tasks, uint32_t index, struct text *text)
{
	const struct python_thread *thread = task_thread(tasks, index);
	struct text name = { .bytes = NULL };
	text_format(text, "thread %" PRIu64, thread->native_id);
	thread_name(tasks->report->naming, thread, &name);
	if (name.length > 0) {
		text_add(text, " \"");
		names_escape(text, text_string(&name), name.length, false);
		text_add(text, "\"");
	}
	text->failed |= name.failed;
	text_free(&name);
}

/* What the threads of a pool do for the group. */
static void pool_text(struct task_report *tasks, const struct task_group *group, struct text *text)
{
	const struct pool_work *work = tasks_pool_work(&tasks->found, group->pool_future);
	const struct python_frame frame = task_frame(&work->place);
	text_add(text, "for a thread pool: ");
	if (group->count > 1) {
		units_count(text, group->in_pool);
		text_add(text, group->in_pool == 1 ? " is at work, in " : " are at work, the first in ");
	}
	task_thread_text(tasks, work->thread, text);
	text_add(text, group->count > 1 ? " at " : " is at ");
	place_text(tasks->report, &frame, text);
	if (group->in_pool_queue > 0) {
		text_add(text, "; ");
		units_count(text, group->in_pool_queue);
		text_add(text, group->in_pool_queue == 1 ? " has not begun" : " have not begun");
	}
}

static void object_text(struct task_report *tasks, const struct task_group *group, struct text *text)
{
	const uint32_t row = group->wait == WAIT_TASK ? tasks_row(&tasks->found, group->wait_object) : UINT32_MAX;
	if (group->waits_differ && wait_words_of_many[group->wait] == NULL)
		text_add(text, "different ones, the first ");
	if (row != UINT32_MAX && tasks->found.rows.items[row].name != 0)
		task_name(tasks, tasks->found.rows.items[row].name, text);
	else if (group->wait_words.length > 0)
		text_add(text, text_string(&group->wait_words));
	if (group->wait_words.length == 0)
		text_format(text, "%s0x%" PRIx64, row != UINT32_MAX ? " " : "", group->wait_object);
}

/* Tasks that the first of the group waits for at once. */
static void children_text(struct task_report *tasks, const struct task_group *group, struct text *text)
{
	const struct tasks_answer *found = &tasks->found;
	const uint32_t row = tasks_row(found, group->first);
	uint64_t count = 0;
	for (size_t i = row != UINT32_MAX ? tasks_first_edge(found, row) : found->edges.count;
	     i < found->edges.count && found->edges.items[i].from == row; i++)
		count += found->edges.items[i].kind != EDGE_AWAITS && found->edges.items[i].kind != EDGE_LOCK;
	if (count == 0)
		return;
	text_add(text, ": ");
	units_noun(text, count, "task");
	text_format(text, " not done (-t shows %s)", count == 1 ? "it" : "them");
}

void task_wait_text(struct task_report *tasks, const struct task_group *group, struct text *text)
{
	if (group->wait == WAIT_NOTHING)
		return;
	if (group->wait == WAIT_EXECUTOR && group->in_pool > 0) {
		pool_text(tasks, group, text);
		return;
	}
	const char *many = group->wait_object != 0 && group->waits_differ ? wait_words_of_many[group->wait] : NULL;
	text_add(text, many != NULL ? many : wait_words[group->wait]);
	if (group->wait == WAIT_METHOD || group->wait == WAIT_FUNCTION)
		place_method(tasks->report, group->wait_object, group->wait_code, text);
	if (group->wait_object != 0) {
		text_add(text, group->wait == WAIT_METHOD ? " of " : "");
		object_text(tasks, group, text);
	}
	children_text(tasks, group, text);
	if (group->wait_object != 0 && group->wait_holder != 0) {
		const struct python_frame frame = task_frame(&group->holder_place);
		text_format(text, ", %s by task 0x%" PRIx64 " at ",
		            group->holder_is_guess ? "perhaps held (it calls acquire)" : "held", group->wait_holder);
		place_text(tasks->report, &frame, text);
	}
}
