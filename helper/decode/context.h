/* SPDX-License-Identifier: MIT
 * context: everything that is the same for all threads that decode one target: the types, what was found once. */
#ifndef PYDS_DECODE_CONTEXT_H
#define PYDS_DECODE_CONTEXT_H

#include <pthread.h>

#include "allocator/allocators.h"
#include "base/address_map.h"
#include "base/error.h"
#include "decode/type_info.h"
#include "object/object_reader.h"

struct type_table {
	struct type_info **items; /* stable pointers */
	size_t count, capacity;
	struct address_map by_address;
	bool is_incomplete; /* memory ran out: what is said of some type lacks something */
};

struct decode_context {
	const struct runtime *runtime;
	const struct layout *layout; /* that of facts */
	const struct address_space *space;
	struct allocators allocators;
	struct type_table types; /* grows on first sight of a type; by one thread at a time, under types_lock */
	pthread_mutex_t types_lock;
	struct object_facts facts;
	uint64_t type_type; /* address of PyType_Type */
	uint64_t subtype_traverse; /* tp_traverse of classes made in Python: tells them from heap types made in C; 0
	                              unknown */
	/* A str whose word of flags has all these bits set is ready, compact and ASCII; 0: cannot be told so. */
	uint32_t ascii_flags;
	uint32_t ascii_offset; /* of that word */
};

int decode_context_open(struct decode_context **ret_context, const struct runtime *runtime, struct error *error);
/* A reader of objects over a reader of memory; both are of one thread. */
void decode_context_objects(struct decode_context *context, struct reader *reader, struct object_reader *ret_objects);
void decode_context_close(struct decode_context *context); /* NULL is fine */

#endif
