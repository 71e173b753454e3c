/* SPDX-License-Identifier: MIT
 * What threads that have ended left behind: their threading.Thread objects with what was set on them, and entries under
 * their identities (threading.get_ident()) in registries that nobody takes them out of. */
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/findings/rule.h"

enum {
	LEAST_KEYS = 4, /* of a registry in which no thread that lives has an entry */
	LIMIT_KEYS = 1 << 16, /* of one dict */
	DESCRIPTOR_ALIGNMENT = 64, /* a pthread_t of glibc and musl is the address of one, aligned so */
};

static const uint64_t least_identity = UINT64_C(1) << 32;

struct dead_threads {
	struct finding_sum sum; /* bytes: retained by thread objects and by values in registries */
	uint64_t threads, entries;
};

static bool is_thread_class(struct rule_run *run, const struct type_info *type)
{
	for (unsigned i = 0; type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		if (strcmp(type->name, "threading.Thread") == 0)
			return true;
		type = type->tp_base != 0 ? decode_type(run->decoder, type->tp_base) : NULL;
	}
	return false;
}

static bool wants(struct rule_run *run, const struct type_info *type)
{
	if (run->query->target->runtime->threads.count == 0)
		return false;
	return rule_is_type(type, "dict") || ((type->flags & TYPE_IS_PYTHON_CLASS) != 0 && is_thread_class(run, type));
}

static bool is_alive(const struct rule_run *run, uint64_t identity)
{
	const struct runtime *runtime = run->query->target->runtime;
	for (size_t i = 0; i < runtime->threads.count; i++)
		if (runtime->threads.items[i].thread_id == identity)
			return true;
	return false;
}

static void add(struct rule_run *run, struct dead_threads *dead, uint64_t object, uint64_t *count)
{
	const uint32_t number = retained_number(run->heap, object);
	if (number == UINT32_MAX)
		return;
	sum_add(&dead->sum, run->heap->dominators.node[number], run->heap->bytes[number]);
	(*count)++;
}

static bool identity_of(struct rule_run *run, uint64_t key, uint64_t *ret_identity)
{
	const struct type_info *type = rule_type(run, key);
	int64_t number;
	if (type == NULL || !rule_is_type(type, "int") || !value_int(&run->decoder->objects, key, &number))
		return false;
	*ret_identity = (uint64_t)number;
	/* id(object) as a key looks alike, but for being an object's address */
	return *ret_identity >= least_identity && *ret_identity % DESCRIPTOR_ALIGNMENT == 0 &&
	       object_index_find(&run->heap->graph->index, *ret_identity) == UINT32_MAX;
}

/* All keys are identities of threads: those that live are told by being there. */
static bool is_registry(struct rule_run *run, uint64_t dict)
{
	struct dict_cursor cursor;
	uint64_t key, value, identity, keys = 0, alive = 0;
	if (!dict_cursor_open(&cursor, &run->decoder->objects, dict))
		return false;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (keys++ == LIMIT_KEYS || !identity_of(run, key, &identity))
			return false;
		alive += is_alive(run, identity);
	}
	return alive < keys && (alive > 0 || keys >= LEAST_KEYS);
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct dead_threads *dead = state;
	struct object_reader *objects = &run->decoder->objects;
	struct dict_cursor cursor;
	uint64_t key, value, identity;
	int64_t number;
	if (!rule_is_type(looked->type, "dict")) {
		const uint64_t ident = value_attribute(objects, looked->address, "_ident");
		if (ident != 0 && value_int(objects, ident, &number) && !is_alive(run, (uint64_t)number))
			add(run, dead, looked->address, &dead->threads);
		return OK;
	}
	if (run->heap->bytes[looked->number] < run->answer->threshold || rule_is_namespace(run, looked->node) ||
	    !is_registry(run, looked->address) || !dict_cursor_open(&cursor, objects, looked->address))
		return OK;
	while (dict_cursor_next(&cursor, &key, &value))
		if (identity_of(run, key, &identity) && !is_alive(run, identity))
			add(run, dead, value, &dead->entries);
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct dead_threads *dead = state;
	struct text *text;
	TRY(rule_found(run, &dead->sum, false, "path object", &text));
	if (text == NULL)
		return OK;
	text_add(text, "Threads that have ended left ");
	if (dead->entries > 0) {
		rule_say_count(text, dead->entries, "value");
		text_add(text, " under their identities (threading.get_ident()) in a dict");
	}
	text_add(text, dead->entries > 0 && dead->threads > 0 ? " and " : "");
	if (dead->threads > 0)
		rule_say_count(text, dead->threads, "Thread object");
	text_add(text, " behind, and these keep ");
	rule_say_share(run, text, dead->sum.bytes);
	text_add(text,
	         " of the heap alive. threading.local() lets go of a thread's data when it ends; else take them out in "
	         "the thread's finally, and do not keep Thread objects after join().");
	return OK;
}

const struct rule dead_threads_rule = {
	.state_bytes = sizeof(struct dead_threads), .wants = wants, .look = look, .end = end
};
