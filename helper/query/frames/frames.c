/* SPDX-License-Identifier: MIT */
#include "query/frames/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "names/locals.h"
#include "object/value.h"
#include "query/frames/frame_call.h"
#include "query/frames/frame_source.h"
#include "query/frames/frame_weights.h"
#include "query/threads/thread_name.h"

/* The frames of one thread; with weights a holder of the roots for each. */
struct source {
	const struct thread_frames *frames;
	uint32_t first_holder;
};

struct frames {
	const struct query *query;
	const struct frames_question *question;
	struct frames_answer *answer;
	struct frame_weights weights;
	struct frame_sources files;
	ARRAY(struct source) sources; /* of each stack */
	struct code_depths depths; /* frame_call_say() */
	uint64_t heaviest_retained;
};

static int no_memory(const struct frames *frames)
{
	return query_no_memory(frames->query, "the frames");
}

static struct python_frame frame_of(const struct source *source, size_t index)
{
	return frame_list_at(&source->frames->list, index);
}

static size_t frame_count(const struct source *source)
{
	return source->frames->list.count;
}

/* ---- Locals ---- */

static int compare_locals(const void *left_local, const void *right_local)
{
	const struct frame_local *left = left_local, *right = right_local;
	if (left->retained != right->retained)
		return left->retained > right->retained ? -1 : 1;
	return strcmp(text_string(&left->name), text_string(&right->name));
}

static int add_local(struct frames *frames, struct frame_row *row, struct frame_local *local)
{
	local->type = query_type(frames->query, local->address);
	if (frames->answer->has_weights) {
		(void)retained_of(frames->weights.heap, local->address, &local->retained);
		local->native = native_beside_of(&frames->answer->native,
		                                 retained_number(frames->weights.heap, local->address));
	}
	if (array_push(&row->locals, *local))
		return OK;
	text_free(&local->name);
	return no_memory(frames);
}

static int gather_locals(struct frames *frames, struct frame_row *row)
{
	struct decoder *decoder = &frames->query->target->naming;
	const struct python_frame *python = &row->frame;
	for (uint32_t i = 0; i < python->slot_count; i++) {
		struct frame_local local = { .address = local_value(decoder, python, i) };
		if (local.address == 0)
			continue;
		names_local(decoder, python->code, i, &local.name);
		TRY(add_local(frames, row, &local));
	}
	struct dict_cursor names;
	uint64_t key, value;
	bool has_names = local_namespace(decoder, python, &names);
	while (has_names && names.next < LIMIT_FRAME_SLOTS && dict_cursor_next(&names, &key, &value)) {
		struct frame_local local = { .address = value };
		(void)value_str(&decoder->objects, key, LIMIT_STRING_SHOWN, &local.name);
		TRY(add_local(frames, row, &local));
	}
	if (frames->answer->has_weights && row->locals.count > 1)
		qsort(row->locals.items, row->locals.count, sizeof *row->locals.items, compare_locals);
	return OK;
}

/* Those that get a row are moved to the front and weighed; the others are dropped. */
static int choose_locals(struct frames *frames, struct frame_row *row)
{
	size_t kept = 0;
	int status = OK;
	for (size_t i = 0; i < row->locals.count; i++) {
		struct frame_local local = row->locals.items[i];
		const bool passes = local.retained >= frames->question->min_bytes;
		if (!passes || kept >= frames->question->limit) {
			row->more_locals += passes;
			text_free(&local.name);
			continue;
		}
		if (status == OK && frames->answer->has_weights)
			status = frame_weights_deep_of(&frames->weights, local.address, &local.deep);
		row->locals.items[kept++] = local;
	}
	row->locals.count = kept;
	return status;
}

static void note_heaviest(struct frames *frames, const struct frame_row *row)
{
	for (size_t i = 0; i < row->locals.count; i++) {
		const struct frame_local *local = &row->locals.items[i];
		if (frames->answer->heaviest == 0 || local->retained > frames->heaviest_retained) {
			frames->answer->heaviest = local->address;
			frames->heaviest_retained = local->retained;
		}
	}
}

/* Of a row that stands for several frames, or beside one of the same code. */
static bool is_recursion(const struct frame_stack *stack, size_t index)
{
	const struct frame_row *row = &stack->rows.items[index];
	return row->folded > 0 || (index + 1 < stack->rows.count && row[1].frame.code == row->frame.code) ||
	       (index > 0 && row[-1].frame.code == row->frame.code);
}

static int weigh(struct frames *frames, struct frame_row *row, bool hands_on)
{
	uint64_t *objects = malloc((row->locals.count + 1) * sizeof *objects);
	bool is_known = false;
	int status = OK;
	if (objects == NULL)
		return no_memory(frames);
	for (size_t i = 0; i < row->locals.count; i++)
		objects[i] = row->locals.items[i].address;
	if (hands_on)
		status = frame_weights_deep_onward(&frames->weights, objects, row->locals.count, &row->deep, &is_known);
	if (status == OK && !is_known)
		status = frame_weights_deep(&frames->weights, objects, row->locals.count, &row->deep);
	free(objects);
	return status;
}

/* Callers first: what they reach, those that they called mostly do as well. */
static int weigh_rows(struct frames *frames, struct frame_stack *stack)
{
	for (size_t i = stack->rows.count; i-- > 0;) {
		struct frame_row *row = &stack->rows.items[i];
		if (query_is_cancelled(frames->query))
			return query_cancelled(frames->query);
		if (frames->answer->has_weights)
			TRY(weigh(frames, row, is_recursion(stack, i)));
		TRY(choose_locals(frames, row));
	}
	return OK;
}

/* ---- Stacks ---- */

static int add_frame(struct frames *frames, struct frame_stack *stack, const struct source *source, size_t index)
{
	if (!array_push(&stack->rows, (struct frame_row){ .frame = frame_of(source, index), .depth = (uint32_t)index }))
		return no_memory(frames);
	struct frame_row *row = &stack->rows.items[stack->rows.count - 1];
	TRY(frame_sources_note(&frames->files, &row->frame));
	if (frames->answer->has_weights)
		row->only_here = frames->weights.only_here[source->first_holder + index];
	TRY(gather_locals(frames, row));
	if (frames->answer->has_weights)
		note_heaviest(frames, row);
	return OK;
}

static int add_frames(struct frames *frames, struct frame_stack *stack, const struct source *source)
{
	for (size_t i = 0; i < frame_count(source); i++) {
		if (query_is_cancelled(frames->query))
			return query_cancelled(frames->query);
		if (frames->question->is_folded && i > 0 &&
		    frames_are_alike(&source->frames->list, i - 1, &source->frames->list, i)) {
			if (stack->more_rows == 0)
				stack->rows.items[stack->rows.count - 1].folded++;
			continue;
		}
		if (stack->rows.count >= frames->question->limit)
			stack->more_rows++;
		else
			TRY(add_frame(frames, stack, source, i));
	}
	return weigh_rows(frames, stack);
}

static bool is_equal(const struct source *left, const struct source *right)
{
	const size_t count = frame_count(left);
	if (count != frame_count(right) || count == 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!frames_are_alike(&left->frames->list, i, &right->frames->list, i))
			return false;
	return true;
}

struct ranked {
	uint64_t retained;
	uint32_t stack;
};

static int compare_ranked(const void *left_ranked, const void *right_ranked)
{
	const struct ranked *left = left_ranked, *right = right_ranked;
	return query_compare_bytes(left->retained, left->stack, right->retained, right->stack);
}

/* Thousands of idle workers have few stacks, so each is compared with the first ones of a few kinds; those that retain
 * most come first and stand for the others. */
static int merge_equal(struct frames *frames)
{
	enum { KINDS_COMPARED = 256 };
	const uint32_t count = (uint32_t)frames->answer->stacks.count;
	struct frame_stack *stacks = frames->answer->stacks.items;
	struct ranked *ranked = malloc((count + 1) * sizeof *ranked);
	if (ranked == NULL)
		return no_memory(frames);
	for (uint32_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ stacks[i].retained, i };
	qsort(ranked, count, sizeof *ranked, compare_ranked);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0, kinds = 0; k < i && kinds < KINDS_COMPARED; k++) {
			const uint32_t first = ranked[k].stack, at = ranked[i].stack;
			if (stacks[first].same_as != first || ++kinds == 0 ||
			    stacks[first].interpreter != stacks[at].interpreter ||
			    !is_equal(&frames->sources.items[first], &frames->sources.items[at]))
				continue;
			stacks[at].same_as = first;
			stacks[first].same_count++;
			break;
		}
	free(ranked);
	return OK;
}

/* ---- Threads ---- */

static int add_stack(struct frames *frames, uint32_t thread, uint32_t holder)
{
	const struct runtime *runtime = frames->query->target->runtime;
	struct source source = { .first_holder = holder + 1 };
	TRY(runtime_thread_frames(runtime, &runtime->threads.items[thread], &source.frames, frames->query->error));
	struct frame_stack stack = { .thread = thread,
		                     .interpreter = -1,
		                     .frame_count = frame_count(&source),
		                     .is_truncated = source.frames->is_truncated,
		                     .same_as = (uint32_t)frames->answer->stacks.count,
		                     .same_count = 1 };
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		if (runtime->interpreters.items[i].address == runtime->threads.items[thread].interpreter)
			stack.interpreter = runtime->interpreters.items[i].id;
	if (frames->answer->has_weights) {
		const uint32_t number = retained_holder_number(frames->weights.heap, holder);
		stack.retained = number != UINT32_MAX ? frames->weights.heap->bytes[number] : 0;
	}
	frames->answer->is_truncated |= stack.is_truncated;
	if (!array_push(&frames->sources, source) || !array_push(&frames->answer->stacks, stack))
		return no_memory(frames);
	thread_name(&frames->query->target->naming, &runtime->threads.items[thread],
	            &frames->answer->stacks.items[stack.same_as].name);
	return query_is_cancelled(frames->query) ? query_cancelled(frames->query) : OK;
}

/* Holders of frames come right after that of their thread, one for each. */
static int add_stacks(struct frames *frames)
{
	if (!frames->answer->has_weights) {
		for (uint32_t i = 0; i < frames->query->target->runtime->threads.count; i++)
			TRY(add_stack(frames, i, 0));
		return OK;
	}
	const struct roots *roots = &frames->weights.heap->graph->roots;
	for (size_t i = 0; i < roots->holders.rows.count; i++) {
		const struct holder *holder = &roots->holders.rows.items[i];
		if (holder->kind == HOLDER_THREAD)
			TRY(add_stack(frames, holder->thread, holder->number));
	}
	return OK;
}

/* Nuitka puts frames of a type of its own on the thread's stack, for functions that are C code (Nuitka's
 * CompiledFrameType.c). Its frames have the file, the function and no bytecode. */
static const struct type_info *compiled_frame(const struct query *query, const struct python_frame *frame)
{
	if (frame->frame_object == 0)
		return NULL;
	const struct type_info *type = query_type(query, frame->frame_object);
	if (type == NULL || (strcmp(type->entry->id, "frame") == 0 && type->base_info == type))
		return NULL;
	return type;
}

/* The function of C that all the threads are in that a stack stands for. */
static void add_call(struct frames *frames, size_t index, struct frame_row *row)
{
	const struct query *query = frames->query;
	const struct runtime *runtime = query->target->runtime;
	const struct frame_stack *stacks = frames->answer->stacks.items;
	uint32_t left = stacks[index].same_count - 1;
	frame_call_say(query, &runtime->threads.items[stacks[index].thread], &frames->sources.items[index].frames->list,
	               row->depth, &frames->depths, &row->calls);
	for (size_t i = 0; i < frames->answer->stacks.count && left > 0 && row->calls.length > 0; i++) {
		if (i == index || stacks[i].same_as != index)
			continue;
		left--;
		if (query_is_cancelled(query) || !frame_call_is(query, &runtime->threads.items[stacks[i].thread],
		                                                &frames->sources.items[i].frames->list, row->depth,
		                                                &frames->depths, text_string(&row->calls)))
			text_free(&row->calls);
	}
}

/* Which files have names that are not enough is known once all rows are there. */
static int add_sources(struct frames *frames)
{
	for (size_t i = 0; i < frames->answer->stacks.count; i++) {
		struct frame_stack *stack = &frames->answer->stacks.items[i];
		for (size_t k = 0; k < stack->rows.count; k++) {
			struct frame_row *row = &stack->rows.items[k];
			row->full_path =
			        frames->question->full_paths || frame_sources_is_ambiguous(&frames->files, &row->frame);
			row->compiled = compiled_frame(frames->query, &row->frame);
			TRY(frame_sources_path(&frames->files, &row->frame, &row->path, &row->is_folder_unknown));
			TRY(frame_sources_line(&frames->files, &row->frame, &row->source));
			add_call(frames, i, row);
			if (query_is_cancelled(frames->query))
				return query_cancelled(frames->query);
		}
	}
	return OK;
}

static int find(struct frames *frames)
{
	struct frames_answer *answer = frames->answer;
	answer->has_weights = frames->question->with_weights;
	if (answer->has_weights) {
		TRY(frame_weights_open(&frames->weights, frames->query));
		TRY(query_native_beside(frames->query, &frames->answer->native));
		answer->coverage = frames->weights.heap->graph->coverage;
	}
	TRY(add_stacks(frames));
	if (frames->question->is_folded)
		TRY(merge_equal(frames));
	for (uint32_t i = 0; i < answer->stacks.count; i++)
		if (answer->stacks.items[i].same_as == i)
			TRY(add_frames(frames, &answer->stacks.items[i], &frames->sources.items[i]));
	return add_sources(frames);
}

int query_frames(const struct query *query, const struct frames_question *question, struct frames_answer *ret_answer)
{
	struct frames frames = {
		.query = query, .question = question, .answer = ret_answer, .files = { .query = query }
	};
	*ret_answer = (struct frames_answer){ .heaviest = 0 };
	int status = find(&frames);
	array_free(&frames.sources);
	frame_weights_close(&frames.weights);
	frame_sources_clear(&frames.files);
	code_depths_clear(&frames.depths);
	return status;
}

static void row_clear(struct frame_row *row)
{
	for (size_t i = 0; i < row->locals.count; i++)
		text_free(&row->locals.items[i].name);
	array_free(&row->locals);
	text_free(&row->path);
	text_free(&row->source);
	text_free(&row->calls);
}

void frames_answer_clear(struct frames_answer *answer)
{
	for (size_t i = 0; i < answer->stacks.count; i++) {
		struct frame_stack *stack = &answer->stacks.items[i];
		for (size_t k = 0; k < stack->rows.count; k++)
			row_clear(&stack->rows.items[k]);
		array_free(&stack->rows);
		text_free(&stack->name);
	}
	array_free(&answer->stacks);
}
