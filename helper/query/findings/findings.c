/* SPDX-License-Identifier: MIT */
#include "query/findings/findings.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "graph/heap/heap_cursor.h"
#include "object/value.h"
#include "query/findings/request.h"

enum {
	THRESHOLD_PART = 100, /* 1/100 of the heap */
	THRESHOLD_BYTES = 256 << 10,
};

static const struct {
	const char *name, *summary;
	const struct rule *rule;
} rules[] = {
#define RULE(name, summary) { #name, summary, &name##_rule },
#include "query/findings/findings.def"
#undef RULE
};

const char *finding_rule_name(enum finding_rule rule)
{
	return rules[rule].name;
}

const char *finding_rule_summary(enum finding_rule rule)
{
	return rules[rule].summary;
}

int finding_rule_find(const char *name)
{
	for (int i = 0; i < FINDING_COUNT; i++)
		if (strcmp(rules[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- The pass over all objects ---- */

/* Which rules look at the objects of a type, a bit each; asked once. */
struct wanted {
	uint64_t *rules; /* by type_info.index; bit FINDING_COUNT: it was asked */
	size_t count;
};
_Static_assert(FINDING_COUNT < 64, "a bit for each rule");

static bool find_wanted(struct rule_run *run, struct wanted *wanted, const struct type_info *type, uint64_t *ret_rules)
{
	if (type->index >= wanted->count) {
		const size_t count = (size_t)type->index * 2 + 64;
		uint64_t *grown = realloc(wanted->rules, count * sizeof *grown);
		if (grown == NULL)
			return false;
		memset(grown + wanted->count, 0, (count - wanted->count) * sizeof *grown);
		wanted->rules = grown;
		wanted->count = count;
	}
	uint64_t *known = &wanted->rules[type->index];
	for (uint32_t i = 0; *known == 0 && i < FINDING_COUNT; i++) {
		run->rule = (enum finding_rule)i;
		if (run->answer->is_checked[i] && rules[i].rule->wants != NULL && rules[i].rule->wants(run, type))
			*ret_rules |= UINT64_C(1) << i;
	}
	if (*known == 0)
		*known = *ret_rules | UINT64_C(1) << FINDING_COUNT;
	*ret_rules = *known & ~(UINT64_C(1) << FINDING_COUNT);
	return true;
}

static void mark_namespace(struct rule_run *run, uint64_t dict, bool is_of_code)
{
	const uint32_t node = dict != 0 ? object_index_find(&run->heap->graph->index, dict) : UINT32_MAX;
	if (node != UINT32_MAX)
		bits_add(run->attribute_dicts, node);
	if (node != UINT32_MAX && is_of_code)
		bits_add(run->code_dicts, node);
}

/* Dicts that objects keep their attributes in are no containers of the program's. */
static int find_namespaces(struct rule_run *run)
{
	struct heap_cursor cursor;
	heap_cursor_init(&cursor, run->heap->graph, run->decoder, run->query->progress);
	while (heap_cursor_next(&cursor)) {
		const struct type_info *type = cursor.type;
		struct attribute_storage storage;
		if ((type->flags & TYPE_IS_METATYPE) != 0)
			mark_namespace(run, value_type_dict(&run->decoder->objects, cursor.address), true);
		else if ((type->tp_dictoffset != 0 || (type->flags & TYPE_HAS_INSTANCE_PARTS) != 0) &&
		         value_instance_attributes(&run->decoder->objects, cursor.address, &storage))
			mark_namespace(run, storage.dict, (type->flags & TYPE_IS_BOUNDARY) != 0);
	}
	return cursor.status == OK ? OK : query_cancelled(run->query);
}

static int look_at(struct rule_run *run, const struct looked *looked, uint64_t wanted)
{
	for (; wanted != 0; wanted &= wanted - 1) {
		const uint32_t i = (uint32_t)__builtin_ctzll(wanted);
		run->rule = (enum finding_rule)i;
		TRY(rules[i].rule->look(run, run->states[i], looked));
	}
	return OK;
}

static int look_at_all(struct rule_run *run, struct wanted *wanted)
{
	struct heap_cursor cursor;
	heap_cursor_init(&cursor, run->heap->graph, run->decoder, run->query->progress);
	while (heap_cursor_next(&cursor)) {
		struct looked looked = { .address = cursor.address, .node = cursor.node, .type = cursor.type };
		uint64_t which = 0;
		looked.number = run->heap->dominators.number[cursor.node];
		if (looked.number == UINT32_MAX)
			continue;
		if (!find_wanted(run, wanted, looked.type, &which))
			return query_no_memory(run->query, "findings");
		if (which == 0)
			continue;
		looked.body = body_at(&run->decoder->reader, looked.address, looked.type->body_bytes);
		if (looked.body.bytes != NULL)
			TRY(look_at(run, &looked, which));
	}
	return cursor.status == OK ? OK : query_cancelled(run->query);
}

/* ---- The question ---- */

/* Of two that are about the same bytes the one that says why comes first. */
static uint64_t weight_of(const struct finding *finding)
{
	return rules[finding->rule].rule->says_where ? finding->bytes / 5 * 4 : finding->bytes;
}

static int compare_findings(const void *left_finding, const void *right_finding)
{
	const struct finding *left = left_finding, *right = right_finding;
	if (left->is_urgent != right->is_urgent)
		return left->is_urgent ? -1 : 1;
	return query_compare_bytes(weight_of(left), left->rule, weight_of(right), right->rule);
}

static int ask_rules(struct rule_run *run)
{
	struct wanted wanted = { .rules = NULL };
	TRY(find_namespaces(run));
	int status = look_at_all(run, &wanted);
	free(wanted.rules);
	for (uint32_t i = 0; status == OK && i < FINDING_COUNT; i++) {
		run->rule = (enum finding_rule)i;
		const struct rule *rule = rules[i].rule;
		if (!run->answer->is_checked[i])
			continue;
		if (rule->end != NULL)
			status = rule->end(run, run->states[i]);
		else if (rule->words != NULL)
			status = rule_say_sum(run, run->states[i], rule->words);
	}
	return status;
}

static int make_states(struct rule_run *run, const struct findings_question *question)
{
	run->attribute_dicts = calloc(run->heap->graph->index.count / 8 + 1, 1);
	run->code_dicts = calloc(run->heap->graph->index.count / 8 + 1, 1);
	if (run->attribute_dicts == NULL || run->code_dicts == NULL)
		return query_no_memory(run->query, "findings");
	for (uint32_t i = 0; i < FINDING_COUNT; i++) {
		run->answer->is_checked[i] = question->only < 0 || (uint32_t)question->only == i;
		run->states[i] = calloc(1, rules[i].rule->state_bytes + 1);
		if (run->states[i] == NULL)
			return query_no_memory(run->query, "findings");
	}
	return OK;
}

int query_findings(const struct query *query, const struct findings_question *question,
                   struct findings_answer *ret_answer)
{
	*ret_answer = (struct findings_answer){ .heap_bytes = 0 };
	struct rule_run run = { .query = query, .answer = ret_answer, .decoder = &query->target->naming };
	TRY(query_heap(query, &run.heap));
	ret_answer->heap_bytes = run.heap->total;
	ret_answer->heap_count = run.heap->object_count;
	ret_answer->threshold = run.heap->total / THRESHOLD_PART;
	if (ret_answer->threshold < THRESHOLD_BYTES)
		ret_answer->threshold = THRESHOLD_BYTES;
	ret_answer->coverage = run.heap->graph->coverage;
	int status = naming_open(&run.naming, query, run.heap);
	if (status == OK)
		status = make_states(&run, question);
	if (status == OK)
		request_find(&run);
	if (status == OK)
		status = ask_rules(&run);
	for (uint32_t i = 0; i < FINDING_COUNT; i++) {
		if (run.states[i] != NULL && rules[i].rule->clear != NULL)
			rules[i].rule->clear(run.states[i]);
		free(run.states[i]);
	}
	free(run.attribute_dicts);
	free(run.code_dicts);
	array_free(&run.leaf_kinds);
	owners_clear(&run.owners);
	naming_close(run.naming);
	if (ret_answer->findings.count > 1)
		qsort(ret_answer->findings.items, ret_answer->findings.count, sizeof *ret_answer->findings.items,
		      compare_findings);
	return status;
}

void findings_answer_clear(struct findings_answer *answer)
{
	for (size_t i = 0; i < answer->findings.count; i++) {
		struct finding *finding = &answer->findings.items[i];
		for (uint32_t place = 0; place < finding->place_count; place++) {
			free(finding->places[place].name);
			free(finding->places[place].made_at);
		}
		text_free(&finding->text);
	}
	array_free(&answer->findings);
}
