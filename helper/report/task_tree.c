/* SPDX-License-Identifier: MIT
 * The tree of waiting: a task, below it the tasks that it cannot go on without. One that several wait for stands below
 * the first. */
#include <inttypes.h>
#include <stdlib.h>

#include "render/table.h"
#include "render/units.h"
#include "report/place.h"
#include "report/tasks.h"

struct tree_row {
	uint32_t row;
	enum task_edge_kind kind; /* below a parent: how that waits for it */
	struct table_row *parent;
};

struct task_tree {
	struct task_report *tasks;
	struct table *table;
	uint8_t *state; /* of a row: 1 somebody waits for it, 2 it stands in the tree */
	ARRAY(struct tree_row) queue; /* taken from its end, so that children follow their parent */
	uint64_t shown, folded;
	struct text cell;
};

static struct table_row *add_row(struct task_tree *tree, const struct tree_row *at)
{
	struct task_report *tasks = tree->tasks;
	const struct task_row *row = &tasks->found.rows.items[at->row];
	const struct task_group *group = &tasks->found.groups.items[row->group];
	struct table_row *line = table_add_row(tree->table, at->parent);
	if (at->parent != NULL)
		text_format(&tree->cell, "%s ", task_edge_name(at->kind));
	if (row->name != 0)
		task_name(tasks, row->name, &tree->cell);
	else
		text_add(&tree->cell, task_state_name(row->state));
	table_take(tree->table, line, 0, &tree->cell);
	if (group->chain.count > 0) {
		const struct python_frame outer = task_frame(&group->chain.items[0]);
		const struct python_frame inner = task_frame(&group->chain.items[group->chain.count - 1]);
		place_text(tasks->report, &outer, &tree->cell);
		if (group->chain.count > 1) {
			text_add(&tree->cell, " ... ");
			place_text(tasks->report, &inner, &tree->cell);
		}
	}
	table_take(tree->table, line, 1, &tree->cell);
	text_format(&tree->cell, "0x%" PRIx64, row->address);
	table_take(tree->table, line, 2, &tree->cell);
	return line;
}

/* Below a task that waits for a pool: what the thread does that works for it. */
static void add_pool(struct task_tree *tree, const struct task_row *row, struct table_row *parent)
{
	const struct pool_work *work = tasks_pool_work(&tree->tasks->found, row->wait_object);
	if (work == NULL)
		return;
	struct table_row *line = table_add_row(tree->table, parent);
	const struct python_frame frame = task_frame(&work->place);
	task_thread_text(tree->tasks, work->thread, &tree->cell);
	table_take(tree->table, line, 0, &tree->cell);
	place_text(tree->tasks->report, &frame, &tree->cell);
	table_take(tree->table, line, 1, &tree->cell);
}

static bool push_child(struct task_tree *tree, const struct task_edge *edge, struct table_row *parent)
{
	return array_push(&tree->queue, (struct tree_row){ edge->to, (enum task_edge_kind)edge->kind, parent });
}

static bool add_subtree(struct task_tree *tree, uint32_t root)
{
	const struct tasks_answer *found = &tree->tasks->found;
	if (!array_push(&tree->queue, (struct tree_row){ root, EDGE_AWAITS, NULL }))
		return false;
	while (tree->queue.count > 0) {
		const struct tree_row at = tree->queue.items[--tree->queue.count];
		if (tree->state[at.row] == 2)
			continue;
		tree->state[at.row] = 2;
		if (tree->shown++ >= tree->tasks->report->request->limit) {
			tree->folded++;
			continue;
		}
		struct table_row *line = add_row(tree, &at);
		const uint32_t first = tasks_first_edge(found, at.row);
		uint32_t end = first;
		while (end < found->edges.count && found->edges.items[end].from == at.row)
			end++;
		while (end > first)
			if (!push_child(tree, &found->edges.items[--end], line))
				return false;
		add_pool(tree, &found->rows.items[at.row], line);
	}
	return true;
}

static bool draw(struct task_tree *tree)
{
	const struct tasks_answer *found = &tree->tasks->found;
	for (size_t i = 0; i < found->edges.count; i++)
		tree->state[found->edges.items[i].to] = 1;
	for (int round = 0; round < 2; round++) /* the second: members of cycles, which all have somebody waiting */
		for (size_t i = 0; i < found->rows.count; i++)
			if (found->rows.items[i].state <= TASK_RUNNING && tree->state[i] == round &&
			    !add_subtree(tree, (uint32_t)i))
				return false;
	return true;
}

int task_tree_show(struct task_report *tasks)
{
	static const struct table_column columns[] = { { "", TABLE_TREE }, { "", 0 }, { "", 0 } };
	struct report *report = tasks->report;
	struct task_tree tree = { .tasks = tasks };
	tree.table = table_create(columns, 3, report->style.width, false);
	tree.state = calloc(tasks->found.rows.count + 1, 1);
	int status = OK;
	if (tree.table == NULL || tree.state == NULL || !draw(&tree))
		status = error_set(report->error, ERROR_NO_MEMORY, "out of memory for the tree of tasks");
	else if (tree.shown > 0)
		status = table_draw(tree.table, report->text, report->error);
	if (status == OK && tree.folded > 0) {
		text_add(report->text, "... ");
		units_noun(report->text, tree.folded, "more task");
		text_add(report->text, " (-n 0 shows all)\n");
	}
	table_destroy(tree.table);
	array_free(&tree.queue);
	text_free(&tree.cell);
	free(tree.state);
	return status;
}
