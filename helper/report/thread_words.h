/* SPDX-License-Identifier: MIT
 * thread_words: what a thread does in the kernel, and what is known of other processes that it waits for, in words. */
#ifndef PYDS_REPORT_THREAD_WORDS_H
#define PYDS_REPORT_THREAD_WORDS_H

#include "base/text.h"
#include "query/threads/threads.h"

/* Appends "   sleeps", "   reads from", which " descriptor 7" may follow, "   runs"; nothing where a lock says it. */
void thread_words_call(const struct thread_row *row, struct text *text);
/* Appends ", held by process 4711, as the kernel says"; nothing where only threads of the target matter. */
void thread_words_elsewhere(const struct thread_wait *wait, const struct address_space *space, struct text *text);
/* ", as the lock itself says", ", which is inside `with` of it"; "": nothing to say. */
const char *thread_words_source(enum owner_source source);
const char *thread_words_source_name(enum owner_source source); /* as JSON has it: "owner", "with", ... */

#endif
