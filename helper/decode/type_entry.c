/* SPDX-License-Identifier: MIT */
#include "decode/type_entry.h"

#include "base/limits.h"
#include "decode/decode_functions.h"
#include "decode/foreign.h"
#include "decode/registry.h"
#include "decode/type_body.h"
#include "layout/builtin_layouts.h"
#include "object/size_override.h"
#include "object/static_type.h"
#include "object/value.h"

/* Structs of modules change from one patch release to the next, and a row is seldom of the very release: the first type
 * that has the struct tells its size, by which it is taken from the row that has it so. */
static bool size_matches(struct object_reader *objects, const struct decoder_entry *entry, const struct type_info *info)
{
	struct object_facts *facts = objects->facts;
	/* A name proves nothing in a hostile dump: only what is a type by its flags is read as one. */
	if (entry->flags & TYPE_IS_METATYPE && !(info->tp_flags & TPFLAGS_TYPE_SUBCLASS))
		return false;
	if (entry->body_struct < 0)
		return true;
	const enum layout_struct which = (enum layout_struct)entry->body_struct;
	if (info->tp_basicsize != facts->layout.struct_bytes[which] && !facts->struct_is_settled[which])
		(void)builtin_struct_of_size(&facts->layout, which, (uint32_t)info->tp_basicsize);
	const uint32_t bytes = facts->layout.struct_bytes[which];
	const bool matches = bytes != 0 && info->tp_basicsize == bytes;
	facts->struct_is_settled[which] |= matches;
	return matches;
}

static const struct decoder_entry *find_entry(struct object_reader *objects, const struct type_info *info)
{
	const struct runtime *runtime = objects->runtime;
	const struct decoder_entry *entry = registry_by_symbol(runtime, info->address);
	if (entry == NULL && !(info->flags & TYPE_IS_PYTHON_CLASS) && !info->is_nobodys)
		entry = registry_by_name(info->name);
	/* Somebody else's "generator" (Cython's up to 3.0): the type of that symbol is known, and is another one. */
	if (entry != NULL && entry->symbol >= 0 && runtime->symbols[entry->symbol] != 0 &&
	    runtime->symbols[entry->symbol] != info->address)
		entry = NULL;
	return entry != NULL && size_matches(objects, entry, info) ? entry : NULL;
}

/* Somebody else's type (foreign.def). */
static void find_foreign_entry(struct object_reader *objects, struct type_info *info)
{
	bool is_verified = false;
	info->entry = foreign_entry(objects, info, &info->foreign, &is_verified);
	if (info->entry != NULL && info->entry->flags & TYPE_IS_APPROXIMATE)
		info->approximate = "only a part of its layout is known";
	if (info->entry != NULL && !is_verified) {
		info->flags |= TYPE_IS_APPROXIMATE;
		info->approximate = "its layout was not verified for this version of its library";
	}
}

static void inherit_entry(struct type_info *info, const struct type_info *base)
{
	info->entry = base->entry;
	info->base_info = base->base_info;
	info->foreign = base->foreign;
	info->approximate = base->approximate;
	info->flags |= base->flags & TYPE_IS_APPROXIMATE;
}

/* Struct sequences are made at run time over tuple (Objects/structseq.c) and known by their namespace. */
static bool set_struct_sequence(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	struct static_type_state state;
	uint64_t dict = static_type_state(objects, info->address, type, &state)
	                        ? state.dict
	                        : type_word(objects->layout, FIELD_PyTypeObject_tp_dict, type);
	int64_t all, sequence;
	if (dict == 0 || !value_int(objects, dict_get_str(objects, dict, "n_sequence_fields"), &sequence) ||
	    !value_int(objects, dict_get_str(objects, dict, "n_fields"), &all))
		return false;
	info->entry = registry_by_id("structseq");
	if (sequence >= 0 && all > sequence && all < LIMIT_TYPE_SLOTS)
		info->unseen_items = (uint32_t)(all - sequence);
	return true;
}

/* A metatype in C whose instances are static: torch's have no more than a PyTypeObject. */
static bool is_small_metatype(const struct layout *layout, const struct type_info *info, const struct type_info *base)
{
	return info->tp_flags & TPFLAGS_TYPE_SUBCLASS && base->entry->decode == decode_type_object &&
	       info->tp_basicsize == layout->struct_bytes[STRUCT_PyTypeObject];
}

/* A type in C without a line of its own. It has its base's decoder if it adds nothing that could hold a reference: same
 * size, and no tp_traverse of its own. */
static void find_base_entry(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	const struct type_info *base = info->base;
	if (info->tp_flags & TPFLAGS_TUPLE_SUBCLASS && set_struct_sequence(objects, info, type))
		return;
	if (base == NULL || base->entry == NULL ||
	    (!is_small_metatype(objects->layout, info, base) &&
	     (base->tp_basicsize != info->tp_basicsize || base->tp_itemsize != info->tp_itemsize)))
		return;
	const uint8_t *base_type = type_body(objects, base->address);
	if (type_is_traversed(objects->layout, type) &&
	    (base_type == NULL || type_word(objects->layout, FIELD_PyTypeObject_tp_traverse, type) !=
	                                  type_word(objects->layout, FIELD_PyTypeObject_tp_traverse, base_type)))
		return;
	inherit_entry(info, base);
}

/* A class below the decoded one may size its instances itself, as pandas.DataFrame does: that would have to be run. A
 * class has what its base has, unless another base or the class itself says more. */
static void find_size_override(struct object_reader *objects, struct type_info *info)
{
	if (info->base_info == info && info->entry != &registry_fallback)
		return;
	uint64_t class = size_override_class(objects, info->address);
	if (class == 0 ||
	    (info->entry != &registry_fallback && class == size_override_class(objects, info->base_info->address)))
		return;
	info->flags |= TYPE_OVERRIDES_SIZEOF | TYPE_IS_APPROXIMATE;
	info->approximate = "its class has a __sizeof__ of its own, which would have to be run";
}

/* The generic rule. What a base of somebody else's library has at its place, the type has too. */
static void set_fallback(struct type_info *info)
{
	info->entry = &registry_fallback;
	info->approximate = "a type made in C without a decoder of its own; size from tp_basicsize and tp_itemsize";
	if (info->base != NULL)
		info->foreign = info->base->foreign;
}

void type_entry_find(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	info->base_info = info;
	info->entry = find_entry(objects, info);
	if (info->flags & TYPE_IS_PYTHON_CLASS) {
		if (info->base != NULL && info->base->entry != NULL)
			inherit_entry(info, info->base);
	} else {
		if (info->entry == NULL)
			find_foreign_entry(objects, info);
		if (info->entry == NULL)
			find_base_entry(objects, info, type);
	}
	if (info->entry == NULL)
		set_fallback(info);
	find_size_override(objects, info);
}
