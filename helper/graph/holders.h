/* SPDX-License-Identifier: MIT
 * holders: the nodes of a heap's graph that are no objects: the process, its interpreters, threads and frames, and the
 * kinds of things that keep objects alive unseen. They are numbered from 0; the frames of a thread come right after it,
 * the innermost first. Frames have no rows of their own: a thread may have a million, and runtime has their list. */
#ifndef PYDS_GRAPH_HOLDERS_H
#define PYDS_GRAPH_HOLDERS_H

#include "base/array.h"
#include "runtime/frame_list.h"

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
	uint32_t number; /* its own */
	uint32_t parent; /* number of the holder that holds it; 0, the process, for that itself */
	uint64_t address; /* PyInterpreterState, PyThreadState or frame; 0 */
	uint32_t thread; /* index in runtime->threads, of threads and frames */
	uint32_t depth; /* of a frame: 0 is the innermost */
	uint32_t file; /* of static memory: index in space->files */
};

/* Holders that come after each other: rows, or the frames of one thread. */
struct holder_stretch {
	uint32_t first, end; /* numbers */
	uint32_t row; /* index in rows of the first; of frames, that of their thread */
	const struct frame_list *frames; /* the runtime's; NULL: they are rows */
};

struct holders {
	uint32_t count;
	ARRAY(struct holder) rows; /* all that are no frames, in their order; a holder comes after its parent */
	ARRAY(struct holder_stretch) stretches; /* in their order, without a gap */
};

void holders_clear(struct holders *holders);
/* Appends; the number is given by the list. holders_push_frames(): those of the thread that was appended last. False:
 * out of memory, or there would be more than UINT32_MAX. */
bool holders_push(struct holders *holders, const struct holder *holder);
bool holders_push_frames(struct holders *holders, const struct frame_list *frames);

/* In which stretch a number below count is. */
static inline const struct holder_stretch *holders_stretch(const struct holders *holders, uint32_t number)
{
	return &holders->stretches.items[array_first_not_below(&holders->stretches, end, number + 1)];
}

static inline enum holder_kind holders_kind(const struct holders *holders, uint32_t number)
{
	const struct holder_stretch *stretch = holders_stretch(holders, number);
	return stretch->frames != NULL ? HOLDER_FRAME
	                               : holders->rows.items[stretch->row + (number - stretch->first)].kind;
}

struct holder holders_at(const struct holders *holders, uint32_t number);
/* Of a holder that is a frame. */
struct python_frame holders_frame(const struct holders *holders, uint32_t number);
/* The first frame from *number on that is more than memory of its thread: it has a frame object, or is a generator's.
 * False: there is none. */
bool holders_next_with_object(const struct holders *holders, uint32_t *number, struct python_frame *ret_frame);

#endif
