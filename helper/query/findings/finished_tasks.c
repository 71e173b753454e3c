/* SPDX-License-Identifier: MIT
 * Tasks that have ended and are kept, with their results and exceptions: a list of tasks that nothing is taken out of.
 */
#include "query/tasks/awaitable.h"
#include "query/findings/rule.h"
#include "query/tasks/tasks.h"

/* bytes: retained by tasks of any state. Asking for their states takes as long as half of all other rules. */
static bool wants(struct rule_run *run, const struct type_info *type)
{
	return awaitable_is_task(awaitable_kind_of_type(run->decoder, type));
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	sum_add(state, looked->node, run->heap->bytes[looked->number]);
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct finding_sum *all = state;
	struct tasks_answer tasks = { .futures = 0 };
	struct finding_sum sum = { .bytes = 0 };
	uint64_t not_retrieved = 0;
	struct text *text = NULL;
	if (all->bytes < run->answer->threshold)
		return OK;
	int status = query_tasks(run->query, 0, &tasks);
	for (size_t i = 0; status == OK && i < tasks.rows.count; i++) {
		const struct task_row *row = &tasks.rows.items[i];
		if (row->state != TASK_DONE && row->state != TASK_FAILED && row->state != TASK_CANCELLED)
			continue;
		const uint32_t node = object_index_find(&run->heap->graph->index, row->address);
		if (node != UINT32_MAX)
			sum_add(&sum, node, row->retained);
	}
	for (size_t i = 0; status == OK && i < tasks.groups.count; i++)
		not_retrieved += tasks.groups.items[i].not_retrieved;
	if (status == OK)
		status = rule_found(run, &sum, false, "path object", &text);
	if (text != NULL) {
		rule_say_count(text, sum.count, "task");
		text_add(text, " of asyncio that ended, and whose results somebody keeps: ");
		rule_say_share(run, text, sum.bytes);
		text_add(text, " of the heap");
		if (not_retrieved > 0) {
			text_add(text, "; ");
			rule_say_count(text, not_retrieved, "exception");
			text_add(text, " of theirs was never asked for");
		}
		text_add(text, ". Take a task out of its collection when it is done: "
		               "task.add_done_callback(tasks.discard), or asyncio.TaskGroup.");
	}
	tasks_answer_clear(&tasks);
	return status;
}

const struct rule finished_tasks_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .end = end
};
