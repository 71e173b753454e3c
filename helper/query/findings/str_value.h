/* SPDX-License-Identifier: MIT
 * str_value: the characters of a str or the bytes of a bytes object as they lie in memory, for comparing values. */
#ifndef PYDS_QUERY_FINDINGS_STR_VALUE_H
#define PYDS_QUERY_FINDINGS_STR_VALUE_H

#include "query/findings/rule.h"

/* A hash of the value of an exact str, compact as nearly all are; false: it is none, or cannot be read. */
bool str_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash, bool *ret_is_interned);
/* The same of an exact bytes object. */
bool bytes_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash);

#endif
