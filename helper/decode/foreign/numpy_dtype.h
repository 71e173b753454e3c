/* SPDX-License-Identifier: MIT
 * numpy_dtype: what a dtype says of the items of an array or of a record: how large they are, and where in them
 * references to objects lie. */
#ifndef PYDS_DECODE_NUMPY_DTYPE_H
#define PYDS_DECODE_NUMPY_DTYPE_H

#include "decode/decoder.h"
#include "decode/foreign.h"

struct numpy_dtype {
	uint64_t address;
	uint64_t item_bytes;
	char kind; /* 'O' objects, 'V' records, 'T' StringDType: dtype.kind */
	bool has_references; /* NPY_ITEM_REFCOUNT: items own something */
	const struct foreign_shape *shape;
	struct body body;
};

/* False: what is there is no dtype, or none that can be read. */
bool numpy_dtype_read(struct decoder *decoder, uint64_t address, struct numpy_dtype *ret_dtype);

/* The references in count items, one after the other from data on. Flags the object where there are too many places for
 * them in one item. */
void emit_numpy_items(struct decoder *decoder, const struct numpy_dtype *dtype, uint64_t data, uint64_t count);

#endif
