/* SPDX-License-Identifier: MIT
 * targets: the arguments of a command with each `-` replaced by the lines of standard input. */
#ifndef PYDS_CLI_TARGETS_H
#define PYDS_CLI_TARGETS_H

#include <stdint.h>

struct targets {
	const char **arguments;
	uint32_t count, capacity;
	char *input; /* what was read; arguments point into it */
};

/* 0; or -1 after saying on stderr what went wrong. */
int targets_expand(struct targets *targets, const char *const *arguments, uint32_t count);
void targets_clear(struct targets *targets);

#endif
