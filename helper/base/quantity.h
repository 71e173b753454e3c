/* SPDX-License-Identifier: MIT
 * quantity: how numbers and bytes are written for people, in tables and in sentences alike. */
#ifndef PYDS_BASE_QUANTITY_H
#define PYDS_BASE_QUANTITY_H

#include <stdint.h>

#include "base/text.h"

void quantity_count(struct text *text, uint64_t count); /* "1,234,567" */
void quantity_bytes(struct text *text,
                    uint64_t bytes); /* "1.2 MiB": one decimal, rounded to nearest; bytes below 1024 */

#endif
