/* SPDX-License-Identifier: MIT
 * warning: what was noticed about a target and is said by `info`. */
#include <stdarg.h>
#include <stdio.h>

#include "runtime/find/opening.h"

void runtime_warn(struct runtime *runtime, const char *format, ...)
{
	char *sentence = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int length = vasprintf(&sentence, format, arguments);
	va_end(arguments);
	/* Without memory for a warning the next allocation that matters will fail and say so. */
	if (length >= 0 && !array_push(&runtime->warnings, sentence))
		free(sentence);
}

void runtime_lose(struct runtime *runtime)
{
	if (runtime->warnings.count > 0)
		(void)array_push(&runtime->losses, runtime->warnings.items[runtime->warnings.count - 1]);
}
