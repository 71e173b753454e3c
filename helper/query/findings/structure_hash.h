/* SPDX-License-Identifier: MIT
 * structure_hash: the value of a structure of dicts, lists and tuples down to its leaves. */
#ifndef PYDS_QUERY_FINDINGS_STRUCTURE_HASH_H
#define PYDS_QUERY_FINDINGS_STRUCTURE_HASH_H

#include "query/findings/rule.h"

/* Equal structures, with dicts in one order, have equal hashes; any other object in them is only equal to itself. Of
 * one with more than `most` objects, only the first of them count. *objects is added to by those that were looked at.
 * False: it is too deep, or cannot be read. */
bool structure_hash(struct rule_run *run, uint64_t address, uint64_t most, uint64_t *ret_hash, uint64_t *objects);

#endif
