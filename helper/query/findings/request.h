/* SPDX-License-Identifier: MIT
 * request: what the allocators of this process take for a request. An object that an advice leaves behind has no block
 * yet: what it would take is computed as it is for those that are there, with the guards of a debug build. */
#ifndef PYDS_QUERY_FINDINGS_REQUEST_H
#define PYDS_QUERY_FINDINGS_REQUEST_H

#include "query/findings/rule.h"

/* Finds out which allocator serves small objects, and whether guards are around them: of some objects, evenly taken.
 * Without any that is known requests are rounded to 16 bytes, and what follows from that is an estimate. */
void request_find(struct rule_run *run);
/* Bytes that a request for so many takes: of an object with what precedes it, or of a block. 0 for 0. */
uint64_t request_taken(const struct rule_run *run, uint64_t bytes);
/* Of an object that the collector tracks, whose own struct has so many bytes and words behind it. */
uint64_t request_tracked(const struct rule_run *run, uint64_t struct_bytes, uint64_t words);
/* Of an array of that many words which a list has. */
uint64_t request_list_items(const struct rule_run *run, uint64_t words);
/* Of an object of a class made in Python with that many words in __slots__ and nothing else. */
uint64_t request_slots(const struct rule_run *run, uint64_t words);
/* What an object that is there takes. Without looking it up, of one that has no block beside its own. */
uint64_t request_of_leaf(const struct rule_run *run, uint32_t node);
/* All that only this number keeps alive, itself included. */
uint64_t request_of_subtree(struct rule_run *run, uint32_t number);

#endif
