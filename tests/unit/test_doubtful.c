/* SPDX-License-Identifier: MIT
 * Roots of a small heap, and which of the words that only may be references are taken for some: as many as the counts
 * of the objects have room for, those of a stack first, and no other words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/small_heap.h"
#include "graph/doubtful.h"

enum { ROUNDS = 300, OBJECTS = 12, WORDS = 60, STACK = 15, HEAP_BYTES = 1 << 20 };

static uint64_t random_state = 20261127;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

struct book {
	int64_t missing[OBJECTS], room[OBJECTS]; /* now, and in the beginning */
};

static int64_t missing(void *context, uint32_t node)
{
	return ((struct book *)context)->missing[node];
}

static void take(void *context, uint32_t node)
{
	((struct book *)context)->missing[node]--;
}

struct model {
	struct small_heap heap;
	uint64_t objects[OBJECTS], words, stack; /* tuples; the last two are the memory that is doubted */
	struct object_index index;
	struct book book;
};

static void make(struct model *model)
{
	struct error error = { 0 };
	small_heap_make(&model->heap, HEAP_BYTES);
	for (int i = 0; i < OBJECTS; i++)
		model->objects[i] = small_heap_tuple(&model->heap, random_below(3));
	model->words = small_heap_tuple(&model->heap, WORDS);
	model->stack = small_heap_tuple(&model->heap, STACK);
	for (uint64_t i = 0; i < WORDS + STACK; i++) {
		const uint64_t slot = i < WORDS ? small_heap_slot(&model->heap, model->words, i)
		                                : small_heap_slot(&model->heap, model->stack, i - WORDS);
		const uint64_t object = model->objects[random_below(OBJECTS)];
		const uint64_t kinds[] = { object, object, object, 0, object + 8, object + 1, 77, UINT64_MAX };
		small_heap_put(&model->heap, slot, kinds[random_below(sizeof kinds / sizeof kinds[0])]);
	}
	small_heap_hold(&model->heap, model->objects[0]);
	small_heap_open(&model->heap);
	assert_int_equal(object_index_open(&model->index, model->heap.space, &error), OK);
	const struct segment *segment = address_space_find(model->heap.space, SMALL_HEAP_START);
	for (int i = 0; i < OBJECTS; i++) {
		(void)visited_add(&model->index.objects,
		                  visited_place(&model->index.objects, segment, model->objects[i]));
		model->book.missing[i] = model->book.room[i] = (int64_t)random_below(6) - 1;
	}
	model->index.is_damaged = true; /* words lead 8 bytes beside objects */
	assert_int_equal(object_index_number(&model->index, &error), OK);
	assert_int_equal(model->index.count, OBJECTS);
}

static void clear(struct model *model)
{
	object_index_close(&model->index);
	small_heap_close(&model->heap);
}

static void add_run(struct roots *roots, const struct model *model, uint32_t holder, uint64_t tuple, uint64_t count,
                    enum label_kind label)
{
	const uint64_t address = small_heap_slot(&model->heap, tuple, 0);
	const struct holder_run run = { .holder = holder,
		                        .run = { .slots = model->heap.bytes + (address - SMALL_HEAP_START),
		                                 .address = address,
		                                 .count = count,
		                                 .stride = 8,
		                                 .label = (uint16_t)label } };
	assert_true(array_push(&roots->doubtful, run));
}

static uint32_t object_of(const struct model *model, uint64_t word)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		if (model->objects[i] == word)
			return i;
	return UINT32_MAX;
}

/* What should be accepted: going through the stack, then the other words, while there is room. */
static void check(struct model *model, const struct roots *roots)
{
	bool expected[WORDS + STACK] = { false }, found[WORDS + STACK] = { false };
	for (uint64_t i = 0; i < STACK + WORDS; i++) {
		const uint64_t tuple = i < STACK ? model->stack : model->words, item = i < STACK ? i : i - STACK;
		const uint32_t object =
		        object_of(model, small_heap_get(&model->heap, small_heap_slot(&model->heap, tuple, item)));
		expected[i] = object != UINT32_MAX && model->book.room[object]-- > 0;
	}
	for (size_t i = 0; i < roots->runs.count; i++) {
		const struct holder_run *run = &roots->runs.items[i];
		assert_true(i == 0 || roots->runs.items[i - 1].holder <= run->holder);
		const uint64_t tuple = run->run.label == LABEL_STACK ? model->stack : model->words;
		const uint64_t first = (run->run.address - small_heap_slot(&model->heap, tuple, 0)) / 8;
		for (uint64_t slot = 0; slot < run->run.count; slot++) {
			const uint64_t place = (tuple == model->stack ? 0 : STACK) + first + slot;
			assert_true(place < STACK + WORDS && !found[place]);
			found[place] = true;
		}
	}
	for (uint64_t i = 0; i < STACK + WORDS; i++)
		assert_int_equal(found[i], expected[i]);
}

static void words_are_taken_while_there_is_room(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct model model;
		struct roots roots = { .runtime_holder = 0 };
		struct doubtful doubtful;
		struct progress progress = { .cancel_at = 0 };
		make(&model);
		const struct count_book book = { missing, take, NULL, &model.book };
		const enum holder_kind kinds[] = { HOLDER_PROCESS, HOLDER_FRAME, HOLDER_STATIC };
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			assert_true(holders_push(&roots.holders, &(struct holder){ .kind = kinds[i] }));
		add_run(&roots, &model, 2, model.words, WORDS, LABEL_WORD);
		add_run(&roots, &model, 1, model.stack, STACK, LABEL_STACK);
		doubtful_init(&doubtful, &roots, &model.heap.decoder, NULL, &progress);
		assert_int_equal(doubtful_settle(&doubtful, &model.index, &book), OK);
		assert_true(doubtful_merge(&roots));
		assert_int_equal(roots.doubtful.count, 0);
		check(&model, &roots);
		roots_clear(&roots);
		clear(&model);
	}
}

static void roots_are_found(void **state)
{
	(void)state;
	struct model model;
	struct roots roots;
	struct error error = { 0 };
	bool is_held = false;
	make(&model);
	assert_int_equal(roots_collect(&roots, &model.heap.decoder, NULL, &error), OK);
	assert_int_equal(holders_kind(&roots.holders, 0), HOLDER_PROCESS);
	for (size_t i = 0; i < roots.holders.count; i++)
		assert_true(holders_at(&roots.holders, (uint32_t)i).parent <= i);
	for (size_t i = 0; i < roots.runs.count; i++) {
		const struct holder_run *run = &roots.runs.items[i];
		assert_true(i == 0 || roots.runs.items[i - 1].holder <= run->holder);
		for (uint64_t slot = 0; slot < run->run.count; slot++)
			is_held |= run_target(&run->run, slot) == model.objects[0] &&
			           holders_kind(&roots.holders, run->holder) == HOLDER_INTERPRETER;
	}
	assert_true(is_held);
	assert_false(roots_is_interned_dict(&roots, model.objects[0]));
	assert_true(roots_add_interned_dict(&roots, model.objects[1]));
	assert_true(roots_is_interned_dict(&roots, model.objects[1]));
	assert_false(roots_is_interned_dict(&roots, model.objects[2]));
	roots_clear(&roots);
	clear(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words_are_taken_while_there_is_room),
		                            cmocka_unit_test(roots_are_found) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
