/* SPDX-License-Identifier: MIT
 * place: where code stands, as text and as JSON: function, file, line. */
#ifndef PYDS_REPORT_PLACE_H
#define PYDS_REPORT_PLACE_H

#include "report/report.h"

/* "handle() orders.py:18"; of a frame that has a code object only, the line it begins at. */
void place_text(struct report *report, const struct python_frame *frame, struct text *text);
/* {"function", "file", "line"} and whatever keys are added before json_object_end(), which is the caller's. */
void place_json_begin(struct report *report, const struct python_frame *frame);
/* "Queue.get", made of the type of a method's self and the name of its code; self may be 0. Escaped. */
void place_method(struct report *report, uint64_t self, uint64_t code, struct text *text);

#endif
