/* SPDX-License-Identifier: MIT
 * asizeof_attributes: what reading an object's attributes gives pympler that is no reference of the object. */
#ifndef PYDS_GRAPH_ASIZEOF_ATTRIBUTES_H
#define PYDS_GRAPH_ASIZEOF_ATTRIBUTES_H

#include "graph/asizeof_sizer.h"

/* Of the object in decoder->out, at address. False: memory is out. */
bool sizer_push_attributes(struct sizer *sizer, enum rule rule, uint64_t address, uint32_t depth);

#endif
