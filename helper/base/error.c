/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

#undef error_set

static bool is_plain(const char *message)
{
	for (; *message != '\0'; message++)
		if (*message < 0x20 || *message == 0x7f)
			return false;
	return true;
}

/* Length of what fits, without the beginning of a UTF-8 sequence whose end does not. */
static size_t fitting(const char *bytes, size_t length)
{
	size_t most = length < ERROR_MESSAGE_BYTES ? length : ERROR_MESSAGE_BYTES - 1;
	while (most > 0 && most < length && ((unsigned char)bytes[most] & 0xc0) == 0x80)
		most--;
	return most;
}

/* Sentences have names from the target in them. What a terminal would act on is taken out here, once for all. (A char
 * from 0x80 on is negative.) */
static void make_harmless(struct error *error)
{
	if (is_plain(error->message))
		return;
	struct text text = { .bytes = NULL };
	text_escape(&text, error->message, strlen(error->message), false);
	if (text.failed) {
		for (char *at = error->message; *at != '\0'; at++)
			*at = *at < 0x20 || *at == 0x7f ? '?' : *at;
	} else {
		const size_t length = fitting(text_string(&text), text.length);
		memcpy(error->message, text_string(&text), length);
		error->message[length] = '\0';
	}
	text_free(&text);
}

int error_set(struct error *error, int status, const char *format, ...)
{
	if (error == NULL)
		return status;
	va_list arguments;
	va_start(arguments, format);
	error->status = status;
	(void)vsnprintf(error->message, sizeof error->message, format, arguments);
	va_end(arguments);
	make_harmless(error);
	return status;
}

void error_note(struct error *error, const char *format, ...)
{
	if (error == NULL || error->status == OK)
		return;
	size_t used = strlen(error->message);
	int separator = snprintf(error->message + used, sizeof error->message - used, "; ");
	if (separator < 0)
		return;
	used = strlen(error->message);
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(error->message + used, sizeof error->message - used, format, arguments);
	va_end(arguments);
	make_harmless(error);
}

void error_clear(struct error *error)
{
	error->status = OK;
	error->message[0] = '\0';
}

const char *status_text(int status)
{
	switch (status) {
#define STATUS(name, number, text)                                                                                     \
	case (number):                                                                                                 \
		return text;
#include "base/status.def"
#undef STATUS
	default:
		return "unknown status";
	}
}
