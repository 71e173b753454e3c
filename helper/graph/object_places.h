/* SPDX-License-Identifier: MIT
 * object_places: in what kind of memory an address lies, and which objects can be there: what tells an object from
 * words that look like one. */
#ifndef PYDS_GRAPH_OBJECT_PLACES_H
#define PYDS_GRAPH_OBJECT_PLACES_H

#include "decode/decoder.h"

enum object_place { PLACE_HEAP, PLACE_STATIC, PLACE_STACK };

struct object_places {
	struct place_range {
		uint64_t start, end;
		enum object_place place;
	} * ranges; /* sorted */
	size_t count;
	int64_t most_references; /* words of memory that the target could write to: no object has more references */
};

/* False: out of memory. */
bool object_places_open(struct object_places *ret_places, const struct runtime *runtime);
void object_places_close(struct object_places *places);
enum object_place object_places_find(const struct object_places *places, uint64_t address);

/* Whether an object of this type can be at a place: instances of heap types and exceptions are allocated, never part of
 * a file's memory or of a stack. */
bool object_places_allow(enum object_place place, const struct type_info *type);

#endif
