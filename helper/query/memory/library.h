/* SPDX-License-Identifier: MIT
 * library: which code belongs to a library that waits on behalf of its caller (asyncio, threading, queue, ...), told by
 * the files that the loaded modules say they came from. */
#ifndef PYDS_QUERY_LIBRARY_H
#define PYDS_QUERY_LIBRARY_H

#include "base/address_map.h"
#include "base/array.h"
#include "decode/decoder.h"

struct library {
	struct decoder *decoder;
	ARRAY(char *) prefixes; /* of file names: a file, or a folder with its slash */
	struct address_map codes; /* 0 or 1, of code objects that were asked about */
};

/* names: of modules and packages, ends with NULL; those that the target did not import are left out. False: out of
 * memory. */
bool library_open(struct library *library, struct decoder *decoder, const char *const *names);
void library_close(struct library *library);
/* Whether a code object is of one of them. */
bool library_has(struct library *library, uint64_t code);

/* The first argument of a running or suspended method if it is called self; 0: there is none. */
uint64_t frame_self(struct decoder *decoder, const struct python_frame *frame);
/* Whether the function that a code object is of has this name. */
bool code_is_named(struct decoder *decoder, uint64_t code, const char *name);
/* Whether the file of a code object lies where packages (their scripts too) or the standard library are installed, or
 * is frozen into the interpreter: it is hardly the program's. False where no file is known. */
bool code_is_installed(struct decoder *decoder, uint64_t code);
/* The value of a local by name; 0: none. */
uint64_t frame_local(struct decoder *decoder, const struct python_frame *frame, const char *name);

#endif
