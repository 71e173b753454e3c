/* SPDX-License-Identifier: MIT */
#include "graph/word_owners.h"

#include <stdlib.h>

static struct word_span span_of(const struct run *run, size_t number)
{
	return (struct word_span){ run->address, run->address + run->count * run->stride, (uint32_t)number };
}

static int compare_spans(const void *left, const void *right)
{
	const struct word_span *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void sort_spans(struct word_span *spans, size_t count)
{
	if (count > 0)
		qsort(spans, count, sizeof *spans, compare_spans);
}

/* What interpreters and threads are known to refer to, as spans that do not overlap. */
static void list_certain(struct word_owners *owners, const struct roots *roots)
{
	size_t count = 0, kept = 0;
	for (size_t i = 0; i < roots->runs.count; i++) {
		const enum holder_kind kind = holders_kind(&roots->holders, roots->runs.items[i].holder);
		if (kind == HOLDER_INTERPRETER || kind == HOLDER_THREAD)
			owners->certain[count++] = span_of(&roots->runs.items[i].run, i);
	}
	sort_spans(owners->certain, count);
	for (size_t i = 0; i < count; i++) {
		struct word_span *last = kept > 0 ? &owners->certain[kept - 1] : NULL;
		if (last == NULL || owners->certain[i].start >= last->end)
			owners->certain[kept++] = owners->certain[i];
		else if (owners->certain[i].end > last->end)
			last->end = owners->certain[i].end;
	}
	owners->certain_count = kept;
}

static void list_doubtful(struct word_owners *owners, const struct roots *roots)
{
	const size_t count = roots->doubtful.count;
	for (size_t i = 0; i < count; i++)
		owners->doubtful[i] = span_of(&roots->doubtful.items[i].run, i);
	sort_spans(owners->doubtful, count);
	for (size_t begin = 0, end = 0; begin < count; begin = end) {
		uint64_t reached = owners->doubtful[begin].end;
		for (end = begin + 1; end < count && owners->doubtful[end].start < reached; end++)
			if (owners->doubtful[end].end > reached)
				reached = owners->doubtful[end].end;
		for (size_t i = begin; i < end; i++)
			owners->groups[owners->doubtful[i].number] =
			        (struct word_group){ (uint32_t)begin, (uint32_t)(end - begin) };
	}
}

bool word_owners_open(struct word_owners *ret_owners, const struct roots *roots)
{
	*ret_owners = (struct word_owners){
		.certain = calloc(roots->runs.count + 1, sizeof *ret_owners->certain),
		.doubtful = calloc(roots->doubtful.count + 1, sizeof *ret_owners->doubtful),
		.groups = calloc(roots->doubtful.count + 1, sizeof *ret_owners->groups),
	};
	if (ret_owners->certain == NULL || ret_owners->doubtful == NULL || ret_owners->groups == NULL) {
		word_owners_close(ret_owners);
		return false;
	}
	list_certain(ret_owners, roots);
	list_doubtful(ret_owners, roots);
	return true;
}

void word_owners_close(struct word_owners *owners)
{
	free(owners->certain);
	free(owners->doubtful);
	free(owners->groups);
	*owners = (struct word_owners){ .certain_count = 0 };
}

bool word_owners_has(const struct word_owners *owners, uint32_t number, uint64_t address)
{
	size_t low = 0, high = owners->certain_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (owners->certain[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && address < owners->certain[low - 1].end)
		return true;
	const struct word_group *group = &owners->groups[number];
	for (uint32_t i = group->first; group->count > 1 && i < group->first + group->count; i++)
		if (owners->doubtful[i].number < number && owners->doubtful[i].start <= address &&
		    address < owners->doubtful[i].end)
			return true;
	return false;
}
