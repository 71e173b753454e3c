/* SPDX-License-Identifier: MIT */
#include "query/group_name.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 8 };

void name_pattern(const char *name, struct text *text)
{
	for (const char *at = name; *at != '\0';) {
		if (*at != '[') {
			text_append(text, at++, 1);
			continue;
		}
		char quote = '\0';
		for (at++; *at != '\0' && (quote != '\0' || *at != ']'); at++) {
			if (*at == '\\' && at[1] != '\0')
				at++;
			else if (quote != '\0' && *at == quote)
				quote = '\0';
			else if (quote == '\0' && (*at == '\'' || *at == '"'))
				quote = *at;
		}
		at += *at == ']';
		text_add(text, "[*]");
	}
}

/* "app.models.User.tags" becomes "*.tags"; what is no path stays. */
static void last_step(struct text *pattern)
{
	const char *name = text_string(pattern);
	const char *dot = strrchr(name, '.');
	struct text words = { .bytes = NULL };
	if (dot == NULL || strpbrk(name, " (") != NULL)
		return;
	text_format(&words, "*%s", dot);
	text_free(pattern);
	*pattern = words;
}

/* The pattern that most have, and how many. */
static uint32_t most_frequent(const struct text *patterns, uint32_t count, uint32_t *ret_index)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t equal = 0;
		for (uint32_t k = 0; k < count; k++)
			equal += strcmp(text_string(&patterns[i]), text_string(&patterns[k])) == 0;
		if (patterns[i].length > 0 && equal > most) {
			most = equal;
			*ret_index = i;
		}
	}
	return most;
}

bool group_name(struct naming *naming, const uint32_t *numbers, size_t count, struct text *text)
{
	struct text patterns[SAMPLES] = { { .bytes = NULL } };
	const uint32_t samples = count < SAMPLES ? (uint32_t)count : SAMPLES;
	uint32_t best = 0;
	for (uint32_t i = 0; i < samples; i++) {
		struct text name = { .bytes = NULL };
		if (naming_number(naming, numbers[count * i / samples], &name))
			name_pattern(text_string(&name), &patterns[i]);
		text_free(&name);
	}
	uint32_t equal = most_frequent(patterns, samples, &best);
	if (2 * equal < samples + 1) {
		for (uint32_t i = 0; i < samples; i++)
			last_step(&patterns[i]);
		equal = most_frequent(patterns, samples, &best);
	}
	const bool is_common = 2 * equal >= samples + 1;
	if (is_common) {
		text_add(text, equal < samples ? "mostly " : "");
		text_add(text, text_string(&patterns[best]));
	}
	for (uint32_t i = 0; i < samples; i++) {
		text->failed |= patterns[i].failed;
		text_free(&patterns[i]);
	}
	return is_common;
}
