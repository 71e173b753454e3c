/* SPDX-License-Identifier: MIT
 * float_text: a float as Python's repr() writes it (Objects/floatobject.c float_repr: the shortest digits that are read
 * back as the same number, in positional notation between 1e-4 and 1e16). */
#ifndef PYDS_NAMES_FLOAT_TEXT_H
#define PYDS_NAMES_FLOAT_TEXT_H

#include "base/text.h"

void float_text(struct text *text, double value);
/* The same of a number that was kept in 4 or 2 bytes: the shortest digits that lead back to it there. */
void float_text_narrow(struct text *text, double value, unsigned size);

#endif
