/* SPDX-License-Identifier: MIT
 * suggestion: of the names that exist, the one nearest to what was typed. Names longer than a screen is wide are not
 * compared, and only so many are. */
#include <stdio.h>

#include "base/limits.h"
#include "object/value.h"
#include "names/steps.h"

enum { COMPARED_BYTES = 64 };

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
static unsigned edit_distance(const char *left, size_t left_length, const char *right, size_t right_length)
{
	unsigned rows[3][COMPARED_BYTES + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= right_length; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= left_length; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= right_length; j++) {
			unsigned cost = left[i - 1] != right[j - 1];
			unsigned best = above[j - 1] + cost;
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		unsigned *oldest = before;
		before = above;
		above = row;
		row = oldest;
	}
	return above[right_length];
}

void suggestion_init(struct suggestion *suggestion, const struct name_options *options, const char *wanted)
{
	memset(suggestion, 0, sizeof *suggestion);
	suggestion->looked_at = options->is_quiet ? LIMIT_NAMES_COMPARED : 0;
	suggestion->wanted = wanted;
	suggestion->best_distance = UINT32_MAX;
}

void suggestion_clear(struct suggestion *suggestion)
{
	text_free(&suggestion->list);
}

static void offer_to_list(struct suggestion *suggestion, const char *name, size_t length)
{
	bool is_private = length > 1 && name[0] == '_' && name[1] == '_';

	if (is_private)
		return;
	if (suggestion->offered < SUGGESTION_LISTED) {
		if (suggestion->offered > 0)
			text_add(&suggestion->list, ", ");
		names_escape(&suggestion->list, name, length, false);
	} else if (suggestion->offered == SUGGESTION_LISTED) {
		text_add(&suggestion->list, ", ...");
	}
	suggestion->offered++;
}

bool suggestion_offer(struct suggestion *suggestion, const char *name)
{
	size_t length = strlen(name), wanted_length = strlen(suggestion->wanted);
	struct text escaped = { 0 };

	if (++suggestion->looked_at >= LIMIT_NAMES_COMPARED)
		return false;
	if (length > COMPARED_BYTES)
		return true;
	offer_to_list(suggestion, name, length);
	if (wanted_length > COMPARED_BYTES || length == 0)
		return true;
	unsigned distance = edit_distance(suggestion->wanted, wanted_length, name, length);
	if (distance >= suggestion->best_distance || distance > 1 + wanted_length / 5)
		return true;
	names_escape(&escaped, name, length, true);
	if (!escaped.failed && escaped.length < sizeof suggestion->best) {
		memcpy(suggestion->best, text_string(&escaped), escaped.length + 1);
		suggestion->best_distance = distance;
	}
	text_free(&escaped);
	return true;
}

bool suggestion_offer_str(struct suggestion *suggestion, struct decoder *decoder, uint64_t string)
{
	struct text name = { 0 };
	bool wants_more = true;

	if (suggestion->looked_at >= LIMIT_NAMES_COMPARED)
		return false;
	if (value_str(&decoder->objects, string, COMPARED_BYTES + 1, &name) > 0 && !name.failed)
		wants_more = suggestion_offer(suggestion, text_string(&name));
	else
		wants_more = ++suggestion->looked_at < LIMIT_NAMES_COMPARED;
	text_free(&name);
	return wants_more;
}

void suggestion_note(const struct suggestion *suggestion, struct error *error)
{
	size_t length;

	if (error == NULL)
		return;
	length = strlen(error->message);
	if (suggestion->best[0] != '\0')
		error_note(error, "did you mean '%s'?", suggestion->best);
	else if (suggestion->offered > 0 && !suggestion->list.failed)
		snprintf(error->message + length, sizeof error->message - length, " (has: %s)",
		         text_string(&suggestion->list));
}
