/* SPDX-License-Identifier: MIT
 * native_rows: frames of C code as lines and as JSON, for threads and frames. */
#ifndef PYDS_REPORT_NATIVE_ROWS_H
#define PYDS_REPORT_NATIVE_ROWS_H

#include "query/threads/thread_native.h"
#include "report/report.h"

/* What --native asks for; without it, or where no file is at hand, which is said, *ret_answer is empty. */
int native_rows_find(struct report *report, struct native_stacks_answer *ret_answer);
/* Lines "  C  pthread_cond_timedwait() libc.so.6" of what C code does above the innermost Python frame, at most limit.
 */
void native_rows_above(const struct report *report, const struct thread_native *stack, struct text *text);
/* The same of all frames, with those of Python in their places, which are told by the names of
 * C functions: the number of Python frames that were placed. */
size_t native_rows_all(struct report *report, const struct thread_native *stack, const struct frame_list *python,
                       struct text *text);
/* A key "native": an array of {"function", "file", "address", "runs_python"}. */
void native_rows_json(struct report *report, const struct thread_native *stack);

#endif
