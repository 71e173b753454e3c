/* SPDX-License-Identifier: MIT
 * anchors: what has a name of its own, that names of other objects begin with: modules, classes, functions, frames that
 * run, and holders. */
#ifndef PYDS_QUERY_ANCHORS_H
#define PYDS_QUERY_ANCHORS_H

#include "base/address_map.h"
#include "base/array.h"
#include "query/holders/holder.h"

enum anchor {
	ANCHOR_NONE,
	ANCHOR_MODULE,
	ANCHOR_MODULE_DICT,
	ANCHOR_CLASS,
	ANCHOR_FUNCTION,
	ANCHOR_FRAME,
	ANCHOR_STATE
};

struct anchors {
	struct references references;
	struct address_map module_dicts; /* to the index of a name in module_names */
	ARRAY(char *) module_names;
	struct address_map frame_objects; /* to the index of a holder */
	struct address_map known; /* classes and functions: 1 if their names lead back to them; code: 1 if installed */
};

int anchors_open(struct anchors *ret_anchors, const struct query *query, const struct retained *heap);
void anchors_clear(struct anchors *anchors);

/* What a number of the dominator tree is. */
enum anchor anchors_find(const struct anchors *anchors, uint32_t number);
/* Whether it is a module that keeps threads and tasks as long as they run, with what they were started with; its dict,
 * or a class or function of it (3.13+: threading's dict of threads is a default of a __del__ there). */
bool anchors_keeps_running(const struct anchors *anchors, uint32_t number, enum anchor anchor);
/* Of a frame: whether its code is of a package or of the standard library, of whose locals nobody knows. */
bool anchors_frame_is_installed(struct anchors *anchors, uint32_t number);
/* Whether the name that it has by itself can be typed and means this very object: many functions and classes have one
 * name, and those made in a function have names that lead nowhere. */
bool anchors_lead_back(struct anchors *anchors, uint32_t number, enum anchor anchor);
/* Appends the name that it has by itself; *ret_joins: suffixes follow it directly ("app.cache" ".SESSIONS"), else as
 * "suffix of name". False: it has none. */
bool anchors_say(const struct anchors *anchors, uint32_t number, enum anchor anchor, struct text *text,
                 bool *ret_joins);

#endif
