/* SPDX-License-Identifier: MIT
 * prompt: command after command in one open session, which keeps what it has found: the graph of the heap is built
 * once. */
#ifndef PYDS_CLI_PROMPT_H
#define PYDS_CLI_PROMPT_H

#include "pydeepsize.h"

/* What the prompt understands beside the library's commands; ended by NULL. */
extern const char *const prompt_words[];

/* From the terminal, with history and completion, until its end; or line by line from a standard input that is none,
 * where blank lines and those that begin with # are left out. The exit status of the last command that failed, else
 * 0; at a terminal 0. */
int prompt_run(pyds_session *session);

#endif
