/* SPDX-License-Identifier: MIT
 * Structures of dicts and lists that are there several times with equal content: a file of JSON that was parsed for
 * each session. They are compared by their first objects, then by more, then by all, the largest first; of those that
 * are equal, what lies below them is not compared again. */
#include <stdlib.h>

#include "base/bits.h"
#include "base/sort.h"
#include "query/findings/request.h"
#include "query/findings/structure_hash.h"

enum {
	LEAST_BYTES = 1024, /* that a structure keeps */
	FIRST_OBJECTS = 8,
	MORE_OBJECTS = 64, /* that are compared before all are */
	LIMIT_OBJECTS = 1 << 22, /* of one structure: larger ones differ somewhere, or are compared by their parts */
	LIMIT_STRUCTURES = 1 << 22,
	LIMIT_LOOKED = 1 << 27, /* objects looked at in all: seconds */
	LIMIT_ABOVE = 64, /* dominators of a structure that may be one that was found */
};

struct candidate {
	uint64_t hash;
	uint64_t bytes; /* retained; the most of those that are equal as far as they were compared */
	uint32_t number;
};

struct subtrees {
	ARRAY(struct candidate) candidates;
	struct finding_sum sum;
	uint8_t *found; /* a bit for each number: it is one of several equal ones */
	uint64_t kinds; /* different structures that are there several times */
	uint64_t looked;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "dict") || rule_is_type(type, "list");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct subtrees *subtrees = state;
	const uint64_t bytes = run->heap->bytes[looked->number];
	const uint64_t length = rule_is_type(looked->type, "list")
	                                ? (uint64_t)body_ob_size(run->decoder, looked->body)
	                                : body_field(run->decoder->layout, FIELD_PyDictObject_ma_used, looked->body);
	const struct candidate candidate = { looked->type->address ^ length << 32, bytes, looked->number };
	if (bytes < LEAST_BYTES || rule_is_namespace(run, looked->node) || rule_is_of_code(run, looked->number) ||
	    subtrees->candidates.count >= LIMIT_STRUCTURES)
		return OK;
	return array_push(&subtrees->candidates, candidate) ? OK : query_no_memory(run->query, "structures");
}

/* Large ones first, equal ones together. */
static int compare_candidates(const void *left_candidate, const void *right_candidate)
{
	const struct candidate *left = left_candidate, *right = right_candidate;
	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

static int compare_hashes(const void *left_candidate, const void *right_candidate)
{
	const struct candidate *left = left_candidate, *right = right_candidate;
	return left->hash != right->hash ? (left->hash < right->hash ? -1 : 1) : 0;
}

static int sort_candidates(struct rule_run *run, struct candidate *items, size_t count, sort_compare compare)
{
	return sort_items(items, count, sizeof *items, compare, run->query->progress) < 0 ? query_cancelled(run->query)
	                                                                                  : OK;
}

/* Leaves those that have an equal one, in any order. */
static int keep_equal(struct rule_run *run, struct subtrees *subtrees)
{
	struct candidate *items = subtrees->candidates.items;
	const size_t count = subtrees->candidates.count;
	size_t kept = 0;
	if (count > 1)
		TRY(sort_candidates(run, items, count, compare_hashes));
	for (size_t i = 0, next; i < count; i = next) {
		uint64_t most = 0;
		for (next = i; next < count && items[next].hash == items[i].hash; next++)
			most = items[next].bytes > most ? items[next].bytes : most;
		if (next - i == 1)
			continue;
		for (size_t at = i; at < next; at++) {
			items[kept] = items[at];
			items[kept++].bytes = most;
		}
	}
	subtrees->candidates.count = kept;
	return OK;
}

static bool is_below_found(const struct rule_run *run, const struct subtrees *subtrees, uint32_t number)
{
	for (int i = 0; number != 0 && i < LIMIT_ABOVE; i++) {
		if (bits_has(subtrees->found, number))
			return true;
		number = run->heap->dominators.idom[number];
	}
	return false;
}

/* New hashes, over `most` objects; one that cannot be had is that of nothing else. */
static int hash_all(struct rule_run *run, struct subtrees *subtrees, uint64_t most)
{
	for (size_t i = 0; i < subtrees->candidates.count; i++) {
		struct candidate *candidate = &subtrees->candidates.items[i];
		uint32_t holder;
		const uint64_t address = retained_node(run->heap, candidate->number, &holder);
		if (query_is_cancelled(run->query))
			return query_cancelled(run->query);
		if (subtrees->looked > LIMIT_LOOKED ||
		    !structure_hash(run, address, most, &candidate->hash, &subtrees->looked))
			candidate->hash = address;
	}
	TRY(keep_equal(run, subtrees));
	return OK;
}

/* Those that are equal as far as they were compared, all of whose objects are compared now. */
static int settle(struct rule_run *run, struct subtrees *subtrees, struct candidate *items, size_t count)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t holder;
		const uint64_t address = retained_node(run->heap, items[i].number, &holder);
		if (query_is_cancelled(run->query))
			return query_cancelled(run->query);
		if (is_below_found(run, subtrees, items[i].number) || subtrees->looked > LIMIT_LOOKED ||
		    !structure_hash(run, address, LIMIT_OBJECTS, &items[i].hash, &subtrees->looked))
			continue;
		items[left++] = items[i];
	}
	if (left > 1)
		TRY(sort_candidates(run, items, left, compare_hashes));
	for (size_t i = 0; i < left; i++) {
		const bool is_again = i > 0 && items[i - 1].hash == items[i].hash;
		if (!is_again && (i + 1 == left || items[i].hash != items[i + 1].hash))
			continue;
		bits_add(subtrees->found, items[i].number);
		subtrees->kinds += !is_again;
		if (is_again)
			sum_add(&subtrees->sum, run->heap->dominators.node[items[i].number],
			        request_of_subtree(run, items[i].number));
	}
	return OK;
}

static int find(struct rule_run *run, struct subtrees *subtrees)
{
	TRY(keep_equal(run, subtrees));
	TRY(hash_all(run, subtrees, FIRST_OBJECTS));
	TRY(hash_all(run, subtrees, MORE_OBJECTS));
	subtrees->found = calloc(run->heap->dominators.reached_count / 8 + 1, 1);
	if (subtrees->found == NULL)
		return query_no_memory(run->query, "structures");
	struct candidate *items = subtrees->candidates.items;
	if (subtrees->candidates.count > 1)
		TRY(sort_candidates(run, items, subtrees->candidates.count, compare_candidates));
	for (size_t i = 0, next; i < subtrees->candidates.count; i = next) {
		const uint64_t hash = items[i].hash; /* settle() puts others in their place */
		for (next = i; next < subtrees->candidates.count && items[next].hash == hash;)
			next++;
		TRY(settle(run, subtrees, items + i, next - i));
	}
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct subtrees *subtrees = state;
	struct text *text;
	TRY(find(run, subtrees));
	TRY(rule_found(run, &subtrees->sum, true, "deepsize:-t path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, subtrees->sum.count, "structure");
	text_add(text, " of dicts and lists ");
	text_add(text, subtrees->sum.count == 1 ? "is a copy" : "are copies");
	text_add(text, " of ");
	if (subtrees->kinds == 1)
		text_add(text, "the same one");
	else
		rule_say_count(text, subtrees->kinds, "other one");
	text_add(text, ": ");
	rule_say_share(run, text, subtrees->sum.bytes);
	text_add(text, " of the heap saved by one of each. Parse or load it once and let all share it (a global, "
	               "functools.lru_cache on what loads it).");
	return OK;
}

static void clear(void *state)
{
	struct subtrees *subtrees = state;
	array_free(&subtrees->candidates);
	free(subtrees->found);
}

const struct rule equal_subtrees_rule = {
	.state_bytes = sizeof(struct subtrees), .wants = wants, .look = look, .end = end, .clear = clear
};
