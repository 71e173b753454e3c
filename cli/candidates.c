/* SPDX-License-Identifier: MIT */
#include "candidates.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "prompt.h"
#include "words.h"

static void offer(FILE *lines, const char *name, size_t length, const char *typed)
{
	const size_t typed_length = strlen(typed);
	if (length >= typed_length && strncmp(name, typed, typed_length) == 0)
		fprintf(lines, "%.*s\n", (int)length, name);
}

static void offer_commands(FILE *lines, const char *typed, int with_own)
{
	struct pyds_command_info info;
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		offer(lines, info.name, strlen(info.name), typed);
	for (size_t i = 0; with_own && prompt_words[i] != NULL; i++)
		offer(lines, prompt_words[i], strlen(prompt_words[i]), typed);
}

static void offer_options(FILE *lines, const char *options, const char *typed)
{
	for (const char *at = options; *at != '\0';) {
		const size_t length = strcspn(at, " ");
		offer(lines, at, length, typed);
		at += length + strspn(at + length, " ");
	}
}

static void offer_paths(FILE *lines, pyds_session *session, const char *typed)
{
	const char *found;
	if (pyds_complete(session, typed, &found) == PYDS_OK)
		fputs(found, lines);
}

/* Names of files that begin so; those that a line would have to quote are left out, and hidden ones are where a dot was
 * typed. */
static void offer_files(FILE *lines, const char *typed)
{
	const char *slash = strrchr(typed, '/');
	const size_t folder_length = slash != NULL ? (size_t)(slash - typed) + 1 : 0;
	char *folder = folder_length > 0 ? strndup(typed, folder_length) : strdup(".");
	DIR *opened = folder != NULL ? opendir(folder) : NULL;
	const struct dirent *entry;
	while (opened != NULL && (entry = readdir(opened)) != NULL) {
		const char *name = entry->d_name, *beginning = typed + folder_length;
		if (strncmp(name, beginning, strlen(beginning)) == 0 && (name[0] != '.' || beginning[0] == '.') &&
		    strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strpbrk(name, " \t\n\"'\\") == NULL)
			fprintf(lines, "%.*s%s%s\n", (int)folder_length, typed, name,
			        entry->d_type == DT_DIR ? "/" : "");
	}
	if (opened != NULL)
		(void)closedir(opened);
	free(folder);
}

/* typed: the beginning of the word behind `words`. */
static void offer_word(FILE *lines, pyds_session *session, const struct words *words, const char *typed)
{
	struct pyds_command_info info;
	if (words->count == 0) {
		offer_commands(lines, typed, 1);
		return;
	}
	if (strcmp(words->items[0], "help") == 0)
		offer_commands(lines, typed, 0);
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		if (strcmp(info.name, words->items[0]) != 0)
			continue;
		if (typed[0] == '-')
			offer_options(lines, info.options, typed);
		else if ((info.flags & PYDS_COMMAND_TAKES_TARGETS) != 0)
			offer_paths(lines, session, typed);
		else if ((info.flags & PYDS_COMMAND_TAKES_WORDS) != 0)
			offer_files(lines, typed);
	}
}

char *candidates_find(pyds_session *session, const char *before, size_t *ret_start)
{
	struct words words;
	char *text = NULL;
	size_t bytes;
	if (words_split(&words, before) == 0) {
		*ret_start = words.last_start;
		const char *typed = before + words.last_start;
		if (*typed != '\0') /* it is the last of the words; the others stand before it */
			free(words.items[--words.count]);
		FILE *lines = open_memstream(&text, &bytes);
		if (lines != NULL) {
			offer_word(lines, session, &words, typed);
			(void)fclose(lines);
		}
	}
	words_free(&words);
	return text;
}
