/* SPDX-License-Identifier: MIT */
#include "decode/type_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/type_body.h"
#include "object/value.h"

/* Bytes that getsizeof adds (presize) and that really stand in front of an instance (preheader).
 * Python/sysmodule.c _PySys_GetSizeOf; Objects/typeobject.c _PyType_PreHeaderSize (3.11+). */
void type_parts_set_presize(const struct layout *layout, struct type_info *info)
{
	bool gc = info->tp_flags & TPFLAGS_HAVE_GC;
	bool dict = layout_feature(layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	bool weakref = layout_feature(layout, FEATURE_MANAGED_WEAKREF) && info->tp_flags & TPFLAGS_MANAGED_WEAKREF;
	uint32_t words = dict || weakref ? 16 : 0;
	uint32_t head = gc && !layout_feature(layout, FEATURE_FREE_THREADED) ? 16 : 0;
	info->presize = info->preheader = head + words;
}

/* The PyMemberDefs of a class with __slots__ follow its type object (PyHeapType_GET_MEMBERS). */
static bool add_slots(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = objects->layout;
	uint64_t metatype_bytes;
	int64_t count = load_i64(type + layout_offset(layout, FIELD_PyVarObject_ob_size));
	if (count <= 0 || count > LIMIT_TYPE_SLOTS ||
	    !value_field(objects, type_word(layout, FIELD_PyObject_ob_type, type), FIELD_PyTypeObject_tp_basicsize,
	                 &metatype_bytes))
		return true;
	uint32_t row = layout->struct_bytes[STRUCT_PyMemberDef];
	uint64_t members = info->address + metatype_bytes;
	const uint8_t *rows = reader_at(objects->reader, members, (uint64_t)count * row);
	if (rows == NULL)
		return true;
	for (int64_t i = 0; i < count; i++, rows += row) {
		int32_t kind = load_i32(rows + layout_offset(layout, FIELD_PyMemberDef_type));
		int64_t offset = load_i64(rows + layout_offset(layout, FIELD_PyMemberDef_offset));
		if (kind != MEMBER_OBJECT_EX || offset <= 0 || offset + 8 > info->tp_basicsize)
			continue;
		struct type_slots *last = info->slots_count > 0 ? &info->slots[info->slots_count - 1] : NULL;
		uint64_t member = members + (uint64_t)i * row;
		if (last != NULL && last->offset + 8 * last->count == offset &&
		    last->members + (uint64_t)last->count * row == member) {
			last->count++;
			continue;
		}
		struct type_slots *slots = reallocarray(info->slots, info->slots_count + 1, sizeof *slots);
		if (slots == NULL)
			return false;
		info->slots = slots;
		slots[info->slots_count++] = (struct type_slots){ (uint32_t)offset, 1, member };
	}
	return true;
}

/* A class takes its base's slots, and adds its own and perhaps a __dict__. */
static bool set_parts_of_python_class(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	const struct type_info *base = info->base;
	if (base == NULL || base->entry == NULL)
		return true;
	if (base->slots_count > 0) {
		info->slots = calloc(base->slots_count, sizeof *info->slots);
		if (info->slots == NULL)
			return false;
		memcpy(info->slots, base->slots, base->slots_count * sizeof *info->slots);
		info->slots_count = base->slots_count;
	}
	if (!add_slots(objects, info, type))
		return false;
	bool managed = layout_feature(objects->layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	if (!managed && info->tp_dictoffset != info->base_info->tp_dictoffset) {
		if (info->tp_dictoffset > 0 && info->tp_dictoffset + 8 <= info->tp_basicsize)
			info->dict_offset = (uint32_t)info->tp_dictoffset;
		info->dict_at_end = info->tp_dictoffset < 0;
	}
	return true;
}

static bool set_fields(const struct layout *layout, struct type_info *info)
{
	const struct decoder_entry *entry = info->entry;
	size_t count = 0;
	for (const int32_t *field = entry->fields; *field >= 0; field++)
		count += layout_has(layout, (enum layout_field) * field);
	info->visible_count = (uint16_t)count;
	for (const int32_t *field = entry->hidden_fields; *field >= 0; field++)
		count += layout_has(layout, (enum layout_field) * field);
	info->hidden_count = (uint16_t)(count - info->visible_count);
	if (count == 0)
		return true;
	info->fields = calloc(count, sizeof *info->fields);
	if (info->fields == NULL) {
		info->visible_count = info->hidden_count = 0;
		return false;
	}
	if (entry->flags & TYPE_HEAP_VISITS_ALL && info->base_info->flags & TYPE_IS_HEAP) {
		info->visible_count = (uint16_t)count;
		info->hidden_count = 0;
	}
	size_t next = 0;
	for (const int32_t *field = entry->fields; *field >= 0; field++)
		if (layout_has(layout, (enum layout_field) * field))
			info->fields[next++] = (uint16_t)*field;
	for (const int32_t *field = entry->hidden_fields; *field >= 0; field++)
		if (layout_has(layout, (enum layout_field) * field))
			info->fields[next++] = (uint16_t)*field;
	return true;
}

/* What a walk should fetch before an instance is decoded. */
static void set_ahead(const struct layout *layout, struct type_info *info)
{
	if (info->tp_flags & TPFLAGS_DICT_SUBCLASS)
		info->ahead = (int32_t)layout_offset(layout, FIELD_PyDictObject_ma_keys);
	else if (info->tp_flags & TPFLAGS_LIST_SUBCLASS)
		info->ahead = (int32_t)layout_offset(layout, FIELD_PyListObject_ob_item);
	else if (info->dict_offset != 0)
		info->ahead = (int32_t)info->dict_offset;
	else if (info->tp_flags & TPFLAGS_MANAGED_DICT && layout_feature(layout, FEATURE_TAGGED_DICT_OR_VALUES))
		info->ahead = -24; /* _PyObject_DictOrValuesPointer: the word before the GC head */
	else if (info->tp_flags & TPFLAGS_MANAGED_DICT && layout_feature(layout, FEATURE_VALUES_POINTER_IN_PREHEADER))
		info->ahead = -32;
}

bool type_parts_set(struct object_reader *objects, struct type_info *info, const uint8_t *type)
{
	if (info->flags & TYPE_IS_PYTHON_CLASS && !set_parts_of_python_class(objects, info, type))
		return false;
	if (!set_fields(objects->layout, info))
		return false;
	set_ahead(objects->layout, info);
	return true;
}
