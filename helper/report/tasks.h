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
/* A frame that stands where a place does. */
struct python_frame task_frame(const struct task_place *place);
/* task_locals.c: the locals of the first of a group at a step of its chain: lines, and a key "locals". */
void task_locals_show(struct task_report *tasks, const struct task_group *group, const struct task_place *place);
void task_locals_json(struct task_report *tasks, const struct task_group *group, const struct task_place *place);
/* task_tree.c: who waits for whom, from those that nobody waits for down. */
int task_tree_show(struct task_report *tasks);

#endif
