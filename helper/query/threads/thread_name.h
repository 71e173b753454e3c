/* SPDX-License-Identifier: MIT
 * thread_name: what threading calls a thread. */
#ifndef PYDS_QUERY_THREAD_NAME_H
#define PYDS_QUERY_THREAD_NAME_H

#include "base/text.h"
#include "decode/decoder.h"

/* Appends the name of the threading.Thread that has this pthread_t; nothing where threading does not know the thread.
 * Not escaped. */
void thread_name(struct decoder *decoder, const struct python_thread *thread, struct text *name);

#endif
