/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BRACKETS = 64 }; /* open at once; what is opened beyond that is text */

struct scan {
	char closers[BRACKETS];
	uint32_t depth;
	char quote; /* 0: in none */
	uint32_t backslashes; /* just before this character */
};

/* Whether the character separates words. */
static int separates(struct scan *scan, char character)
{
	static const char brackets[] = "([{", closing[] = ")]}";
	const uint32_t backslashes = scan->backslashes;
	scan->backslashes = character == '\\' ? backslashes + 1 : 0;
	if (scan->quote != 0) {
		if (character == scan->quote && backslashes % 2 == 0)
			scan->quote = 0;
		return 0;
	}
	if (isspace((unsigned char)character))
		return scan->depth == 0;
	const char *bracket = strchr(brackets, character);
	if (character == '\'' || character == '"')
		scan->quote = character;
	else if (bracket != NULL && scan->depth < BRACKETS)
		scan->closers[scan->depth++] = closing[bracket - brackets];
	else if (scan->depth > 0 && character == scan->closers[scan->depth - 1])
		scan->depth--;
	return 0;
}

static int add(struct words *words, const char *start, size_t length)
{
	if (length > 1 && (start[0] == '\'' || start[0] == '"') &&
	    memchr(start + 1, start[0], length - 1) == start + length - 1) {
		start++;
		length -= 2;
	}
	if (words->count == words->capacity) {
		const uint32_t larger = words->capacity == 0 ? 16 : words->capacity * 2;
		char **grown = larger < words->capacity ? NULL : reallocarray(words->items, larger, sizeof *grown);
		if (grown == NULL)
			return -1;
		words->items = grown;
		words->capacity = larger;
	}
	char *word = strndup(start, length);
	if (word == NULL)
		return -1;
	words->items[words->count++] = word;
	return 0;
}

int words_split(struct words *words, const char *line)
{
	struct scan scan = { .depth = 0 };
	int is_inside = 0;
	*words = (struct words){ .count = 0 };
	for (const char *at = line;; at++) {
		const int ends = *at == '\0' || separates(&scan, *at);
		if (!ends && !is_inside)
			words->last_start = (size_t)(at - line);
		if (ends && is_inside &&
		    add(words, line + words->last_start, (size_t)(at - line) - words->last_start) != 0) {
			fprintf(stderr, "pydeepsize: out of memory\n");
			return -1;
		}
		if (*at == '\0') {
			if (!is_inside)
				words->last_start = (size_t)(at - line);
			return 0;
		}
		is_inside = !ends;
	}
}

void words_free(struct words *words)
{
	for (uint32_t i = 0; i < words->count; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct words){ .count = 0 };
}
