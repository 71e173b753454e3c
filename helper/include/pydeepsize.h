/* SPDX-License-Identifier: MIT
 * pydeepsize: what the objects of a stopped, hung or dead CPython process weigh.
 *
 * The whole public interface of libpydeepsize.so. Made to be loaded by ctypes from any Python and by any C program:
 * fixed-width integers, opaque handles, no callbacks but the three of a debugger. The library prints nothing, never
 * aborts and never writes to the target. A session belongs to one thread at a time; sessions are independent of each
 * other. A call of a session from another thread, or from its own callback, while one has not returned is
 * PYDS_ERROR_STATE; pyds_job_progress() and pyds_job_cancel() may be called from anywhere, at any time.
 *
 * What it does to the program that it is loaded into: jobs run in threads of ours, which block all signals but SIGBUS,
 * SIGSEGV, SIGFPE and SIGILL. While a core file is open a handler of SIGBUS is installed, since a file that somebody
 * cuts short would otherwise end the program: faults in files that we mapped end in PYDS_ERROR_CHANGED, all others go
 * to the handler that was there before. A process that is stopped by pyds_open_process() is traced by us: wait(-1,
 * __WALL) of another thread sees its stops, too. Compressed cores are expanded into a file without a name in TMPDIR.
 *
 * Life: pyds_session_create -> one pyds_open_* -> commands (pyds_job_*) -> pyds_session_destroy.
 *
 * Before 1.0 every release may change this interface; PYDS_ABI_VERSION then changes, too. */
#ifndef PYDEEPSIZE_H
#define PYDEEPSIZE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PYDS_ABI_VERSION 3

enum pyds_status {
	PYDS_OK = 0,
	PYDS_ERROR_ARGUMENT = -1,
	PYDS_ERROR_STATE = -2,
	PYDS_ERROR_NO_MEMORY = -3,
	PYDS_ERROR_IO = -4,
	PYDS_ERROR_FORMAT = -5,
	PYDS_ERROR_PERMISSION = -6,
	PYDS_ERROR_FAULT = -7,
	PYDS_ERROR_NO_PYTHON = -8,
	PYDS_ERROR_NO_LAYOUT = -9,
	PYDS_ERROR_NOT_FOUND = -10,
	PYDS_ERROR_CANCELLED = -11,
	PYDS_ERROR_UNSUPPORTED = -12,
	PYDS_ERROR_LIMIT = -13,
	PYDS_ERROR_CHANGED = -14 /* core file rewritten, process ended: open it again in another session */
};

typedef struct pyds_session pyds_session;
typedef struct pyds_job pyds_job;

/* PYDS_ABI_VERSION of the library that was loaded. Check it before anything else. */
uint32_t pyds_abi_version(void);
/* "0.1.0"; static. */
const char *pyds_version(void);
/* Static text of a status. */
const char *pyds_status_text(int32_t status);

/* NULL only when memory is out. */
pyds_session *pyds_session_create(void);
/* Closes the target (a stopped process goes on). NULL is fine. PYDS_ERROR_STATE, and nothing is destroyed, while a job
 * of the session is alive or a call of it has not returned. */
int32_t pyds_session_destroy(pyds_session *session);
/* The last failure of this session as one UTF-8 sentence, "" if none; valid until the next call with the session
 * that is not about a job. */
const char *pyds_session_error(const pyds_session *session);

/* How to open a target. Set struct_size to sizeof(struct pyds_open_options); zero everything else you do not need. */
struct pyds_open_options {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_open_flag */
	const char *sysroot; /* the target's files lie under it; NULL: as they are named */
	const char *executable; /* the target's main program on this machine; NULL: where the target says */
	const char *debug_directory; /* beside /usr/lib/debug; NULL: none */
	uint64_t selected_tid; /* thread that frame names refer to; 0: the crashed or main one */
	uint64_t max_memory; /* bytes that this process may have in all; 0: what machine and control group leave */
	const char *spill_directory; /* copy and large arrays into files in it; NULL: into memory */
	uint64_t max_expanded; /* bytes that may come out of a compressed core; 0: what its headers speak of */
};

enum pyds_open_flag {
	PYDS_OPEN_ALREADY_STOPPED = 1, /* process: a debugger holds it; do not stop it, only read */
	PYDS_OPEN_PREFER_DWARF = 2, /* read layouts from debug information even where a table fits */
	PYDS_OPEN_DEBUGINFOD = 4, /* missing debug information may be fetched by build-id (network) */
	PYDS_OPEN_IGNORE_FILES = 8, /* use no file of this machine but the core itself */
	PYDS_OPEN_IGNORE_DWARF = 16, /* do not open debug information */
	PYDS_OPEN_IN_PLACE = 32, /* process: do not copy its memory, keep it stopped until the session ends */
	PYDS_OPEN_BRIEF = 64 /* process: one brief command follows; copy only if that is the shorter stop */
};

/* A debugger's memory. read returns the number of bytes it read; only == size counts. Called only on the thread that
 * is inside a pyds_ call of the session. evaluate (may be NULL) turns an expression of the debugger into an address:
 * 0 and *ret_address, or not 0.
 *
 * registers (may be NULL) fills ret_registers[PYDS_REGISTERS], in DWARF's order of x86-64 (rax rdx rcx rbx rsi rdi rbp
 * rsp r8 to r15 rip), with those that the thread has now, and returns 0, or not 0 if they are not known. Asked of a
 * process that was opened with PYDS_OPEN_ALREADY_STOPPED, for each thread whose frames of C code a command wants, each
 * time: of a process that a debugger holds the kernel tells others only rsp and rip. */
enum { PYDS_REGISTERS = 17 };

struct pyds_callbacks {
	uint32_t struct_size;
	uint32_t reserved;
	uint64_t (*read)(void *context, uint64_t address, void *buffer, uint64_t size);
	int32_t (*evaluate)(void *context, const char *expression, uint64_t *ret_address);
	void *context;
	int32_t (*registers)(void *context, uint64_t tid, uint64_t *ret_registers);
};

struct pyds_mapping {
	uint32_t struct_size; /* the same in all of an array */
	uint32_t protection; /* 1 read, 2 write, 4 execute */
	uint64_t start, end, file_offset;
	const char *path; /* NULL: anonymous */
};

/* Opening is a job: it is waited for and cancelled like a command (below), and the session has its target when it has
 * finished with PYDS_OK. ret_job may be NULL: then the call returns when all is done. What is passed in need not live
 * longer than the call, but for what callbacks->context points at and the descriptor. */
int32_t pyds_open_core(pyds_session *session, const char *core_path, const struct pyds_open_options *options,
                       pyds_job **ret_job);
/* The same of a core that is open for reading. It is used until the job has finished, and not closed. */
int32_t pyds_open_core_descriptor(pyds_session *session, int32_t descriptor, const struct pyds_open_options *options,
                                  pyds_job **ret_job);
/* Stops the process, copies its writable memory and lets it go; where the copy would not fit it stays stopped until the
 * session ends. */
int32_t pyds_open_process(pyds_session *session, int32_t pid, const struct pyds_open_options *options,
                          pyds_job **ret_job);
int32_t pyds_open_callbacks(pyds_session *session, const struct pyds_callbacks *callbacks,
                            const struct pyds_mapping *mappings, uint64_t mapping_count,
                            const struct pyds_open_options *options, pyds_job **ret_job);
/* Only `evaluate` is used, for arguments of commands, and `registers`; for targets opened as core or process inside a
 * debugger. */
int32_t pyds_set_evaluate(pyds_session *session, const struct pyds_callbacks *callbacks);
/* Which Python frame names without a prefix refer to: the n-th of the thread with this native id (0: unchanged). */
int32_t pyds_select_frame(pyds_session *session, uint64_t tid, uint32_t frame);
/* The same for a debugger, whose frames are those of C: the newest Python frame of the call-th call, from 0, of
 * _PyEval_EvalFrameDefault, counted from the thread's newest. A call that does not exist means the oldest. */
int32_t pyds_select_call(pyds_session *session, uint64_t tid, uint32_t call);

/* One object, for $py_sizeof(X) and the like. policy: "data", ... */
int32_t pyds_resolve(pyds_session *session, const char *expression, uint64_t *ret_address);
/* What may stand in place of the beginning of an expression, "app.cache.SE", for completion while it is typed: one a
 * line, sorted, each the whole expression so far; "" if there is nothing. Keys that labels do not show are left out.
 * Valid until the next call of the session. Looks at a limited number of names, so it answers at once. */
int32_t pyds_complete(pyds_session *session, const char *beginning, const char **ret_lines);
int32_t pyds_object_sizes(pyds_session *session, uint64_t address, uint64_t *ret_shallow, uint64_t *ret_allocated);
int32_t pyds_object_deep(pyds_session *session, uint64_t address, const char *policy, uint64_t *ret_deep,
                         uint64_t *ret_count);
/* The same as a job (below), which can be cancelled and has no output; then pyds_job_deep() says what came out.
 * PYDS_ERROR_STATE: it has not finished, or is another kind of job. */
int32_t pyds_object_deep_start(pyds_session *session, uint64_t address, const char *policy, pyds_job **ret_job);
int32_t pyds_job_deep(const pyds_job *job, uint64_t *ret_deep, uint64_t *ret_count);

/* ---- Data: rows of numbers ---- *
 * Every row begins with struct_size. Of an array the caller sets it in the first row, to sizeof the row that it knows:
 * that is the distance between rows, a multiple of 8, and the library fills what both know and sets it in all.
 * type_name, and the strings of frames, locals, types and modules, live as long as the session; other strings until the
 * next call of the session. Names are the target's bytes: escape them before a terminal sees them. */
enum pyds_object_flag {
	PYDS_OBJECT_APPROXIMATE = 1, /* of a C type that is not known: the size may be too small */
	PYDS_OBJECT_UNREADABLE = 2, /* a part of it is not in the dump */
	PYDS_OBJECT_CORRUPT = 4, /* it contradicts itself */
	PYDS_OBJECT_IN_FLUX = 8, /* caught half way through a change */
	PYDS_OBJECT_HAS_RETAINED = 16 /* retained says something: the heap was built, and a root reaches it */
};

struct pyds_object_info {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_object_flag */
	uint64_t address, type; /* type: address of its class */
	uint64_t shallow, allocated, retained; /* bytes */
	int64_t refcount; /* -1 immortal, -2 unreadable */
	const char *type_name; /* "dict", "app.models.Session" */
	const char *name; /* what it is, in a few words: "dict, 3 entries" */
};
int32_t pyds_object_info(pyds_session *session, uint64_t address, struct pyds_object_info *ret_info);

struct pyds_object_filter {
	uint32_t struct_size;
	uint32_t reserved;
	const char *type; /* only of types of this name; * and ? as in a shell; NULL: all */
	uint64_t min_shallow; /* only of at least so many bytes */
};

struct pyds_object_row {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_object_flag; damage is not looked for here */
	uint64_t address, type;
	uint64_t shallow, retained; /* bytes */
	const char *type_name;
};

/* Builds the graph of the whole heap, which the session then keeps: a job (below), without output. */
int32_t pyds_heap_build(pyds_session *session, pyds_job **ret_job);
/* The next objects of the heap that pass the filter (NULL: all), in the order of their addresses: those behind the
 * object `after`, the last one of the rows before; 0: from the first. Less than capacity: these were the last.
 * PYDS_ERROR_STATE before pyds_heap_build(). */
int32_t pyds_objects(pyds_session *session, uint64_t after, const struct pyds_object_filter *filter,
                     struct pyds_object_row *rows, uint64_t capacity, uint64_t *ret_count);

enum pyds_reference_flag {
	PYDS_REFERENCE_HIDDEN = 1 /* gc.get_referents() does not list it */
};

struct pyds_reference_row {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_reference_flag */
	uint64_t address; /* of what is referred to */
	const char *label; /* "['key']", "[3]", ".attr"; escaped */
};
/* The strong references of an object, from number `first` on. Less than capacity: these were the last. */
int32_t pyds_references(pyds_session *session, uint64_t address, uint64_t first, struct pyds_reference_row *rows,
                        uint64_t capacity, uint64_t *ret_count);

/* ---- Tables that are found once, and then stay as they are ---- *
 * `first`: how many rows to pass over. Less than capacity: these were the last. */

enum pyds_frame_flag {
	PYDS_FRAME_SELECTED = 1, /* of the thread that the debugger has selected, or that got the signal */
	PYDS_FRAME_CUT = 2 /* the oldest frame that could be read: there are more */
};

struct pyds_frame_row {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_frame_flag */
	uint64_t thread; /* as the operating system numbers it; 0: unknown */
	uint64_t thread_state; /* address of the PyThreadState */
	uint64_t address, code; /* of the frame and its code object */
	uint64_t depth; /* 0: the newest of its thread */
	uint64_t line; /* 0: unknown */
	const char *thread_name; /* that threading gave it; "": none */
	const char *function, *file;
};
/* The Python frames of all threads, thread by thread, newest first. */
int32_t pyds_frames(pyds_session *session, uint64_t first, struct pyds_frame_row *rows, uint64_t capacity,
                    uint64_t *ret_count);

struct pyds_local_row {
	uint32_t struct_size;
	uint32_t reserved;
	uint64_t frame; /* number of its row of pyds_frames(), from 0 */
	uint64_t address, type; /* type 0: there is no object */
	const char *name;
	const char *type_name; /* NULL: there is no object */
};
/* The variables of all frames that are set, in the order of the frames. */
int32_t pyds_locals(pyds_session *session, uint64_t first, struct pyds_local_row *rows, uint64_t capacity,
                    uint64_t *ret_count);

struct pyds_type_row {
	uint32_t struct_size;
	uint32_t reserved;
	uint64_t address; /* of the class */
	uint64_t count, shallow; /* objects that a root reaches, and their bytes */
	uint64_t unreachable_count, unreachable_shallow; /* garbage */
	const char *name;
};
/* The types that have objects, most bytes first. PYDS_ERROR_STATE before pyds_heap_build(). */
int32_t pyds_types(pyds_session *session, uint64_t first, struct pyds_type_row *rows, uint64_t capacity,
                   uint64_t *ret_count);

struct pyds_module_row {
	uint32_t struct_size;
	uint32_t reserved;
	uint64_t address, dict; /* dict 0: it has none */
	uint64_t retained; /* bytes that the module and its dict keep alive together */
	uint64_t largest, largest_retained; /* the global that keeps most alive; 0: none does */
	const char *name; /* key in sys.modules */
	const char *largest_name;
};
/* What is in sys.modules, most retained bytes first. PYDS_ERROR_STATE before pyds_heap_build(). */
int32_t pyds_modules(pyds_session *session, uint64_t first, struct pyds_module_row *rows, uint64_t capacity,
                     uint64_t *ret_count);

/* The table of commands; index from 0, PYDS_ERROR_NOT_FOUND after the last. Strings are static. */
struct pyds_command_info {
	uint32_t struct_size;
	uint32_t flags; /* enum pyds_command_flag */
	const char *name; /* "deepsize" */
	const char *summary; /* one line */
	const char *usage; /* "deepsize X... [options]" */
	const char *help; /* the whole help text, options included */
	const char *options; /* space-separated long options, for completion: "--limit --json" */
};

enum pyds_command_flag {
	PYDS_COMMAND_TAKES_TARGETS = 1, /* positional arguments are targets X */
	PYDS_COMMAND_IS_BRIEF = 2, /* looks at an object or two, not at the heap: PYDS_OPEN_BRIEF fits it */
	PYDS_COMMAND_TAKES_WORDS = 4 /* positional arguments are its own: names of files, SQL */
};

int32_t pyds_command(uint32_t index, struct pyds_command_info *ret_info);

/* What the caller's terminal is like. */
struct pyds_output_options {
	uint32_t struct_size;
	uint32_t width; /* columns; 0: 80 */
	uint32_t colour; /* 1: escape sequences allowed */
	uint32_t prefix_commands; /* 1: hints name commands "py-sizeof", 0: "sizeof" */
	uint32_t in_parts; /* 1: a long answer is handed over while it is made: pyds_job_part() */
	uint32_t reserved;
};

/* Starts one command: arguments[0] is its name. Arguments are parsed and targets resolved before it returns (evaluate
 * may be called); the work then goes on in a thread of the library. On failure *ret_job is NULL; a usage mistake is
 * PYDS_ERROR_ARGUMENT. One job at a time in a session. */
int32_t pyds_job_start(pyds_session *session, uint32_t argument_count, const char *const *arguments,
                       const struct pyds_output_options *output, pyds_job **ret_job);
enum pyds_job_state {
	PYDS_JOB_RUNS = 0,
	PYDS_JOB_FINISHED = 1,
	PYDS_JOB_PART = 2 /* only with in_parts: a part of the output is there, and the work waits till it is taken */
};
/* Waits at most so long; serves the read callback meanwhile. An enum pyds_job_state, or a negative status. */
int32_t pyds_job_wait(pyds_job *job, uint32_t milliseconds);
/* That part, whole lines of UTF-8; valid until the next pyds_job_wait(). What is left at the end is in
 * pyds_job_result(). PYDS_ERROR_STATE: the last pyds_job_wait() did not return PYDS_JOB_PART. */
int32_t pyds_job_part(const pyds_job *job, const char **ret_output, uint64_t *ret_length);
/* How much is done: bytes read while a target is opened, else objects, which count once for each pass over them; and
 * how much will be in the end (0: not known yet). */
void pyds_job_progress(const pyds_job *job, uint64_t *ret_done, uint64_t *ret_total);
/* Asks the work to end soon; pyds_job_wait() then says PYDS_JOB_FINISHED within 0.2 s. */
void pyds_job_cancel(pyds_job *job);
/* After it finished: its status, its output (UTF-8, also partly there after a failure) and the exit status that the
 * program would end with (0 answered, 1 usage, 2 target cannot be read, 3 answered in part). */
int32_t pyds_job_result(const pyds_job *job, const char **ret_output, uint64_t *ret_length, int32_t *ret_exit_status);
/* Cancels if it is still running, waits, frees. NULL is fine. PYDS_ERROR_STATE, and nothing is destroyed, while a call
 * of the session has not returned. */
int32_t pyds_job_destroy(pyds_job *job);

enum pyds_statement_flag {
	PYDS_STATEMENT_SHOWS_VALUES = 1, /* contents of strings and numbers, as --values */
	PYDS_STATEMENT_HIDES_KEYS = 2 /* as --hide-keys */
};

/* An SQL statement over the tables of the heap (those of the command `query`), as a job without output. ret_stream
 * points to a struct ArrowArrayStream of the Arrow C stream interface, which must live until the job is destroyed: when
 * the job has finished with PYDS_OK it has the answer in one batch, whoever reads it copies nothing, and it is
 * independent of the session; else its release is NULL. Addresses are uint64, sizes int64, truth values bool, text
 * large_utf8. */
int32_t pyds_statement_start(pyds_session *session, const char *statement, uint32_t flags, void *ret_stream,
                             pyds_job **ret_job);

#ifdef __cplusplus
}
#endif
#endif
