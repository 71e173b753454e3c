/* SPDX-License-Identifier: MIT
 * What all decoding of one target shares: the type table, and two function addresses that no symbol names in a
 * stripped Python but that live objects show. */
#include "decode/context.h"

#include <stdlib.h>

#include "decode/known_types.h"
#include "object/value.h"

/* ob_type of an object, 0 if its head cannot be read. */
static uint64_t type_of(struct object_reader *objects, uint64_t object)
{
	uint64_t type = 0;
	if (object == 0 ||
	    !reader_u64(objects->reader, object + layout_offset(objects->layout, FIELD_PyObject_ob_type), &type))
		return 0;
	return type;
}

/* tp_traverse of any class made by a class statement: importlib's are in every interpreter. */
static uint64_t find_subtype_traverse(struct object_reader *objects, const struct interpreter *interpreter)
{
	static const char *const classes[][2] = { { "_frozen_importlib", "ModuleSpec" },
		                                  { "_frozen_importlib", "_ModuleLock" },
		                                  { "_frozen_importlib_external", "FileFinder" } };
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		uint64_t module = dict_get_str(objects, interpreter->modules, classes[i][0]);
		uint64_t dict = 0, traverse = 0;
		if (module == 0 ||
		    !reader_u64(objects->reader, module + layout_offset(objects->layout, FIELD_PyModuleObject_md_dict),
		                &dict))
			continue;
		uint64_t class = dict_get_str(objects, dict, classes[i][1]);
		if (class != 0 &&
		    reader_u64(objects->reader, class + layout_offset(objects->layout, FIELD_PyTypeObject_tp_traverse),
		               &traverse) &&
		    traverse != 0)
			return traverse;
	}
	return 0;
}

/* One bit of a str's state, counted from the object's beginning; false: it is no single bit. */
static bool add_state_bit(const struct layout *layout, enum layout_field field, uint64_t *bits, uint32_t from)
{
	const struct layout_place *place = &layout->fields[field];
	uint32_t bit = place->offset * 8 + place->bit_offset;
	if (place->size == 0 || place->bit_width != 1 || bit < from || bit - from >= 32)
		return false;
	*bits |= UINT64_C(1) << (bit - from);
	return true;
}

static void set_ascii_flags(struct decode_context *context)
{
	const struct layout *layout = context->layout;
	const struct layout_place *kind = &layout->fields[FIELD_PyASCIIObject_state_kind];
	uint64_t bits = 0;
	uint32_t from = kind->offset * 8;
	if (kind->size == 0 || kind->offset + 4 > layout->struct_bytes[STRUCT_PyASCIIObject] ||
	    !add_state_bit(layout, FIELD_PyASCIIObject_state_compact, &bits, from) ||
	    !add_state_bit(layout, FIELD_PyASCIIObject_state_ascii, &bits, from) ||
	    (layout_has(layout, FIELD_PyASCIIObject_state_ready) &&
	     !add_state_bit(layout, FIELD_PyASCIIObject_state_ready, &bits, from)))
		return;
	context->ascii_offset = kind->offset;
	context->ascii_flags = (uint32_t)bits;
}

void decode_context_objects(struct decode_context *context, struct reader *reader, struct object_reader *ret_objects)
{
	*ret_objects = (struct object_reader){
		.reader = reader,
		.layout = context->layout,
		.runtime = context->runtime,
		.facts = &context->facts,
	};
}

int decode_context_open(struct decode_context **ret_context, const struct runtime *runtime, struct error *error)
{
	*ret_context = NULL;
	struct decode_context *context = calloc(1, sizeof *context);
	if (context == NULL || pthread_mutex_init(&context->types_lock, NULL) != 0) {
		free(context);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	context->runtime = runtime;
	context->facts.layout = runtime->layout;
	context->layout = &context->facts.layout;
	context->space = runtime->space;
	const int status = allocators_open(&context->allocators, runtime, error);
	if (status != OK) {
		decode_context_close(context);
		return status;
	}
	context->type_type = runtime->symbols[SYMBOL_PyType_Type];
	context->facts.known_types = &decode_known_types;
	set_ascii_flags(context);
	struct reader reader;
	struct object_reader objects;
	reader_init(&reader, context->space);
	decode_context_objects(context, &reader, &objects);
	/* Without symbols: sys.modules is a dict, whose type's type is `type`. */
	for (size_t i = 0; context->type_type == 0 && i < runtime->interpreters.count; i++)
		context->type_type = type_of(&objects, type_of(&objects, runtime->interpreters.items[i].modules));
	for (size_t i = 0; context->subtype_traverse == 0 && i < runtime->interpreters.count; i++)
		context->subtype_traverse = find_subtype_traverse(&objects, &runtime->interpreters.items[i]);
	object_facts_find(&objects, context->type_type);
	*ret_context = context;
	return OK;
}

static void free_types(struct decode_context *context)
{
	for (size_t i = 0; i < context->types.count; i++) {
		struct type_info *info = context->types.items[i];
		if (info->name != info->no_name)
			free((char *)info->name);
		free(info->fields);
		free(info->slots);
		free(info);
	}
	array_free(&context->types);
	address_map_clear(&context->types.by_address);
}

void decode_context_close(struct decode_context *context)
{
	if (context == NULL)
		return;
	free_types(context);
	allocators_close(&context->allocators);
	(void)pthread_mutex_destroy(&context->types_lock);
	free(context);
}
