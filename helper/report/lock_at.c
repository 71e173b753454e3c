/* SPDX-License-Identifier: MIT */
#include "report/lock_at.h"

#include <inttypes.h>

#include "render/units.h"
#include "report/thread_words.h"

static void thread_text(struct text *text, const struct lock_thread *thread)
{
	text_format(text, "thread %" PRIu64, thread->id);
	if (thread->name.length > 0) {
		text_add(text, " \"");
		names_escape(text, text_string(&thread->name), thread->name.length, false);
		text_add(text, "\"");
	}
}

void lock_at_text(struct text *text, const struct lock_answer *answer)
{
	enum { WAITERS_SHOWN = 8 };
	const size_t count = answer->waiters.count;
	if (answer->kind == LOCK_NONE)
		return;
	text_format(text, "  %-9s ", lock_kind_name(answer->kind));
	if (answer->is_held) {
		text_add(text, answer->source == OWNER_PERHAPS ? "perhaps held by " : "held by ");
		thread_text(text, &answer->owner);
		text_add(text, thread_words_source(answer->source));
	} else if (answer->state.is_elsewhere) {
		text_add(text, "held by another process: its semaphore does not say which");
	} else if (answer->state.is_known) {
		text_add(text, answer->state.is_locked ? "held, by whom is not known" : "free");
	} else {
		text_add(text, "no owner of its own");
	}
	text_add(text, "\n  waiters   ");
	for (size_t i = 0; i < count && i < WAITERS_SHOWN; i++) {
		text_add(text, i > 0 ? ", " : "");
		thread_text(text, &answer->waiters.items[i]);
	}
	if (count > WAITERS_SHOWN) {
		text_add(text, " and ");
		units_count(text, count - WAITERS_SHOWN);
		text_add(text, " more");
	}
	text_add(text, count == 0 ? "none\n" : "\n");
}

void lock_at_json(struct json *json, const struct lock_answer *answer)
{
	if (answer->kind == LOCK_NONE)
		return;
	json_object(json, "lock");
	json_string(json, "kind", lock_kind_name(answer->kind));
	if (answer->state.is_known)
		json_bool(json, "locked", answer->state.is_locked);
	else
		json_null(json, "locked");
	if (answer->is_held)
		json_number(json, "owner", answer->owner.id);
	else
		json_null(json, "owner");
	json_string(json, "owner_by", thread_words_source_name(answer->is_held ? answer->source : OWNER_UNKNOWN));
	json_bool(json, "owner_is_guessed", answer->is_held && answer->source == OWNER_PERHAPS);
	json_array(json, "waiters");
	for (size_t i = 0; i < answer->waiters.count; i++)
		json_number(json, NULL, answer->waiters.items[i].id);
	json_array_end(json);
	json_object_end(json);
}
