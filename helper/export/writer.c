/* SPDX-License-Identifier: MIT */
#include "export/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digits.h"
#include "base/text.h"

static int io_failed(struct writer *writer, const char *what)
{
	writer->status = error_set(writer->error, ERROR_IO, "%s %s: %s", writer->path, what, strerror(errno));
	return writer->status;
}

static void release(struct writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	free(writer->buffer);
	free(writer->unfinished);
	free(writer->path);
	*writer = (struct writer){ .fd = -1, .status = writer->status, .error = writer->error };
}

int writer_open(struct writer *writer, const char *path, bool force, struct error *error)
{
	struct text unfinished = { .bytes = NULL };
	*writer = (struct writer){ .fd = -1, .force = force, .error = error };
	if (path[0] == '\0' || strcmp(path, "-") == 0)
		return writer->status = error_set(error, ERROR_ARGUMENT,
		                                  "an export needs the name of a file to write, not \"%s\"", path);
	struct stat there;
	if (!force && lstat(path, &there) == 0)
		return writer->status = error_set(
		               error, ERROR_ARGUMENT,
		               "%s exists and is left alone; --force overwrites it, or name another file", path);
	text_format(&unfinished, "%s.unfinished-%d", path, (int)getpid());
	writer->path = strdup(path);
	writer->unfinished = unfinished.failed ? NULL : unfinished.bytes;
	writer->buffer = malloc(WRITER_BYTES);
	if (writer->path == NULL || writer->unfinished == NULL || writer->buffer == NULL) {
		writer->status = error_set(error, ERROR_NO_MEMORY, "out of memory to write %s", path);
	} else {
		/* O_EXCL: a link that somebody laid there is not followed. */
		writer->fd = open(writer->unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (writer->fd < 0)
			io_failed(writer, "cannot be written");
	}
	if (writer->status < 0)
		release(writer);
	return writer->status;
}

static void flush(struct writer *writer)
{
	for (size_t done = 0; writer->status == OK && done < writer->length;) {
		const ssize_t count = write(writer->fd, writer->buffer + done, writer->length - done);
		if (count > 0)
			done += (size_t)count;
		else if (count == 0 || errno != EINTR)
			io_failed(writer, "could not be written to its end");
	}
	writer->written += writer->length;
	writer->length = 0;
}

int writer_finish(struct writer *writer)
{
	if (writer->fd < 0)
		return writer->status;
	flush(writer);
	const int fd = writer->fd;
	writer->fd = -1;
	/* A full disk may be told only now. */
	if (close(fd) < 0 && writer->status == OK)
		io_failed(writer, "could not be written to its end");
	/* Not rename() without force: what came there meanwhile stays. */
	if (writer->status == OK && writer->force && rename(writer->unfinished, writer->path) < 0)
		io_failed(writer, "cannot be given its name");
	else if (writer->status == OK && !writer->force &&
	         renameat2(AT_FDCWD, writer->unfinished, AT_FDCWD, writer->path, RENAME_NOREPLACE) < 0 &&
	         (errno != EINVAL || rename(writer->unfinished, writer->path) < 0))
		io_failed(writer, "cannot be given its name");
	if (writer->status < 0)
		unlink(writer->unfinished);
	release(writer);
	return writer->status;
}

void writer_abandon(struct writer *writer)
{
	if (writer->fd >= 0)
		unlink(writer->unfinished);
	release(writer);
}

int writer_end(struct writer *writer, int status, uint64_t *ret_bytes)
{
	*ret_bytes = writer->written + writer->length;
	status = status < 0 ? status : writer->status;
	if (status == OK)
		return writer_finish(writer);
	writer_abandon(writer);
	return status;
}

void writer_append(struct writer *writer, const char *bytes, size_t length)
{
	while (writer->status == OK && length > 0) {
		if (writer->length == WRITER_BYTES)
			flush(writer);
		const size_t room = WRITER_BYTES - writer->length;
		const size_t part = length < room ? length : room;
		memcpy(writer->buffer + writer->length, bytes, part);
		writer->length += part;
		bytes += part;
		length -= part;
	}
}

void writer_add(struct writer *writer, const char *string)
{
	writer_append(writer, string, strlen(string));
}

void writer_character(struct writer *writer, char character)
{
	writer_append(writer, &character, 1);
}

void writer_decimal(struct writer *writer, uint64_t number)
{
	char digits[DECIMAL_DIGITS];
	const char *first = decimal_digits(number, &digits);
	writer_append(writer, first, (size_t)(digits + sizeof digits - first));
}

static void put_hex_digits(struct writer *writer, uint64_t number, unsigned count)
{
	char digits[16];
	for (unsigned i = 0; i < count; i++)
		digits[i] = "0123456789abcdef"[number >> (4 * (count - 1 - i)) & 15];
	writer_append(writer, digits, count);
}

void writer_hex(struct writer *writer, uint64_t number)
{
	unsigned count = 1;
	while (count < 16 && number >> (4 * count) != 0)
		count++;
	writer_append(writer, "0x", 2);
	put_hex_digits(writer, number, count);
}

static void put_escape(struct writer *writer, uint32_t unit)
{
	writer_append(writer, "\\u", 2);
	put_hex_digits(writer, unit, 4);
}

void writer_json(struct writer *writer, const char *bytes, size_t length)
{
	writer_append(writer, "\"", 1);
	for (size_t at = 0; at < length;) {
		size_t used;
		const uint32_t character = text_decode_utf8(bytes + at, length - at, &used);
		if (character == '"' || character == '\\') {
			writer_append(writer, "\\", 1);
			writer_append(writer, bytes + at, 1);
		} else if (character >= 0x20 && character < 0x7F) {
			writer_append(writer, bytes + at, 1);
		} else if (character < 0x10000) {
			put_escape(writer, character);
		} else {
			put_escape(writer, 0xD800 + ((character - 0x10000) >> 10));
			put_escape(writer, 0xDC00 + ((character - 0x10000) & 0x3FF));
		}
		at += used;
	}
	writer_append(writer, "\"", 1);
}
