/* SPDX-License-Identifier: MIT
 * waiting: for a job of the library: progress on a terminal, the answer as far as it is made, and interrupts. */
#ifndef PYDS_CLI_WAITING_H
#define PYDS_CLI_WAITING_H

#include "pydeepsize.h"

/* From now on an interrupt ends the job that is waited for, not the program; a second one ends the program, too, unless
 * is_prompt. */
void waiting_catch_interrupts(int is_prompt);
/* Whether there was an interrupt since the last waiting_begin(). */
int waiting_is_interrupted(void);
/* A new line of the prompt: forgets the interrupt and what could not be written. */
void waiting_begin(void);
/* Until the job has finished. Parts of its answer go to standard output. */
void waiting_for(pyds_job *job);
/* errno of the first part of an answer that could not be written; 0: all was. */
int waiting_write_error(void);

#endif
