/* SPDX-License-Identifier: MIT
 * free_lists: memory of dead objects that an interpreter, or in free-threaded builds a thread, keeps for the next
 * object of that type (Include/internal/pycore_interp.h, pycore_floatobject.h and others of 3.10 to 3.12,
 * pycore_freelist.h, since 3.14 pycore_freelist_state.h). Up to 3.9 the lists are static variables without a name in
 * the debug information of any struct: not known. */
#ifndef PYDS_RUNTIME_FREE_LISTS_H
#define PYDS_RUNTIME_FREE_LISTS_H

#include "runtime/runtime.h"

struct free_list {
	const char *name; /* what it keeps, as CPython calls the list; a literal */
	size_t first, count; /* in entries */
	bool is_torn; /* fewer could be followed than it says it has */
};

struct free_lists {
	ARRAY(struct free_list) lists; /* several of one name: of interpreters, threads, lengths of tuples */
	ARRAY(uint64_t) entries; /* addresses of what was an object, behind the collector's words */
	bool are_known; /* whether it is known where they begin */
};

int free_lists_read(struct free_lists *lists, const struct runtime *runtime, struct error *error);
void free_lists_clear(struct free_lists *lists);

#endif
