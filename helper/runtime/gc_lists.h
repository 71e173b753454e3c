/* SPDX-License-Identifier: MIT
 * gc_lists: the objects that a GIL build's collector tracks, list by list. Free-threaded builds have no lists. */
#ifndef PYDS_RUNTIME_GC_LISTS_H
#define PYDS_RUNTIME_GC_LISTS_H

#include "runtime/runtime.h"

struct gc_list {
	uint64_t head; /* of the list, a PyGC_Head inside the collector's state */
	uint64_t interpreter; /* PyInterpreterState; of 3.8, where the lists are the runtime's, the main one */
	int32_t generation; /* 0 to 2; 3: permanent */
	uint64_t stack; /* of a head on a stack of C: where the part in use begins (thread_stacks.h); 0 */
	bool is_exact; /* gc_prev of each object is the one before it */
};

enum { GC_GENERATIONS = 4 };

/* The list heads of every interpreter, and while one collects those on the stacks, appended to *lists. None in a
 * free-threaded build. */
struct gc_list_array {
	struct gc_list *items;
	size_t count, capacity;
};
/* Whether it is known where they are. */
bool gc_lists_are_known(const struct layout *layout);
int gc_lists(const struct runtime *runtime, struct gc_list_array *lists, struct error *error);

/* Walks one list. */
struct gc_cursor {
	struct reader *reader;
	uint64_t head, at;
	uint64_t anchor; /* an object that was passed: meeting it again is a ring without the head */
	uint64_t last; /* where the way from the head ended: so does the way back */
	uint64_t steps, count; /* in this direction; in all */
	bool is_exact, is_backward, is_ended;
	bool is_broken; /* set when a link leads nowhere, or to an object that does not point back */
};
void gc_cursor_init(struct gc_cursor *cursor, struct reader *reader, const struct gc_list *list);
/* The address of the next object (behind its PyGC_Head); 0 at the end. */
uint64_t gc_cursor_next(struct gc_cursor *cursor);

#endif
