/* SPDX-License-Identifier: MIT
 * frame_call: the function of C that stands in a stack between two Python frames, or in front of the innermost one. */
#ifndef PYDS_QUERY_FRAME_CALL_H
#define PYDS_QUERY_FRAME_CALL_H

#include "names/code_depths.h"
#include "query/query.h"

/* Appends "<built-in function sorted>" (names/builtin_call.h): what frame `index` of the thread's frames is inside a
 * call of. Nothing where that frame called the one in front of it without C between, where the thread may be at work in
 * the innermost, and where it is not known. kept: builtin_call_say(). */
void frame_call_say(const struct query *query, const struct python_thread *thread, const struct frame_list *frames,
                    size_t index, struct code_depths *kept, struct text *text);
/* Whether the same is to be said of a frame of another thread that has an equal stack: which function an instruction
 * calls may be in a variable. */
bool frame_call_is(const struct query *query, const struct python_thread *thread, const struct frame_list *frames,
                   size_t index, struct code_depths *kept, const char *said);

#endif
