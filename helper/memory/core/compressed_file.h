/* SPDX-License-Identifier: MIT
 * compressed_file: cores that systemd-coredump and people compress. Recognised by content, not by name. */
#ifndef PYDS_MEMORY_COMPRESSED_FILE_H
#define PYDS_MEMORY_COMPRESSED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/progress.h"

enum { COMPRESSION_MAGIC_BYTES = 8 };

struct expand_options {
	struct progress *progress; /* NULL: nobody asks */
	uint64_t most; /* bytes that may come out; 0: what the core's own headers speak of */
};

/* The name of the compression, NULL if bytes begin no compressed file known here. */
const char *compression_name(const uint8_t *bytes, size_t size);

/* Streams the compressed file of descriptor into an unlinked temporary file with holes, of which *ret_descriptor
 * is open for reading. *ret_whole is false when the stream ended early or was damaged: what came before it is
 * there. path is for messages.
 * What progress counts are bytes of the compressed file, taken back in the end. */
int compressed_file_expand(int descriptor, const char *path, const struct expand_options *options, int *ret_descriptor,
                           bool *ret_whole, struct error *error);
/* Whether the file system of temporary files is full now. One in memory (tmpfs) has to find a page for a hole, too,
 * when it is read, and where it has none the reader gets SIGBUS. */
bool compressed_file_no_room(void);

#endif
