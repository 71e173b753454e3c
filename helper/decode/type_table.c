/* SPDX-License-Identifier: MIT
 * One type object of the target, decided once: which decoder its instances have, what stands in front of them, which
 * attributes a class statement added. Everything per type that the walk would otherwise ask per object. */
#include "decode/type_table.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "decode/registry.h"
#include "decode/type_body.h"
#include "decode/type_bounds.h"
#include "decode/type_entry.h"
#include "decode/type_parts.h"
#include "decode/type_traits.h"
#include "object/type_name.h"
#include "object/value.h"

enum { LIMIT_TYPES = 1 << 20 };

static const struct type_info *known_type(const struct type_table *types, uint64_t address)
{
	uint32_t index = address_map_get(&types->by_address, address);
	return index == ADDRESS_MAP_NONE ? NULL : types->items[index];
}

/* A type object's type is `type` or derives from it. It may be the type itself: a metaclass can set a class's __class__
 * to the class (h11's sentinels). */
static bool is_type_object(struct decoder *decoder, const uint8_t *type)
{
	const struct layout *layout = decoder->layout;
	const uint64_t metatype = type_word(layout, FIELD_PyObject_ob_type, type);
	const uint64_t type_type = decoder->context->type_type;
	if (metatype == type_type)
		return type_type != 0;
	const uint8_t *body = type_body(&decoder->objects, metatype);
	if (type_type == 0 || body == NULL ||
	    !(type_word(layout, FIELD_PyTypeObject_tp_flags, body) & TPFLAGS_TYPE_SUBCLASS))
		return false;
	struct base_walk walk;
	uint64_t base;
	base_walk_start(&walk, &decoder->objects, metatype);
	while ((base = base_walk_next(&walk)) != 0)
		if (base == type_type)
			return true;
	return false;
}

static void read_numbers(const struct layout *layout, struct type_info *info, const uint8_t *type)
{
	info->tp_flags = type_word(layout, FIELD_PyTypeObject_tp_flags, type);
	info->tp_basicsize = (int64_t)type_word(layout, FIELD_PyTypeObject_tp_basicsize, type);
	info->tp_itemsize = (int64_t)type_word(layout, FIELD_PyTypeObject_tp_itemsize, type);
	info->tp_dictoffset = (int64_t)type_word(layout, FIELD_PyTypeObject_tp_dictoffset, type);
	info->tp_weaklistoffset = (int64_t)type_word(layout, FIELD_PyTypeObject_tp_weaklistoffset, type);
	info->tp_base = type_word(layout, FIELD_PyTypeObject_tp_base, type);
}

/* A class statement's type: heap, and visited by subtype_traverse. Classes without pointers (a subclass of int with
 * empty __slots__) are not GC types and are not recognised: they add nothing to their base either. */
static bool is_python_class(const struct decoder *decoder, const struct type_info *info, const uint8_t *type)
{
	uint64_t subtype_traverse = decoder->context->subtype_traverse;
	return info->tp_flags & TPFLAGS_HEAPTYPE && subtype_traverse != 0 &&
	       type_word(decoder->layout, FIELD_PyTypeObject_tp_traverse, type) == subtype_traverse;
}

static bool set_name(struct decoder *decoder, struct type_info *info)
{
	struct text name = { 0 };
	const char *base_name = info->base != NULL && info->base->name != NULL ? info->base->name : "";
	info->is_nobodys = type_name_read(&decoder->objects, info->address, base_name, &name);
	text_add(&name, ""); /* an empty name is one too */
	if (name.failed)
		text_free(&name);
	info->name = name.bytes;
	return info->name != NULL;
}

/* Fills a type_info whose slot in the table is already taken, so that a cycle of bases ends at the half-filled one. */
static bool fill_type(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	struct object_reader *objects = &decoder->objects;
	type_bounds_check_flags(info);
	if (info->tp_flags & TPFLAGS_HEAPTYPE)
		info->flags |= TYPE_IS_HEAP;
	if (is_python_class(decoder, info, type))
		info->flags |= TYPE_IS_PYTHON_CLASS;
	type_parts_set_presize(decoder->layout, info);
	if (!set_name(decoder, info))
		return false;
	type_entry_find(objects, info, type);
	info->decode = info->entry->decode;
	type_bounds_set(objects, info);
	(void)instance_shape_read(objects, info->address, &info->instance);
	info->instance.tp_basicsize = info->tp_basicsize;
	info->instance.tp_itemsize = info->tp_itemsize;
	if (!type_parts_set(objects, info, type))
		return false;
	type_traits_set(objects, info, type, decoder->context->ascii_flags != 0);
	return true;
}

/* Adds one type whose bases are in the table already. */
static const struct type_info *add_type(struct decoder *decoder, uint64_t type_address)
{
	struct type_table *types = &decoder->context->types;
	const uint8_t *type = type_body(&decoder->objects, type_address);
	if (type == NULL || types->count >= LIMIT_TYPES || !is_type_object(decoder, type))
		return NULL;
	struct type_info probe = { .address = type_address, .index = (uint32_t)types->count };
	read_numbers(decoder->layout, &probe, type);
	if (!type_bounds_are_possible(decoder->layout, &probe))
		return NULL;
	struct type_info *info = calloc(1, sizeof *info);
	if (info == NULL) {
		decoder->out_of_memory = true;
		return NULL;
	}
	*info = probe;
	info->base_info = info;
	info->base = known_type(types, info->tp_base);
	if (!array_push(types, info)) {
		free(info);
		decoder->out_of_memory = true;
		return NULL;
	}
	/* In the table before it is filled: a cycle of bases or metatypes then ends here. */
	if (!address_map_set(&types->by_address, type_address, info->index) || !fill_type(decoder, info, type))
		decoder->out_of_memory = types->is_incomplete = true;
	if (info->name == NULL)
		info->name = info->no_name;
	if (info->entry == NULL)
		info->entry = &registry_fallback;
	return info;
}

/* Bases first, from the far end of the chain, so that a class finds its base filled and nothing recurses along a chain
 * that the target made. */
static const struct type_info *find_or_add(struct decoder *decoder, uint64_t type_address)
{
	struct type_table *types = &decoder->context->types;
	uint64_t chain[LIMIT_TYPE_CHAIN];
	unsigned count = 0;
	const struct type_info *info = known_type(types, type_address);
	if (info != NULL)
		return info;
	for (uint64_t address = type_address; count < LIMIT_TYPE_CHAIN; count++) {
		const uint8_t *type = type_body(&decoder->objects, address);
		if (type == NULL || known_type(types, address) != NULL)
			break;
		chain[count] = address;
		address = type_word(decoder->layout, FIELD_PyTypeObject_tp_base, type);
	}
	while (count > 0) {
		uint64_t address = chain[--count];
		info = known_type(types, address);
		if (info == NULL)
			info = add_type(decoder, address);
	}
	return info;
}

/* Where memory is out the type is asked for again next time. */
static void remember(struct met_types *met, uint64_t address, const struct type_info *type)
{
	if (met->slots == NULL || met->count >= (met->mask + 1) / 2) {
		uint64_t slot_count = met->slots == NULL ? 64 : (met->mask + 1) * 2;
		struct met_types larger = { .slots = calloc(slot_count, sizeof *larger.slots), .mask = slot_count - 1 };
		if (larger.slots == NULL)
			return;
		for (uint64_t i = 0; met->slots != NULL && i <= met->mask; i++)
			if (met->slots[i].address != 0)
				remember(&larger, met->slots[i].address, met->slots[i].type);
		free(met->slots);
		*met = larger;
	}
	uint64_t i = address_hash(address);
	while (met->slots[i & met->mask].address != 0 && met->slots[i & met->mask].address != address)
		i++;
	struct met_type *slot = &met->slots[i & met->mask];
	met->count += slot->address == 0;
	*slot = (struct met_type){ address, type };
}

const struct type_info *decode_new_type(struct decoder *decoder, uint64_t type_address)
{
	pthread_mutex_t *lock = &decoder->context->types_lock;
	(void)pthread_mutex_lock(lock);
	const struct type_info *info = find_or_add(decoder, type_address);
	(void)pthread_mutex_unlock(lock);
	if (info != NULL)
		remember(&decoder->types, type_address, info);
	return info;
}
