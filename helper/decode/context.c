/* SPDX-License-Identifier: MIT
 * What all decoding of one target shares: the type table, and two function addresses that no symbol names in a
 * stripped Python but that live objects show. */
#include <stdlib.h>

#include "decode/registry.h"
#include "decode/value.h"

/* ob_type of an object, 0 if its head cannot be read. */
static uint64_t type_of(struct decoder *decoder, uint64_t object)
{
	uint64_t type = 0;
	if (object == 0 ||
	    !reader_u64(&decoder->reader, object + layout_offset(decoder->layout, FIELD_PyObject_ob_type), &type))
		return 0;
	return type;
}

/* tp_traverse of any class made by a class statement: importlib's are in every interpreter. */
static uint64_t find_subtype_traverse(struct decoder *decoder, const struct interpreter *interpreter)
{
	static const char *const classes[][2] = { { "_frozen_importlib", "ModuleSpec" },
		                                  { "_frozen_importlib", "_ModuleLock" },
		                                  { "_frozen_importlib_external", "FileFinder" } };
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		uint64_t module = dict_get_str(decoder, interpreter->modules, classes[i][0]);
		uint64_t dict = 0, traverse = 0;
		if (module == 0 ||
		    !reader_u64(&decoder->reader, module + layout_offset(decoder->layout, FIELD_PyModuleObject_md_dict),
		                &dict))
			continue;
		uint64_t class = dict_get_str(decoder, dict, classes[i][1]);
		if (class != 0 &&
		    reader_u64(&decoder->reader, class + layout_offset(decoder->layout, FIELD_PyTypeObject_tp_traverse),
		               &traverse) &&
		    traverse != 0)
			return traverse;
	}
	return 0;
}

/* dk_lookup of a dict that has keys of any type, up to 3.10: object.tp_subclasses has ints as keys
 * (Objects/typeobject.c add_subclass). Such a dict's keys are visited, those of a dict of strings are not. */
static uint64_t find_general_lookup(struct decoder *decoder)
{
	const struct layout *layout = decoder->layout;
	uint64_t object_type = decoder->context->runtime->symbols[SYMBOL_PyBaseObject_Type];
	uint64_t subclasses = 0, keys = 0, lookup = 0;
	if (!layout_has(layout, FIELD_PyDictKeysObject_dk_lookup))
		return 0;
	if (object_type == 0) { /* no symbol: `object` is the base of `type` */
		if (!reader_u64(&decoder->reader,
		                decoder->context->type_type + layout_offset(layout, FIELD_PyTypeObject_tp_base),
		                &object_type))
			return 0;
	}
	if (!reader_u64(&decoder->reader, object_type + layout_offset(layout, FIELD_PyTypeObject_tp_subclasses),
	                &subclasses) ||
	    !reader_u64(&decoder->reader, subclasses + layout_offset(layout, FIELD_PyDictObject_ma_keys), &keys) ||
	    !reader_u64(&decoder->reader, keys + layout_offset(layout, FIELD_PyDictKeysObject_dk_lookup), &lookup))
		return 0;
	return lookup;
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

static bool create_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	if (pthread_mutexattr_init(&attributes) != 0)
		return false;
	bool created = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0 &&
	               pthread_mutex_init(lock, &attributes) == 0;
	(void)pthread_mutexattr_destroy(&attributes);
	return created;
}

int decode_context_open(struct decode_context **ret_context, const struct runtime *runtime, struct error *error)
{
	*ret_context = NULL;
	struct decode_context *context = calloc(1, sizeof *context);
	if (context == NULL || !create_lock(&context->types_lock)) {
		free(context);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	context->runtime = runtime;
	context->layout = &runtime->layout;
	context->space = runtime->space;
	const int status = allocators_open(&context->allocators, runtime, error);
	if (status != OK) {
		decode_context_close(context);
		return status;
	}
	context->type_type = runtime->symbols[SYMBOL_PyType_Type];
	set_ascii_flags(context);
	struct decoder decoder;
	decoder_init(&decoder, context);
	/* Without symbols: sys.modules is a dict, whose type's type is `type`. */
	for (size_t i = 0; context->type_type == 0 && i < runtime->interpreters.count; i++)
		context->type_type = type_of(&decoder, type_of(&decoder, runtime->interpreters.items[i].modules));
	for (size_t i = 0; context->subtype_traverse == 0 && i < runtime->interpreters.count; i++)
		context->subtype_traverse = find_subtype_traverse(&decoder, &runtime->interpreters.items[i]);
	context->general_lookup = find_general_lookup(&decoder);
	/* Types seen before subtype_traverse was known were taken for C types: decide them anew. */
	decode_context_forget_types(context);
	bool out_of_memory = decoder.out_of_memory;
	decoder_clear(&decoder);
	if (out_of_memory) {
		decode_context_close(context);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	*ret_context = context;
	return OK;
}

void decode_context_forget_types(struct decode_context *context)
{
	for (size_t i = 0; i < context->types.count; i++) {
		struct type_info *info = context->types.items[i];
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
	decode_context_forget_types(context);
	allocators_close(&context->allocators);
	(void)pthread_mutex_destroy(&context->types_lock);
	free(context);
}
