/* SPDX-License-Identifier: MIT
 * escape: target bytes made harmless for a terminal and for whoever reads it: nothing moves the cursor, changes
 * colours, reorders text or hides in it. */
#ifndef PYDS_BASE_ESCAPE_H
#define PYDS_BASE_ESCAPE_H

#include "base/text.h"

/* Appends target bytes: C0, C1, ESC, bidi controls and invalid UTF-8 become \x.., \u....; with quote also \' and \\. */
void text_escape(struct text *text, const char *bytes, size_t length, bool quote);

#endif
