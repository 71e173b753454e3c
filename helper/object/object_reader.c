/* SPDX-License-Identifier: MIT */
#include "object/object_reader.h"

/* dk_lookup of a dict that has keys of any type, up to 3.10: object.tp_subclasses has ints as keys
 * (Objects/typeobject.c add_subclass). Such a dict's keys are visited, those of a dict of strings are not. */
void object_facts_find(struct object_reader *objects, uint64_t type_type)
{
	const struct layout *layout = objects->layout;
	uint64_t object_type = objects->runtime->symbols[SYMBOL_PyBaseObject_Type];
	uint64_t subclasses, keys, lookup;
	if (!layout_has(layout, FIELD_PyDictKeysObject_dk_lookup))
		return;
	if (object_type == 0 && /* no symbol: `object` is the base of `type` */
	    !reader_u64(objects->reader, type_type + layout_offset(layout, FIELD_PyTypeObject_tp_base), &object_type))
		return;
	if (reader_u64(objects->reader, object_type + layout_offset(layout, FIELD_PyTypeObject_tp_subclasses),
	               &subclasses) &&
	    reader_u64(objects->reader, subclasses + layout_offset(layout, FIELD_PyDictObject_ma_keys), &keys) &&
	    reader_u64(objects->reader, keys + layout_offset(layout, FIELD_PyDictKeysObject_dk_lookup), &lookup))
		objects->facts->general_lookup = lookup;
}
