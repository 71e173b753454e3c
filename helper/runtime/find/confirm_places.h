/* SPDX-License-Identifier: MIT
 * confirm_places: is what a layout says lies in the interpreter and in _PyRuntime really there? Field by field: what a
 * field refers to must be of the type that it always has. */
#ifndef PYDS_RUNTIME_CONFIRM_PLACES_H
#define PYDS_RUNTIME_CONFIRM_PLACES_H

#include "runtime/find/opening.h"

struct places_checked {
	uint32_t held; /* fields that refer to what they must */
	uint32_t wrong; /* fields that do not; null and memory that the dump lacks count as neither */
	enum layout_field example; /* of those that are wrong */
};

/* The fields of one struct, STRUCT_PyInterpreterState, STRUCT__PyRuntimeState or STRUCT__PyThreadStateImpl, at address.
 */
struct places_checked confirm_places(struct opening *opening, const struct layout *layout, enum layout_struct which,
                                     uint64_t address);
/* main_interpreter is part of _PyRuntime since 3.11, behind static strings whose number differs from one patch release
 * to the next: interpreters.main tells where it is, and what lies behind the strings moves with it. */
void place_static_interpreter(struct opening *opening, struct layout *layout);

#endif
