/* SPDX-License-Identifier: MIT
 * record_keys: dicts that have the same few strings as keys, in one order, are what a program has instead of a class.
 */
#ifndef PYDS_QUERY_FINDINGS_RECORD_KEYS_H
#define PYDS_QUERY_FINDINGS_RECORD_KEYS_H

#include "query/findings/rule.h"

enum { RECORD_KINDS = 1 << 14 /* different sets of keys that are told apart */ };

/* A hash of the keys of the dict that is looked at, for sum_groups; false: it is no record: a namespace, fewer than two
 * keys or too many, or not all are strings. Rules that ask one after the other are answered from memory. */
bool record_keys_hash(struct rule_run *run, const struct looked *looked, uint64_t *ret_hash, uint64_t *ret_count);
/* "(id, name, tags, ...)": keys that may be shown. */
void record_keys_say(struct rule_run *run, uint64_t dict, struct text *text);

#endif
