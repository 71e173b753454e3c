/* SPDX-License-Identifier: MIT */
#include "query/tracebacks.h"

#include "query/holders/mention.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "names/line_table.h"
#include "names/locals.h"
#include "object/value.h"
#include "query/instances.h"
#include "query/tasks/awaitable.h"

enum { ROLE_EXCEPTION = 1, KEPT_SLOTS = 4096 /* groups told apart; more are one by one */ };

struct finder {
	const struct query *query;
	struct decoder *decoder;
	const struct retained *heap;
	struct tracebacks_answer *answer;
	instance_array instances;
	uint32_t *group; /* by number of the dominator tree */
	ARRAY(uint64_t) hashes; /* of groups */
	uint32_t slots[KEPT_SLOTS]; /* group + 1, by hash */
};

static uint8_t classify(struct decoder *decoder, const struct type_info *type)
{
	(void)decoder;
	return (type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS) != 0 ? ROLE_EXCEPTION : 0;
}

static uint64_t field_of(struct finder *finder, uint64_t object, enum layout_field field)
{
	uint64_t word;
	return object != 0 && value_field(&finder->decoder->objects, object, field, &word) ? word : 0;
}

/* Whether a coroutine or generator is inside the `except` of it: it waits there, or stands in a yield. */
static bool is_in_handler(const struct finder *finder, uint64_t holder, uint64_t exception)
{
	uint64_t handled;
	const enum awaitable_kind kind = awaitable_kind(finder->decoder, holder);
	return kind >= AWAITABLE_COROUTINE && kind <= AWAITABLE_ASYNC_GENERATOR &&
	       value_field(&finder->decoder->objects, holder, FIELD_PyGenObject_gi_exc_state_exc_value, &handled) &&
	       handled == exception;
}

/* Whether a thread has it as the exception that it handles, or a frame that runs keeps it on its stack for that. */
static bool is_handled(const struct finder *finder, uint32_t number, uint64_t exception)
{
	const struct dominators *dominators = &finder->heap->dominators;
	const struct edge_rows *rows = &dominators->incoming;
	for (uint64_t i = rows->first[number]; i < rows->first[number + 1]; i++) {
		uint32_t holder;
		const uint64_t object = retained_node(finder->heap, rows->targets[i], &holder);
		if (object != 0 ? is_in_handler(finder, object, exception)
		                : holders_kind(&finder->heap->graph->roots.holders, holder) == HOLDER_THREAD)
			return true;
	}
	return false;
}

/* The frame that a traceback entry is for; false: it cannot be read. */
static bool read_place(struct finder *finder, uint64_t traceback, struct traceback_place *place)
{
	struct decoder *decoder = finder->decoder;
	uint64_t at, last, line;
	memset(place, 0, sizeof *place);
	place->frame_object = at = field_of(finder, traceback, FIELD_PyTracebackObject_tb_frame);
	if (at == 0 ||
	    (layout_feature(decoder->layout, FEATURE_INTERPRETER_FRAMES) &&
	     !value_field(&decoder->objects, at, FIELD_PyFrameObject_f_frame, &at)) ||
	    !runtime_read_frame(decoder->context->runtime, &decoder->reader, at, &place->frame))
		return false;
	last = field_of(finder, traceback, FIELD_PyTracebackObject_tb_lasti);
	line = field_of(finder, traceback, FIELD_PyTracebackObject_tb_lineno);
	place->frame.last_instruction = (uint64_t)(int32_t)last;
	place->frame.last_instruction_is_address = false;
	place->line = (int32_t)line;
	if (place->line >= 0)
		return true;
	/* Since 3.12 found out only when it is asked for. tb_lasti counts bytes. */
	uint64_t instruction = last;
	if (layout_has(decoder->layout, FIELD_PyCodeObject_co_code_adaptive))
		instruction += place->frame.code + layout_offset(decoder->layout, FIELD_PyCodeObject_co_code_adaptive);
	place->line = line_of_instruction(decoder, place->frame.code, instruction,
	                                  layout_has(decoder->layout, FIELD_PyCodeObject_co_code_adaptive));
	return true;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15) >> 7 ^ hash << 11;
}

/* The way an exception came: its type, and code and instruction of each entry of its traceback. */
static uint64_t hash_of(struct finder *finder, uint64_t exception, const struct type_info *type)
{
	uint64_t hash = mix(0, type->address), anchor = 0;
	uint64_t at = field_of(finder, exception, FIELD_PyBaseExceptionObject_traceback);
	for (uint64_t i = 0; at != 0 && at != anchor && i < LIMIT_FRAMES; i++) {
		if ((i & (i + 1)) == 0)
			anchor = at;
		struct traceback_place place;
		if (read_place(finder, at, &place))
			hash = mix(mix(hash, place.frame.code), place.frame.last_instruction);
		at = field_of(finder, at, FIELD_PyTracebackObject_tb_next);
	}
	return hash;
}

static uint64_t bytes_of(const struct finder *finder, uint64_t object)
{
	const uint32_t number = object != 0 ? retained_number(finder->heap, object) : UINT32_MAX;
	return number != UINT32_MAX ? finder->heap->bytes[number] : 0;
}

static void find_heaviest_local(struct finder *finder, struct traceback_place *place)
{
	for (uint32_t i = 0; i < place->frame.slot_count; i++) {
		const uint64_t value = local_value(finder->decoder, &place->frame, i);
		const uint64_t bytes = bytes_of(finder, value);
		if (bytes > place->local_retained) {
			place->local = value;
			place->local_retained = bytes;
			place->local_name = local_name(finder->decoder, place->frame.code, i);
		}
	}
}

static bool add_places(struct finder *finder, struct traceback_group *group)
{
	uint64_t at = field_of(finder, group->first, FIELD_PyBaseExceptionObject_traceback), anchor = 0;
	group->heaviest = UINT32_MAX;
	for (uint64_t i = 0; at != 0 && at != anchor && i < LIMIT_FRAMES; i++) {
		if ((i & (i + 1)) == 0)
			anchor = at;
		struct traceback_place place;
		if (read_place(finder, at, &place)) {
			place.retained = bytes_of(finder, place.frame_object);
			find_heaviest_local(finder, &place);
			if (!array_push(&group->places, place))
				return false;
			const uint32_t last = (uint32_t)group->places.count - 1;
			if (place.local != 0 &&
			    (group->heaviest == UINT32_MAX ||
			     place.local_retained > group->places.items[group->heaviest].local_retained))
				group->heaviest = last;
		}
		at = field_of(finder, at, FIELD_PyTracebackObject_tb_next);
	}
	return true;
}

static enum traceback_keeper keeper_of(const struct type_info *type)
{
	static const struct {
		const char *name;
		enum traceback_keeper keeper;
	} names[] = {
		{ "_asyncio.Task", KEEPER_TASK },       { "_asyncio.Future", KEEPER_TASK },
		{ "asyncio.tasks.Task", KEEPER_TASK },  { "asyncio.futures.Future", KEEPER_TASK },
		{ "logging.LogRecord", KEEPER_RECORD }, { "concurrent.futures._base.Future", KEEPER_TASK },
	};
	if (type == NULL)
		return KEEPER_UNKNOWN;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(type->name, names[i].name) == 0)
			return names[i].keeper;
	return (type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS) != 0 ? KEEPER_EXCEPTION : KEEPER_CONTAINER;
}

/* A tuple or dict is only a part of what has it: of the exc_info of a log record, the members of an exception group. */
static enum traceback_keeper keeper_behind(const struct finder *finder, uint32_t number)
{
	enum { PARTS = 3 };
	const struct retained *heap = finder->heap;
	uint32_t holder;
	for (int i = 0; i < PARTS && number != 0; i++) {
		const uint64_t object = retained_node(heap, number, &holder);
		const struct type_info *type = object != 0 ? query_type(finder->query, object) : NULL;
		const enum traceback_keeper keeper = keeper_of(type);
		if (keeper == KEEPER_RECORD)
			return KEEPER_RECORD;
		if (keeper == KEEPER_EXCEPTION)
			return KEEPER_GROUP;
		if (type == NULL || (type->tp_flags & (TPFLAGS_TUPLE_SUBCLASS | TPFLAGS_DICT_SUBCLASS)) == 0)
			break;
		number = heap->dominators.idom[number];
	}
	return KEEPER_CONTAINER;
}

static bool is_in_sys(struct finder *finder, uint64_t exception)
{
	const struct runtime *runtime = finder->decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		const uint64_t dict = runtime->interpreters.items[i].sysdict;
		if (dict_get_str(&finder->decoder->objects, dict, "last_exc") == exception ||
		    dict_get_str(&finder->decoder->objects, dict, "last_value") == exception)
			return true;
	}
	return false;
}

/* What keeps it alone; the object that refers to it directly says what kind of thing that is. */
static void find_keeper(struct finder *finder, struct traceback_group *group)
{
	const struct retained *heap = finder->heap;
	const uint32_t number = retained_number(heap, group->first);
	group->keeper_number = number != UINT32_MAX ? heap->dominators.idom[number] : UINT32_MAX;
	if (is_in_sys(finder, group->first)) {
		group->keeper = KEEPER_SYS;
		return;
	}
	if (number == UINT32_MAX)
		return;
	const struct edge_rows *rows = &heap->dominators.incoming;
	for (uint64_t i = rows->first[number]; i < rows->first[number + 1]; i++) {
		uint32_t holder;
		const uint64_t object = retained_node(heap, rows->targets[i], &holder);
		const enum traceback_keeper keeper = object != 0 ? keeper_of(query_type(finder->query, object))
		                                     : holders_kind(&heap->graph->roots.holders, holder) == HOLDER_FRAME
		                                             ? KEEPER_FRAME
		                                             : KEEPER_UNKNOWN;
		/* A frame of its own traceback may have it in a local too: that one it keeps itself. */
		if (group->keeper == KEEPER_UNKNOWN || keeper == KEEPER_TASK || keeper == KEEPER_RECORD)
			group->keeper = keeper;
	}
	if (group->keeper == KEEPER_CONTAINER)
		group->keeper = keeper_behind(finder, group->keeper_number);
}

static uint32_t find_group(struct finder *finder, const struct instance *instance, const struct type_info *type)
{
	struct tracebacks_answer *answer = finder->answer;
	const uint64_t hash = hash_of(finder, instance->address, type);
	uint32_t at = (uint32_t)hash & (KEPT_SLOTS - 1), tries = 0;
	for (; finder->slots[at] != 0 && tries < KEPT_SLOTS; tries++, at = (at + 1) & (KEPT_SLOTS - 1))
		if (finder->hashes.items[finder->slots[at] - 1] == hash)
			return finder->slots[at] - 1;
	struct traceback_group group = { .type = type, .first = instance->address, .keeper_number = UINT32_MAX };
	group.cause = query_type(finder->query, field_of(finder, group.first, FIELD_PyBaseExceptionObject_cause));
	group.context = query_type(finder->query, field_of(finder, group.first, FIELD_PyBaseExceptionObject_context));
	uint64_t count, items;
	const uint64_t members = value_attribute(&finder->decoder->objects, group.first, "exceptions");
	if (members != 0 && value_items(&finder->decoder->objects, members, &count, &items))
		group.members = (uint32_t)count;
	if (!add_places(finder, &group) || !array_push(&answer->groups, group) || !array_push(&finder->hashes, hash)) {
		array_free(&group.places);
		return UINT32_MAX;
	}
	find_keeper(finder, &answer->groups.items[answer->groups.count - 1]);
	if (tries < KEPT_SLOTS)
		finder->slots[at] = (uint32_t)answer->groups.count;
	return (uint32_t)answer->groups.count - 1;
}

static int add_all(struct finder *finder)
{
	uint64_t steps = 0;
	for (size_t i = 0; i < finder->instances.count; i++) {
		const struct instance *instance = &finder->instances.items[i];
		const uint32_t number = finder->heap->dominators.number[instance->node];
		const struct type_info *type = query_type(finder->query, instance->address);
		if (progress_look(finder->query->progress, &steps) < 0)
			return query_cancelled(finder->query);
		if (type == NULL || field_of(finder, instance->address, FIELD_PyBaseExceptionObject_traceback) == 0)
			continue;
		if (number != UINT32_MAX && is_handled(finder, number, instance->address)) {
			finder->answer->handled++;
			continue;
		}
		const uint32_t group = find_group(finder, instance, type);
		if (group == UINT32_MAX)
			return query_no_memory(finder->query, "the tracebacks");
		finder->answer->groups.items[group].count++;
		if (number != UINT32_MAX)
			finder->group[number] = group;
		/* A log record has both: the frames go with the last of them. */
		const uint64_t traceback = field_of(finder, instance->address, FIELD_PyBaseExceptionObject_traceback);
		const uint32_t frames = retained_number(finder->heap, traceback);
		if (frames != UINT32_MAX)
			finder->group[frames] = group;
	}
	finder->answer->exceptions = finder->instances.count;
	return OK;
}

static int compare_groups(const void *left_group, const void *right_group)
{
	const struct traceback_group *left = left_group, *right = right_group;
	return query_compare_bytes(left->retained, left->first, right->retained, right->first);
}

static int weigh(struct finder *finder)
{
	struct tracebacks_answer *answer = finder->answer;
	uint64_t *bytes = calloc(answer->groups.count + 1, sizeof *bytes);
	if (bytes == NULL)
		return query_no_memory(finder->query, "the tracebacks");
	int status = retained_groups(finder->heap, finder->group, (uint32_t)answer->groups.count, bytes,
	                             finder->query->progress, finder->query->error);
	for (size_t i = 0; status == OK && i < answer->groups.count; i++)
		answer->groups.items[i].retained = bytes[i];
	free(bytes);
	if (answer->groups.count > 1)
		qsort(answer->groups.items, answer->groups.count, sizeof *answer->groups.items, compare_groups);
	return status;
}

static int add_words(const struct finder *finder, uint64_t count)
{
	struct tracebacks_answer *answer = finder->answer;
	struct naming *naming;
	bool failed = false;
	if (count == 0 || answer->groups.count == 0)
		return OK;
	TRY(naming_open(&naming, finder->query, finder->heap));
	for (size_t i = 0; i < answer->groups.count && i < count; i++) {
		struct traceback_group *group = &answer->groups.items[i];
		if (group->keeper == KEEPER_SYS)
			text_add(&group->kept_by, "sys.last_exc, sys.last_value");
		else if (!mention_keeper(finder->query, naming, group->keeper_number, &group->kept_by))
			(void)naming_object(naming, group->first, &group->kept_by);
		failed |= group->kept_by.failed;
	}
	naming_close(naming);
	return failed ? query_no_memory(finder->query, "the tracebacks") : OK;
}

int query_tracebacks(const struct query *query, uint64_t with_words, struct tracebacks_answer *ret_answer)
{
	*ret_answer = (struct tracebacks_answer){ .exceptions = 0 };
	struct finder *finder = calloc(1, sizeof *finder);
	if (finder == NULL)
		return query_no_memory(query, "the tracebacks");
	finder->query = query;
	finder->decoder = &query->target->naming;
	finder->answer = ret_answer;
	int status = query_heap(query, &finder->heap);
	if (status == OK) {
		const size_t numbers = finder->heap->dominators.reached_count;
		ret_answer->coverage = finder->heap->graph->coverage;
		finder->group = malloc((numbers + 1) * sizeof *finder->group);
		if (finder->group == NULL)
			status = query_no_memory(query, "the tracebacks");
		else
			memset(finder->group, 0xff, (numbers + 1) * sizeof *finder->group);
	}
	if (status == OK)
		status = instances_find(&finder->instances, query, classify);
	if (status == OK)
		status = add_all(finder);
	if (status == OK)
		status = weigh(finder);
	if (status == OK)
		status = add_words(finder, with_words);
	array_free(&finder->instances);
	array_free(&finder->hashes);
	free(finder->group);
	free(finder);
	return status;
}

void tracebacks_answer_clear(struct tracebacks_answer *answer)
{
	for (size_t i = 0; i < answer->groups.count; i++) {
		array_free(&answer->groups.items[i].places);
		text_free(&answer->groups.items[i].kept_by);
	}
	array_free(&answer->groups);
}
