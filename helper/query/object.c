/* SPDX-License-Identifier: MIT */
#include "query/object.h"

#include "query/naming.h"

static int find_owner(const struct query *query, uint64_t object, uint64_t limit, struct object_answer *answer)
{
	const struct retained *heap;
	struct naming *naming;
	TRY(query_heap_and_blocks(query, &heap));
	answer->has_owner = true;
	answer->coverage.tracked_unknown |= heap->graph->coverage.tracked_unknown;
	answer->is_reachable = retained_of(heap, object, &answer->retained);
	answer->number = retained_number(heap, object);
	TRY(query_native_beside(query, &answer->native));
	if (!query->no_native)
		TRY(query_native_leads(query, object, limit, &answer->leads));
	if (answer->is_reachable) {
		TRY(query_held_below(query, heap, answer->number, &answer->from_c));
		TRY(query_approximate_below(query, heap, answer->number, &answer->approximate));
	}
	TRY(naming_open(&naming, query, heap));
	(void)naming_object(naming, object, &answer->owner);
	naming_close(naming);
	return answer->owner.failed ? query_no_memory(query, "the name of the owner") : OK;
}

static const struct type_info *described_type(struct decoder *decoder, const struct object_state *state,
                                              uint64_t object)
{
	if (!(state->type->flags & TYPE_IS_METATYPE))
		return NULL;
	const struct type_info *type = decode_type(decoder, object);
	return type != NULL && !(type->flags & TYPE_IS_WILD) ? type : NULL;
}

/* What the decoder says of it, which keeps it after query_referents(). */
static void find_sizes(const struct query *query, struct object_answer *answer)
{
	struct decoder *decoder = &query->target->decoder;
	const struct allocated allocated = allocated_of_object(decoder);
	answer->shallow = decoder->out.shallow;
	answer->allocated = allocated.bytes;
	answer->allocated_is_estimate = allocated.approximate;
	query_allocated_at(query, &allocated.own, &answer->allocated_at);
}

int query_object(const struct query *query, const struct object_question *question, struct object_answer *ret_answer)
{
	const uint64_t object = question->referents.object;
	int owned = OK;
	*ret_answer = (struct object_answer){ .shallow = 0 };
	/* First, since the graph is made with the same decoder. */
	if (question->with_owner)
		owned = find_owner(query, object, question->referents.limit, ret_answer);
	struct referents_question referents = question->referents;
	referents.with_blocks = question->with_owner && owned >= 0 && !query->no_native;
	int status = query_referents(query, &referents, &ret_answer->referents);
	if (ret_answer->referents.type == NULL)
		return status;
	coverage_add(&ret_answer->coverage, &ret_answer->referents.coverage);
	find_sizes(query, ret_answer);
	ret_answer->instances = described_type(&query->target->naming, &ret_answer->referents.state, object);
	if (question->with_owner && owned >= 0 && status >= 0)
		status = query_lock_at(query, object, &ret_answer->lock);
	return owned < 0 ? owned : status;
}

void object_answer_clear(struct object_answer *answer)
{
	referents_answer_clear(&answer->referents);
	native_leads_clear(&answer->leads);
	allocated_at_clear(&answer->allocated_at);
	lock_answer_clear(&answer->lock);
	text_free(&answer->owner);
}
