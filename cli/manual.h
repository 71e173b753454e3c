/* SPDX-License-Identifier: MIT
 * manual: help texts, the man page and docs/commands.md, all written from the library's table of commands. */
#ifndef PYDS_CLI_MANUAL_H
#define PYDS_CLI_MANUAL_H

/* All commands, or one (NULL: all). -1: there is no such command. */
int manual_help(const char *command);
/* The same without what only the command line has. */
int manual_help_at_prompt(const char *command);
void manual_man_page(void);
void manual_markdown(void);

#endif
