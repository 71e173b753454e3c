/* SPDX-License-Identifier: MIT
 * origins: where paths begin, as a person would say it: the globals of modules, frames that run, threads and
 * interpreters; in the last resort C code and static memory. */
#ifndef PYDS_QUERY_ORIGINS_H
#define PYDS_QUERY_ORIGINS_H

#include "analysis/paths.h"
#include "base/address_map.h"
#include "query/holders/holder.h"

enum origin_kind {
	ORIGIN_HOLDER, /* graph/holders.h */
	ORIGIN_FRAME, /* the object in which a frame that runs keeps its locals: a frame object, a generator */
	ORIGIN_MODULES, /* sys.modules */
	ORIGIN_MODULE,
	ORIGIN_MODULE_DICT,
};

struct origin {
	enum origin_kind kind;
	uint32_t holder; /* index in the roots: of the frame, of the module's interpreter */
	uint32_t above; /* number of sys.modules, of the module; of other kinds 0 */
};

/* Numbers are those of the heap's dominator tree. */
struct origins {
	const struct retained *heap;
	struct references references;
	uint8_t *starts; /* by number: for analysis/paths.h */
	struct address_map index; /* of a number, see origins_at() */
	ARRAY(struct origin) items; /* of objects */
};

int origins_open(struct origins *ret_origins, const struct query *query, const struct retained *heap);
void origins_clear(struct origins *origins);

/* False: no path begins at this number. */
bool origins_at(const struct origins *origins, uint32_t number, struct origin *ret_origin);

/* A path for people: from the holder (or frame) it begins at, over all objects, those between an interpreter and a
 * module's dict included. */
struct route {
	uint32_t root; /* number: of a holder, or of the object of ORIGIN_FRAME */
	uint32_t holder; /* index in the roots */
	ARRAY(uint32_t) steps; /* numbers of objects; the last one is what the path leads to */
};
/* False: out of memory. */
bool route_make(struct route *ret_route, const struct origins *origins, const struct path *path);
void route_clear(struct route *route);

/* Appends "interpreter 0 → sys.modules", "thread 4243 worker.py:41 loop() local 'sess'", "held from C": the root of a
 * route, and its reference to the first step. first: a number; UINT32_MAX: the root alone. */
void origins_say(const struct origins *origins, uint32_t holder, uint32_t root, uint32_t first, struct text *text);

#endif
