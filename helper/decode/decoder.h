/* SPDX-License-Identifier: MIT
 * decoder: from the address of an object to its sizes and its references, in one pass over bytes that are
 * read in place. One CPython type, one decoder; decode/decoders.def is the registry.
 *
 * To add a type: a line in decoders.def; a .c file only if there is logic; fields in layout/fields.def (then
 * regenerate the tables: docs/adding-a-version.md); subjects in tests/oracle. */
#ifndef PYDS_DECODE_DECODER_H
#define PYDS_DECODE_DECODER_H

#include "decode/emit.h"
#include "decode/object_head.h"
#include "decode/type_table.h"

void decoder_init(struct decoder *decoder, struct decode_context *context);
void decoder_clear(struct decoder *decoder);

/* Decodes the object at address into decoder->out (reset first). Returns true if it is an object at all; false
 * (flags and reason say why) for a wild pointer, an absent head or a head whose type is none. */
bool decode_object(struct decoder *decoder, uint64_t address);

/* The same in steps: where the head is, later its type, then all of it. type is NULL: ob_type is no type object. */
bool decode_typed_object(struct decoder *decoder, const struct object_head *head, const struct type_info *type);

#endif
