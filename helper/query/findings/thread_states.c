/* SPDX-License-Identifier: MIT
 * States of threads that have ended and never let go of them: a thread of C code that called PyGILState_Ensure() more
 * often than PyGILState_Release(). What threading.local() has for such a thread stays, and all that its state holds. */
#include "object/value.h"
#include "query/findings/rule.h"
#include "runtime/gil.h"

enum { MOST_STATES = 4096, LIMIT_ENTRIES = 1 << 16 /* of one dict of a thread or of a local */ };

struct thread_states {
	struct finding_sum sum; /* bytes: retained by namespaces of threading.local() and by the states */
	ARRAY(uint64_t) keys; /* threading_local_key of each state of a thread that has ended, since 3.13 */
	uint64_t states, namespaces;
	bool was_asked;
};

static void add_object(struct rule_run *run, struct thread_states *found, uint64_t object)
{
	const uint32_t number = object != 0 ? retained_number(run->heap, object) : UINT32_MAX;
	if (number == UINT32_MAX)
		return;
	sum_add(&found->sum, run->heap->dominators.node[number], run->heap->bytes[number]);
	found->namespaces++;
}

static uint64_t state_word(struct rule_run *run, uint64_t state, enum layout_field field)
{
	uint64_t word;
	return layout_has(run->decoder->layout, field) && value_field(&run->decoder->objects, state, field, &word)
	               ? word
	               : 0;
}

/* Up to 3.12 the thread's dict has a dummy for each local, which knows its namespace. */
static void add_dummies(struct rule_run *run, struct thread_states *found, uint64_t state)
{
	const uint64_t dict = state_word(run, state, FIELD_PyThreadState_dict);
	struct dict_cursor cursor;
	uint64_t key, value, namespace, entries = 0;
	if (dict == 0 || !dict_cursor_open(&cursor, &run->decoder->objects, dict))
		return;
	while (dict_cursor_next(&cursor, &key, &value) && entries++ < LIMIT_ENTRIES) {
		const struct type_info *type = rule_type(run, value);
		if (type != NULL && rule_is_type(type, "thread_local_dummy") &&
		    value_field(&run->decoder->objects, value, FIELD_localdummyobject_localdict, &namespace))
			add_object(run, found, namespace);
	}
}

static int add_state(struct rule_run *run, struct thread_states *found, uint32_t thread)
{
	const struct heap_graph *graph = run->heap->graph;
	const uint64_t state = run->query->target->runtime->threads.items[thread].address;
	const uint64_t key = state_word(run, state, FIELD_PyThreadState_threading_local_key);
	found->states++;
	for (size_t i = 0; i < graph->roots.holders.rows.count; i++) {
		const struct holder *holder = &graph->roots.holders.rows.items[i];
		const uint32_t number = run->heap->dominators.number[graph->index.count + holder->number];
		if (holder->kind == HOLDER_THREAD && holder->thread == thread && number != UINT32_MAX)
			found->sum.bytes += run->heap->bytes[number];
	}
	if (layout_has(run->decoder->layout, FIELD_localdummyobject_localdict))
		add_dummies(run, found, state);
	return key == 0 || array_push(&found->keys, key) ? OK : query_no_memory(run->query, "states of threads");
}

/* No thread of the system has it. Before 3.11 the kernel's number is in the C library's descriptor, where the kernel
 * writes 0 when the thread ends (clone(2), CLONE_CHILD_CLEARTID); it begins with its own address. */
static bool has_ended(struct rule_run *run, const struct python_thread *thread)
{
	uint64_t self;
	if (thread->native_id != 0)
		return native_thread_of(run->query->target->runtime, thread) == NULL;
	return reader_u64(&run->decoder->reader, thread->thread_id, &self) && self == thread->thread_id;
}

/* Finds the states once. Where no thread is known to the system, or none of them has a state, nothing can be said. */
static int find_states(struct rule_run *run, struct thread_states *found)
{
	const struct runtime *runtime = run->query->target->runtime;
	uint32_t alive = 0;
	if (found->was_asked)
		return OK;
	found->was_asked = true;
	for (uint32_t i = 0; i < runtime->threads.count; i++)
		alive += native_thread_of(runtime, &runtime->threads.items[i]) != NULL;
	for (uint32_t i = 0; alive > 0 && i < runtime->threads.count && found->states < MOST_STATES; i++)
		if (has_ended(run, &runtime->threads.items[i]))
			TRY(add_state(run, found, i));
	return OK;
}

static bool wants(struct rule_run *run, const struct type_info *type)
{
	return layout_has(run->decoder->layout, FIELD_localobject_localdicts) && rule_is_type(type, "thread_local");
}

/* Since 3.13 a local has the namespaces of all threads by their keys. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct thread_states *found = state;
	struct dict_cursor cursor;
	uint64_t key, value, entries = 0, steps = 0;
	TRY(find_states(run, found));
	if (found->keys.count == 0 ||
	    !dict_cursor_open(&cursor, &run->decoder->objects,
	                      body_field(run->decoder->layout, FIELD_localobject_localdicts, looked->body)))
		return OK;
	while (dict_cursor_next(&cursor, &key, &value) && entries++ < LIMIT_ENTRIES)
		for (size_t i = 0; i < found->keys.count; i++) {
			if (found->keys.items[i] == key)
				add_object(run, found, value);
			if (progress_look(run->query->progress, &steps) < 0)
				return query_cancelled(run->query);
		}
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct thread_states *found = state;
	struct text *text;
	TRY(find_states(run, found));
	found->sum.count = found->states;
	TRY(rule_found(run, &found->sum, false, "threads path object", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, found->states, "thread");
	text_add(text, " of C code ended without letting go of Python's state of it");
	if (found->namespaces > 0) {
		text_add(text, ", with what threading.local() has for it in ");
		rule_say_count(text, found->namespaces, "namespace");
	}
	text_add(text, ": ");
	rule_say_share(run, text, found->sum.bytes);
	text_add(text, " of the heap. The library that made the threads calls PyGILState_Ensure() more often than "
	               "PyGILState_Release(), or never PyThreadState_Delete(): report that to its authors, and keep "
	               "little in threading.local() meanwhile.");
	return OK;
}

static void clear(void *state)
{
	array_free(&((struct thread_states *)state)->keys);
}

const struct rule thread_states_rule = {
	.state_bytes = sizeof(struct thread_states), .wants = wants, .look = look, .end = end, .clear = clear
};
