/* SPDX-License-Identifier: MIT */
#include "query/referents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
/* A reference, as it lies in the decoded object. */
struct reference {
	uint64_t address, shallow, slot;
	const struct type_info *type;
	uint32_t run;
	bool is_absent;
};

struct search {
	const struct query *query;
	const struct referents_question *question;
	struct referents_answer *answer;
	struct decoder *decoder; /* whose result is the object */
	ARRAY(struct reference) found;
};

static int no_memory(const struct search *search)
{
	return query_no_memory(search->query, "the references");
}

static int compare_held(const void *left_row, const void *right_row)
{
	const struct reference *left = left_row, *right = right_row;
	if (left->run != right->run)
		return left->run < right->run ? -1 : 1;
	return left->slot < right->slot ? -1 : left->slot > right->slot;
}

static int compare_shallow(const void *left_row, const void *right_row)
{
	const struct reference *left = left_row, *right = right_row;
	int order = query_compare_bytes(left->shallow, left->address, right->shallow, right->address);
	return order != 0 ? order : compare_held(left_row, right_row);
}

static int compare_type(const void *left_row, const void *right_row)
{
	const struct reference *left = left_row, *right = right_row;
	int order = strcmp(left->type != NULL ? left->type->name : "", right->type != NULL ? right->type->name : "");
	return order != 0 ? order : compare_held(left_row, right_row);
}

/* Of a type that the collector does not traverse, gc.get_referents() sees nothing. */
static bool is_hidden(const struct search *search, const struct run *run)
{
	const struct type_info *type = search->decoder->out.type;
	return run->flags & RUN_HIDDEN || (type != NULL && type->flags & TYPE_NOT_TRAVERSED);
}

static bool is_filtered(const struct referents_question *question)
{
	return !type_filter_is_open(&question->types) || question->min_bytes > 0;
}

static bool passes(const struct referents_question *question, const struct reference *reference)
{
	if (!type_filter_is_open(&question->types) &&
	    (reference->type == NULL || !type_filter_passes(&question->types, reference->type->name)))
		return false;
	return reference->shallow >= question->min_bytes;
}

static int gather_run(struct search *search, uint32_t index)
{
	const struct referents_question *question = search->question;
	const struct run *run = &search->decoder->out.runs.items[index];
	struct decoder *naming = &search->query->target->naming;
	/* Rows beyond the limit are only counted, unless they have to be compared. */
	const bool all = question->order != REFERENTS_AS_HELD || is_filtered(question);
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (slot % PROGRESS_INTERVAL == 0 && query_is_cancelled(search->query))
			return query_cancelled(search->query);
		struct reference reference = { .address = run_target(run, slot), .slot = slot, .run = index };
		if (reference.address == 0)
			continue;
		search->answer->total++;
		search->answer->hidden += is_hidden(search, run);
		if (!all && search->found.count >= question->limit)
			continue;
		if (decode_object(naming, reference.address)) {
			reference.type = naming->out.type;
			reference.shallow = naming->out.shallow;
		}
		reference.is_absent = (naming->out.flags & DECODED_UNREADABLE) != 0;
		if (naming->out.flags & (DECODED_UNREADABLE | DECODED_CORRUPT))
			coverage_count(&search->answer->coverage, &naming->out);
		if (passes(question, &reference) && !array_push(&search->found, reference))
			return no_memory(search);
	}
	return OK;
}

static int gather(struct search *search)
{
	const enum referents_order order = search->question->order;
	int status = OK;
	for (uint32_t i = 0; i < search->decoder->out.runs.count && status == OK; i++)
		status = gather_run(search, i);
	if (status == OK && order != REFERENTS_AS_HELD &&
	    sort_items(search->found.items, search->found.count, sizeof *search->found.items,
	               order == REFERENTS_BY_SHALLOW ? compare_shallow : compare_type, search->query->progress) < 0)
		return query_cancelled(search->query);
	return status;
}

static int add_rows(struct search *search)
{
	const struct query *query = search->query;
	struct referents_answer *answer = search->answer;
	const uint64_t matching = is_filtered(search->question) ? search->found.count : answer->total;
	struct text word = { .bytes = NULL };
	bool done = true;
	for (size_t i = 0; done && i < search->found.count && i < search->question->limit; i++) {
		const struct reference *found = &search->found.items[i];
		const struct run *run = &search->decoder->out.runs.items[found->run];
		struct referent row = { .address = found->address,
			                .type = found->type,
			                .shallow = found->shallow,
			                .is_absent = found->is_absent,
			                .is_hidden = is_hidden(search, run) };
		text_reset(&word);
		names_label(&query->target->naming, run, found->slot, &query->names, &word);
		row.label = words_keep(&answer->words, &word);
		text_reset(&word);
		if (found->type != NULL && search->question->with_descriptions)
			names_describe(&query->target->naming, found->address, &query->names, &word);
		row.description = words_keep(&answer->words, &word);
		done = !answer->words.failed && array_push(&answer->rows, row);
	}
	text_free(&word);
	answer->left_out = matching - answer->rows.count;
	return done ? OK : no_memory(search);
}

int query_referents(const struct query *query, const struct referents_question *question,
                    struct referents_answer *ret_answer)
{
	struct search search = {
		.query = query, .question = question, .answer = ret_answer, .decoder = &query->target->decoder
	};
	*ret_answer = (struct referents_answer){ .address = question->object };
	TRY(query_decode(query, question->object, &ret_answer->state));
	ret_answer->type = ret_answer->state.type;
	ret_answer->refcount = query_refcount(&query->target->naming, question->object);
	coverage_count(&ret_answer->coverage, &search.decoder->out);
	names_describe(&query->target->naming, question->object, &query->names, &ret_answer->description);
	int status = gather(&search);
	int made = add_rows(&search);
	array_free(&search.found);
	return status < 0 ? status : ret_answer->description.failed ? no_memory(&search) : made;
}

void referents_answer_clear(struct referents_answer *answer)
{
	array_free(&answer->rows);
	text_free(&answer->words);
	text_free(&answer->description);
}
