/* SPDX-License-Identifier: MIT
 * native_stack: the frames of C code of the target's threads, unwound by elfutils' libdwfl out of the registers and
 * stacks in the space, with the ELF files that were found to be the target's. */
#ifndef PYDS_MEMORY_NATIVE_STACK_H
#define PYDS_MEMORY_NATIVE_STACK_H

#include "base/array.h"
#include "base/progress.h"
#include "memory/address_space.h"

struct native_frame {
	uint64_t address; /* of the instruction: in an outer frame where the call returns to */
	uint32_t file; /* index in space->files; UINT32_MAX: in none */
	char *function; /* as the file's symbol table has it; NULL: it has none there */
};

typedef ARRAY(struct native_frame) native_frame_array;

struct native_stacks; /* of one space; not for several threads at once */

/* ERROR_UNSUPPORTED: the target is none of x86-64; ERROR_NOT_FOUND: no file of it is at hand. */
int native_stacks_open(struct native_stacks **ret_stacks, const struct address_space *space, struct error *error);
void native_stacks_close(struct native_stacks *stacks); /* NULL is fine */
/* Innermost first, up to LIMIT_NATIVE_FRAMES. *ret_ended: the outermost function was reached, not only as far as memory
 * and files go. The functions' names are the caller's, native_frames_clear(). ERROR_NO_MEMORY, ERROR_CANCELLED. */
int native_stacks_read(struct native_stacks *stacks, const struct native_thread *thread,
                       const struct progress *progress, native_frame_array *ret_frames, bool *ret_ended);
void native_frames_clear(native_frame_array *frames);

#endif
