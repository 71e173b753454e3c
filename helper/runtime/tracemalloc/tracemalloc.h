/* SPDX-License-Identifier: MIT
 * tracemalloc: what the module of that name keeps in the target (Modules/_tracemalloc.c, since 3.12
 * Python/tracemalloc.c): of each block that Python's allocators gave out and that is still in use its size and the
 * lines that asked for it. Addresses and numbers only: what a file is called is the business of who can decode a str.
 */
#ifndef PYDS_RUNTIME_TRACEMALLOC_TRACEMALLOC_H
#define PYDS_RUNTIME_TRACEMALLOC_TRACEMALLOC_H

#include "base/array.h"
#include "base/progress.h"
#include "runtime/runtime.h"
#include "runtime/tracemalloc/traced_table.h"

enum traced_found {
	TRACED_BY_RUNTIME, /* 3.12+: part of _PyRuntime */
	TRACED_BY_SYMBOL, /* up to 3.11: static variables, named by the file's symbols */
	TRACED_BY_SHAPE, /* up to 3.11, stripped: a table whose entries are traces, confirmed by a variable with their
	                    sum */
};

/* Where the tables are. Addresses of the target; 0: not known, or not there. */
struct traced_place {
	enum traced_found found_by;
	bool is_tracing; /* false: nothing was being traced, the rest is not to be used */
	uint64_t traces, domains, filenames, tracebacks; /* _Py_hashtable_t */
	uint64_t traced_bytes, peak_bytes; /* as the module counts; 0: not known */
	uint32_t most_frames; /* of a traceback, as tracemalloc.start() was told; 0: not known */
};

/* ERROR_NOT_FOUND: it cannot be told whether and what was traced; error says why. A process that traces nothing is no
 * failure: ret_place->is_tracing is false. */
int traced_place_find(struct traced_place *ret_place, const struct runtime *runtime, struct error *error);
/* traced_shape.c: the same by what memory looks like. */
bool traced_place_search(struct traced_place *place, const struct runtime *runtime);

struct trace {
	uint64_t address; /* as the allocator gave it */
	uint64_t bytes; /* as asked for */
	uint32_t stack; /* index in traced.stacks */
	uint32_t domain;
};

struct traced_frame {
	uint64_t file; /* a str; with FEATURE_TRACED_FILES_ARE_BYTES a NUL-terminated UTF-8 string */
	uint32_t line;
};

struct traced_stack {
	uint64_t address;
	uint64_t first; /* index in traced.frames, of the most recent one */
	uint32_t count;
	uint32_t total; /* frames that there were; more than count: the oldest were cut off */
};

struct traced {
	struct traced_place place;
	ARRAY(struct trace) traces;
	ARRAY(struct traced_stack) stacks;
	ARRAY(struct traced_frame) frames;
	uint64_t bytes; /* the sum of all traces */
	uint64_t own_bytes; /* of the tables: tracemalloc.get_tracemalloc_memory(); 0: one of them was not found */
	uint64_t skipped; /* traces that could not be read */
	bool is_torn; /* a table was being changed when the memory was taken */
};

/* All traces. Whatever comes of it, traced is cleared by traced_clear(). */
int traced_read(struct traced *traced, const struct runtime *runtime, struct progress *progress, struct error *error);
void traced_clear(struct traced *traced);
/* The trace of the block at address, in place's tables. *ret_stack: the address of its traceback. False: not traced. */
bool traced_find(const struct traced_place *place, const struct runtime *runtime, struct reader *reader,
                 uint64_t address, uint64_t *ret_bytes, uint64_t *ret_stack);
/* Appends the frames of the traceback at address to *frames; false: it cannot be read. */
bool traced_read_stack(const struct layout *layout, struct reader *reader, uint64_t address, struct traced *into,
                       struct traced_stack *ret_stack);

#endif
