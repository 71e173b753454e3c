/* SPDX-License-Identifier: MIT */
#include "query/referents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "graph/heap/block_references.h"

/* A reference, as it lies in the decoded object. */
struct reference {
	uint64_t address, shallow, slot;
	const struct type_info *type;
	uint32_t run;
	bool is_absent;
};

/* A word in memory of C code, as a run without its slot. */
struct block_word {
	struct run run;
	uint64_t target;
};

struct search {
	const struct query *query;
	const struct referents_question *question;
	struct referents_answer *answer;
	struct decoder *decoder; /* whose result is the object */
	ARRAY(struct block_word) words; /* their runs count on from the decoder's */
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

static bool is_block_word(const struct search *search, uint32_t run)
{
	return run >= search->decoder->out.runs.count;
}

static const struct run *run_of(const struct search *search, uint32_t run)
{
	return is_block_word(search, run) ? &search->words.items[run - search->decoder->out.runs.count].run
	                                  : &search->decoder->out.runs.items[run];
}

/* Of a type that the collector does not traverse, gc.get_referents() sees nothing. */
static bool is_hidden(const struct search *search, const struct run *run)
{
	const struct type_info *type = search->decoder->out.type;
	return run->flags & RUN_HIDDEN || run->label == LABEL_BLOCK_WORD ||
	       (type != NULL && type->flags & TYPE_NOT_TRAVERSED);
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

static int add_reference(struct search *search, struct reference reference)
{
	const struct referents_question *question = search->question;
	struct decoder *naming = &search->query->target->naming;
	/* Rows beyond the limit are only counted, unless they have to be compared. */
	const bool all = question->order != REFERENTS_AS_HELD || is_filtered(question);
	search->answer->total++;
	search->answer->hidden += is_hidden(search, run_of(search, reference.run));
	search->answer->estimated += is_block_word(search, reference.run);
	if (!all && search->found.count >= question->limit)
		return OK;
	if (decode_object(naming, reference.address)) {
		reference.type = naming->out.type;
		reference.shallow = naming->out.shallow;
	}
	reference.is_absent = (naming->out.flags & DECODED_UNREADABLE) != 0;
	if (naming->out.flags & (DECODED_UNREADABLE | DECODED_CORRUPT))
		coverage_count(&search->answer->coverage, &naming->out);
	return !passes(question, &reference) || array_push(&search->found, reference) ? OK : no_memory(search);
}

static int gather_run(struct search *search, uint32_t index)
{
	const struct run *run = &search->decoder->out.runs.items[index];
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (slot % PROGRESS_INTERVAL == 0 && query_is_cancelled(search->query))
			return query_cancelled(search->query);
		const struct reference reference = { .address = run_target(run, slot), .slot = slot, .run = index };
		if (reference.address != 0)
			TRY(add_reference(search, reference));
	}
	return OK;
}

static int gather_words(struct search *search)
{
	for (size_t i = 0; i < search->words.count; i++) {
		const struct reference reference = { .address = search->words.items[i].target,
			                             .run = (uint32_t)(search->decoder->out.runs.count + i) };
		if (i % PROGRESS_INTERVAL == 0 && query_is_cancelled(search->query))
			return query_cancelled(search->query);
		TRY(add_reference(search, reference));
	}
	return OK;
}

static int gather(struct search *search)
{
	const enum referents_order order = search->question->order;
	int status = OK;
	for (uint32_t i = 0; i < search->decoder->out.runs.count && status == OK; i++)
		status = gather_run(search, i);
	if (status == OK)
		status = gather_words(search);
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
		const struct run *run = run_of(search, found->run);
		struct referent row = { .address = found->address,
			                .type = found->type,
			                .shallow = found->shallow,
			                .is_absent = found->is_absent,
			                .is_hidden = is_hidden(search, run),
			                .is_estimate = is_block_word(search, found->run) };
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

/* ---- Memory of C code ---- */

static int add_words(struct search *search, const struct heap_graph *graph)
{
	const block_reference_array *references = &graph->block_references;
	struct reader *reader = &search->query->target->naming.reader;
	const uint32_t node = object_index_find(&graph->index, search->question->object);
	for (size_t i = block_references_of(graph, node); i < references->count && references->items[i].owner == node;
	     i++) {
		struct block_word word = { .target = object_index_address(&graph->index, references->items[i].target) };
		if (block_reference_run(&references->items[i], reader, &word.run) && !array_push(&search->words, word))
			return no_memory(search);
	}
	return OK;
}

/* Where the whole heap cannot be gone through, the object's own references are an answer all the same. */
static int find_words(struct search *search)
{
	const struct query *query = search->query;
	const struct type_info *type = query_type(query, search->question->object);
	const struct retained *heap;
	if (!search->question->with_blocks || type == NULL || (type->flags & TYPE_HAS_UNKNOWN_WORDS) == 0)
		return OK;
	const int status = query_heap(query, &heap);
	if (status >= 0)
		return add_words(search, heap->graph);
	if (status == ERROR_CANCELLED)
		return status;
	text_add(&search->answer->no_blocks, query->error->message);
	error_clear(query->error);
	return search->answer->no_blocks.failed ? no_memory(search) : OK;
}

static int find_references(struct search *search)
{
	const struct query *query = search->query;
	struct referents_answer *answer = search->answer;
	answer->type = answer->state.type;
	answer->refcount = query_refcount(&query->target->naming, search->question->object);
	coverage_count(&answer->coverage, &search->decoder->out);
	names_describe(&query->target->naming, search->question->object, &query->names, &answer->description);
	const int status = gather(search);
	const int made = add_rows(search);
	return status < 0 ? status : answer->description.failed ? no_memory(search) : made;
}

int query_referents(const struct query *query, const struct referents_question *question,
                    struct referents_answer *ret_answer)
{
	struct search search = {
		.query = query, .question = question, .answer = ret_answer, .decoder = &query->target->decoder
	};
	*ret_answer = (struct referents_answer){ .address = question->object };
	/* First, since the heap is gone through with the same decoder. */
	int status = find_words(&search);
	if (status == OK)
		status = query_decode(query, question->object, &ret_answer->state);
	if (status == OK)
		status = find_references(&search);
	array_free(&search.found);
	array_free(&search.words);
	return status;
}

void referents_answer_clear(struct referents_answer *answer)
{
	array_free(&answer->rows);
	text_free(&answer->words);
	text_free(&answer->no_blocks);
	text_free(&answer->description);
}
