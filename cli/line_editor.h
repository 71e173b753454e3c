/* SPDX-License-Identifier: MIT
 * line_editor: lines that are typed on a terminal, with history and completion: libedit. */
#ifndef PYDS_CLI_LINE_EDITOR_H
#define PYDS_CLI_LINE_EDITOR_H

#include <stddef.h>

struct line_editor;

/* What may stand for the last word of `before`, all that was typed before the cursor: one a line, each the whole word;
 * *ret_start: where in `before` that word begins. NULL: nothing. To be freed. */
typedef char *line_editor_complete(void *context, const char *before, size_t *ret_start);

/* NULL: out of memory, or the terminal cannot be used. */
struct line_editor *line_editor_create(const char *prompt, line_editor_complete *complete, void *context);
void line_editor_destroy(struct line_editor *editor);

enum line_editor_end { LINE_EDITOR_LINE, LINE_EDITOR_INTERRUPTED, LINE_EDITOR_END };
/* *ret_line: without its newline, good until the next call. LINE_EDITOR_INTERRUPTED: what was typed is given up. */
enum line_editor_end line_editor_read(struct line_editor *editor, const char **ret_line);

#endif
