/* SPDX-License-Identifier: MIT */
#include "query/origins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "object/value.h"

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

const struct origin *origins_at(const struct origins *origins, uint32_t number)
{
	uint32_t index = origins->starts[number] != PATH_NO_START ? address_map_get(&origins->index, key_of(number))
	                                                          : ADDRESS_MAP_NONE;
	return index != ADDRESS_MAP_NONE ? &origins->items.items[index] : NULL;
}

/* The object that a frame's locals lie in, where that is not the frame's own memory; 0: none. */
static uint64_t frame_object(const struct layout *layout, const struct python_frame *frame)
{
	enum { OWNED_BY_GENERATOR = 1 };
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return frame->address;
	if (frame->owner == OWNED_BY_GENERATOR && layout_has(layout, FIELD_PyGenObject_gi_iframe))
		return frame->address - layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	return frame->frame_object;
}

static bool add_holder(struct origins *origins, const struct layout *layout, uint32_t index)
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
	const struct holder *holder = &origins->heap->graph->roots.holders.items[index];
	if (holder->kind == HOLDER_PROCESS)
		return true;
	if (!add(origins, retained_holder_number(origins->heap, index), costs[holder->kind],
	         (struct origin){ .kind = ORIGIN_HOLDER, .holder = index }))
		return false;
	uint64_t object = holder->kind == HOLDER_FRAME ? frame_object(layout, holder->frame) : 0;
	return object == 0 || add(origins, retained_number(origins->heap, object), COST_FRAME,
	                          (struct origin){ .kind = ORIGIN_FRAME, .holder = index });
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
	const struct roots *roots = &origins->heap->graph->roots;
	for (uint32_t i = 0; i < roots->holders.count; i++) {
		const struct holder *holder = &roots->holders.items[i];
		if (!add_holder(origins, decoder->layout, i))
			return false;
		for (size_t k = 0; holder->kind == HOLDER_INTERPRETER && k < runtime->interpreters.count; k++)
			if (runtime->interpreters.items[k].address == holder->address &&
			    !add_modules(origins, decoder, i, runtime->interpreters.items[k].modules))
				return false;
	}
	return true;
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
	const struct origin *origin = origins_at(origins, path->nodes[0]);
	*ret_route = (struct route){ .root = path->nodes[0] };
	if (origin == NULL || !array_reserve(&ret_route->steps, path->count + 3))
		return false;
	uint32_t *steps = ret_route->steps.items;
	uint32_t count = 0;
	ret_route->holder = origin->holder;
	if (origin->kind >= ORIGIN_MODULES) {
		ret_route->root = retained_holder_number(origins->heap, origin->holder);
		if (origin->kind == ORIGIN_MODULE_DICT)
			steps[count++] = origins_at(origins, origin->above)->above;
		if (origin->kind != ORIGIN_MODULES)
			steps[count++] = origin->above;
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
static void say_frame(struct decoder *decoder, const struct holder *holder, struct text *text)
{
	const struct runtime *runtime = decoder->context->runtime;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line;
	names_frame(decoder, holder->frame, &function, &file, &line);
	const char *base = path_base_name(text_string(&file));
	text_format(text, "thread %" PRIu64 " ", runtime->threads.items[holder->thread].native_id);
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
	const struct holder *holder = &origins->heap->graph->roots.holders.items[holder_index];
	const struct origin *origin = first != UINT32_MAX ? origins_at(origins, first) : NULL;
	uint32_t index;
	if (holder->kind == HOLDER_FRAME)
		say_frame(references->decoder, holder, text);
	else if (holder->kind == HOLDER_RUNTIME && first != UINT32_MAX &&
	         query_refcount(references->decoder, retained_node(origins->heap, first, &index)) == REFCOUNT_IMMORTAL)
		text_add(text, "immortal: never freed");
	else
		holder_say(references, holder_index, text);
	if (holder->kind == HOLDER_INTERPRETER && origin != NULL && origin->kind == ORIGIN_MODULES)
		text_add(text, " → sys.modules");
	else if (first != UINT32_MAX && holder->kind != HOLDER_RUNTIME && holder->kind != HOLDER_C)
		say_reference(references, root, first, text);
}
