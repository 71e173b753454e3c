/* SPDX-License-Identifier: MIT */
#include "query/name_words.h"

#include <string.h>

#include "names/expression.h"
#include "query/tasks/awaitable.h"

void words_clear(struct words *words)
{
	text_free(&words->base);
	text_free(&words->suffix);
	text_free(&words->label);
}

/* What is left open of a step that the one after it may change. */
static void close_step(struct words *words)
{
	if (words->pending_dict)
		text_add(&words->suffix, ".__dict__");
	if (words->in_context)
		text_add(&words->suffix, ".ctx_vars");
	words->pending_dict = words->in_context = false;
}

void words_end(struct words *words, struct text *text)
{
	close_step(words);
	if (words->joins || words->suffix.length == 0) {
		text_append(text, text_string(&words->base), words->base.length);
		text_append(text, text_string(&words->suffix), words->suffix.length);
		return;
	}
	text_append(text, text_string(&words->suffix), words->suffix.length);
	text_add(text, " of ");
	text_append(text, text_string(&words->base), words->base.length);
}

/* "NOUN of WORDS" becomes the base; joint is the " of ". */
static void words_wrap(struct words *words, const char *noun, const char *joint)
{
	struct text base = { .bytes = NULL };
	text_add(&base, noun);
	text_add(&base, joint);
	words_end(words, &base);
	text_free(&words->base);
	words->base = base;
	text_reset(&words->suffix);
	words->joins = false;
}

/* "['x']" of an attribute dict as ".x"; false if that is no identifier. */
bool words_attribute(struct words *words, const struct run *run, uint64_t slot, struct text *text)
{
	struct name_options options = words->references->names;
	options.show_values = true; /* an attribute's name is the program's own */
	options.hide_keys = false;
	text_reset(&words->label);
	names_label(words->references->decoder, run, slot, &options, &words->label);
	const char *label = text_string(&words->label);
	size_t length = words->label.length;
	if (length < 5 || strncmp(label, "['", 2) != 0 || !is_identifier(label + 2, length - 4))
		return false;
	text_add(text, ".");
	text_append(text, label + 2, length - 4);
	return true;
}

static void local_noun(struct words *words, const struct run *run, uint64_t slot)
{
	struct text name = { .bytes = NULL };
	names_local(words->references->decoder, run->argument, run->first_index + slot, &name);
	text_reset(&words->label);
	text_add(&words->label, "local '");
	names_escape(&words->label, text_string(&name), name.length, true);
	text_add(&words->label, "'");
	text_free(&name);
}

/* Where the frame stands that an owner of locals is or has: a frame object, a coroutine, a generator. */
static bool place_of_owner(struct decoder *decoder, uint64_t owner, struct text *text)
{
	struct python_frame frame;
	if (owner == 0)
		return false;
	if (names_frame_object(decoder, owner, text))
		return true;
	const enum awaitable_kind kind = awaitable_kind(decoder, owner);
	if (kind < AWAITABLE_COROUTINE || kind > AWAITABLE_ASYNC_GENERATOR)
		return false;
	const enum awaitable_state state = awaitable_frame(decoder, owner, &frame);
	if (state == AWAITABLE_UNKNOWN || state == AWAITABLE_ENDED)
		return false;
	names_place(decoder, &frame, text);
	return true;
}

/* "local 'x'" of a frame that runs, or of a frame object or coroutine and of what keeps that; up to 3.10 a frame that
 * runs is a frame object too, and is named once. */
static void add_local(struct words *words, uint64_t owner)
{
	struct text frame = { .bytes = NULL }, keeper = { .bytes = NULL };
	words_end(words, &keeper);
	bool is_kept = place_of_owner(words->references->decoder, owner, &frame) &&
	               strcmp(text_string(&frame), text_string(&keeper)) != 0;
	text_add(&words->label, " of ");
	if (is_kept)
		text_add(&words->label, text_string(&frame));
	words_wrap(words, text_string(&words->label), is_kept ? ", kept by " : "");
	text_free(&frame);
	text_free(&keeper);
}

/* The variables of a context lie in a trie that nobody has heard of: "['request']" follows the context itself, and of a
 * thread's own one "variable 'request'" is said. True: this step is said, or part of what will be. */
static bool context_step(struct words *words, const struct run *run)
{
	const char *label = text_string(&words->label);
	if (!words->in_context) {
		words->in_context = run->label == LABEL_FIELD && strcmp(label, ".ctx_vars") == 0;
		return words->in_context;
	}
	if (strcmp(label, ".h_root") == 0 || run->label == LABEL_ITEM ||
	    (run->label == LABEL_DICT_VALUE && label[1] != '\'' && strncmp(label, "[0x", 3) != 0))
		return true;
	words->in_context = false;
	if (run->label != LABEL_DICT_VALUE)
		return false;
	if (words->joins || strcmp(text_string(&words->suffix), ".context") != 0) {
		text_append(&words->suffix, label, words->label.length);
		return true;
	}
	struct text noun = { .bytes = NULL };
	text_add(&noun, "variable ");
	text_append(&noun, label + 1, words->label.length - 2);
	text_reset(&words->suffix);
	words_wrap(words, text_string(&noun), " of ");
	text_free(&noun);
	return true;
}

/* owner: the object that has the reference, 0 for a holder. */
void words_step(struct words *words, uint64_t owner, const struct run *run, uint64_t slot)
{
	const bool is_value = run->label == LABEL_DICT_VALUE || run->label == LABEL_SPLIT_VALUE;
	if (words->pending_dict) {
		words->pending_dict = false;
		if (is_value && words_attribute(words, run, slot, &words->suffix))
			return;
		text_add(&words->suffix, ".__dict__");
	}
	text_reset(&words->label);
	switch ((enum label_kind)run->label) {
	case LABEL_DICT_KEY:
		words_wrap(words, "key", " of ");
		return;
	case LABEL_SET_ITEM:
		words_wrap(words, "item", " of ");
		return;
	case LABEL_LOCAL:
		local_noun(words, run, slot);
		add_local(words, owner);
		return;
	default:
		names_label(words->references->decoder, run, slot, &words->references->names, &words->label);
		break;
	}
	if (context_step(words, run))
		return;
	if (run->label == LABEL_STACK)
		words_wrap(words, text_string(&words->label), " of ");
	else if (strcmp(text_string(&words->label), ".__dict__") == 0)
		words->pending_dict = true;
	else
		text_append(&words->suffix, text_string(&words->label), words->label.length);
}
