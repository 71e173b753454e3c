/* SPDX-License-Identifier: MIT
 * candidates: what may stand for the last word of a line of commands that is being typed. */
#ifndef PYDS_CLI_CANDIDATES_H
#define PYDS_CLI_CANDIDATES_H

#include <stddef.h>

#include "pydeepsize.h"

/* line_editor_complete() of a session. */
char *candidates_find(pyds_session *session, const char *before, size_t *ret_start);

#endif
