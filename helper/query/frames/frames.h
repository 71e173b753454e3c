/* SPDX-License-Identifier: MIT
 * frames: the Python stack of every thread, the locals of each frame, and what both weigh. */
#ifndef PYDS_QUERY_FRAMES_H
#define PYDS_QUERY_FRAMES_H

#include "base/array.h"
#include "query/memory/native_beside.h"
#include "query/query.h"

struct frames_question {
	bool with_weights; /* deep and retained bytes, which need the graph of the whole heap; else the stacks at once
	                    */
	bool is_folded; /* threads with equal stacks are one, and so are equal frames after each other: a recursion */
	uint64_t limit; /* frames of a thread, and locals of a frame; UINT64_MAX: all */
	bool full_paths; /* every file with its folders */
	uint64_t min_bytes; /* only locals that retain as much */
};

struct frame_local {
	struct text name; /* not escaped */
	uint64_t address;
	const struct type_info *type; /* NULL: not an object */
	uint64_t deep, retained; /* bytes; 0 without weights */
	uint64_t native; /* of C code, that hang on what it retains */
};

struct frame_row {
	struct python_frame frame;
	uint32_t depth; /* 0: the innermost */
	bool full_path; /* its file is to be named with its folders */
	const struct type_info *compiled; /* type of its frame object where that is a compiler's and not CPython's:
	                                     Nuitka's compiled_frame; NULL: CPython runs it, as far as is known */
	struct text path; /* of its file, not escaped; "": co_filename is all that is known */
	bool is_folder_unknown; /* and is relative to some folder */
	struct text source; /* the line it stands at, not escaped; "": the file is not at hand, or is another one */
	struct text calls; /* the function of C that it is inside a call of (query/frames/frame_call.h); "": none that
	                      is known */
	uint64_t folded; /* equal frames that follow and have no row */
	ARRAY(struct frame_local) locals; /* those that retain most first; without weights in the code's order */
	uint64_t more_locals; /* that have no row */
	uint64_t deep, only_here; /* bytes reached from all its locals; kept alive by this frame alone */
};

struct frame_stack {
	uint32_t thread; /* index in runtime->threads */
	struct text name; /* threading's; "": it does not know the thread. Not escaped */
	int64_t interpreter; /* id; -1: unknown */
	uint64_t frame_count;
	ARRAY(struct frame_row) rows; /* innermost first; none where it is merged into another */
	uint64_t more_rows; /* beyond the limit */
	bool is_truncated; /* the frames could not be followed to the end */
	uint64_t retained; /* bytes that the thread alone keeps alive */
	uint32_t same_as; /* index of the stack that stands for it: the one that retains most; its own where it does */
	uint32_t same_count; /* stacks that this one stands for, itself included */
};

struct frames_answer {
	ARRAY(struct frame_stack) stacks; /* in the order of runtime->threads */
	bool has_weights;
	uint64_t heaviest; /* the local that retains most; 0: none was weighed */
	bool is_truncated; /* some stack is */
	struct native_beside native; /* with weights */
	struct coverage coverage; /* without weights: of nothing */
};

int query_frames(const struct query *query, const struct frames_question *question, struct frames_answer *ret_answer);
void frames_answer_clear(struct frames_answer *answer);

/* Whether two frames stand at the same instruction of the same code. */
static inline bool frames_are_alike(const struct frame_list *left, size_t left_index, const struct frame_list *right,
                                    size_t right_index)
{
	const struct python_frame *a = frame_list_form(left, left_index), *b = frame_list_form(right, right_index);
	return a == b || (a->code == b->code && a->last_instruction == b->last_instruction);
}

#endif
