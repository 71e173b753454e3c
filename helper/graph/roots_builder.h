/* SPDX-License-Identifier: MIT
 * roots_builder: what the steps of collecting roots share: roots.c has interpreters, threads and static memory,
 * roots_frames.c the frames. All return false where memory is out, or where somebody wants it to end. */
#ifndef PYDS_GRAPH_ROOTS_BUILDER_H
#define PYDS_GRAPH_ROOTS_BUILDER_H

#include "base/progress.h"
#include "graph/roots.h"

struct roots_builder {
	struct roots *roots;
	struct decoder *decoder;
	const struct progress *progress;
	struct error *error;
	ARRAY(struct holder_run) stacks; /* evaluation stacks whose depth is not known: the last of the doubtful runs */
	uint64_t steps;
	bool is_cancelled;
};

bool roots_goes_on(struct roots_builder *builder);
/* A run of references at run->address, unless it is not there. Stride 0: 8. */
bool roots_add_run(struct roots_builder *builder, uint32_t holder, const struct run *run);
bool roots_add_field(struct roots_builder *builder, uint32_t holder, uint64_t address, enum layout_field field);
/* Words that may be references (graph/doubtful.h); offset is what labels say of the first. */
bool roots_add_doubtful(struct roots_builder *builder, uint32_t holder, uint64_t address, uint64_t bytes,
                        uint64_t offset);
/* The frames of one of runtime->threads, whose holder was the last to be added. */
bool roots_add_frames(struct roots_builder *builder, uint32_t thread);

#endif
