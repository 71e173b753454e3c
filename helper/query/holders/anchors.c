/* SPDX-License-Identifier: MIT */
#include "query/holders/anchors.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/memory/library.h"

static bool add_module(struct anchors *anchors, uint64_t key, uint64_t module)
{
	struct text name = { .bytes = NULL };
	struct attribute_storage storage;
	bool done = true;
	if (value_str(&anchors->references.decoder->objects, key, LIMIT_TYPE_NAME_BYTES, &name) > 0 &&
	    value_instance_attributes(&anchors->references.decoder->objects, module, &storage) && storage.dict != 0 &&
	    address_map_get(&anchors->module_dicts, storage.dict) == ADDRESS_MAP_NONE) {
		char *copy = strdup(text_string(&name));
		done = copy != NULL && array_push(&anchors->module_names, copy);
		if (!done)
			free(copy);
		else
			done = address_map_set(&anchors->module_dicts, storage.dict,
			                       (uint32_t)anchors->module_names.count - 1);
	}
	text_free(&name);
	return done;
}

static bool add_modules(struct anchors *anchors)
{
	const struct runtime *runtime = anchors->references.decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct dict_cursor cursor;
		uint64_t key, module;
		if (!dict_cursor_open(&cursor, &anchors->references.decoder->objects,
		                      runtime->interpreters.items[i].modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &module))
			if (value_is_module(&anchors->references.decoder->objects, module) &&
			    !add_module(anchors, key, module))
				return false;
	}
	return true;
}

static bool add_frame_objects(struct anchors *anchors)
{
	const struct roots *roots = &anchors->references.heap->graph->roots;
	struct python_frame frame;
	for (uint32_t i = 0; holders_next_with_object(&roots->holders, &i, &frame); i++)
		if (frame.frame_object != 0 && !address_map_set(&anchors->frame_objects, frame.frame_object, i))
			return false;
	return true;
}

int anchors_open(struct anchors *ret_anchors, const struct query *query, const struct retained *heap)
{
	*ret_anchors = (struct anchors){ .references = references_of(query, heap) };
	if (add_modules(ret_anchors) && add_frame_objects(ret_anchors))
		return OK;
	anchors_clear(ret_anchors);
	return query_no_memory(query, "names");
}

void anchors_clear(struct anchors *anchors)
{
	for (size_t i = 0; i < anchors->module_names.count; i++)
		free(anchors->module_names.items[i]);
	array_free(&anchors->module_names);
	address_map_clear(&anchors->module_dicts);
	address_map_clear(&anchors->frame_objects);
	address_map_clear(&anchors->known);
}

bool anchors_lead_back(struct anchors *anchors, uint32_t number, enum anchor anchor)
{
	struct text name = { .bytes = NULL };
	uint32_t holder;
	uint64_t found;
	bool joins;
	if (anchor != ANCHOR_CLASS && anchor != ANCHOR_FUNCTION)
		return true;
	const uint64_t object = retained_node(anchors->references.heap, number, &holder);
	uint32_t known = address_map_get(&anchors->known, object);
	if (known != ADDRESS_MAP_NONE)
		return known != 0;
	known = anchors_say(anchors, number, anchor, &name, &joins) && strchr(text_string(&name), '<') == NULL &&
	        names_resolve(anchors->references.decoder, text_string(&name), &anchors->references.names, &found,
	                      NULL) >= 0 &&
	        found == object;
	text_free(&name);
	(void)address_map_set(&anchors->known, object, known); /* else it is found anew */
	return known != 0;
}

enum anchor anchors_find(const struct anchors *anchors, uint32_t number)
{
	uint32_t index;
	uint64_t object = retained_node(anchors->references.heap, number, &index);
	if (object == 0) {
		enum holder_kind kind = holders_kind(&anchors->references.heap->graph->roots.holders, index);
		return kind == HOLDER_FRAME                                                           ? ANCHOR_FRAME
		       : kind == HOLDER_THREAD || kind == HOLDER_INTERPRETER || kind == HOLDER_STATIC ? ANCHOR_STATE
		                                                                                      : ANCHOR_NONE;
	}
	if (address_map_get(&anchors->module_dicts, object) != ADDRESS_MAP_NONE)
		return ANCHOR_MODULE_DICT;
	if (address_map_get(&anchors->frame_objects, object) != ADDRESS_MAP_NONE)
		return ANCHOR_FRAME;
	const struct type_info *type = query_type_at(anchors->references.decoder, object);
	if (type == NULL)
		return ANCHOR_NONE;
	if (type->flags & TYPE_IS_METATYPE)
		return ANCHOR_CLASS;
	if (strcmp(type->base_info->name, "module") == 0)
		return ANCHOR_MODULE;
	return strcmp(type->name, "function") == 0 ? ANCHOR_FUNCTION : ANCHOR_NONE;
}

bool anchors_frame_is_installed(struct anchors *anchors, uint32_t number)
{
	uint32_t holder;
	const uint64_t object = retained_node(anchors->references.heap, number, &holder);
	if (object != 0)
		holder = address_map_get(&anchors->frame_objects, object);
	const uint64_t code = holders_frame(&anchors->references.heap->graph->roots.holders, holder).code;
	uint32_t known = address_map_get(&anchors->known, code);
	if (known == ADDRESS_MAP_NONE) {
		known = code_is_installed(anchors->references.decoder, code);
		(void)address_map_set(&anchors->known, code, known); /* else it is found anew */
	}
	return known != 0;
}

/* The name of the module, or of what it defines: "threading", "threading._DeleteDummyThreadOnDel.__del__". */
static bool is_keeper(const char *name)
{
	static const char *const keepers[] = { "threading", "asyncio",         "_asyncio", "concurrent.futures",
		                               "weakref",   "multiprocessing", "sys",      "gc" };
	for (size_t i = 0; i < sizeof keepers / sizeof keepers[0]; i++) {
		const size_t length = strlen(keepers[i]);
		if (strncmp(name, keepers[i], length) == 0 && (name[length] == '\0' || name[length] == '.'))
			return true;
	}
	return false;
}

bool anchors_keeps_running(const struct anchors *anchors, uint32_t number, enum anchor anchor)
{
	struct attribute_storage storage;
	uint32_t holder;
	if (anchor == ANCHOR_CLASS || anchor == ANCHOR_FUNCTION) {
		struct text name = { .bytes = NULL };
		bool joins;
		const bool keeps = anchors_say(anchors, number, anchor, &name, &joins) && is_keeper(text_string(&name));
		text_free(&name);
		return keeps;
	}
	const uint64_t object = retained_node(anchors->references.heap, number, &holder);
	uint32_t index = object != 0 ? address_map_get(&anchors->module_dicts, object) : ADDRESS_MAP_NONE;
	if (index == ADDRESS_MAP_NONE && object != 0 &&
	    value_instance_attributes(&anchors->references.decoder->objects, object, &storage))
		index = address_map_get(&anchors->module_dicts, storage.dict);
	return index != ADDRESS_MAP_NONE && is_keeper(anchors->module_names.items[index]);
}

/* The name that an object has by itself, or a holder: what the words begin with. */
bool anchors_say(const struct anchors *anchors, uint32_t number, enum anchor anchor, struct text *text, bool *ret_joins)
{
	uint32_t holder;
	uint64_t object = retained_node(anchors->references.heap, number, &holder);
	struct text words = { .bytes = NULL };
	const struct type_info *type;
	*ret_joins = anchor != ANCHOR_FRAME && anchor != ANCHOR_STATE;
	switch (anchor) {
	case ANCHOR_MODULE_DICT: {
		const char *name = anchors->module_names.items[address_map_get(&anchors->module_dicts, object)];
		names_escape(text, name, strlen(name), false);
		return true;
	}
	case ANCHOR_CLASS:
		type = decode_type(anchors->references.decoder, object);
		if (type == NULL)
			return false;
		names_type(text, type);
		return true;
	case ANCHOR_MODULE:
	case ANCHOR_FUNCTION: {
		/* "module app.cache", "function app.views.index" */
		const size_t noun = anchor == ANCHOR_MODULE ? strlen("module ") : strlen("function ");
		names_describe(anchors->references.decoder, object, &anchors->references.names, &words);
		if (words.length > noun)
			text_add(text, text_string(&words) + noun);
		text_free(&words);
		return true;
	}
	case ANCHOR_FRAME:
	case ANCHOR_STATE:
		holder_say(&anchors->references,
		           object == 0 ? holder : address_map_get(&anchors->frame_objects, object), text);
		return true;
	case ANCHOR_NONE:
		break;
	}
	return false;
}
