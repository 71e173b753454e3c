/* SPDX-License-Identifier: MIT */
#include "query/referrers.h"

#include <string.h>

#include "base/address_map.h"
#include "graph/heap/heap_cursor.h"

/* One referrer; holders have no address. */
struct referrer {
	uint32_t number; /* in the dominator tree; UINT32_MAX: unreachable itself */
	uint64_t address;
	const struct type_info *type;
};

struct search {
	const struct query *query;
	const struct bearings *bearings;
	const struct retained *heap;
	const struct referrers_question *question;
	struct referrers_answer *answer;
	ARRAY(struct referrer) shown; /* those that have rows */
	ARRAY(uint64_t) by_type; /* referrers, by type_info.index */
	struct text label; /* of the reference at hand */
};

static int no_memory(struct search *search)
{
	return query_no_memory(search->query, "the referrers");
}

/* ---- Finding ---- */

static bool passes(const struct search *search, const struct referrer *referrer, const char *holder)
{
	const struct type_filter *filter = &search->question->types;
	if (type_filter_is_open(filter))
		return true;
	const char *name = referrer->address == 0 ? holder : referrer->type != NULL ? referrer->type->name : "";
	return type_filter_passes(filter, name);
}

static int count_type(struct search *search, const struct type_info *type)
{
	if (type == NULL)
		return OK;
	if (type->index >= search->by_type.count) {
		if (!array_reserve(&search->by_type, type->index + 64))
			return no_memory(search);
		memset(search->by_type.items + search->by_type.count, 0,
		       (search->by_type.capacity - search->by_type.count) * sizeof(uint64_t));
		search->by_type.count = search->by_type.capacity;
	}
	search->by_type.items[type->index]++;
	return OK;
}

static int add_referrer(struct search *search, const struct referrer *referrer, const char *holder)
{
	if (!passes(search, referrer, holder))
		return OK;
	search->answer->total++;
	TRY(count_type(search, referrer->type));
	if (search->shown.count < search->question->limit && !array_push(&search->shown, *referrer))
		return no_memory(search);
	return OK;
}

/* What the graph knows: references of what roots reach. */
static int add_reachable(struct search *search, uint32_t number)
{
	const struct edge_rows *incoming = &search->heap->dominators.incoming;
	const struct roots *roots = &search->heap->graph->roots;
	uint32_t last = UINT32_MAX;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		struct referrer referrer = { .number = incoming->targets[edge] };
		uint32_t holder = 0;
		const char *kind = "";
		if (referrer.number != last) {
			referrer.address = retained_node(search->heap, referrer.number, &holder);
			if (referrer.address == 0)
				kind = holder_kind_name(holders_kind(&roots->holders, holder));
			else
				referrer.type = query_type(search->query, referrer.address);
		}
		if (referrer.number != last && referrer.address == 0 &&
		    (holder == roots->c_holder || holder == roots->runtime_holder)) {
			/* These stand for a reason, not for a reference. */
			continue;
		}
		search->answer->found++;
		if (referrer.number != last)
			TRY(add_referrer(search, &referrer, kind));
		last = referrer.number;
		if (edge % PROGRESS_INTERVAL == 0 && query_is_cancelled(search->query))
			return query_cancelled(search->query);
	}
	return OK;
}

static uint64_t count_references(const struct decoded *out, uint64_t target)
{
	uint64_t count = 0;
	for (size_t i = 0; i < out->runs.count; i++)
		for (uint64_t slot = 0; !(out->runs.items[i].flags & RUN_OF_DICT) && slot < out->runs.items[i].count;
		     slot++)
			count += run_target(&out->runs.items[i], slot) == target &&
			         run_is_counted(&out->runs.items[i], slot);
	return count;
}

/* References of objects that no root reaches: the graph's rows lack them, so they are looked for. */
static int add_unreachable(struct search *search)
{
	const struct heap_graph *graph = search->heap->graph;
	struct decoder *decoder = &search->query->target->decoder;
	struct heap_cursor cursor;
	heap_cursor_init(&cursor, graph, decoder, search->query->progress);
	while (heap_cursor_next(&cursor)) {
		if (search->heap->dominators.number[cursor.node] != UINT32_MAX || !heap_cursor_decode(&cursor))
			continue;
		const uint64_t count = count_references(&decoder->out, search->question->object);
		if (count == 0)
			continue;
		search->answer->found += count;
		search->answer->unreachable += count;
		const struct referrer referrer = { UINT32_MAX, cursor.address, decoder->out.type };
		TRY(add_referrer(search, &referrer, ""));
	}
	return cursor.status == OK ? OK : query_cancelled(search->query);
}

/* A key of a table that dicts share has one reference, the table's, for as often as dicts show it. */
static int subtract_sharing(struct search *search, uint32_t number)
{
	const struct edge_rows *incoming = &search->heap->dominators.incoming;
	struct decoder *decoder = &search->query->target->decoder;
	struct address_map tables = { 0 };
	bool has_memory = true;
	uint32_t last = UINT32_MAX, holder;
	for (uint32_t edge = incoming->first[number]; has_memory && edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		const uint64_t address = from != last ? retained_node(search->heap, from, &holder) : 0;
		last = from;
		if (edge % PROGRESS_INTERVAL == 0 && query_is_cancelled(search->query))
			break;
		if (address == 0 || !decode_object(decoder, address))
			continue;
		for (size_t i = 0; i < decoder->out.runs.count; i++) {
			const struct run *run = &decoder->out.runs.items[i];
			for (uint64_t slot = 0; run->flags & RUN_SHARED_KEYS && slot < run->count; slot++) {
				if (run_target(run, slot) != search->question->object)
					continue;
				if (address_map_get(&tables, run->argument) == ADDRESS_MAP_NONE)
					has_memory &= address_map_set(&tables, run->argument, 1);
				else
					search->answer->sharing++;
			}
		}
	}
	address_map_clear(&tables);
	search->answer->found -= search->answer->sharing;
	if (query_is_cancelled(search->query))
		return query_cancelled(search->query);
	return has_memory ? OK : no_memory(search);
}

static int find(struct search *search)
{
	const struct retained *heap = search->heap;
	const uint32_t number = retained_number(heap, search->question->object);
	if (number != UINT32_MAX)
		TRY(add_reachable(search, number));
	if (search->answer->refcount > 0 && search->answer->found > (uint64_t)search->answer->refcount)
		TRY(subtract_sharing(search, number));
	/* What the collector knows only is looked through where a count is left over. */
	const bool is_short =
	        search->answer->refcount > 0 && (uint64_t)search->answer->refcount > search->answer->found;
	if (heap->unreachable_count > 0 && (number == UINT32_MAX || is_short))
		return add_unreachable(search);
	return OK;
}

/* ---- Rows: one for each reference ---- */

static void say_holder(struct search *search, uint32_t number, struct text *text)
{
	uint32_t holder = 0;
	(void)retained_node(search->heap, number, &holder);
	origins_say(&search->bearings->origins, holder, number, UINT32_MAX, text);
}

static const char *type_name(const struct search *search, const struct referrer *referrer)
{
	uint32_t holder = 0;
	if (referrer->address != 0)
		return referrer->type != NULL ? referrer->type->name : "?";
	(void)retained_node(search->heap, referrer->number, &holder);
	return holder_kind_name(holders_kind(&search->heap->graph->roots.holders, holder));
}

/* The name of a referrer; "unreachable" where no root leads to it. */
static void say_name(struct search *search, const struct referrer *referrer, struct text *text)
{
	struct origin origin;
	if (referrer->number == UINT32_MAX)
		text_add(text, "(unreachable)");
	else if (referrer->address == 0)
		say_holder(search, referrer->number, text);
	else if (origins_at(&search->bearings->origins, referrer->number, &origin) && origin.kind == ORIGIN_FRAME)
		origins_say(&search->bearings->origins, origin.holder, referrer->number, UINT32_MAX, text);
	else
		(void)naming_number(search->bearings->naming, referrer->number, text);
}

static bool is_hidden(const struct referrer *referrer, const struct run *run)
{
	return referrer->type != NULL && (run->flags & RUN_HIDDEN || referrer->type->flags & TYPE_NOT_TRAVERSED);
}

/* model: what all rows of the referrer share. */
static int add_row(struct search *search, const struct referrer_row *model, const struct run *run, uint64_t slot)
{
	const struct query *query = search->query;
	struct referrers_answer *answer = search->answer;
	struct referrer_row row = *model;
	text_reset(&search->label);
	names_label(&query->target->naming, run, slot, &query->names, &search->label);
	row.label = words_keep(&answer->words, &search->label);
	return !answer->words.failed && array_push(&answer->rows, row) ? OK : no_memory(search);
}

/* A row for each reference of the referrer to the object. */
static int add_references(struct search *search, const struct referrer *referrer, struct referrer_row *model)
{
	struct run_cursor runs;
	uint32_t holder = 0;
	if (referrer->address == 0)
		(void)retained_node(search->heap, referrer->number, &holder);
	if (!run_cursor_open(&runs, search->heap, &search->query->target->decoder, referrer->address, holder))
		return OK;
	for (const struct run *run; (run = run_cursor_next(&runs)) != NULL;) {
		if (run->flags & RUN_OF_DICT)
			continue; /* the dict's references */
		model->is_hidden = is_hidden(referrer, run);
		for (uint64_t slot = 0; slot < run->count; slot++)
			if (run_target(run, slot) == search->question->object && run_is_counted(run, slot))
				TRY(add_row(search, model, run, slot));
	}
	return OK;
}

static int add_rows(struct search *search)
{
	const bool names_all = search->shown.count <= REFERRERS_NAMED;
	struct text name = { .bytes = NULL };
	int status = OK;
	for (size_t i = 0; i < search->shown.count && status == OK; i++) {
		const struct referrer *referrer = &search->shown.items[i];
		struct referrer_row model = { .address = referrer->address,
			                      .type = type_name(search, referrer),
			                      .is_named = names_all ||
			                                  (search->question->names_some && i < REFERRERS_NAMED),
			                      .is_reachable = referrer->number != UINT32_MAX };
		text_reset(&name);
		if (model.is_named)
			say_name(search, referrer, &name);
		model.name = words_keep(&search->answer->words, &name);
		status = add_references(search, referrer, &model);
	}
	text_free(&name);
	return status;
}

/* Of equally many the one whose name comes first: the order in which types were met is chance. */
static bool is_before(const struct search *search, size_t left, size_t right)
{
	const struct type_table *types = &search->query->target->context->types;
	const uint64_t *counts = search->by_type.items;
	if (counts[left] != counts[right] || counts[left] == 0)
		return counts[left] > counts[right];
	return strcmp(types->items[left]->name, types->items[right]->name) < 0;
}

/* The most frequent types of all referrers. */
static void sum_types(struct search *search)
{
	const struct type_table *types = &search->query->target->context->types;
	struct referrers_answer *answer = search->answer;
	for (uint32_t i = 0; i < REFERRERS_TYPES; i++) {
		size_t best = 0;
		for (size_t k = 1; k < search->by_type.count; k++)
			if (is_before(search, k, best))
				best = k;
		if (search->by_type.count == 0 || search->by_type.items[best] == 0)
			break;
		answer->types[i].type = types->items[best];
		answer->types[i].count = search->by_type.items[best];
		search->by_type.items[best] = 0;
	}
}

int query_referrers(const struct query *query, const struct bearings *bearings,
                    const struct referrers_question *question, struct referrers_answer *ret_answer)
{
	struct decoder *naming = &query->target->naming;
	struct search search = {
		.query = query, .bearings = bearings, .heap = bearings->heap, .question = question, .answer = ret_answer
	};
	*ret_answer = (struct referrers_answer){
		.address = question->object,
		.type = query_type(query, question->object),
		.refcount = query_refcount(naming, question->object),
		.is_free_threaded = layout_feature(naming->layout, FEATURE_FREE_THREADED),
	};
	names_describe(naming, question->object, &query->names, &ret_answer->description);
	(void)naming_object(bearings->naming, question->object, &ret_answer->name);
	int status = find(&search);
	int made = add_rows(&search);
	sum_types(&search);
	ret_answer->left_out = ret_answer->total - search.shown.count;
	array_free(&search.shown);
	array_free(&search.by_type);
	text_free(&search.label);
	if (ret_answer->description.failed || ret_answer->name.failed)
		made = no_memory(&search);
	return status < 0 ? status : made;
}

void referrers_answer_clear(struct referrers_answer *answer)
{
	array_free(&answer->rows);
	text_free(&answer->words);
	text_free(&answer->description);
	text_free(&answer->name);
}
