/* SPDX-License-Identifier: MIT
 * roots: where reachability starts: the holders (graph/holders.h), each with runs of references, like an object. */
#ifndef PYDS_GRAPH_ROOTS_H
#define PYDS_GRAPH_ROOTS_H

#include "base/progress.h"
#include "decode/decoder.h"
#include "graph/holders.h"
#include "runtime/runtime.h"

struct holder_run {
	uint32_t holder; /* its number */
	struct run run;
};

struct roots {
	struct holders holders;
	ARRAY(struct holder_run) runs; /* sorted by holder; those of frames are graph/holder_runs.h's */
	ARRAY(struct holder_run) doubtful; /* graph/doubtful.h; empty once they are settled */
	ARRAY(struct holder_run) accepted; /* of them those that turned out to be references, sorted alike */
	ARRAY(uint64_t)
	interned; /* dicts of interned strings: their references are not counted and keep nothing alive */
	uint64_t interned_low, interned_high; /* all of them lie between */
	uint32_t runtime_holder, c_holder;
	bool frames_truncated; /* some thread's frames could not be followed to the end */
};

int roots_collect(struct roots *ret_roots, struct decoder *decoder, const struct progress *progress,
                  struct error *error);
void roots_clear(struct roots *roots);

bool roots_add_interned_dict(struct roots *roots, uint64_t address); /* false: out of memory */
static inline bool roots_is_interned_dict(const struct roots *roots, uint64_t address)
{
	if (__builtin_expect(address < roots->interned_low || address > roots->interned_high, 1))
		return false;
	for (size_t i = 0; i < roots->interned.count; i++)
		if (roots->interned.items[i] == address)
			return true;
	return false;
}

#endif
