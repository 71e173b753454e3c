/* SPDX-License-Identifier: MIT
 * struct_donors: patch releases change one struct and leave the others, so a layout may have its structs from several
 * rows. Which row gives which struct: the nearest that agrees with all that is known of it. */
#ifndef PYDS_LAYOUT_STRUCT_DONORS_H
#define PYDS_LAYOUT_STRUCT_DONORS_H

#include "layout/builtin_layouts.h"
#include "layout/layout_rows.h"

/* Does every struct of the runtime that the row has agree with what _Py_DebugOffsets say, sizes included? */
bool struct_donors_fits(const struct layout_row *row, const struct layout *said);
/* Each struct of the runtime that does not agree with _Py_DebugOffsets is taken from the nearest row that does; where
 * none does, it is as _Py_DebugOffsets say and its other fields are absent. */
void struct_donors_replace(const struct layout_fingerprint *fingerprint, const struct layout_row *row,
                           struct layout *layout);

#endif
