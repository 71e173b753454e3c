/* SPDX-License-Identifier: MIT
 * completion: scripts that complete commands and options in bash, zsh and fish, written from the table of commands. */
#ifndef PYDS_CLI_COMPLETION_H
#define PYDS_CLI_COMPLETION_H

/* shell: "bash", "zsh", "fish". -1: none of these; nothing was printed then. */
int completion_write(const char *shell);

#endif
