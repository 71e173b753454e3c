/* SPDX-License-Identifier: MIT */
#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int append(struct targets *targets, const char *argument)
{
	if (targets->count == targets->capacity) {
		uint32_t larger = targets->capacity == 0 ? 16 : targets->capacity * 2;
		const char **grown = reallocarray(targets->arguments, larger, sizeof *grown);
		if (grown == NULL || larger < targets->capacity) {
			fprintf(stderr, "pydeepsize: out of memory\n");
			return -1;
		}
		targets->arguments = grown;
		targets->capacity = larger;
	}
	targets->arguments[targets->count++] = argument;
	return 0;
}

/* All of standard input, NUL-terminated. */
static char *read_input(void)
{
	size_t capacity = 65536, length = 0;
	char *input = malloc(capacity);
	while (input != NULL) {
		length += fread(input + length, 1, capacity - 1 - length, stdin);
		if (feof(stdin) || ferror(stdin))
			break;
		if (capacity - 1 - length > 0)
			continue;
		char *grown = capacity > SIZE_MAX / 2 ? NULL : realloc(input, capacity * 2);
		if (grown == NULL)
			free(input);
		input = grown;
		capacity *= 2;
	}
	if (input == NULL) {
		fprintf(stderr, "pydeepsize: out of memory for standard input\n");
		return NULL;
	}
	if (ferror(stdin)) {
		perror("pydeepsize: cannot read standard input");
		free(input);
		return NULL;
	}
	input[length] = '\0';
	return input;
}

static int append_lines(struct targets *targets)
{
	/* A second "-" finds nothing more to read. */
	if (targets->input != NULL)
		return 0;
	targets->input = read_input();
	if (targets->input == NULL)
		return -1;
	char *rest = NULL;
	for (char *line = strtok_r(targets->input, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
		line += strspn(line, " \t");
		size_t length = strlen(line);
		while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
			line[--length] = '\0';
		if (length > 0 && append(targets, line) != 0)
			return -1;
	}
	return 0;
}

int targets_expand(struct targets *targets, const char *const *arguments, uint32_t count)
{
	*targets = (struct targets){ .count = 0 };
	for (uint32_t i = 0; i < count; i++) {
		int failed = strcmp(arguments[i], "-") == 0 ? append_lines(targets) : append(targets, arguments[i]);
		if (failed != 0)
			return -1;
	}
	return 0;
}

void targets_clear(struct targets *targets)
{
	free(targets->arguments);
	free(targets->input);
	*targets = (struct targets){ .count = 0 };
}
