/* SPDX-License-Identifier: MIT
 * leaf_value: the value of an object that consists of nothing but its value, as it lies in memory: for comparing.
 * Two of one type are equal if their hashes are; subclasses have attributes, and are no leaves. */
#ifndef PYDS_QUERY_FINDINGS_LEAF_VALUE_H
#define PYDS_QUERY_FINDINGS_LEAF_VALUE_H

#include "query/findings/rule.h"

enum leaf_kind {
	LEAF_NONE, /* no leaf, or none that is known here */
	LEAF_STR,
	LEAF_BYTES,
	LEAF_INT,
	LEAF_FLOAT,
	LEAF_SINGLE, /* None, True, False: one object each */
	LEAF_DATE,
	LEAF_DATETIME, /* its time zone is a part of it, by its own value */
	LEAF_TIME,
	LEAF_DELTA,
	LEAF_DECIMAL,
	LEAF_KIND_COUNT
};

/* Of the objects of a type; asked once of each. */
enum leaf_kind leaf_kind_of(struct rule_run *run, const struct type_info *type);

/* A hash of the value of an exact str, compact as nearly all are; false: it is none, or cannot be read. */
bool str_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash, bool *ret_is_interned);
/* Of a leaf of that kind; false: it cannot be read. */
bool leaf_value_hash(struct rule_run *run, enum leaf_kind kind, uint64_t address, uint64_t *ret_hash);
/* Of any object: of a leaf its value, of all else its address, which is the same only if it is the same object. */
uint64_t item_value_hash(struct rule_run *run, uint64_t address);

#endif
