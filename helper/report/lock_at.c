/* SPDX-License-Identifier: MIT */
#include "report/lock_at.h"

#include <inttypes.h>

#include "query/threads.h"
#include "render/units.h"

struct lock_at {
	struct report *report;
	const struct threads_answer *threads;
	uint64_t object;
};

static uint64_t thread_id(const struct lock_at *at, uint32_t row)
{
	return at->report->target->runtime->threads.items[at->threads->rows.items[row].index].native_id;
}

static void thread_text(const struct lock_at *at, uint32_t row)
{
	const struct text *name = &at->threads->rows.items[row].name;
	text_format(at->report->text, "thread %" PRIu64, thread_id(at, row));
	if (name->length > 0) {
		text_add(at->report->text, " \"");
		names_escape(at->report->text, text_string(name), name->length, false);
		text_add(at->report->text, "\"");
	}
}

static bool waits_for_it(const struct lock_at *at, uint32_t row)
{
	const struct thread_wait *wait = &at->threads->rows.items[row].wait;
	return wait->lock.kind != LOCK_NONE && (wait->lock.address == at->object || wait->primitive == at->object);
}

/* The thread that has it; NULL: none, or not known. */
static const struct thread_hold *find_hold(const struct lock_at *at, uint32_t *ret_row)
{
	for (uint32_t i = 0; i < at->threads->rows.count; i++)
		for (size_t k = 0; k < at->threads->rows.items[i].holds.count; k++)
			if (at->threads->rows.items[i].holds.items[k].lock.address == at->object) {
				*ret_row = i;
				return &at->threads->rows.items[i].holds.items[k];
			}
	return NULL;
}

static void show_text(struct lock_at *at, enum lock_kind kind, const struct lock_state *state)
{
	enum { WAITERS_SHOWN = 8 };
	struct text *text = at->report->text;
	uint32_t row = 0, shown = 0;
	const struct thread_hold *hold = find_hold(at, &row);
	text_format(text, "  %-9s ", lock_kind_name(kind));
	if (hold != NULL) {
		text_add(text, hold->source == OWNER_PERHAPS ? "perhaps held by " : "held by ");
		thread_text(at, row);
	} else if (state->is_known) {
		text_add(text, state->is_locked ? "held, by whom is not known" : "free");
	} else {
		text_add(text, "no owner of its own");
	}
	text_add(text, "\n  waiters   ");
	for (uint32_t i = 0; i < at->threads->rows.count; i++) {
		if (!waits_for_it(at, i) || shown++ >= WAITERS_SHOWN)
			continue;
		text_add(text, shown > 1 ? ", " : "");
		thread_text(at, i);
	}
	if (shown > WAITERS_SHOWN) {
		text_add(text, " and ");
		units_count(text, shown - WAITERS_SHOWN);
		text_add(text, " more");
	}
	text_add(text, shown == 0 ? "none\n" : "\n");
}

static void show_json(struct lock_at *at, enum lock_kind kind, const struct lock_state *state)
{
	struct json *json = &at->report->json;
	uint32_t row = 0;
	const struct thread_hold *hold = find_hold(at, &row);
	json_object(json, "lock");
	json_string(json, "kind", lock_kind_name(kind));
	if (state->is_known)
		json_bool(json, "locked", state->is_locked);
	else
		json_null(json, "locked");
	if (hold != NULL)
		json_number(json, "owner", thread_id(at, row));
	else
		json_null(json, "owner");
	json_bool(json, "owner_is_guessed", hold != NULL && hold->source == OWNER_PERHAPS);
	json_array(json, "waiters");
	for (uint32_t i = 0; i < at->threads->rows.count; i++)
		if (waits_for_it(at, i))
			json_number(json, NULL, thread_id(at, i));
	json_array_end(json);
	json_object_end(json);
}

int lock_at_show(struct report *report, uint64_t object)
{
	const enum lock_kind kind = lock_kind_of(report->naming, object);
	struct threads_answer threads;
	struct lock_state state;
	if (kind == LOCK_NONE || kind == LOCK_THREAD)
		return OK;
	int status = query_threads(&report->query, &threads);
	if (status >= 0) {
		struct lock_at at = { .report = report, .threads = &threads, .object = object };
		lock_read(report->naming, object, kind, &state);
		if (report_is_json(report))
			show_json(&at, kind, &state);
		else
			show_text(&at, kind, &state);
	}
	threads_answer_clear(&threads);
	return status;
}
