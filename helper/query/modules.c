/* SPDX-License-Identifier: MIT */
#include "query/modules.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/groups.h"
#include "base/address_map.h"
#include "base/limits.h"
#include "object/value.h"
#include "query/modules_shared.h"
#include "query/naming.h"

struct search {
	const struct query *query;
	const struct modules_question *question;
	const struct retained *heap;
	struct modules_answer *answer;
	struct address_map seen; /* a module may have several names: the first counts */
};

static int no_memory(const struct search *search)
{
	return query_no_memory(search->query, "the modules");
}

static bool add_module(struct search *search, uint64_t key, uint64_t object)
{
	struct decoder *decoder = &search->query->target->naming;
	struct module_row module = { .address = object };
	struct attribute_storage storage;
	if (address_map_get(&search->seen, object) != ADDRESS_MAP_NONE)
		return true;
	if (value_str(&decoder->objects, key, LIMIT_TYPE_NAME_BYTES, &module.name) < 0)
		text_add(&module.name, "?");
	if (value_instance_attributes(&decoder->objects, object, &storage))
		module.dict = storage.dict;
	if (!address_map_set(&search->seen, object, (uint32_t)search->answer->rows.count) ||
	    !array_push(&search->answer->rows, module)) {
		text_free(&module.name);
		return false;
	}
	return true;
}

static int find_modules(struct search *search)
{
	struct decoder *decoder = &search->query->target->naming;
	const struct runtime *runtime = decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct dict_cursor cursor;
		uint64_t key, object;
		if (!dict_cursor_open(&cursor, &decoder->objects, runtime->interpreters.items[i].modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &object))
			if (value_is_module(&decoder->objects, object) && !add_module(search, key, object))
				return no_memory(search);
	}
	return OK;
}

/* A module's dict is below it in the dominator tree, or somebody else holds the dict too. */
static uint64_t native_of(const struct search *search, const struct module_row *module)
{
	const struct native_beside *native = &search->answer->native;
	const uint32_t own = retained_number(search->heap, module->address);
	const uint32_t dict = module->dict != 0 ? retained_number(search->heap, module->dict) : UINT32_MAX;
	const bool is_below = dict != UINT32_MAX && search->heap->dominators.idom[dict] == own;
	return native_beside_of(native, own) + (is_below ? 0 : native_beside_of(native, dict));
}

static int weigh_modules(struct search *search)
{
	const struct query *query = search->query;
	const struct retained *heap = search->heap;
	const uint32_t count = (uint32_t)search->answer->rows.count;
	const size_t numbers = heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	uint64_t *bytes = calloc((size_t)count + 1, sizeof *bytes);
	int status = group == NULL || bytes == NULL ? no_memory(search) : OK;
	if (status == OK) {
		memset(group, 0xff, (numbers + 1) * sizeof *group);
		for (uint32_t i = 0; i < count; i++) {
			const struct module_row *module = &search->answer->rows.items[i];
			uint32_t number = retained_number(heap, module->address);
			if (number != UINT32_MAX)
				group[number] = i;
			number = module->dict != 0 ? retained_number(heap, module->dict) : UINT32_MAX;
			if (number != UINT32_MAX)
				group[number] = i;
		}
		status = retained_groups(heap, group, count, bytes, query->progress, query->error);
	}
	if (status == OK && !search->question->skip_shared)
		status = modules_share(query, heap, group, search->answer);
	for (uint32_t i = 0; status == OK && i < count; i++) {
		search->answer->rows.items[i].retained = bytes[i];
		search->answer->rows.items[i].native = native_of(search, &search->answer->rows.items[i]);
	}
	free(group);
	free(bytes);
	return status;
}

/* Its dict's values one by one, other modules left out. */
static void find_largest(struct search *search, struct module_row *module)
{
	struct decoder *decoder = &search->query->target->naming;
	struct dict_cursor cursor;
	uint64_t key, value, retained, largest_key = 0;
	if (module->dict == 0 || !dict_cursor_open(&cursor, &decoder->objects, module->dict))
		return;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (!retained_of(search->heap, value, &retained) || retained <= module->largest_retained ||
		    value_is_module(&decoder->objects, value))
			continue;
		module->largest = value;
		module->largest_retained = retained;
		largest_key = key;
	}
	if (largest_key != 0 &&
	    value_str(&decoder->objects, largest_key, LIMIT_STRING_SHOWN, &module->largest_name) < 0)
		text_add(&module->largest_name, "?");
}

static int find_deep(struct search *search, struct module_row *module)
{
	const struct query *query = search->query;
	struct walk_result result = { .count = 0 };
	struct walk *walk;
	TRY(query_walk(query, &walk));
	const struct walk_start start = { &module->address, 1, POLICY_DATA };
	int status = walk_deep(walk, &start, query->progress, &result, query->error);
	module->deep = result.bytes;
	module->has_deep = status >= 0;
	walk_result_clear(&result);
	return status;
}

static int compare_modules(const void *left_module, const void *right_module, void *context)
{
	const enum modules_order order = *(const enum modules_order *)context;
	const struct module_row *left = left_module, *right = right_module;
	if (order == MODULES_BY_NAME) {
		int names = strcmp(text_string(&left->name), text_string(&right->name));
		if (names != 0)
			return names;
	}
	if (order == MODULES_BY_DEEP && left->deep != right->deep)
		return left->deep > right->deep ? -1 : 1;
	return query_compare_bytes(left->retained, left->address, right->retained, right->address);
}

static void sort_modules(struct search *search)
{
	enum modules_order order = search->question->order;
	if (search->answer->rows.count > 1)
		qsort_r(search->answer->rows.items, search->answer->rows.count, sizeof *search->answer->rows.items,
		        compare_modules, &order);
}

static bool name_passes(const struct modules_question *question, const char *name)
{
	if (question->module == NULL)
		return true;
	const size_t length = strlen(question->module);
	return strncmp(name, question->module, length) == 0 && (name[length] == '.' || name[length] == '\0');
}

static bool passes(const struct modules_question *question, const struct module_row *module)
{
	return module->retained >= question->min_bytes && name_passes(question, text_string(&module->name));
}

static bool shared_passes(const struct modules_question *question, const struct modules_shared_row *row)
{
	bool is_wanted = question->module == NULL;
	for (uint32_t i = 0; i < row->module_count; i++)
		is_wanted |= name_passes(question, row->modules[i]);
	return is_wanted && row->retained >= question->min_bytes;
}

static void row_clear(struct module_row *row)
{
	text_free(&row->name);
	text_free(&row->largest_name);
}

static void keep_matching(struct search *search)
{
	struct modules_answer *answer = search->answer;
	size_t kept = 0;
	answer->module_count = answer->rows.count;
	for (size_t i = 0; i < answer->rows.count; i++) {
		if (passes(search->question, &answer->rows.items[i]))
			answer->rows.items[kept++] = answer->rows.items[i];
		else
			row_clear(&answer->rows.items[i]);
	}
	answer->matching = answer->rows.count = kept;
	kept = 0;
	for (size_t i = 0; i < answer->shared.count; i++) {
		if (shared_passes(search->question, &answer->shared.items[i]))
			answer->shared.items[kept++] = answer->shared.items[i];
		else
			modules_shared_clear(&answer->shared.items[i]);
	}
	answer->shared_matching = answer->shared.count = kept;
}

static void keep_first(struct modules_answer *answer, uint64_t limit)
{
	while (answer->rows.count > limit)
		row_clear(&answer->rows.items[--answer->rows.count]);
}

static int name_shared(struct search *search)
{
	struct modules_answer *answer = search->answer;
	struct naming *naming;
	bool failed = false;
	while (answer->shared.count > search->question->limit)
		modules_shared_clear(&answer->shared.items[--answer->shared.count]);
	if (answer->shared.count == 0)
		return OK;
	TRY(naming_open(&naming, search->query, search->heap));
	for (size_t i = 0; i < answer->shared.count; i++) {
		struct modules_shared_row *row = &answer->shared.items[i];
		(void)naming_object(naming, row->largest, &row->largest_name);
		failed |= row->largest_name.failed;
	}
	naming_close(naming);
	return failed ? no_memory(search) : OK;
}

static int find(struct search *search)
{
	const struct modules_question *question = search->question;
	struct modules_answer *answer = search->answer;
	TRY(find_modules(search));
	TRY(weigh_modules(search));
	keep_matching(search);
	sort_modules(search);
	if (question->order != MODULES_BY_DEEP)
		keep_first(answer, question->limit);
	bool failed = false;
	for (size_t i = 0; i < answer->rows.count; i++) {
		find_largest(search, &answer->rows.items[i]);
		if (!question->only_retained)
			TRY(find_deep(search, &answer->rows.items[i]));
		failed |= answer->rows.items[i].name.failed || answer->rows.items[i].largest_name.failed;
	}
	if (question->order == MODULES_BY_DEEP)
		sort_modules(search);
	keep_first(answer, question->limit);
	return failed ? no_memory(search) : question->only_retained ? OK : name_shared(search);
}

int query_modules(const struct query *query, const struct modules_question *question, struct modules_answer *ret_answer)
{
	*ret_answer = (struct modules_answer){ .heap_bytes = 0 };
	struct search search = { .query = query, .question = question, .answer = ret_answer };
	TRY(query_heap_and_blocks(query, &search.heap));
	ret_answer->heap_bytes = search.heap->total;
	ret_answer->garbage_count = search.heap->unreachable_count;
	ret_answer->garbage_bytes = search.heap->unreachable_bytes;
	ret_answer->coverage = search.heap->graph->coverage;
	TRY(query_native_beside(query, &ret_answer->native));
	int status = find(&search);
	address_map_clear(&search.seen);
	return status;
}

void modules_answer_clear(struct modules_answer *answer)
{
	keep_first(answer, 0);
	array_free(&answer->rows);
	for (size_t i = 0; i < answer->shared.count; i++)
		modules_shared_clear(&answer->shared.items[i]);
	array_free(&answer->shared);
}
