/* SPDX-License-Identifier: MIT
 * tasks: what the parts of the report on tasks share. */
#ifndef PYDS_REPORT_TASKS_H
#define PYDS_REPORT_TASKS_H

#include "query/tasks/tasks.h"
#include "query/naming.h"

struct task_report {
	struct report *report;
	struct tasks_answer found;
};

/* The name of a task, in quotes; nothing if it has none. */
void task_name(struct task_report *tasks, uint64_t name, struct text *text);
/* "3 generators", "20 pending". */
void task_count_text(enum task_state state, uint64_t count, struct text *text);
/* "in Queue.get of app.jobs 0x...": what a group waits for; nothing where it waits for nothing. */
void task_wait_text(struct task_report *tasks, const struct task_group *group, struct text *text);
/* A thread of runtime->threads, and in words: `thread 4242 "pool_0"`. */
const struct python_thread *task_thread(const struct task_report *tasks, uint32_t index);
void task_thread_text(struct task_report *tasks, uint32_t index, struct text *text);
/* A frame that stands where a place does. */
struct python_frame task_frame(const struct task_place *place);
/* task_locals.c: the locals of the first of a group at a step of its chain: lines, and a key "locals". */
void task_locals_show(struct task_report *tasks, const struct task_place *place);
void task_locals_json(struct task_report *tasks, const struct task_place *place);
/* task_tree.c: who waits for whom, from those that nobody waits for down. */
int task_tree_show(struct task_report *tasks);

#endif
