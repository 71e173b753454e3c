/* SPDX-License-Identifier: MIT
 * complete: what may stand for the end of a target that is being typed. What comes before it is resolved as usual; then
 * names are taken where resolve would look for the next step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"
#include "names/locals.h"
#include "names/steps.h"
#include "object/value.h"

enum { NAME_BYTES = 256 }; /* longer names are typed by nobody */

struct completer {
	struct decoder *decoder;
	const struct name_options *options;
	const char *beginning;
	size_t cut; /* bytes of it that stay */
	const char *rest; /* what the names are to begin with */
	ARRAY(char *) found;
	uint32_t looked_at;
	bool failed;
};

static void add(struct completer *completer, const char *name, size_t length)
{
	char *copy = strndup(name, length);
	if (copy != NULL && array_push(&completer->found, copy))
		return;
	free(copy);
	completer->failed = true;
}

/* False once enough were looked at. */
static bool offer(struct completer *completer, const char *name, size_t length)
{
	const size_t typed = strlen(completer->rest);
	if (completer->failed || completer->found.count >= LIMIT_COMPLETIONS ||
	    ++completer->looked_at > LIMIT_NAMES_COMPARED)
		return false;
	if (length < typed || length == 0 || memcmp(name, completer->rest, typed) != 0 ||
	    (name[0] == '_' && completer->rest[0] != '_'))
		return true;
	add(completer, name, length);
	return !completer->failed;
}

/* Whether it can be shown as it is: names of the target may have characters that move a terminal's cursor. */
static bool is_plain(const struct text *name)
{
	struct text escaped = { 0 };
	names_escape(&escaped, name->bytes, name->length, true);
	const bool is_same = !escaped.failed && escaped.length == name->length &&
	                     memcmp(escaped.bytes, name->bytes, name->length) == 0;
	text_free(&escaped);
	return is_same;
}

/* A str of the target that is an identifier. */
static bool offer_identifier(struct completer *completer, uint64_t string)
{
	struct text name = { 0 };
	bool wants_more = true;
	if (value_str(&completer->decoder->objects, string, NAME_BYTES, &name) > 0 && !name.failed &&
	    is_identifier(text_string(&name), name.length) && is_plain(&name))
		wants_more = offer(completer, text_string(&name), name.length);
	else
		wants_more = ++completer->looked_at <= LIMIT_NAMES_COMPARED;
	text_free(&name);
	return wants_more;
}

static void offer_names(struct completer *completer, struct dict_cursor *cursor)
{
	uint64_t key, value;
	while (dict_cursor_next(cursor, &key, &value) && offer_identifier(completer, key))
		continue;
}

static void offer_namespace(struct completer *completer, uint64_t dict)
{
	struct dict_cursor cursor;
	if (dict != 0 && dict_cursor_open(&cursor, &completer->decoder->objects, dict))
		offer_names(completer, &cursor);
}

/* Modules whose name goes on after what was typed, up to their next dot. */
static void offer_modules(struct completer *completer)
{
	const struct runtime *runtime = completer->decoder->context->runtime;
	const size_t typed = strlen(completer->beginning);
	struct text name = { 0 };
	struct dict_cursor cursor;
	uint64_t key, value;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		if (!dict_cursor_open(&cursor, &completer->decoder->objects, runtime->interpreters.items[i].modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &value)) {
			text_reset(&name);
			if (value_str(&completer->decoder->objects, key, NAME_BYTES, &name) <= 0 || name.failed ||
			    name.length < typed || memcmp(name.bytes, completer->beginning, typed) != 0 ||
			    !is_plain(&name))
				continue;
			const char *last = text_string(&name) + completer->cut;
			if (!offer(completer, last, strcspn(last, ".")))
				break;
		}
	}
	text_free(&name);
}

/* Labels of what an object refers to: ".attr" without its dot, "['key']". */
static void offer_labels(struct completer *completer, uint64_t object, char first)
{
	struct decoder *decoder = completer->decoder;
	struct text label = { 0 };
	bool wants_more = decode_object(decoder, object);
	const struct decoded *out = &decoder->out;
	for (size_t i = 0; i < out->runs.count && wants_more; i++) {
		const struct run *run = &out->runs.items[i];
		for (uint64_t slot = 0; slot < run->count && wants_more; slot++) {
			if (run_target(run, slot) == 0)
				continue;
			text_reset(&label);
			names_label(decoder, run, slot, completer->options, &label);
			const char *text = text_string(&label);
			if (label.failed || text[0] != first || strncmp(text, "[key ", 5) == 0)
				wants_more = ++completer->looked_at <= LIMIT_NAMES_COMPARED;
			else if (first == '[')
				wants_more = offer(completer, text, label.length);
			else if (is_identifier(text + 1, label.length - 1))
				wants_more = offer(completer, text + 1, label.length - 1);
		}
	}
	text_free(&label);
}

static void offer_attributes(struct completer *completer, uint64_t object)
{
	struct decoder *decoder = completer->decoder;
	struct dict_cursor cursor;
	struct base_walk walk;
	uint64_t type;
	if (value_is(&decoder->objects, object, TPFLAGS_TYPE_SUBCLASS)) {
		base_walk_start(&walk, &decoder->objects, object);
		while ((type = base_walk_next(&walk)) != 0)
			offer_namespace(completer, value_type_dict(&decoder->objects, type));
		return;
	}
	if (value_attribute_cursor(&cursor, &decoder->objects, object))
		offer_names(completer, &cursor);
	offer_labels(completer, object, '.');
}

/* The selected thread's n-th frame; UINT32_MAX: the selected one. */
static void offer_frame(struct completer *completer, uint32_t number)
{
	struct decoder *decoder = completer->decoder;
	const struct runtime *runtime = decoder->context->runtime;
	const uint64_t selected = completer->options->selected_thread;
	struct frame_list frames = { 0 };
	struct error ignored = { 0 };
	bool is_truncated;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		const struct python_thread *thread = &runtime->threads.items[i];
		if (selected != 0 ? thread->address == selected : thread->is_selected) {
			(void)runtime_frames(runtime, thread, &frames, &is_truncated, &ignored);
			break;
		}
	}
	if (number == UINT32_MAX)
		number = completer->options->selected_frame;
	if (number < frames.count) {
		const struct python_frame frame = frame_list_at(&frames, number);
		for (uint64_t i = 0; i < frame.slot_count && i < LIMIT_FRAME_SLOTS; i++)
			if (local_value(decoder, &frame, i) != 0 &&
			    !offer_identifier(completer, local_name(decoder, frame.code, i)))
				break;
		offer_namespace(completer, frame.locals);
		if (frame.globals != frame.locals)
			offer_namespace(completer, frame.globals);
	}
	frame_list_clear(&frames);
}

/* Where the last step begins: behind a dot or at a bracket that is still open, outside quotes and other brackets. */
static size_t last_step(const char *text)
{
	size_t cut = 0, open = 0;
	unsigned depth = 0;
	char quote = 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (quote != 0) {
			if (text[i] == '\\' && text[i + 1] != '\0')
				i++;
			else if (text[i] == quote)
				quote = 0;
		} else if (text[i] == '\'' || text[i] == '"') {
			quote = text[i];
		} else if (text[i] == '[' || text[i] == '(') {
			if (depth++ == 0)
				open = i;
		} else if ((text[i] == ']' || text[i] == ')') && depth > 0) {
			depth--;
		} else if (text[i] == '.' && depth == 0) {
			cut = i + 1;
		}
	}
	return depth > 0 ? open : cut;
}

static int offer_all(struct completer *completer)
{
	struct error ignored = { 0 };
	uint64_t object;
	unsigned number;
	int used = 0;
	const bool is_subscript = completer->rest[0] == '[';
	if (completer->cut == 0) {
		offer_modules(completer);
		offer_frame(completer, UINT32_MAX);
		return OK;
	}
	char *before = strndup(completer->beginning, completer->cut - (is_subscript ? 0 : 1));
	if (before == NULL)
		return ERROR_NO_MEMORY;
	if (sscanf(before, "frame:%9u%n", &number, &used) == 1 && before[used] == '\0')
		offer_frame(completer, number);
	else if (names_resolve(completer->decoder, before, completer->options, &object, &ignored) == 0) {
		if (is_subscript)
			offer_labels(completer, object, '[');
		else
			offer_attributes(completer, object);
	}
	if (!is_subscript)
		offer_modules(completer);
	free(before);
	return OK;
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

int names_complete(struct decoder *decoder, const char *beginning, const struct name_options *options,
                   struct text *lines, struct error *error)
{
	struct completer completer = {
		.decoder = decoder, .options = options, .beginning = beginning, .cut = last_step(beginning)
	};
	completer.rest = beginning + completer.cut;
	if (offer_all(&completer) != OK)
		completer.failed = true;
	if (completer.found.count > 1)
		qsort(completer.found.items, completer.found.count, sizeof *completer.found.items, compare);
	for (size_t i = 0; i < completer.found.count; i++) {
		if (i > 0 && strcmp(completer.found.items[i], completer.found.items[i - 1]) == 0)
			continue;
		text_append(lines, beginning, completer.cut);
		text_add(lines, completer.found.items[i]);
		text_add(lines, "\n");
	}
	for (size_t i = 0; i < completer.found.count; i++)
		free(completer.found.items[i]);
	array_free(&completer.found);
	return completer.failed || lines->failed
	               ? error_set(error, ERROR_NO_MEMORY, "out of memory for names that complete '%s'", beginning)
	               : OK;
}
