/* SPDX-License-Identifier: MIT
 * body_words: the generic rule for references, for decoders that know only a part of a type. */
#ifndef PYDS_DECODE_BODY_WORDS_H
#define PYDS_DECODE_BODY_WORDS_H

#include "decode/emit.h"

/* Each word behind the head of a body that is the address of an object is taken for a reference. */
void emit_body_words(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body);

#endif
