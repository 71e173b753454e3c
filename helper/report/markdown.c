/* SPDX-License-Identifier: MIT */
#include "report/markdown.h"

#include <stdlib.h>
#include <string.h>

#include "report/inner_answer.h"

enum { WIDTH = 100 };

static const char *const summary[] = { "info", "findings", "top", "heap -n 20", "threads" };

/* Cuts a command line into words in place: blanks separate them, quotes of both kinds hold them together. False: too
 * many words, or a quote that does not end. */
static bool split(char *line, const char **words, uint32_t *ret_count)
{
	char *to = line, quote = '\0';
	*ret_count = 0;
	while (*line != '\0') {
		if (*line == ' ') {
			line++;
			continue;
		}
		if (*ret_count == INNER_ARGUMENTS)
			return false;
		words[(*ret_count)++] = to;
		for (; *line != '\0' && (*line != ' ' || quote != '\0'); line++) {
			if (quote != '\0' ? *line == quote : *line == '\'' || *line == '"')
				quote = quote != '\0' ? '\0' : *line;
			else
				*to++ = *line;
		}
		if (quote != '\0')
			return false;
		line += *line != '\0';
		*to++ = '\0';
	}
	return true;
}

/* Backticks that no line of the text has: what the text stands between. At least three. */
static void put_fence(struct writer *writer, const struct text *text)
{
	size_t longest = 2, run = 0;
	for (size_t i = 0; i < text->length; i++) {
		run = text->bytes[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		writer_character(writer, '`');
}

static int put_answer(struct report *report, const char *command, struct writer *writer)
{
	const char *words[INNER_ARGUMENTS];
	uint32_t count = 0;
	struct text text = { .bytes = NULL };
	char *line = strdup(command);
	if (line == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for %s", command);
	int status;
	if (!split(line, words, &count) || count == 0)
		status = error_set(report->error, ERROR_ARGUMENT, "'%s' is no command line: %s", command,
		                   count == 0 ? "it has no word" : "a quote does not end, or it has too many words");
	else
		status = inner_answer(report, words, count, WIDTH, &text, report->error);
	if (status == OK) {
		writer_add(writer, "\n## pydeepsize ");
		/* A heading is one line, and text in a ticket is no markup. */
		for (const char *at = command; *at != '\0'; at++) {
			if (strchr("\\`*_[]<>#|&", *at) != NULL)
				writer_character(writer, '\\');
			writer_character(writer, *at == '\n' ? ' ' : *at);
		}
		writer_add(writer, "\n\n");
		put_fence(writer, &text);
		writer_add(writer, "text\n");
		writer_append(writer, text_string(&text), text.length);
		writer_add(writer, text.length > 0 && text.bytes[text.length - 1] != '\n' ? "\n" : "");
		put_fence(writer, &text);
		writer_add(writer, "\n");
	}
	text_free(&text);
	free(line);
	return status;
}

int markdown_write(struct report *report, const char *const *commands, size_t count,
                   const struct export_options *options, uint64_t *ret_bytes)
{
	struct writer writer;
	const struct runtime *runtime = report->target->runtime;
	if (count == 0) {
		commands = summary;
		count = sizeof summary / sizeof *summary;
	}
	TRY(writer_open(&writer, options->path, options->force, report->error));
	writer_add(&writer, "# Python heap, CPython ");
	writer_add(&writer, runtime->version_text);
	writer_add(&writer, " ");
	writer_add(&writer, runtime->build_text);
	writer_add(&writer, "\n");
	int status = OK;
	for (size_t i = 0; status == OK && i < count; i++)
		status = put_answer(report, commands[i], &writer);
	return writer_end(&writer, status, ret_bytes);
}
