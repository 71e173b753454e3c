/* SPDX-License-Identifier: MIT
 * content: how long objects are, and whether two say the same, without saying what: for duplicates. */
#ifndef PYDS_QUERY_TABLES_CONTENT_H
#define PYDS_QUERY_TABLES_CONTENT_H

#include <stdbool.h>

#include "object/value.h"

/* What instances of a class have. */
enum content_kind {
	CONTENT_UNKNOWN, /* nobody looked yet */
	CONTENT_NONE, /* neither a length nor a content that are known */
	CONTENT_TEXT, /* str, bytes, bytearray: both */
	CONTENT_ITEMS, /* list, tuple, dict, set, frozenset: a length */
};
/* Of the class at address type, whose tp_flags are given; walks its bases. */
enum content_kind content_kind_of(struct object_reader *objects, uint64_t type, uint64_t flags);

/* Items of a list, tuple, dict, set or frozenset. False: others. flags: tp_flags of its class. */
bool content_items(struct object_reader *objects, uint64_t object, uint64_t flags, uint64_t *ret_count);
/* A number that is equal for str, bytes and bytearray of equal type and content. key makes the numbers mean nothing
 * elsewhere. The content is read once and nothing is copied. False: absent memory. */
bool content_hash(struct object_reader *objects, uint64_t type, const struct value_content *content, uint64_t key,
                  uint64_t *ret_hash);

#endif
