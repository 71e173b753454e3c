/* SPDX-License-Identifier: MIT
 * writer: a file of an export, written through a buffer and from its beginning to its end. It is there under its name
 * only once it is whole: until then it has a name of its own beside it. Mode 0600: a heap's structure is nobody else's
 * business. */
#ifndef PYDS_EXPORT_WRITER_H
#define PYDS_EXPORT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { WRITER_BYTES = 1 << 20 };

struct writer {
	int fd; /* -1: none is open */
	int status; /* of the first failure: what follows it is dropped, and writer_finish() says it */
	bool force;
	size_t length; /* bytes in buffer that wait */
	uint64_t written; /* bytes that went to the file */
	char *path, *unfinished; /* the name it will have, and the one it has */
	char *buffer; /* WRITER_BYTES */
	struct error *error; /* borrowed until the end */
};

/* ERROR_EXISTS where path is there already and not force. path "-" is refused: a terminal or a pipe has no use for it.
 */
int writer_open(struct writer *writer, const char *path, bool force, struct error *error);
/* Gives the file its name if everything was written, else removes it. The writer's status, or the failure of this. */
int writer_finish(struct writer *writer);
/* Removes what was written so far. Does nothing after writer_finish(). */
void writer_abandon(struct writer *writer);
/* Either of them, by the status of who wrote: what went wrong first is returned. *ret_bytes: of the file. */
int writer_end(struct writer *writer, int status, uint64_t *ret_bytes);

void writer_append(struct writer *writer, const char *bytes, size_t length);
void writer_add(struct writer *writer, const char *string);
void writer_decimal(struct writer *writer, uint64_t number);
void writer_hex(struct writer *writer, uint64_t number); /* "0x7f31c02a8e40" */
/* A JSON string in ASCII, quotes included; what is no UTF-8 becomes U+FFFD. */
void writer_json(struct writer *writer, const char *bytes, size_t length);
void writer_character(struct writer *writer, char character);

#endif
