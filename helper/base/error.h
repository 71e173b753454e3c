/* SPDX-License-Identifier: MIT
 * Errors: a status with a sentence. Set once where the failure is known, extended on the way up.
 * Functions return 0 or a negative status; results travel through trailing ret_ parameters. */
#ifndef PYDS_BASE_ERROR_H
#define PYDS_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>

enum status {
#define STATUS(name, number, text) name = (number),
#include "base/status.def"
#undef STATUS
};

enum { ERROR_MESSAGE_BYTES = 1024 };

struct error {
	int status;
	char message[ERROR_MESSAGE_BYTES]; /* UTF-8, always NUL-terminated, "" while status is OK */
};

/* Records a failure, replacing an earlier one, and returns status so that callers can
 * `return error_set(...)`. Message grammar: what failed, where, what the user can do. error may be NULL. */
int error_set(struct error *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__
/* It looks into one file at a time: tell it that a failure is returned, or it follows paths that do not exist. */
#define error_set(error, status, ...) ((void)(error_set)(error, status, __VA_ARGS__), (status))
#endif

/* Appends "; <note>" to the message of a failure already recorded. Does nothing without one. */
void error_note(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *error);

/* The static text of a status ("out of memory"); "unknown status" for a number not in status.def. */
const char *status_text(int status);

/* Returns early with the status of a failed call. */
#define TRY(expression)                                                                                                \
	do {                                                                                                           \
		int try_status = (expression);                                                                         \
		if (try_status < 0)                                                                                    \
			return try_status;                                                                             \
	} while (0)

#endif
