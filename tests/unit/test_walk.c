/* SPDX-License-Identifier: MIT
 * Walks and graphs over sound heaps into which bad words are put: no object that sound references reach may vanish, and
 * each bad reference is counted. What should come out is found by a search that knows which words are which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/heap/heap_graph.h"
#include "graph/walk.h"
#include "../support/small_heap.h"

enum { HEAPS = 600, MOST_OBJECTS = 60, MOST_ITEMS = 7, LARGE_HEAP = 120000 };

static uint64_t random_state = 20261127;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

struct object {
	uint64_t address, items; /* UINT64_MAX items: a cell */
	uint32_t targets[MOST_ITEMS]; /* numbers of objects; NONE, BAD or ABSENT */
	bool is_reached;
};

#define NONE UINT32_MAX
#define BAD (UINT32_MAX - 1)
#define ABSENT (UINT32_MAX - 2)

struct model {
	struct small_heap heap;
	struct object *objects;
	uint32_t count, reached;
	uint64_t bad, absent; /* references of reached objects */
};

static uint64_t bad_word(const struct model *model)
{
	const uint64_t object = model->objects[random_below(model->count)].address;
	switch (random_below(6)) {
	case 0:
		return object + 1 + random_below(7);
	case 1:
		return object + 9 + random_below(7);
	case 2:
	case 3:
		return object ^ 8; /* in the same 16 bytes */
	case 4:
		return SMALL_HEAP_START + model->heap.used - 8; /* not even a head is there */
	default:
		return UINT64_C(0x1000) + 8 * random_below(1000); /* not mapped */
	}
}

static void make_objects(struct model *model, uint32_t count)
{
	small_heap_make(&model->heap, (UINT64_C(1) << 20) + (uint64_t)count * 96);
	model->objects = calloc(count, sizeof *model->objects);
	assert_non_null(model->objects);
	model->count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct object *object = &model->objects[i];
		small_heap_align(&model->heap, 8 * random_below(2));
		object->items = random_below(MOST_ITEMS + 1);
		/* A cell that refers to a class: 8 bytes further it looks like an object of that class. */
		if (random_below(8) == 0) {
			object->items = UINT64_MAX;
			object->address = small_heap_cell(&model->heap, model->heap.tuple_type);
		} else {
			object->address = small_heap_tuple(&model->heap, object->items);
		}
	}
}

static void connect(struct model *model)
{
	for (uint32_t i = 0; i < model->count; i++) {
		struct object *object = &model->objects[i];
		for (uint64_t item = 0; object->items != UINT64_MAX && item < object->items; item++) {
			const uint64_t kind = random_below(10);
			uint32_t target = (uint32_t)random_below(model->count);
			uint64_t word = model->objects[target].address;
			if (kind == 0) {
				target = NONE;
				word = 0;
			} else if (kind == 1) {
				target = ABSENT;
				word = SMALL_HEAP_ABSENT + 8 * random_below(16);
			} else if (kind < 5) {
				target = BAD;
				word = bad_word(model);
			}
			object->targets[item] = target;
			small_heap_put(&model->heap, small_heap_slot(&model->heap, object->address, item), word);
		}
	}
}

static void search(struct model *model)
{
	uint32_t *stack = malloc(model->count * sizeof *stack), waiting = 1;
	assert_non_null(stack);
	stack[0] = 0;
	model->objects[0].is_reached = true;
	while (waiting > 0) {
		const struct object *object = &model->objects[stack[--waiting]];
		model->reached++;
		for (uint64_t item = 0; object->items != UINT64_MAX && item < object->items; item++) {
			const uint32_t target = object->targets[item];
			model->bad += target == BAD;
			model->absent += target == ABSENT;
			if (target >= ABSENT || model->objects[target].is_reached)
				continue;
			model->objects[target].is_reached = true;
			stack[waiting++] = target;
		}
	}
	free(stack);
}

static bool has_class(const struct model *model)
{
	for (uint32_t i = 0; i < model->count; i++)
		if (model->objects[i].is_reached && model->objects[i].items == UINT64_MAX)
			return true;
	return false;
}

static void check_walk(struct model *model, enum policy policy, uint64_t expected)
{
	struct walk *walk;
	struct walk_result result;
	struct error error = { 0 };
	assert_int_equal(walk_open(&walk, &model->heap.decoder, &error), OK);
	for (int again = 0; again < 2; again++) {
		const struct walk_start start = { &model->objects[0].address, 1, policy };
		assert_int_equal(walk_deep(walk, &start, NULL, &result, &error), OK);
		assert_int_equal(result.count, expected);
		assert_int_equal(result.coverage.corrupt, model->bad);
		assert_int_equal(result.coverage.unreadable, model->absent);
		for (uint32_t i = 0; i < model->count; i++)
			if (model->objects[i].is_reached)
				assert_true(walk_has_reached(walk, model->objects[i].address));
		walk_result_clear(&result);
		walk_reset(walk);
	}
	walk_close(walk);
}

static void check_graph(struct model *model)
{
	struct heap_graph *graph;
	struct error error = { 0 };
	assert_int_equal(heap_graph_open(&graph, &model->heap.decoder, NULL, NULL, &error), OK);
	assert_int_equal(graph->coverage.corrupt, model->bad);
	assert_int_equal(graph->coverage.unreadable, model->absent);
	uint32_t reached = 0;
	for (uint32_t i = 0; i < model->count; i++) {
		const struct object *object = &model->objects[i];
		const uint32_t node = object_index_find(&graph->index, object->address);
		assert_int_equal(node != UINT32_MAX, object->is_reached);
		assert_int_equal(object_index_find(&graph->index, object->address ^ 8), UINT32_MAX);
		if (!object->is_reached)
			continue;
		reached++;
		assert_int_equal(object_index_address(&graph->index, node), object->address);
		/* Edges in order, and none for a bad word. */
		uint32_t edge = graph->edges.first[node];
		for (uint64_t item = 0; object->items != UINT64_MAX && item < object->items; item++) {
			if (object->targets[item] >= ABSENT)
				continue;
			const uint64_t target = model->objects[object->targets[item]].address;
			assert_int_equal(graph->edges.targets[edge++], object_index_find(&graph->index, target));
		}
		if (object->items != UINT64_MAX)
			assert_int_equal(edge, graph->edges.first[node + 1]);
	}
	/* Besides: the types that were met, if only by a look at what is no object. */
	assert_in_range(graph->index.count - reached, 2, 3);
	heap_graph_close(graph);
}

static void check_heap(uint32_t count)
{
	struct model model = { 0 };
	make_objects(&model, count);
	connect(&model);
	search(&model);
	small_heap_hold(&model.heap, model.objects[0].address);
	small_heap_open(&model.heap);
	check_walk(&model, POLICY_DATA, model.reached);
	check_walk(&model, POLICY_ALL, model.reached + has_class(&model));
	if (count <= MOST_OBJECTS) /* it goes no deeper than 100 */
		check_walk(&model, POLICY_ASIZEOF, model.reached);
	check_graph(&model);
	small_heap_close(&model.heap);
	free(model.objects);
}

static void small_heaps(void **state)
{
	(void)state;
	for (int i = 0; i < HEAPS; i++)
		check_heap(1 + (uint32_t)random_below(MOST_OBJECTS));
}

/* Large enough for several threads. */
static void large_heap(void **state)
{
	(void)state;
	check_heap(LARGE_HEAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(small_heaps), cmocka_unit_test(large_heap) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
