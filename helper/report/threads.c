/* SPDX-License-Identifier: MIT
 * threads: what each thread does and waits for, who has that, and which wait for each other. */
#include "query/threads/threads.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "render/units.h"
#include "query/frames/frame_call.h"
#include "query/memory/library.h"
#include "query/naming.h"
#include "report/live.h"
#include "report/native_rows.h"
#include "report/place.h"
#include "report/report.h"
#include "report/thread_series.h"
#include "report/thread_words.h"

struct thread_report {
	struct report *report;
	struct threads_answer found;
	struct native_stacks_answer native; /* with --native */
	struct code_depths depths; /* frame_call_say() */
};

/* ---- Words ---- */

static const struct python_thread *python_thread(const struct thread_report *threads, const struct thread_row *row)
{
	return &threads->report->target->runtime->threads.items[row->index];
}

static void thread_text(const struct thread_report *threads, uint32_t index, struct text *text)
{
	const struct thread_row *row = &threads->found.rows.items[index];
	const struct python_thread *thread = python_thread(threads, row);
	if (thread->native_id != 0)
		text_format(text, "thread %" PRIu64, thread->native_id);
	else
		text_format(text, "thread state 0x%" PRIx64, thread->address);
	if (row->name.length > 0) {
		text_add(text, " \"");
		names_escape(text, text_string(&row->name), row->name.length, false);
		text_add(text, "\"");
	}
}

/* "RLock __main__.A.lock 0x7f...". */
static void lock_text(const struct thread_lock *lock, struct text *text)
{
	text_add(text, lock->kind == LOCK_GIL ? "the " : "");
	text_add(text, lock_kind_name(lock->kind));
	if (lock->words.length > 0)
		text_format(text, " %s", text_string(&lock->words));
	if (lock->kind != LOCK_GIL)
		text_format(text, " 0x%" PRIx64, lock->address);
}

static const char *source_words(enum owner_source source)
{
	static const char *const words[] = {
		[OWNER_UNKNOWN] = "",
		[OWNER_FIELD] = "held by ",
		[OWNER_WITH] = "held by ",
		[OWNER_RUNS] = "worked on by ",
		[OWNER_LAST] = "taken last by ",
		[OWNER_PERHAPS] = "perhaps held (it calls acquire) by ",
		[OWNER_USES] = "known to ",
	};
	return words[source];
}

static void place_of(struct thread_report *threads, const struct thread_row *row, uint32_t frame, struct text *text)
{
	if (frame < row->frames.count) {
		const struct python_frame at = frame_list_at(&row->frames, frame);
		text_add(text, " at ");
		place_text(threads->report, &at, text);
	}
}

/* Which thread's Thread it is that has to end; at Python's end there may be more. */
static void ended_text(const struct thread_report *threads, const struct thread_wait *wait, struct text *text)
{
	if (wait->wakers.count > 0) {
		text_add(text, ", ");
		thread_text(threads, wait->wakers.items[0], text);
	}
	if (wait->wakers.count > 1) {
		text_add(text, ", and of ");
		units_noun(text, wait->wakers.count - 1, "more thread");
	}
}

static bool kind_begins_with_vowel(enum lock_kind kind)
{
	return strchr("AEIOaeio", lock_kind_name(kind)[0]) != NULL || kind == LOCK_RLOCK;
}

static void wait_text(struct thread_report *threads, const struct thread_row *row, struct text *text)
{
	const struct thread_wait *wait = &row->wait;
	if (wait->lock.kind == LOCK_LOST) {
		text_add(text, "waits for a lock: which one its stack says, and that is not in the dump");
		return;
	}
	text_add(text, wait->lock.kind == LOCK_THREAD ? "waits for the end of " : "waits for ");
	if (row->lock_differs)
		text_format(text, "%s %s of its own, the first ", kind_begins_with_vowel(wait->lock.kind) ? "an" : "a",
		            lock_kind_name(wait->lock.kind));
	lock_text(&wait->lock, text);
	if (wait->lock.kind == LOCK_THREAD) {
		ended_text(threads, wait, text);
		return;
	}
	if (wait->elsewhere == ELSEWHERE_KERNEL)
		thread_words_elsewhere(wait, threads->report->target->space, text);
	if (wait->wakers.count > 0)
		text_format(text, ", %s", source_words(wait->source));
	if (wait->wakers.count > 1) {
		units_noun(text, wait->wakers.count, "thread");
		text_add(text, ", first ");
	}
	if (wait->wakers.count > 0)
		thread_text(threads, wait->wakers.items[0], text);
	if (wait->elsewhere != ELSEWHERE_KERNEL)
		thread_words_elsewhere(wait, threads->report->target->space, text);
}

/* ---- Text ---- */

static void show_deadlock(struct thread_report *threads, size_t begin, size_t end)
{
	struct text *text = threads->report->text;
	text_format(text, "\nDEADLOCK%s\n", threads->found.guessed ? ", as far as can be told" : "");
	for (size_t i = begin; i < end; i++) {
		const struct thread_row *row = &threads->found.rows.items[threads->found.deadlocks.items[i]];
		text_add(text, "  ");
		thread_text(threads, threads->found.deadlocks.items[i], text);
		text_add(text, " ");
		wait_text(threads, row, text);
		place_of(threads, row, row->wait.place, text);
		text_add(text, i + 1 < end ? ",\n" : ": none of them can go on.\n");
	}
}

static void show_deadlocks(struct thread_report *threads)
{
	const struct threads_answer *found = &threads->found;
	size_t begin = 0;
	for (size_t i = 0; i < found->deadlocks.count; i++) {
		if (found->deadlocks.items[i] != THREAD_NONE)
			continue;
		show_deadlock(threads, begin, i);
		begin = i + 1;
	}
	if (found->behind > 0) {
		text_add(threads->report->text, "  ");
		units_noun(threads->report->text, found->behind, "more thread");
		text_add(threads->report->text, " can go on only after them.\n");
	}
}

/* What keeps most threads from going on, where that is no deadlock. */
static void show_queue(struct thread_report *threads)
{
	struct text *text = threads->report->text;
	const struct thread_row *owner = &threads->found.rows.items[threads->found.longest_owner];
	if (threads->found.longest_queue < 2)
		return;
	text_add(text, threads->found.deadlocks.count > 0 ? "\nLongest queue besides: " : "\nLongest queue: ");
	units_noun(text, threads->found.longest_queue, "thread");
	text_add(text, " behind ");
	thread_text(threads, threads->found.longest_owner, text);
	place_of(threads, owner, owner->wait.place, text);
	text_add(text, "\n");
}

/* ", shop.CONN 0x7f...: socket 10.0.0.7:51234 to 10.0.0.2:5432". */
static void file_text(const struct thread_descriptor *descriptor, struct text *text)
{
	if (descriptor->object != 0)
		text_format(text, ", %s 0x%" PRIx64, text_string(&descriptor->words), descriptor->object);
	if (descriptor->kernel.length > 0)
		text_format(text, ": %s", text_string(&descriptor->kernel));
}

static void descriptor_text(const struct thread_descriptor *descriptor, struct text *text)
{
	text_format(text, descriptor->differs ? " different descriptors, the first %" PRId32 : " descriptor %" PRId32,
	            descriptor->number);
	file_text(descriptor, text);
}

/* "  polls descriptor 7, shop.CONN 0x7f...: socket 10.0.0.7:51234 to 10.0.0.2:5432": a line each. */
static void show_polls(const struct thread_row *row, struct text *text)
{
	enum { SHOWN = 8 };
	for (size_t i = 0; i < row->polls.count && i < SHOWN; i++) {
		text_format(text, "  polls descriptor %" PRId32, row->polls.items[i].number);
		file_text(&row->polls.items[i], text);
		text_add(text, "\n");
	}
	if (row->polls.count > SHOWN) {
		text_add(text, "  polls ");
		units_count(text, row->polls.count - SHOWN);
		text_add(text, " more descriptors (--json names them)\n");
	}
}

static void show_state(struct thread_report *threads, const struct thread_row *row)
{
	struct text *text = threads->report->text;
	int32_t descriptor;
	(void)thread_call_name(row->native, &descriptor);
	if (row->in_finalizer)
		text_add(text, "   in a finalizer");
	if (row->gil == GIL_HOLDS)
		text_add(text, "   holds the GIL");
	else if (row->gil == GIL_ATTACHED)
		text_add(text, "   attached");
	else if (row->gil == GIL_SUSPENDED)
		text_add(text, "   stopped by another thread, as for a collection");
	thread_words_call(row, text);
	if (descriptor >= 0)
		descriptor_text(&row->descriptor, text);
	if (row->is_collecting)
		text_add(text, row->is_collecting_guessed ? "   perhaps collects garbage" : "   collects garbage");
	if (row->is_finalizing)
		text_add(text, "   ends Python");
	if (row->is_daemon)
		text_add(text, "   daemon");
	if (threads->report->target->runtime->interpreters.count > 1)
		text_format(text, "   interpreter %" PRId64, row->interpreter);
}

static void show_hold(struct thread_report *threads, const struct thread_row *row, const struct thread_hold *hold)
{
	struct text *text = threads->report->text;
	text_add(text, hold->source == OWNER_PERHAPS ? "  perhaps holds " : "  holds ");
	lock_text(&hold->lock, text);
	place_of(threads, row, hold->place, text);
	if (hold->waiters > 0) {
		text_add(text, ", ");
		units_noun(text, hold->waiters, "thread");
		text_add(text, hold->waiters == 1 ? " waits for it" : " wait for it");
	}
	text_add(text, "\n");
}

/* The function of C that a frame of the thread is in, if those that are alike are in it too. */
static void say_call(struct thread_report *threads, const struct thread_row *row, size_t index, struct text *text)
{
	const struct query *query = &threads->report->query;
	struct text said = { .bytes = NULL };
	frame_call_say(query, python_thread(threads, row), &row->frames, index, &threads->depths, &said);
	for (size_t i = 0; i < threads->found.rows.count && row->same_count > 0 && said.length > 0; i++) {
		const struct thread_row *other = &threads->found.rows.items[i];
		if (other != row && other->same_as < threads->found.rows.count &&
		    &threads->found.rows.items[other->same_as] == row &&
		    !frame_call_is(query, python_thread(threads, other), &other->frames, index, &threads->depths,
		                   text_string(&said)))
			text_free(&said);
	}
	text_add(text, text_string(&said));
	text_free(&said);
}

/* A frame of a stack, below the function of C that it called. */
static void show_frame(struct thread_report *threads, const struct thread_row *row, size_t index)
{
	struct text *text = threads->report->text;
	const struct python_frame frame = frame_list_at(&row->frames, index);
	text_add(text, index == 0 ? "  at " : "     ");
	const size_t begin = text->length;
	say_call(threads, row, index, text);
	if (text->length > begin)
		text_add(text, "\n     ");
	place_text(threads->report, &frame, text);
	text_add(text, "\n");
}

/* The innermost frame from one on that is of no package and not of the standard library; the number of frames: none. */
static size_t own_frame(struct thread_report *threads, const struct frame_list *frames, size_t begin)
{
	uint64_t installed = 0; /* a recursion asks but once */
	for (size_t i = begin; i < frames->count; i++) {
		const uint64_t code = frame_list_code(frames, i);
		if (code != installed && !code_is_installed(threads->report->naming, code))
			return i;
		installed = code;
	}
	return frames->count;
}

static void show_more(struct text *text, size_t count, const char *words)
{
	if (count == 0)
		return;
	text_add(text, "     ... ");
	units_count(text, count);
	text_add(text, words);
}

/* The innermost frames, and where the program came from if none of these is its own: what a library waits for says
 * little. */
static void show_frames(struct thread_report *threads, const struct thread_row *row)
{
	enum { FRAMES_SHOWN = 3, OWN_SHOWN = 2 };
	struct text *text = threads->report->text;
	const struct frame_list *frames = &row->frames;
	size_t shown = row->wait.place < frames->count && row->wait.place >= FRAMES_SHOWN ? (size_t)row->wait.place + 1
	                                                                                  : FRAMES_SHOWN;
	shown = shown < frames->count ? shown : frames->count;
	for (size_t i = 0; i < shown; i++)
		show_frame(threads, row, i);
	const size_t own = own_frame(threads, frames, 0);
	if (own >= shown && own < frames->count) {
		if (own == shown + 1)
			show_frame(threads, row, shown);
		else
			show_more(text, own - shown, " more of packages\n");
		shown = own;
		while (shown < frames->count && shown < own + OWN_SHOWN &&
		       (shown == own || own_frame(threads, frames, shown) == shown))
			show_frame(threads, row, shown++);
	}
	if (frames->count == 0)
		text_add(text, row->truncated ? "  its frames cannot be read\n" : "  no Python frame\n");
	show_more(text, frames->count - shown, " more\n");
}

/* "  native ids 4242, 4241, 4240": of those whose names are said, the one that is shown first. */
static void show_ids(struct thread_report *threads, uint32_t index)
{
	enum { IDS_SHOWN = 10 };
	struct text *text = threads->report->text;
	uint32_t shown = 0;
	for (uint32_t i = index; i < threads->found.rows.count; i++) {
		const struct thread_row *row = &threads->found.rows.items[i];
		if (i != index && row->same_as != index)
			continue;
		if (shown++ == IDS_SHOWN) {
			text_add(text, ", ... (--json names all)");
			break;
		}
		text_format(text, shown == 1 ? "  native ids %" PRIu64 : ", %" PRIu64,
		            python_thread(threads, row)->native_id);
	}
	text_add(text, "\n");
}

static void show_merged(struct thread_report *threads, uint32_t index)
{
	enum { NAMES_SHOWN = 5 };
	struct text *text = threads->report->text;
	uint32_t shown = 0;
	for (uint32_t i = index + 1; i < threads->found.rows.count; i++) {
		if (threads->found.rows.items[i].same_as != index)
			continue;
		if (shown++ == NAMES_SHOWN) {
			text_add(text, ", ...");
			break;
		}
		text_add(text, shown == 1 ? "  and alike: " : ", ");
		thread_text(threads, i, text);
	}
	text_add(text, shown > 0 ? "\n" : "");
}

/* Frames of C code; how many Python frames stand among them. */
static size_t show_native(struct thread_report *threads, const struct thread_row *row)
{
	const struct native_stacks_answer *native = &threads->native;
	if (row->index >= native->stacks.count)
		return 0;
	return native_rows_all(threads->report, &native->stacks.items[row->index], &row->frames, threads->report->text);
}

static void show_thread(struct thread_report *threads, uint32_t index)
{
	struct text *text = threads->report->text;
	const struct thread_row *row = &threads->found.rows.items[index];
	text_add(text, "\n");
	if (row->same_count > 1) {
		units_noun(text, row->same_count, "thread");
		text_add(text, ": ");
	}
	const bool is_series = row->same_count > 1 && python_thread(threads, row)->native_id != 0 &&
	                       thread_series_text(&threads->found, index, text);
	if (!is_series)
		thread_text(threads, index, text);
	show_state(threads, row);
	text_add(text, "\n");
	show_polls(row, text);
	if (row->wait.lock.kind != LOCK_NONE) {
		text_add(text, "  ");
		wait_text(threads, row, text);
		text_add(text, "\n");
	}
	for (size_t i = 0; i < row->holds.count; i++)
		show_hold(threads, row, &row->holds.items[i]);
	if (row->importing != 0) {
		struct text module = { .bytes = NULL };
		(void)value_str(&threads->report->naming->objects, row->importing, LIMIT_STRING_SHOWN, &module);
		text_add(text, "  imports ");
		names_escape(text, text_string(&module), module.length, false);
		text_add(text, "\n");
		text_free(&module);
	}
	if (is_series)
		show_ids(threads, index);
	else
		show_merged(threads, index);
	const size_t placed = show_native(threads, row);
	if (placed == 0)
		show_frames(threads, row);
}

static int show_text(struct thread_report *threads)
{
	struct report *report = threads->report;
	uint64_t shown = 0, folded = 0;
	units_noun(report->text, threads->found.rows.count, "thread");
	text_add(report->text, "\n");
	if (!threads->found.calls_known)
		text_add(report->text,
		         "What threads do in the kernel is not known here: locks that C code waits for are "
		         "left out.\n");
	show_deadlocks(threads);
	show_queue(threads);
	for (uint32_t i = 0; i < threads->found.rows.count; i++) {
		if (threads->found.rows.items[i].same_as != THREAD_NONE)
			continue;
		if (shown++ >= report->request->limit) {
			folded++;
			continue;
		}
		show_thread(threads, i);
		TRY(report_deliver(report));
	}
	report_more(report, folded);
	text_add(report->text, "\n");
	if (threads->found.truncated > 0) {
		text_add(report->text, "A stack could not be followed to its end.\n");
		report->exit_status = EXIT_PARTIAL;
	}
	report_coverage(report, &threads->found.coverage);
	report_next(report, "frames tasks", 0);
	live_children(report);
	return OK;
}

/* ---- JSON ---- */

static void json_lock(struct thread_report *threads, const char *key, const struct thread_lock *lock)
{
	struct json *json = &threads->report->json;
	json_object(json, key);
	json_string(json, "kind", lock_kind_name(lock->kind));
	json_address_or_null(json, "address", lock->address);
	if (lock->words.length > 0)
		json_text(json, "name", &lock->words);
	else
		json_null(json, "name");
}

/* Of what processes share. */
static void json_elsewhere(struct json *json, const struct thread_wait *wait)
{
	static const char *const names[] = { "nothing", "held", "perhaps", "kernel", "unknown" };
	if (wait->elsewhere == ELSEWHERE_NOTHING)
		return;
	json_string(json, "elsewhere", names[wait->elsewhere]);
	if (wait->elsewhere == ELSEWHERE_KERNEL) {
		json_signed(json, "process", wait->process);
		json_signed(json, "descriptor", wait->descriptor);
	}
	json_array(json, "processes");
	for (size_t i = 0; i < wait->sharing.count; i++)
		json_signed(json, NULL, wait->sharing.items[i]);
	json_array_end(json);
}

static void json_wait(struct thread_report *threads, const struct thread_row *row)
{
	struct json *json = &threads->report->json;
	const struct thread_wait *wait = &row->wait;
	if (wait->lock.kind == LOCK_NONE) {
		json_null(json, "waits_for");
		return;
	}
	json_lock(threads, "waits_for", &wait->lock);
	if (wait->owner != THREAD_NONE)
		json_number(json, "owner", python_thread(threads, &threads->found.rows.items[wait->owner])->native_id);
	else
		json_null(json, "owner");
	json_string(json, "owner_by", thread_words_source_name(wait->source));
	json_array(json, "wakers");
	for (size_t i = 0; i < wait->wakers.count; i++)
		json_number(json, NULL,
		            python_thread(threads, &threads->found.rows.items[wait->wakers.items[i]])->native_id);
	json_array_end(json);
	json_elsewhere(json, wait);
	json_object_end(json);
}

static void json_place(struct thread_report *threads, const struct thread_row *row, size_t index)
{
	struct json *json = &threads->report->json;
	const struct python_frame frame = frame_list_at(&row->frames, index);
	struct text calls = { .bytes = NULL };
	frame_call_say(&threads->report->query, python_thread(threads, row), &row->frames, index, &threads->depths,
	               &calls);
	place_json_begin(threads->report, &frame);
	if (calls.length > 0)
		json_text(json, "calls", &calls);
	else
		json_null(json, "calls");
	json_object_end(json);
	text_free(&calls);
}

static void json_file(struct json *json, const struct thread_descriptor *descriptor)
{
	if (descriptor->object != 0)
		json_address(json, "file", descriptor->object);
	if (descriptor->kernel.length > 0)
		json_text(json, "file_name", &descriptor->kernel);
}

static void json_polls(struct json *json, const struct thread_row *row)
{
	if (row->polls.count == 0)
		return;
	json_array(json, "polls");
	for (size_t i = 0; i < row->polls.count; i++) {
		json_object(json, NULL);
		json_signed(json, "descriptor", row->polls.items[i].number);
		json_file(json, &row->polls.items[i]);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_thread(struct thread_report *threads, const struct thread_row *row)
{
	struct json *json = &threads->report->json;
	const struct python_thread *thread = python_thread(threads, row);
	int32_t descriptor;
	const char *call = thread_call_name(row->native, &descriptor);
	json_object(json, NULL);
	json_number(json, "id", thread->native_id);
	json_address(json, "thread_state", thread->address);
	if (row->name.length > 0)
		json_text(json, "name", &row->name);
	else
		json_null(json, "name");
	json_bool(json, "daemon", row->is_daemon);
	json_signed(json, "interpreter", row->interpreter);
	const bool runs = row->native != NULL && row->native->call_known && row->native->call < 0;
	json_string(json, "state",
	            row->wait.lock.kind != LOCK_NONE ? "waits"
	            : runs                           ? "runs"
	            : call != NULL                   ? call
	                                             : "unknown");
	if (descriptor >= 0)
		json_signed(json, "descriptor", descriptor);
	json_file(json, &row->descriptor);
	json_polls(json, row);
	json_bool(json, "in_finalizer", row->in_finalizer);
	json_string(json, "gil", gil_state_name(row->gil));
	json_bool(json, "collecting", row->is_collecting && !row->is_collecting_guessed);
	if (row->is_collecting_guessed)
		json_bool(json, "perhaps_collecting", true);
	json_bool(json, "finalizing", row->is_finalizing);
	json_wait(threads, row);
	json_array(json, "holds");
	for (size_t i = 0; i < row->holds.count; i++) {
		json_lock(threads, NULL, &row->holds.items[i].lock);
		json_string(json, "by", thread_words_source_name(row->holds.items[i].source));
		json_number(json, "waiters", row->holds.items[i].waiters);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "frames");
	for (size_t i = 0; i < row->frames.count && i < threads->report->request->limit; i++)
		json_place(threads, row, i);
	json_array_end(json);
	if (row->index < threads->native.stacks.count)
		native_rows_json(threads->report, &threads->native.stacks.items[row->index]);
	json_object_end(json);
}

static void json_deadlocks(struct thread_report *threads)
{
	struct json *json = &threads->report->json;
	const struct threads_answer *found = &threads->found;
	json_array(json, "deadlocks");
	for (size_t i = 0; i < found->deadlocks.count; i++) {
		json_array(json, NULL);
		for (; found->deadlocks.items[i] != THREAD_NONE; i++) {
			const struct thread_row *row = &found->rows.items[found->deadlocks.items[i]];
			json_object(json, NULL);
			json_number(json, "thread", python_thread(threads, row)->native_id);
			json_lock(threads, "waits_for", &row->wait.lock);
			json_object_end(json);
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_array_end(json);
	json_bool(json, "deadlocks_guessed", found->guessed);
	json_number(json, "behind", found->behind);
	if (found->longest_queue == 0) {
		json_null(json, "longest_queue");
		return;
	}
	json_object(json, "longest_queue");
	json_number(json, "thread", python_thread(threads, &found->rows.items[found->longest_owner])->native_id);
	json_number(json, "threads", found->longest_queue);
	json_object_end(json);
}

static int show_json(struct thread_report *threads)
{
	struct report *report = threads->report;
	report_json_begin(report);
	json_array(&report->json, "threads");
	for (size_t i = 0; i < threads->found.rows.count; i++)
		json_thread(threads, &threads->found.rows.items[i]);
	json_array_end(&report->json);
	json_deadlocks(threads);
	report_coverage_json(report, &threads->found.coverage);
	report_json_end(report);
	return OK;
}

int threads_report(struct report *report)
{
	struct thread_report threads = { .report = report };
	int status = query_threads(&report->query, true, &threads.found);
	if (status >= 0)
		status = native_rows_find(report, &threads.native);
	if (status >= 0)
		status = report_is_json(report) ? show_json(&threads) : show_text(&threads);
	threads_answer_clear(&threads.found);
	native_stacks_answer_clear(&threads.native);
	code_depths_clear(&threads.depths);
	return status;
}
