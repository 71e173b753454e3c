/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef error_set

int error_set(struct error *error, int status, const char *format, ...)
{
	if (error == NULL)
		return status;
	va_list arguments;
	va_start(arguments, format);
	error->status = status;
	(void)vsnprintf(error->message, sizeof error->message, format, arguments);
	va_end(arguments);
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
