/* SPDX-License-Identifier: MIT
 * static_type: since 3.12 a static builtin type's namespace, subclasses and weak references are kept by each
 * interpreter (Include/internal/pycore_typeobject.h; reference gh-94673). tp_subclasses then holds a number, 1 + the
 * index of its state. */
#ifndef PYDS_OBJECT_STATIC_TYPE_H
#define PYDS_OBJECT_STATIC_TYPE_H

#include "object/object_reader.h"

struct static_type_state {
	uint64_t dict_slot, subclasses_slot; /* addresses of the words in the reader's interpreter */
	uint64_t dict;
};

/* False if the type has no such state: not static builtin, or an older Python. body: of the type object. */
bool static_type_state(struct object_reader *objects, uint64_t address, const uint8_t *body,
                       struct static_type_state *ret_state);

/* The number of one of CPython's own static types, from 1; 0: it has none. Before 3.12: which of object's subclasses it
 * is, of those made ready before the first class statement. */
uint64_t static_type_number(struct object_reader *objects, uint64_t address);
/* The other way round; false if there is none. */
bool static_type_by_number(struct object_reader *objects, uint64_t number, uint64_t *ret_address);

#endif
