/* SPDX-License-Identifier: MIT
 * roots: where reachability starts. Holders are the nodes that are no objects: the process, its interpreters, threads
 * and frames, and the kinds of things that keep objects alive unseen. Each holder has runs of references, like an
 * object. */
#ifndef PYDS_GRAPH_ROOTS_H
#define PYDS_GRAPH_ROOTS_H

#include "base/progress.h"
#include "decode/decoder.h"
#include "runtime/runtime.h"

enum holder_kind {
	HOLDER_PROCESS, /* holds all other holders */
	HOLDER_INTERPRETER, /* state of one interpreter: sys.modules, builtins, codecs ... */
	HOLDER_THREAD, /* state of one thread: exceptions, context, its frames */
	HOLDER_FRAME, /* one Python frame that runs: locals, stack, function */
	HOLDER_STATIC, /* writable memory of one ELF file: variables of C code */
	HOLDER_RUNTIME, /* objects of static memory and immortal ones: never freed, whoever refers to them */
	HOLDER_C, /* objects whose reference count exceeds all references found: held from C */
};

struct holder {
	enum holder_kind kind;
	uint32_t parent; /* index of the holder that holds it; itself for the process */
	uint64_t address; /* PyInterpreterState, PyThreadState or frame; 0 */
	uint32_t thread; /* index in runtime->threads, of threads and frames */
	uint32_t depth; /* of a frame: 0 is the innermost */
	uint32_t file; /* of static memory: index in space->files */
	const struct python_frame *frame; /* of a frame; the runtime's */
};

struct holder_run {
	uint32_t holder;
	struct run run;
};

struct roots {
	ARRAY(struct holder) holders; /* a holder comes after its parent */
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
