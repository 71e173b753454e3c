/* SPDX-License-Identifier: MIT
 * words: a typed line taken apart as the debuggers' front ends do it: blanks inside quotes or brackets separate nothing
 * and quotes inside a word stay, as in app.cache.SESSIONS['a b'][1]; a word that is quoted as a whole loses its quotes.
 */
#ifndef PYDS_CLI_WORDS_H
#define PYDS_CLI_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct words {
	char **items;
	uint32_t count, capacity;
	size_t last_start; /* where in the line its last word begins; its end, if a blank comes last */
};

/* 0; -1: out of memory, which has been said. What is in *words needs words_free() either way. */
int words_split(struct words *words, const char *line);
void words_free(struct words *words);

#endif
