/* SPDX-License-Identifier: MIT */
#include "decode/field_labels.h"

const char *const field_labels[FIELD_COUNT] = {
#define STRUCT(name, spellings)
#define FIELD(owner, name, paths) "." #name,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};
