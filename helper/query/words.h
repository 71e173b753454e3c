/* SPDX-License-Identifier: MIT
 * words: the strings of an answer that may have millions of rows, end to end in one text: a row keeps where its own
 * begins. */
#ifndef PYDS_QUERY_WORDS_H
#define PYDS_QUERY_WORDS_H

#include "base/text.h"

/* Where a copy of the word begins. The word has no NUL inside: labels and names are escaped. */
static inline size_t words_keep(struct text *words, const struct text *word)
{
	const size_t at = words->length;
	text_append(words, text_string(word), word->length + 1);
	words->failed |= word->failed;
	return at;
}

/* Borrowed till the next one is kept. */
static inline const char *words_at(const struct text *words, size_t at)
{
	return at < words->length ? words->bytes + at : "";
}

#endif
