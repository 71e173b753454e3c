/* SPDX-License-Identifier: MIT
 * runtime: where the Python of a target is and of what it consists: _PyRuntime, exact version and build,
 * interpreters, thread states, frames. Addresses only; what an object says is decode's business. */
#ifndef PYDS_RUNTIME_RUNTIME_H
#define PYDS_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "layout/layout.h"
#include "memory/address_space.h"
#include "runtime/frame_list.h"

enum runtime_found_by { RUNTIME_BY_SYMBOL, RUNTIME_BY_SECTION, RUNTIME_BY_COOKIE, RUNTIME_BY_STRUCTURE };

/* Well-known objects and types that CPython exports (Objects/, Include/): symbols.def lists
 * SYMBOL(name). Address 0: no ELF file at hand says where it is. */
enum known_symbol {
#define SYMBOL(name) SYMBOL_##name,
#include "runtime/symbols.def"
#undef SYMBOL
	SYMBOL_COUNT
};

struct interpreter {
	uint64_t address; /* PyInterpreterState */
	int64_t id;
	uint64_t modules; /* sys.modules, a dict; 0 when not set up */
	uint64_t sysdict; /* sys.__dict__ */
	uint64_t builtins; /* builtins.__dict__ */
};

struct python_thread {
	uint64_t address; /* PyThreadState */
	uint64_t interpreter; /* PyInterpreterState */
	uint64_t thread_id; /* pthread_t */
	uint64_t native_id; /* Linux tid; from pthread_t where the field does not exist (before 3.11); 0 unknown */
	bool is_main; /* native_id equals the process id */
	bool is_selected; /* the debugger's current thread, or the one that got the fatal signal, or the main one */
};

struct runtime_options {
	bool prefer_dwarf; /* read the binary's DWARF even where a table row fits */
	const char *debug_directory; /* beside /usr/lib/debug, for separate debug files; NULL: none */
	bool use_debuginfod;
	bool ignore_dwarf; /* never open debug information (tests) */
	uint64_t selected_tid; /* of the debugger's current thread; 0: choose */
	struct progress *progress; /* NULL: nobody asks */
};

/* The frames of one thread, most recent first, once they were asked for. */
struct thread_frames {
	struct frame_list list;
	bool is_read;
	bool is_truncated; /* they could not be followed to the end */
};

struct runtime {
	const struct address_space *space;
	struct layout layout;
	uint64_t address; /* _PyRuntime */
	enum runtime_found_by found_by;
	const struct mapped_file *file; /* the ELF file that holds _PyRuntime; NULL: none known */
	uint64_t symbols[SYMBOL_COUNT];
	ARRAY(struct interpreter) interpreters; /* main interpreter first */
	ARRAY(struct python_thread) threads;
	/* Frames whose stack pointer (3.14+) says nothing, sorted: the interpreter may be at work on them, with its top
	 * in a register, and what it saved last is of an earlier instruction (_PyFrame_GetStackPointer() clears it in
	 * debug builds only). */
	ARRAY(uint64_t) running_frames;
	struct thread_frames *frames; /* of each thread; runtime_thread_frames() fills them */
	bool is_collecting; /* a garbage collection was under way in some interpreter */
	bool is_finalizing;
	char version_text[64]; /* "3.11.7" */
	char build_text[128]; /* "release", "debug free-threaded", ... */
	/* Sentences that `info` shows: which sources disagree, which self-check failed, what was guessed. */
	ARRAY(const char *) losses; /* of the warnings, those that say what every answer may lack; borrowed from them */
	ARRAY(char *) warnings;
	ARRAY(char *) checks; /* self-checks that passed, one sentence each */
};

/* Finds everything above. On failure error says what was looked for, where, and what would help. */
int runtime_open(struct runtime **ret_runtime, const struct address_space *space, const struct runtime_options *options,
                 struct error *error);
void runtime_close(struct runtime *runtime); /* NULL is fine */

/* The frames of one thread, most recent first; appended to *frames. Stops at LIMIT_FRAMES or at the first frame
 * that cannot be read (then *ret_truncated). Shim and C-stack entries are left out. */
int runtime_frames(const struct runtime *runtime, const struct python_thread *thread, struct frame_list *frames,
                   bool *ret_truncated, struct error *error);
/* The same of a thread of runtime->threads, read once and kept till runtime_close(): there may be a million. Not for
 * several threads at once. */
int runtime_thread_frames(const struct runtime *runtime, const struct python_thread *thread,
                          const struct thread_frames **ret_frames, struct error *error);
/* Address of the most recent frame of a PyThreadState, which may be an entry of the interpreter's own; 0: it runs no
 * Python. False: it cannot be read. */
bool runtime_first_frame(const struct runtime *runtime, struct reader *reader, uint64_t thread, uint64_t *ret_frame);
/* Fills *ret_frame from one _PyInterpreterFrame (3.11+) or PyFrameObject; false if it cannot be read or is a shim. */
bool runtime_read_frame(const struct runtime *runtime, struct reader *reader, uint64_t address,
                        struct python_frame *ret_frame);

/* Whether it is one of running_frames. */
bool runtime_frame_is_running(const struct runtime *runtime, uint64_t address);

void runtime_warn(struct runtime *runtime, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The last warning bears on every answer. */
void runtime_lose(struct runtime *runtime);

#endif
