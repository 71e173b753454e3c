/* SPDX-License-Identifier: MIT
 * object_reader: what it takes to ask an object of the target what it says of itself: memory, layout, runtime. It knows
 * no objects; decoders, names, roots and reports all read through one.
 *
 * Every function that takes one reads what it needs and answers "no" where that is absent or makes no sense: a wild
 * address is an answer of "no" like any other. One thread at a time uses a reader. */
#ifndef PYDS_OBJECT_OBJECT_READER_H
#define PYDS_OBJECT_OBJECT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/layout.h"
#include "memory/address_space.h"
#include "runtime/runtime.h"

/* What somebody above knows of types by their name: the registry of decoders. */
enum type_witness { WITNESS_NONE, WITNESS_AGREES, WITNESS_DENIES };
struct known_types {
	/* Whether the type at an address is one whose name is known by a symbol of Python's file, and is this one. */
	enum type_witness (*witness)(const struct runtime *runtime, uint64_t type, const char *tp_name);
	/* Whether any line is for types of that name: which of several names of one type is its tp_name. */
	bool (*knows_name)(const char *tp_name);
};

/* What is found once for a target and then used by all its readers. All but the first two are found and counted while
 * the types of a target are decided, by one thread at a time. */
struct object_facts {
	const struct known_types *known_types; /* NULL: nothing is known */
	uint64_t general_lookup; /* up to 3.10: dk_lookup of a dict whose keys may be anything (lookdict); 0 unknown */
	int static_type_order; /* which order of static_types.def is this target's; -1: none */
	bool static_type_order_known;
	uint64_t sizeof_name; /* the str "__sizeof__" that is a key of object's namespace; 0 unknown */
	uint32_t names_sought; /* types whose name was looked for in modules */
	/* The runtime's layout, but with the structs of modules as the types of the target turn out to be; each is
	 * settled by the first type that has it, before any instance is read. */
	struct layout layout;
	bool struct_is_settled[STRUCT_COUNT];
};

struct object_reader {
	struct reader *reader; /* borrowed */
	const struct layout *layout; /* that of facts, or the runtime's */
	const struct runtime *runtime;
	struct object_facts *facts; /* borrowed */
	uint32_t interpreter; /* index of the one whose namespaces of static types are meant; 0: the main one */
};

/* Finds general_lookup, where type_type is the address of PyType_Type (0: unknown). */
void object_facts_find(struct object_reader *objects, uint64_t type_type);

#endif
