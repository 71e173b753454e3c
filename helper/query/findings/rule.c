/* SPDX-License-Identifier: MIT
 * What rules share: sums with samples, and a finding with the places of these samples. */
#include "query/findings/rule.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "query/tracemalloc/allocated_at.h"
#include "query/group_name.h"

void sum_add(struct finding_sum *sum, uint32_t node, uint64_t bytes)
{
	if (sum->stride == 0)
		sum->stride = 1;
	if (sum->count++ % sum->stride == 0) {
		if (sum->sample_count == SUM_SAMPLES) {
			for (uint32_t i = 0; i < SUM_SAMPLES / 2; i++)
				sum->nodes[i] = sum->nodes[2 * i];
			sum->sample_count = SUM_SAMPLES / 2;
			sum->stride *= 2;
		}
		sum->nodes[sum->sample_count++] = node;
	}
	sum->bytes += bytes;
}

bool rule_is_type(const struct type_info *type, const char *id)
{
	return type->base_info == type && strcmp(type->entry->id, id) == 0;
}

bool rule_is_namespace(const struct rule_run *run, uint32_t node)
{
	return bits_has(run->attribute_dicts, node);
}

bool rule_is_of_code(const struct rule_run *run, uint32_t number)
{
	const uint32_t above = run->heap->dominators.idom[number];
	const uint32_t node = run->heap->dominators.node[above];
	const struct type_info *type = reference_type(naming_references(run->naming), above);
	return type == NULL || (type->flags & TYPE_IS_BOUNDARY) != 0 || rule_is_type(type, "python_function") ||
	       bits_has(run->code_dicts, node);
}

bool rule_is_structure(const struct rule_run *run, uint32_t number)
{
	uint32_t holder;
	const uint32_t node = run->heap->dominators.node[number];
	if (retained_node(run->heap, number, &holder) == 0)
		return holders_kind(&run->heap->graph->roots.holders, holder) != HOLDER_FRAME;
	const struct type_info *type = reference_type(naming_references(run->naming), number);
	return type == NULL || (type->flags & TYPE_IS_BOUNDARY) != 0 || rule_is_namespace(run, node);
}

uint32_t rule_largest_child(const struct rule_run *run, uint32_t number)
{
	const struct dominator_children *children = &run->heap->children;
	uint32_t largest = 0;
	for (uint32_t child = children->first[number]; child != 0; child = children->next[child])
		if (largest == 0 || run->heap->bytes[child] > run->heap->bytes[largest])
			largest = child;
	return largest;
}

int rule_owners(struct rule_run *run, const owner_array **ret_owners)
{
	*ret_owners = &run->owners;
	if (run->has_owners)
		return OK;
	run->has_owners = true;
	return owners_find(run->query, run->heap, &run->owners);
}

uint64_t rule_allocated(struct rule_run *run, uint64_t address)
{
	return decode_object(run->decoder, address) ? allocated_of_object(run->decoder).bytes : 0;
}

void rule_say_count(struct text *text, uint64_t count, const char *noun)
{
	char digits[32];
	char *at = digits + sizeof digits - 1;
	const bool is_one = count == 1;
	*at = '\0';
	for (uint32_t written = 0; written == 0 || count > 0; written++, count /= 10) {
		if (written > 0 && written % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + count % 10);
	}
	text_format(text, "%s %s%s", at, noun, is_one ? "" : "s");
}

uint64_t rule_bytes_beside(const struct rule_run *run)
{
	const struct address_space *space = run->query->target->space;
	uint64_t bytes = 0;
	for (size_t i = 0; i < space->segment_count; i++)
		if (space->segments[i].writable_private && space->segments[i].data != NULL)
			bytes += space->segments[i].end - space->segments[i].start;
	if (run->heap->measure == SIZE_NATIVE)
		return bytes;
	const uint64_t objects = run->heap->total + run->heap->unreachable_bytes;
	return bytes > objects ? bytes - objects : 0;
}

void rule_say_share(const struct rule_run *run, struct text *text, uint64_t bytes)
{
	const uint64_t whole = run->answer->heap_bytes;
	text_format(text, "%.1f %%", whole > 0 ? 100.0 * (double)bytes / (double)whole : 0.0);
}

struct place_count {
	char *name;
	uint64_t address;
	uint32_t count;
};

static int compare_places(const void *left, const void *right)
{
	const struct place_count *a = left, *b = right;
	return a->count != b->count ? (a->count > b->count ? -1 : 1) : strcmp(a->name, b->name);
}

/* Adds the sample's place to the counts, which have room for it. */
static void count_place(struct rule_run *run, uint32_t node, struct place_count *places, uint32_t *place_count)
{
	struct text name = { .bytes = NULL }, pattern = { .bytes = NULL };
	const uint32_t number = run->heap->dominators.number[node];
	if (number != UINT32_MAX && naming_number(run->naming, number, &name) && name.bytes != NULL) {
		name_pattern(text_string(&name), &pattern);
		uint32_t i = 0;
		while (i < *place_count && strcmp(places[i].name, text_string(&pattern)) != 0)
			i++;
		if (i == *place_count && pattern.bytes != NULL && !pattern.failed) {
			places[i] = (struct place_count){ pattern.bytes,
				                          object_index_address(&run->heap->graph->index, node), 0 };
			pattern = (struct text){ .bytes = NULL };
			(*place_count)++;
		}
		if (i < *place_count)
			places[i].count++;
	}
	text_free(&name);
	text_free(&pattern);
}

static void find_places(struct rule_run *run, const struct finding_sum *sum, struct finding *finding)
{
	struct place_count places[SUM_SAMPLES];
	uint32_t count = 0;
	for (uint32_t i = 0; i < sum->sample_count; i++)
		count_place(run, sum->nodes[i], places, &count);
	qsort(places, count, sizeof *places, compare_places);
	for (uint32_t i = 0; i < count; i++) {
		if (i >= FINDING_PLACES) {
			free(places[i].name);
			continue;
		}
		finding->places[i].name = places[i].name;
		finding->places[i].address = places[i].address;
		struct text line = { .bytes = NULL };
		if (query_allocated_line(run->query, places[i].address, &line))
			finding->places[i].made_at = line.bytes;
		finding->places[i].bytes = (uint64_t)((double)finding->bytes * places[i].count / sum->sample_count);
		finding->place_count++;
	}
}

static int add_finding(struct rule_run *run, const struct finding_sum *sum, bool is_saving, const char *next,
                       struct text **ret_text)
{
	struct finding finding = {
		.rule = run->rule, .bytes = sum->bytes, .count = sum->count, .is_saving = is_saving, .next = next
	};
	finding.is_estimate = is_saving && run->requests.is_estimate;
	find_places(run, sum, &finding);
	if (!array_push(&run->answer->findings, finding)) {
		for (uint32_t i = 0; i < finding.place_count; i++) {
			free(finding.places[i].name);
			free(finding.places[i].made_at);
		}
		return query_no_memory(run->query, "findings");
	}
	*ret_text = &run->answer->findings.items[run->answer->findings.count - 1].text;
	return OK;
}

int rule_found(struct rule_run *run, const struct finding_sum *sum, bool is_saving, const char *next,
               struct text **ret_text)
{
	*ret_text = NULL;
	return sum->bytes < run->answer->threshold ? OK : add_finding(run, sum, is_saving, next, ret_text);
}

int rule_found_any(struct rule_run *run, const struct finding_sum *sum, const char *next, struct text **ret_text)
{
	*ret_text = NULL;
	return add_finding(run, sum, false, next, ret_text);
}

int rule_say_sum(struct rule_run *run, const struct finding_sum *sum, const struct sum_words *words)
{
	struct text *text;
	const uint64_t factor = words->factor > 0 ? words->factor : 1;
	if (sum->count < words->least_count || sum->bytes < factor * run->answer->threshold ||
	    (double)sum->bytes * 100 < (double)run->heap->total * words->least_percent)
		return OK;
	TRY(rule_found(run, sum, !words->is_held, words->next, &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, sum->count, words->noun);
	text_add(text, sum->count == 1 ? words->one : words->many);
	text_add(text, ": ");
	rule_say_share(run, text, sum->bytes);
	text_add(text, " of the heap");
	text_add(text, words->advice);
	return OK;
}

int rule_found_urgent(struct rule_run *run, const char *next, struct text **ret_text)
{
	struct finding finding = { .rule = run->rule, .is_urgent = true, .next = next };
	if (!array_push(&run->answer->findings, finding))
		return query_no_memory(run->query, "findings");
	*ret_text = &run->answer->findings.items[run->answer->findings.count - 1].text;
	return OK;
}

int rule_found_object(struct rule_run *run, uint64_t bytes, uint32_t number, const char *next, struct text **ret_text)
{
	const uint32_t node = run->heap->dominators.node[number];
	const bool is_object = node < run->heap->graph->index.count;
	struct finding_sum sum = { .bytes = bytes, .count = 1, .nodes = { node }, .sample_count = is_object ? 1 : 0 };
	return rule_found(run, &sum, false, next, ret_text);
}
