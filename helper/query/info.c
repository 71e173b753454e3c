/* SPDX-License-Identifier: MIT */
#include "query/info.h"

#include "allocator/tracked_objects.h"

static void count_sources(struct info_answer *answer)
{
	for (int i = 0; i < STRUCT_COUNT; i++) {
		const uint8_t source = answer->runtime->layout.struct_sources[i];
		if (answer->sources[source].count++ == 0)
			answer->sources[source].first = (enum layout_struct)i;
	}
}

/* Free-threaded builds mark what gc.freeze() froze, whichever interpreter's it is. What a program froze before it
 * forked or began its work lies in its first pages, where counting begins. */
static int count_frozen(const struct query *query, struct collector_history *history)
{
	const struct runtime *runtime = query->target->runtime;
	struct tracked_objects tracked;
	int32_t generation;
	uint32_t steps = 0;
	TRY(tracked_objects_open(&tracked, runtime, query->error));
	history->frozen_is_known = !tracked.is_unknown && runtime->interpreters.count == 1;
	while (history->frozen_is_known && !history->frozen_is_more &&
	       tracked_objects_next(&tracked, &generation) != 0) {
		history->frozen += generation == GC_GENERATIONS - 1;
		history->frozen_is_more = ++steps == FROZEN_COUNTED;
	}
	tracked_objects_close(&tracked);
	return OK;
}

static int read_collector(const struct query *query, struct info_answer *answer)
{
	const struct runtime *runtime = answer->runtime;
	struct reader *reader = &query->target->decoder.reader;
	if (runtime->interpreters.count == 0)
		return OK;
	const uint64_t interpreter = runtime->interpreters.items[0].address;
	collector_read(runtime, reader, interpreter, &answer->collector);
	collector_history_read(runtime, reader, interpreter, &answer->history);
	answer->has_collector = answer->collector.is_known;
	return layout_feature(&runtime->layout, FEATURE_FREE_THREADED) ? count_frozen(query, &answer->history) : OK;
}

static int check_sizes(const struct query *query, bool checks_all, struct info_answer *answer)
{
	struct decoder *decoder = &query->target->decoder;
	const struct retained *heap;
	if (!checks_all)
		return size_check_sample(&answer->check, decoder, query->error);
	TRY(query_heap(query, &heap));
	answer->coverage = heap->graph->coverage;
	struct size_check_sources sources = { .graph = heap->graph, .decoder = decoder };
	TRY(target_memory(query->target, query->progress, &sources.memory, query->error));
	TRY(size_check_heap(&answer->check, &sources, query->progress, query->error));
	return query_memory_check(query, &answer->sums);
}

int query_info(const struct query *query, const struct info_question *question, struct info_answer *ret_answer)
{
	struct target *target = query->target;
	*ret_answer = (struct info_answer){ .runtime = target->runtime, .space = target->space };
	ret_answer->is_truncated = target->space->coverage.absent_truncated > 0;
	count_sources(ret_answer);
	TRY(read_collector(query, ret_answer));
	return check_sizes(query, question->checks_all, ret_answer);
}

void info_answer_clear(struct info_answer *answer)
{
	memory_check_clear(&answer->sums);
}
