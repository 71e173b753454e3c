/* SPDX-License-Identifier: MIT */
#include "report/lock_at.h"

#include <inttypes.h>

#include "render/units.h"

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
		text_add(text, answer->is_guessed ? "perhaps held by " : "held by ");
		thread_text(text, &answer->owner);
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
	json_bool(json, "owner_is_guessed", answer->is_guessed);
	json_array(json, "waiters");
	for (size_t i = 0; i < answer->waiters.count; i++)
		json_number(json, NULL, answer->waiters.items[i].id);
	json_array_end(json);
	json_object_end(json);
}
