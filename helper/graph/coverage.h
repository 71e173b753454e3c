/* SPDX-License-Identifier: MIT
 * coverage: what numbers over many objects do not cover: filled by whoever reads the target, shown with every answer.
 */
#ifndef PYDS_GRAPH_COVERAGE_H
#define PYDS_GRAPH_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/decoder.h"

enum { COVERAGE_EXAMPLES = 8 };

struct coverage {
	uint64_t approximate; /* objects of C types without a decoder */
	uint64_t unreadable; /* references to memory that is absent, each, and objects of which a part is */
	uint64_t corrupt; /* references to what is no object, each, and impossible objects */
	uint64_t in_flux; /* objects caught half way through a change */
	struct {
		uint64_t address;
		const char *reason; /* NULL: unknown */
	} examples[COVERAGE_EXAMPLES]; /* those at the lowest addresses, each once, in whatever order they are met */
	uint32_t example_count;
	/* Of a heap. */
	bool tracked_unknown; /* what only the collector knows could not be listed */
	bool gc_list_broken; /* some list of the collector did not close: torn at the moment of the dump */
	bool frames_truncated; /* some stack of Python frames could not be followed to its end */
};

/* One more object, as it was decoded. A bad object is data: counted, a few are kept as examples, and reading goes on.
 */
void coverage_count(struct coverage *coverage, const struct decoded *decoded);
/* An example of what is wrong; reason is borrowed for good. */
void coverage_note(struct coverage *coverage, uint64_t address, const char *reason);
/* Adds what another reader met. */
void coverage_add(struct coverage *coverage, const struct coverage *other);

/* Nothing is known to be missing, wrong or estimated. */
bool coverage_is_exact(const struct coverage *coverage);

/* The answer lacks something that the process had. */
static inline bool coverage_is_partial(const struct coverage *coverage)
{
	return coverage->unreadable > 0 || coverage->tracked_unknown || coverage->gc_list_broken ||
	       coverage->frames_truncated;
}

#endif
