/* SPDX-License-Identifier: MIT */
#include "query/holders/word_holders.h"

#include "graph/heap/heap_cursor.h"
#include "graph/holder_runs.h"
#include "query/holders/holder.h"
#include "query/naming.h"

struct finder {
	const struct query *query;
	const struct word_holders_question *question;
	const struct retained *heap;
	struct naming *naming;
	struct word_holders_answer *answer;
	uint64_t steps;
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "the referrers of an address");
}

static void row_clear(struct word_holder *row)
{
	text_free(&row->label);
	text_free(&row->name);
}

/* object 0: a root, by its index. */
static int add_row(struct finder *finder, const struct run *run, uint64_t slot, uint64_t object, uint32_t holder)
{
	struct word_holder row = { .address = object };
	if (finder->answer->references++ >= finder->question->limit)
		return OK;
	names_label(&finder->query->target->naming, run, slot, &finder->query->names, &row.label);
	if (object != 0) {
		row.type = query_type(finder->query, object);
		(void)naming_object(finder->naming, object, &row.name);
	} else {
		holder_say(naming_references(finder->naming), holder, &row.name);
	}
	if (!row.label.failed && !row.name.failed && array_push(&finder->answer->rows, row))
		return OK;
	row_clear(&row);
	return no_memory(finder);
}

static int search_run(struct finder *finder, const struct run *run, uint64_t object, uint32_t holder)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
		if (run_target(run, slot) == finder->question->address)
			TRY(add_row(finder, run, slot, object, holder));
	}
	return OK;
}

static int search_objects(struct finder *finder)
{
	struct decoder *decoder = &finder->query->target->decoder;
	struct heap_cursor cursor;
	heap_cursor_init(&cursor, finder->heap->graph, decoder, finder->query->progress);
	while (heap_cursor_next(&cursor)) {
		if (!heap_cursor_decode(&cursor))
			continue;
		for (size_t i = 0; i < decoder->out.runs.count; i++)
			if (!(decoder->out.runs.items[i].flags & RUN_OF_DICT))
				TRY(search_run(finder, &decoder->out.runs.items[i], cursor.address, 0));
	}
	return cursor.status == OK ? OK : query_cancelled(finder->query);
}

static int search(struct finder *finder)
{
	struct holder_runs runs;
	holder_runs_open(&runs, &finder->heap->graph->roots, &finder->query->target->decoder);
	for (const struct run *run; (run = holder_runs_next(&runs)) != NULL;)
		TRY(search_run(finder, run, 0, runs.holder));
	return search_objects(finder);
}

int query_word_holders(const struct query *query, const struct word_holders_question *question,
                       struct word_holders_answer *ret_answer)
{
	struct finder finder = { .query = query, .question = question, .answer = ret_answer };
	*ret_answer = (struct word_holders_answer){ .references = 0 };
	ret_answer->state = address_space_state(query->target->space, question->address);
	TRY(query_heap(query, &finder.heap));
	ret_answer->coverage = finder.heap->graph->coverage;
	TRY(naming_open(&finder.naming, query, finder.heap));
	int status = search(&finder);
	naming_close(finder.naming);
	return status;
}

void word_holders_answer_clear(struct word_holders_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++)
		row_clear(&answer->rows.items[i]);
	array_free(&answer->rows);
}
