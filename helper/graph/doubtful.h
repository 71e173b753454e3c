/* SPDX-License-Identifier: MIT
 * doubtful: words that hold references if anything does: the evaluation stack of a frame that executes, whose top only
 * the processor knows; the state of interpreters and threads beyond the fields that are known by name; writable memory
 * of ELF files, where C code keeps what it found once. Such a word is taken for a reference only if the object that it
 * points at has a reference count that nothing certain accounts for. So a stale word, or a borrowed pointer, never
 * keeps anything alive that is not alive for a reason of its own. */
#ifndef PYDS_GRAPH_DOUBTFUL_H
#define PYDS_GRAPH_DOUBTFUL_H

#include "graph/object_index.h"
#include "graph/object_places.h"
#include "graph/roots.h"

struct doubtful {
	struct roots *roots;
	struct decoder *decoder;
	const struct object_places *places;
	const struct progress *progress;
	uint64_t steps;
	uint64_t low, high; /* below the one and from the other on nothing is mapped */
};

/* Everything is borrowed. */
void doubtful_init(struct doubtful *doubtful, struct roots *roots, struct decoder *decoder,
                   const struct object_places *places, const struct progress *progress);

/* Most words are no addresses: that is looked at first. */
static inline bool doubtful_may_be_address(const struct doubtful *doubtful, uint64_t word)
{
	return word >= doubtful->low && word < doubtful->high && (word & 7) == 0;
}

/* Whether such a word is the address of an object that was not visited and is certainly alive. */
bool doubtful_is_unknown_object(const struct doubtful *doubtful, const struct visited *visited, uint64_t word);

/* Calls reach() for every object that a doubtful word points at, that was not visited before, and that is certainly
 * alive: objects that the collector does not track are known by such a word alone. Ends with the first status that is
 * not OK; ERROR_CANCELLED comes without a sentence. */
typedef int doubtful_reach_function(void *context, uint64_t address);
int doubtful_reach(struct doubtful *doubtful, const struct visited *visited, doubtful_reach_function *reach,
                   void *context);

/* What is known of reference counts once all certain references were counted. */
struct count_book {
	/* How many references are still to be found. */
	int64_t (*missing)(void *context, uint32_t node);
	void (*take)(void *context, uint32_t node); /* one was */
	/* Asked before the words that are least likely, those of free lists in the state of interpreters: takes what
	 * is found elsewhere. As doubtful_settle() returns. NULL: there is nothing else. */
	int (*look_elsewhere)(void *context);
	void *context;
};

/* Makes runs of roots->accepted of the doubtful words that account for missing references, the likeliest holder first.
 * OK, ERROR_NO_MEMORY or ERROR_CANCELLED, without a sentence. */
int doubtful_settle(struct doubtful *doubtful, const struct object_index *index, const struct count_book *book);
/* Puts them among roots->runs, behind those of the same holder; false: out of memory. */
bool doubtful_merge(struct roots *roots);

#endif
