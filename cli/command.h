/* SPDX-License-Identifier: MIT
 * command: one command of the library, run in an open session, its answer on standard output. */
#ifndef PYDS_CLI_COMMAND_H
#define PYDS_CLI_COMMAND_H

#include "pydeepsize.h"

enum { STATUS_USAGE = 1, STATUS_UNREADABLE = 2, STATUS_INTERRUPTED = 130 };

/* Says on standard error what the session's last call failed of; the exit status for that. */
int command_fail(const pyds_session *session, int32_t status);
/* The exit status of the program if this were its only command. */
int command_run(pyds_session *session, const char *const *words, uint32_t count);
/* Whoever reads our output may have had enough of it: that is no failure. exit_status, or that the answer could not be
 * written. */
int command_finish_output(int exit_status);

#endif
