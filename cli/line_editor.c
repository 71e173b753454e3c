/* SPDX-License-Identifier: MIT */
#include "line_editor.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "waiting.h"

enum {
	HISTORY_LINES = 1000,
	PATH_BYTES = 4096,
	LISTED = 200, /* candidates at once on the terminal */
};

struct line_editor {
	EditLine *edit;
	History *history;
	const char *prompt;
	line_editor_complete *complete;
	void *context;
	char history_path[PATH_BYTES]; /* "": none is kept */
	char *line;
	mbstate_t state; /* of the character that is being read */
};

/* ---- The history's file: what was asked is nobody else's business ---- */

/* ~/.local/state/pydeepsize/history, or where PYDEEPSIZE_HISTORY says; empty there: none. */
static void find_history(struct line_editor *editor)
{
	const char *named = getenv("PYDEEPSIZE_HISTORY");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length = 0;
	if (named != NULL)
		length = snprintf(editor->history_path, PATH_BYTES, "%s", named);
	else if (state != NULL && state[0] == '/')
		length = snprintf(editor->history_path, PATH_BYTES, "%s/pydeepsize/history", state);
	else if (home != NULL && home[0] == '/')
		length = snprintf(editor->history_path, PATH_BYTES, "%s/.local/state/pydeepsize/history", home);
	if (length < 0 || length >= PATH_BYTES)
		editor->history_path[0] = '\0';
}

/* The folders of the path, as far as they are missing. What cannot be made shows when the file is written. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
}

static void save_history(struct line_editor *editor)
{
	HistEvent event;
	if (editor->history_path[0] == '\0')
		return;
	make_folders(editor->history_path);
	const mode_t before = umask(077);
	(void)history(editor->history, &event, H_SAVE, editor->history_path);
	(void)umask(before);
}

/* ---- Keys ---- */

/* libedit's own waits on through a first interrupt. The signal is let in only while we wait, so that none is missed
 * between the look and the wait. */
static int wait_for_key(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t interrupt, before;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &interrupt, &before);
	int found = 0;
	while (found == 0 && !waiting_is_interrupted()) {
		found = ppoll(&input, 1, NULL, &before);
		if (found < 0 && errno == EINTR)
			found = 0;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return found > 0 ? 0 : -1;
}

static int read_key(EditLine *edit, wchar_t *ret_key)
{
	struct line_editor *editor;
	el_get(edit, EL_CLIENTDATA, &editor);
	for (;;) {
		char byte;
		if (wait_for_key() != 0)
			return -1;
		const ssize_t count = read(STDIN_FILENO, &byte, 1);
		if (count <= 0)
			return (int)count;
		const size_t used = mbrtowc(ret_key, &byte, 1, &editor->state);
		if (used == (size_t)-2)
			continue;
		if (used != (size_t)-1)
			return 1;
		memset(&editor->state, 0, sizeof editor->state);
	}
}

static char *prompt_text(EditLine *edit)
{
	struct line_editor *editor;
	el_get(edit, EL_CLIENTDATA, &editor);
	return (char *)editor->prompt;
}

/* ---- Completion ---- */

/* How many bytes the lines have in common at their beginning. */
static size_t common_length(const char *lines)
{
	size_t common = strcspn(lines, "\n");
	for (const char *line = lines; *line != '\0';) {
		size_t same = 0;
		while (same < common && line[same] == lines[same])
			same++;
		common = same;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	while (common > 0 && (lines[common] & 0xc0) == 0x80) /* no half of a character */
		common--;
	return common;
}

static void list(const char *lines)
{
	unsigned shown = 0;
	putchar('\n');
	for (const char *line = lines; *line != '\0' && shown < LISTED; shown++) {
		const int length = (int)strcspn(line, "\n");
		printf("%.*s\n", length, line);
		line += length + (line[length] == '\n');
	}
	if (shown == LISTED)
		printf("...\n");
	fflush(stdout);
}

static unsigned char insert(EditLine *edit, const char *text, size_t length, int is_whole)
{
	char *added = malloc(length + 2);
	if (added == NULL)
		return CC_ERROR;
	memcpy(added, text, length);
	added[length] = is_whole ? ' ' : '\0';
	added[length + 1] = '\0';
	const int failed = added[0] != '\0' && el_insertstr(edit, added) != 0;
	free(added);
	return failed ? CC_ERROR : CC_REFRESH;
}

/* Whether nothing can follow in the same word: not a path or a folder, which may go on. */
static int is_whole_word(const char *word, size_t length)
{
	return memchr(word, '.', length) == NULL && memchr(word, '[', length) == NULL && length > 0 &&
	       word[length - 1] != '/';
}

static unsigned char take(EditLine *edit, const char *lines, size_t typed)
{
	const size_t common = common_length(lines);
	const char *rest = lines + strcspn(lines, "\n");
	const int is_only = rest[0] == '\0' || rest[1] == '\0';
	if (is_only || common > typed)
		return insert(edit, lines + typed, common > typed ? common - typed : 0,
		              is_only && is_whole_word(lines, common));
	list(lines);
	return CC_REDISPLAY;
}

static unsigned char complete_word(EditLine *edit, int key)
{
	struct line_editor *editor;
	const LineInfo *info = el_line(edit);
	size_t start = 0;
	(void)key;
	el_get(edit, EL_CLIENTDATA, &editor);
	char *before = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	if (before == NULL)
		return CC_ERROR;
	char *lines = editor->complete(editor->context, before, &start);
	const unsigned char result =
	        lines != NULL && lines[0] != '\0' ? take(edit, lines, strlen(before) - start) : CC_ERROR;
	free(before);
	free(lines);
	return result;
}

/* ---- Lines ---- */

struct line_editor *line_editor_create(const char *prompt, line_editor_complete *complete, void *context)
{
	HistEvent event;
	struct line_editor *editor = calloc(1, sizeof *editor);
	if (editor == NULL)
		return NULL;
	editor->prompt = prompt;
	editor->complete = complete;
	editor->context = context;
	(void)setlocale(LC_CTYPE, ""); /* what the terminal writes characters in */
	editor->edit = el_init("pydeepsize", stdin, stdout, stderr);
	editor->history = history_init();
	if (editor->edit == NULL || editor->history == NULL) {
		line_editor_destroy(editor);
		return NULL;
	}
	find_history(editor);
	(void)history(editor->history, &event, H_SETSIZE, HISTORY_LINES);
	(void)history(editor->history, &event, H_SETUNIQUE, 1);
	if (editor->history_path[0] != '\0')
		(void)history(editor->history, &event, H_LOAD, editor->history_path);
	el_set(editor->edit, EL_CLIENTDATA, editor);
	el_set(editor->edit, EL_PROMPT, prompt_text);
	el_set(editor->edit, EL_EDITOR, "emacs");
	el_set(editor->edit, EL_HIST, history, editor->history);
	el_set(editor->edit, EL_GETCFN, read_key);
	el_set(editor->edit, EL_ADDFN, "pyds-complete", "completes a command, an option, a Python path", complete_word);
	el_set(editor->edit, EL_BIND, "^I", "pyds-complete", NULL);
	el_set(editor->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	(void)el_source(editor->edit, NULL);
	return editor;
}

void line_editor_destroy(struct line_editor *editor)
{
	if (editor == NULL)
		return;
	if (editor->edit != NULL)
		el_end(editor->edit);
	if (editor->history != NULL)
		history_end(editor->history);
	free(editor->line);
	free(editor);
}

enum line_editor_end line_editor_read(struct line_editor *editor, const char **ret_line)
{
	HistEvent event;
	int count = 0;
	fflush(stdout);
	el_resize(editor->edit);
	waiting_begin();
	const char *read = el_gets(editor->edit, &count);
	if (read == NULL || count <= 0) {
		const int was_interrupted = waiting_is_interrupted();
		printf("\n");
		waiting_begin();
		return was_interrupted ? LINE_EDITOR_INTERRUPTED : LINE_EDITOR_END;
	}
	free(editor->line);
	editor->line = strndup(read, strcspn(read, "\r\n"));
	if (editor->line == NULL)
		return LINE_EDITOR_END;
	if (editor->line[strspn(editor->line, " \t")] != '\0') {
		(void)history(editor->history, &event, H_ENTER, editor->line);
		save_history(editor);
	}
	*ret_line = editor->line;
	return LINE_EDITOR_LINE;
}
