/* SPDX-License-Identifier: MIT
 * name_words: a name in the making: from something that has one by itself, reference by reference down to the object
 * that is to be named. */
#ifndef PYDS_QUERY_NAME_WORDS_H
#define PYDS_QUERY_NAME_WORDS_H

#include "query/reference.h"

/* Suffixes follow a base directly ("app.cache" ".SESSIONS") or as "suffix of base". */
struct words {
	const struct references *references;
	struct text base, suffix;
	bool joins;
	bool in_context; /* within the trie of a context: only the variable at its end is said */
	bool pending_dict; /* the last step was .__dict__: an attribute's name may follow */
	struct text label; /* of the step being put into words */
};

/* One more reference. owner: the object that has it, 0 for a holder. */
void words_step(struct words *words, uint64_t owner, const struct run *run, uint64_t slot);
/* Appends what was said so far. */
void words_end(struct words *words, struct text *text);
void words_clear(struct words *words);
/* Appends "['x']" of an attribute dict as ".x"; false if that is no identifier. */
bool words_attribute(struct words *words, const struct run *run, uint64_t slot, struct text *text);

#endif
