/* SPDX-License-Identifier: MIT */
#include "decode/type_traits.h"

#include <string.h>

#include "base/limits.h"
#include "decode/decode_functions.h"
#include "decode/type_body.h"
#include "object/type_flags.h"

/* A heap type made in C visits its type where FEATURE_HEAP_TYPE_VISITED, unless its line denies it, or it has the
 * tp_traverse of a static type, as exceptions that modules make do: that knows of no heap type. */
static bool visits_type_in_c(struct object_reader *objects, const struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = objects->layout;
	uint32_t hiding =
	        TYPE_HIDES_TYPE | (layout_feature(layout, FEATURE_NEW_TYPES_VISITED) ? 0 : TYPE_HIDES_NEW_TYPE);
	if (!layout_feature(layout, FEATURE_HEAP_TYPE_VISITED) ||
	    (info->entry->flags & hiding && info->base_info->flags & TYPE_IS_HEAP))
		return false;
	const struct type_info *base = info;
	for (unsigned i = 0; base != NULL && base->flags & TYPE_IS_HEAP && i < LIMIT_TYPE_CHAIN; i++)
		base = base->base;
	const uint8_t *base_type = base != NULL ? type_body(objects, base->address) : NULL;
	return base_type == NULL || type_word(objects->layout, FIELD_PyTypeObject_tp_traverse, type) !=
	                                    type_word(objects->layout, FIELD_PyTypeObject_tp_traverse, base_type);
}

/* subtype_traverse() of Objects/typeobject.c leaves it to a base that is a heap type in C and has a tp_traverse; up to
 * 3.8 no such base visited its type, and it always did. */
static bool visits_type_in_python(const struct layout *layout, const struct type_info *info)
{
	if (!layout_feature(layout, FEATURE_HEAP_TYPE_VISITED))
		return true;
	const struct type_info *base = info;
	for (unsigned i = 0; base != NULL && base->flags & TYPE_IS_PYTHON_CLASS && i < LIMIT_TYPE_CHAIN; i++)
		base = base->base;
	return base == NULL || !(base->flags & TYPE_IS_HEAP) || base->flags & (TYPE_NOT_TRAVERSED | TYPE_VISITS_TYPE);
}

static void set_flags(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = objects->layout;
	bool traversed = type_is_traversed(layout, type);
	info->flags |= info->entry->flags & ~(uint32_t)(TYPE_IS_LEAF | TYPE_HIDES_TYPE);
	if (info->damage != NULL)
		info->flags |= TYPE_IS_WILD;
	if (!traversed)
		info->flags |= TYPE_NOT_TRAVERSED;
	bool managed = layout_feature(layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	if (managed || info->dict_offset != 0 || info->dict_at_end || info->slots_count > 0)
		info->flags |= TYPE_HAS_INSTANCE_PARTS;
	else if (!(info->flags & (TYPE_IS_APPROXIMATE | TYPE_IS_WILD)))
		info->flags |= info->entry->flags & TYPE_IS_LEAF;
	if (info->tp_flags & TPFLAGS_TYPE_SUBCLASS)
		info->flags |= TYPE_IS_METATYPE | TYPE_IS_BOUNDARY;
	if (info->tp_flags & TPFLAGS_HEAPTYPE && layout_feature(layout, FEATURE_HEAP_TYPE_OWNED)) {
		info->flags |= TYPE_OWNS_TYPE;
		if (traversed && (info->flags & TYPE_IS_PYTHON_CLASS ? visits_type_in_python(layout, info)
		                                                     : visits_type_in_c(objects, info, type)))
			info->flags |= TYPE_VISITS_TYPE;
	}
}

/* Only exact types that own no reference to themselves: nothing is then to be told of an instance but its size. */
static void set_quick_size(const struct layout *layout, bool knows_ascii, struct type_info *info)
{
	decode_function *const decode = info->decode;
	if (!(info->flags & TYPE_IS_LEAF) || info->flags & (TYPE_OWNS_TYPE | TYPE_IS_APPROXIMATE | TYPE_IS_WILD) ||
	    info->visible_count + info->hidden_count != 0)
		return;
	info->quick_bytes = (uint32_t)info->tp_basicsize + info->presize;
	if (decode == NULL && !(info->flags & TYPE_SIZES_ITSELF)) {
		info->quick = info->tp_itemsize == 0 ? QUICK_FIXED : QUICK_ITEMS;
	} else if (decode == decode_str && knows_ascii) {
		info->quick = QUICK_STR;
		info->quick_bytes = layout->struct_bytes[STRUCT_PyASCIIObject] + 1 + info->presize;
	} else if (decode == decode_int) {
		info->quick = QUICK_INT;
		if (!layout_feature(layout, FEATURE_INT_SIZEOF_BY_TYPE))
			info->quick_bytes = layout_offset(layout, FIELD_PyLongObject_ob_digit) + info->presize;
	}
}

#define TPFLAGS_PLAIN                                                                                                  \
	(TPFLAGS_LONG_SUBCLASS | TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS | TPFLAGS_BYTES_SUBCLASS |             \
	 TPFLAGS_UNICODE_SUBCLASS | TPFLAGS_DICT_SUBCLASS | TPFLAGS_BASE_EXC_SUBCLASS)

/* A class of Python over `object` has nothing of its own but what is known. A type has: copies of its documentation,
 * its name and tables of methods. */
static bool has_unknown_words(const struct type_info *info)
{
	if (info->quick != QUICK_NOT || (info->tp_flags & TPFLAGS_PLAIN) != 0)
		return false;
	return (info->flags & TYPE_IS_PYTHON_CLASS) == 0 || info->base_info->name == NULL ||
	       strcmp(info->base_info->name, "object") != 0;
}

/* PyType_GenericAlloc() asks for one item more than the object has, "for the sentinel" (Objects/typeobject.c). Most
 * types made in C with items have an allocation of their own that does not. */
static bool has_sentinel(const struct type_info *info)
{
	return info->tp_itemsize > 0 && info->unseen_items == 0 &&
	       (info->flags & (TYPE_IS_PYTHON_CLASS | TYPE_IS_METATYPE | TYPE_IS_OF_GENERIC_ALLOC)) != 0;
}

void type_traits_set(struct object_reader *objects, struct type_info *info, const uint8_t *type, bool knows_ascii)
{
	set_flags(objects, info, type);
	set_quick_size(objects->layout, knows_ascii, info);
	info->has_sentinel = has_sentinel(info);
	info->beyond = info->preheader + 8 * (uint64_t)info->unseen_items +
	               (info->has_sentinel ? (uint64_t)info->tp_itemsize : 0);
	if (has_unknown_words(info))
		info->flags |= TYPE_HAS_UNKNOWN_WORDS;
}
