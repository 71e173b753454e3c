/* SPDX-License-Identifier: MIT */
#include "query/origins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "object/value.h"
#include "query/frames/frame_objects.h"

/* What a path from there costs beside its references: globals come first, then locals of frames. As in naming.c. */
enum {
	COST_MODULES = 0,
	COST_MODULE = 1,
	COST_FRAME = 2,
	COST_STATE = 4,
	COST_STATIC = 6,
	COST_RUNTIME = PATH_LAST_RESORT,
	COST_C = PATH_LAST_RESORT + 1,
};

/* An address_map keeps addresses, of which the low bits say little and 0 is none. */
static uint64_t key_of(uint32_t number)
{
	return ((uint64_t)number + 1) << 4;
}

static bool add(struct origins *origins, uint32_t number, uint8_t cost, struct origin origin)
{
	if (number == UINT32_MAX || origins->starts[number] != PATH_NO_START)
		return true;
	origins->starts[number] = cost;
	return address_map_set(&origins->index, key_of(number), (uint32_t)origins->items.count) &&
	       array_push(&origins->items, origin);
}

bool origins_at(const struct origins *origins, uint32_t number, struct origin *ret_origin)
{
	const struct retained *heap = origins->heap;
	if (origins->starts[number] == PATH_NO_START)
		return false;
	/* There may be a million frames. */
	if (heap->dominators.node[number] >= heap->graph->index.count) {
		*ret_origin = (struct origin){ .kind = ORIGIN_HOLDER,
			                       .holder = heap->dominators.node[number] - heap->graph->index.count };
		return true;
	}
	const uint32_t index = address_map_get(&origins->index, key_of(number));
	if (index != ADDRESS_MAP_NONE)
		*ret_origin = origins->items.items[index];
	return index != ADDRESS_MAP_NONE;
}

/* The object that a frame's locals lie in, where that is not the frame's own memory; 0: none. */
static uint64_t frame_object(const struct layout *layout, const struct python_frame *frame)
{
	const uint64_t generator = frame_generator_around(layout, frame);
	return generator != 0 ? generator : frame->frame_object;
}

static void begin_at_holders(struct origins *origins)
{
	static const uint8_t costs[] = {
		[HOLDER_PROCESS] = PATH_NO_START,
		[HOLDER_INTERPRETER] = COST_STATE,
		[HOLDER_THREAD] = COST_STATE,
		[HOLDER_FRAME] = COST_FRAME,
		[HOLDER_STATIC] = COST_STATIC,
		[HOLDER_RUNTIME] = COST_RUNTIME,
		[HOLDER_C] = COST_C,
	};
	const struct holders *holders = &origins->heap->graph->roots.holders;
	for (size_t i = 0; i < holders->stretches.count; i++) {
		const struct holder_stretch *stretch = &holders->stretches.items[i];
		for (uint32_t index = stretch->first; index < stretch->end; index++) {
			const uint32_t number = retained_holder_number(origins->heap, index);
			const enum holder_kind kind =
			        stretch->frames != NULL
			                ? HOLDER_FRAME
			                : holders->rows.items[stretch->row + (index - stretch->first)].kind;
			if (number != UINT32_MAX)
				origins->starts[number] = costs[kind];
		}
	}
}

static bool add_frame_objects(struct origins *origins, const struct layout *layout)
{
	const struct holders *holders = &origins->heap->graph->roots.holders;
	struct python_frame frame;
	for (uint32_t i = 0; holders_next_with_object(holders, &i, &frame); i++) {
		const uint64_t object = frame_object(layout, &frame);
		if (object != 0 && !add(origins, retained_number(origins->heap, object), COST_FRAME,
		                        (struct origin){ .kind = ORIGIN_FRAME, .holder = i }))
			return false;
	}
	return true;
}

static bool add_modules(struct origins *origins, struct decoder *decoder, uint32_t holder, uint64_t modules)
{
	const uint32_t above = retained_number(origins->heap, modules);
	struct dict_cursor cursor;
	uint64_t key, module;
	if (above == UINT32_MAX ||
	    !add(origins, above, COST_MODULES, (struct origin){ .kind = ORIGIN_MODULES, .holder = holder }))
		return above == UINT32_MAX;
	if (!dict_cursor_open(&cursor, &decoder->objects, modules))
		return true;
	while (dict_cursor_next(&cursor, &key, &module)) {
		const uint32_t number = retained_number(origins->heap, module);
		struct attribute_storage storage;
		if (number == UINT32_MAX || !value_is_module(&decoder->objects, module))
			continue;
		if (!add(origins, number, COST_MODULE,
		         (struct origin){ .kind = ORIGIN_MODULE, .holder = holder, .above = above }))
			return false;
		if (!value_instance_attributes(&decoder->objects, module, &storage) || storage.dict == 0)
			continue;
		if (!add(origins, retained_number(origins->heap, storage.dict), COST_MODULE,
		         (struct origin){ .kind = ORIGIN_MODULE_DICT, .holder = holder, .above = number }))
			return false;
	}
	return true;
}

static bool fill(struct origins *origins, struct decoder *decoder)
{
	const struct runtime *runtime = decoder->context->runtime;
	const struct holders *holders = &origins->heap->graph->roots.holders;
	begin_at_holders(origins);
	for (size_t i = 0; i < holders->rows.count; i++) {
		const struct holder *holder = &holders->rows.items[i];
		for (size_t k = 0; holder->kind == HOLDER_INTERPRETER && k < runtime->interpreters.count; k++)
			if (runtime->interpreters.items[k].address == holder->address &&
			    !add_modules(origins, decoder, holder->number, runtime->interpreters.items[k].modules))
				return false;
	}
	return add_frame_objects(origins, decoder->layout);
}

int origins_open(struct origins *ret_origins, const struct query *query, const struct retained *heap)
{
	const size_t count = (size_t)heap->dominators.reached_count + 1;
	*ret_origins =
	        (struct origins){ .heap = heap, .references = references_of(query, heap), .starts = malloc(count) };
	if (ret_origins->starts != NULL) {
		memset(ret_origins->starts, PATH_NO_START, count);
		if (fill(ret_origins, &query->target->naming))
			return OK;
	}
	origins_clear(ret_origins);
	return query_no_memory(query, "the roots of paths");
}

void origins_clear(struct origins *origins)
{
	free(origins->starts);
	address_map_clear(&origins->index);
	array_free(&origins->items);
	origins->starts = NULL;
}

/* ---- Routes ---- */

bool route_make(struct route *ret_route, const struct origins *origins, const struct path *path)
{
	struct origin origin, above;
	*ret_route = (struct route){ .root = path->nodes[0] };
	if (!origins_at(origins, path->nodes[0], &origin) || !array_reserve(&ret_route->steps, path->count + 3))
		return false;
	uint32_t *steps = ret_route->steps.items;
	uint32_t count = 0;
	ret_route->holder = origin.holder;
	if (origin.kind >= ORIGIN_MODULES) {
		ret_route->root = retained_holder_number(origins->heap, origin.holder);
		if (origin.kind == ORIGIN_MODULE_DICT && origins_at(origins, origin.above, &above))
			steps[count++] = above.above;
		if (origin.kind != ORIGIN_MODULES)
			steps[count++] = origin.above;
		steps[count++] = path->nodes[0];
	}
	memcpy(steps + count, path->nodes + 1, (path->count - 1) * sizeof *steps);
	ret_route->steps.count = count + path->count - 1;
	return true;
}

void route_clear(struct route *route)
{
	array_free(&route->steps);
}

/* ---- Words ---- */

/* "thread 4243 worker.py:41 loop()" */
static void say_frame(struct decoder *decoder, const struct holders *holders, uint32_t holder, struct text *text)
{
	const struct python_frame frame = holders_frame(holders, holder);
	const struct runtime *runtime = decoder->context->runtime;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line;
	names_frame(decoder, &frame, &function, &file, &line);
	const char *base = path_base_name(text_string(&file));
	text_format(text, "thread %" PRIu64 " ", runtime->threads.items[holders_at(holders, holder).thread].native_id);
	names_escape(text, base, strlen(base), false);
	if (line > 0)
		text_format(text, ":%" PRId64, line);
	text_add(text, " ");
	names_escape(text, text_string(&function), function.length, false);
	text_add(text, "()");
	text->failed |= function.failed | file.failed;
	text_free(&function);
	text_free(&file);
}

static void say_reference(const struct references *references, uint32_t root, uint32_t first, struct text *text)
{
	struct text label = { .bytes = NULL };
	(void)reference_label(references, root, first, &label);
	reference_quote_local(&label);
	if (label.length > 0)
		text_format(text, strncmp(text_string(&label), "local ", 6) == 0 ? " %s" : " → %s",
		            text_string(&label));
	text->failed |= label.failed;
	text_free(&label);
}

void origins_say(const struct origins *origins, uint32_t holder_index, uint32_t root, uint32_t first, struct text *text)
{
	const struct references *references = &origins->references;
	const struct holders *holders = &origins->heap->graph->roots.holders;
	const enum holder_kind kind = holders_kind(holders, holder_index);
	struct origin origin;
	const bool is_origin = first != UINT32_MAX && origins_at(origins, first, &origin);
	uint32_t index;
	if (kind == HOLDER_FRAME)
		say_frame(references->decoder, holders, holder_index, text);
	else if (kind == HOLDER_RUNTIME && first != UINT32_MAX &&
	         query_refcount(references->decoder, retained_node(origins->heap, first, &index)) == REFCOUNT_IMMORTAL)
		text_add(text, "immortal: never freed");
	else
		holder_say(references, holder_index, text);
	if (kind == HOLDER_INTERPRETER && is_origin && origin.kind == ORIGIN_MODULES)
		text_add(text, " → sys.modules");
	else if (first != UINT32_MAX && kind != HOLDER_RUNTIME && kind != HOLDER_C)
		say_reference(references, root, first, text);
}
