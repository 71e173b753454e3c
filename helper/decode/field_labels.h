/* SPDX-License-Identifier: MIT
 * field_labels: labels of LABEL_FIELD runs: ".func_code" for FIELD_PyFunctionObject_func_code. */
#ifndef PYDS_DECODE_FIELD_LABELS_H
#define PYDS_DECODE_FIELD_LABELS_H

#include "layout/layout.h"

extern const char *const field_labels[FIELD_COUNT];

#endif
