/* SPDX-License-Identifier: MIT
 * A lock of asyncio that many tasks wait for: no circle, but whoever has it is where the program stands still. */
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "object/value.h"
#include "query/findings/rule.h"
#include "query/tasks/tasks.h"

enum { LONG_QUEUE = 8 };

/* The lock that most tasks wait for. To ask for the tasks takes as long as half of all other rules. */
struct longest {
	uint64_t lock, waiters;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return strcmp(type->name, "asyncio.locks.Lock") == 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct longest *longest = state;
	struct object_reader *objects = &run->decoder->objects;
	uint64_t count;
	/* A deque, whose length is where that of objects of variable size is; None while nobody ever waited. */
	const uint64_t waiters = value_attribute(objects, looked->address, "_waiters");
	const uint64_t type = waiters != 0 ? value_type(objects, waiters, NULL) : 0;
	if (type != 0 && value_type_derives(objects, type, -1, "collections.deque") &&
	    value_field(objects, waiters, FIELD_PyVarObject_ob_size, &count) && count > longest->waiters)
		*longest = (struct longest){ looked->address, count };
	return OK;
}

static void say_place(const struct rule_run *run, const struct task_place *place, struct text *text)
{
	const struct python_frame frame = { .code = place->code,
		                            .last_instruction = place->instruction,
		                            .last_instruction_is_address = place->is_address };
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line;
	names_frame(run->decoder, &frame, &function, &file, &line);
	const char *base = path_base_name(text_string(&file));
	text_add(text, " at ");
	names_escape(text, text_string(&function), function.length, false);
	text_add(text, "() ");
	names_escape(text, base, strlen(base), false);
	text_format(text, ":%lld", (long long)line);
	text->failed |= function.failed | file.failed;
	text_free(&function);
	text_free(&file);
}

static int say(struct rule_run *run, const struct tasks_answer *tasks, uint64_t lock)
{
	const struct task_group *holds = NULL;
	uint64_t waiters = 0;
	struct text *text;
	for (size_t i = 0; i < tasks->rows.count; i++)
		waiters += tasks->rows.items[i].wait_object == lock;
	for (size_t i = 0; i < tasks->groups.count && holds == NULL; i++)
		if (tasks->groups.items[i].wait_object == lock && tasks->groups.items[i].wait_holder != 0)
			holds = &tasks->groups.items[i];
	if (waiters < LONG_QUEUE)
		return OK;
	TRY(rule_found_urgent(run, "tasks", &text));
	rule_say_count(text, waiters, "asyncio task");
	text_add(text, " wait for one lock, ");
	naming_prefer_globals(run->naming, true);
	if (!naming_object(run->naming, lock, text))
		text_format(text, "0x%llx", (unsigned long long)lock);
	naming_prefer_globals(run->naming, false);
	if (holds == NULL) {
		text_add(text, "; nothing says which task holds it. Whichever does is where the program stands still.");
		return OK;
	}
	text_format(text, ", %s task 0x%llx", holds->holder_is_guess ? "perhaps held by" : "held by",
	            (unsigned long long)holds->wait_holder);
	say_place(run, &holds->holder_place, text);
	text_add(text, ". What it does while it holds it is where the program stands still: wait for less inside the "
	               "lock, or with a timeout.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct longest *longest = state;
	struct tasks_answer tasks = { .futures = 0 };
	if (longest->waiters < LONG_QUEUE)
		return OK;
	int status = query_tasks(run->query, 0, &tasks);
	if (status == OK)
		status = say(run, &tasks, longest->lock);
	tasks_answer_clear(&tasks);
	return status;
}

const struct rule lock_queues_rule = {
	.state_bytes = sizeof(struct longest), .wants = wants, .look = look, .end = end
};
