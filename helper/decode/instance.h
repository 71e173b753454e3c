/* SPDX-License-Identifier: MIT
 * instance: what a class statement adds to an object: __dict__ in all its places, inline values, __slots__. */
#ifndef PYDS_DECODE_INSTANCE_H
#define PYDS_DECODE_INSTANCE_H

#include "decode/decoder.h"

/* Appends the instance parts of an object whose type has TYPE_HAS_INSTANCE_PARTS; body as for decode_function. */
void decode_instance_parts(struct decoder *decoder, const struct type_info *type, uint64_t address,
                           const uint8_t *body);

/* Where an instance keeps its attributes. */
struct instance_attributes {
	uint64_t dict_slot; /* address of the word that holds the __dict__; 0: none */
	uint64_t dict; /* the __dict__ object; 0: not materialised, or none */
	uint64_t values; /* address of the value words kept without a dict; 0: none */
	uint64_t values_count;
};

/* False if the instance has neither. */
bool instance_attributes(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body,
                         struct instance_attributes *ret_attributes);

#endif
