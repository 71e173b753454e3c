/* SPDX-License-Identifier: MIT */
#include "decode/type_bounds.h"

#include "decode/type_body.h"

enum { MOST_BYTES = 1 << 24, TUPLE_ITEM = 8, BYTES_ITEM = 1, INT_DIGIT = 4 };

static uint32_t end_of(const struct layout *layout, enum layout_field field)
{
	return layout->fields[field].offset + layout->fields[field].size;
}

/* What an instance has at least, going by the built-in type that tp_flags say it derives from. */
static int64_t least_of_kind(const struct layout *layout, uint64_t tp_flags)
{
	if (tp_flags & TPFLAGS_TYPE_SUBCLASS) /* a static metatype may have no more (torch) */
		return layout->struct_bytes[STRUCT_PyTypeObject];
	if (tp_flags & TPFLAGS_DICT_SUBCLASS)
		return layout->struct_bytes[STRUCT_PyDictObject];
	if (tp_flags & TPFLAGS_LIST_SUBCLASS)
		return layout->struct_bytes[STRUCT_PyListObject];
	if (tp_flags & TPFLAGS_BASE_EXC_SUBCLASS)
		return layout->struct_bytes[STRUCT_PyBaseExceptionObject];
	if (tp_flags & TPFLAGS_UNICODE_SUBCLASS)
		return layout->struct_bytes[STRUCT_PyASCIIObject];
	if (tp_flags & TPFLAGS_LONG_SUBCLASS)
		return layout_offset(layout, FIELD_PyLongObject_ob_digit);
	if (tp_flags & (TPFLAGS_TUPLE_SUBCLASS | TPFLAGS_BYTES_SUBCLASS))
		return layout->struct_bytes[STRUCT_PyVarObject];
	return layout->struct_bytes[STRUCT_PyObject];
}

bool type_bounds_are_possible(const struct layout *layout, const struct type_info *info)
{
	return info->tp_basicsize >= layout->struct_bytes[STRUCT_PyObject] && info->tp_basicsize < MOST_BYTES &&
	       info->tp_itemsize >= 0 && info->tp_itemsize < MOST_BYTES;
}

/* Bytes of an instance that the decoder of a line reads: the struct that its size is checked against, the fields of the
 * line and, if it has logic, all of the structs that these belong to, and ob_size. */
static uint32_t bytes_read(const struct layout *layout, const struct decoder_entry *entry)
{
	bool in_line[STRUCT_COUNT] = { false };
	uint32_t bytes = entry->decode != NULL ? end_of(layout, FIELD_PyVarObject_ob_size) : 0;
	if (entry->body_struct >= 0) {
		in_line[entry->body_struct] = true;
		bytes = layout->struct_bytes[entry->body_struct];
	}
	const int32_t *const lists[] = { entry->fields, entry->hidden_fields };
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const int32_t *field = lists[i]; *field >= 0; field++) {
			const enum layout_field which = (enum layout_field) * field;
			in_line[layout_field_struct(which)] = true;
			if (layout_has(layout, which) && end_of(layout, which) > bytes)
				bytes = end_of(layout, which);
		}
	for (uint32_t owner = 0; entry->decode != NULL && owner < STRUCT_COUNT; owner++) {
		const uint32_t end = in_line[owner] ? layout_first_field(owner + 1) : 0;
		for (uint32_t field = end > 0 ? layout_first_field(owner) : 0; field < end; field++) {
			const enum layout_field which = (enum layout_field)field;
			if (layout_has(layout, which) && end_of(layout, which) > bytes)
				bytes = end_of(layout, which);
		}
	}
	return bytes;
}

/* tp_itemsize that all types of the kind have; -1: they may differ. */
static int64_t itemsize_of_kind(uint64_t tp_flags)
{
	if (tp_flags & TPFLAGS_TUPLE_SUBCLASS)
		return TUPLE_ITEM;
	if (tp_flags & TPFLAGS_BYTES_SUBCLASS)
		return BYTES_ITEM;
	return tp_flags & TPFLAGS_LONG_SUBCLASS ? INT_DIGIT : -1;
}

/* The built-in types themselves, whose numbers the layout knows; -1: it does not. */
static int64_t basicsize_of_builtin(const struct object_reader *objects, uint64_t type)
{
	const struct layout *layout = objects->layout;
	const uint64_t *symbols = objects->runtime->symbols;
	if (type == symbols[SYMBOL_PyTuple_Type] && layout_has(layout, FIELD_PyTupleObject_ob_item))
		return layout_offset(layout, FIELD_PyTupleObject_ob_item);
	if (type == symbols[SYMBOL_PyBytes_Type] && layout_has(layout, FIELD_PyBytesObject_ob_sval))
		return layout_offset(layout, FIELD_PyBytesObject_ob_sval) + 1;
	if (type == symbols[SYMBOL_PyLong_Type] && layout_has(layout, FIELD_PyLongObject_ob_digit))
		return layout_offset(layout, FIELD_PyLongObject_ob_digit);
	return -1;
}

static void correct(struct type_info *info, int64_t *number, int64_t right)
{
	if (right < 0 || *number == right)
		return;
	*number = right;
	info->damage = "its class and what the class derives from contradict each other about its size";
}

static void correct_numbers(struct object_reader *objects, struct type_info *info)
{
	const struct layout *layout = objects->layout;
	int64_t least = least_of_kind(layout, info->tp_flags);
	/* A class statement adds to its base; a type in C may have less, as long as its decoder is not the base's. */
	const struct type_info *base = info->flags & TYPE_IS_PYTHON_CLASS ? info->base : NULL;
	if (info->base_info != info && (base == NULL || base->tp_basicsize < info->base_info->tp_basicsize))
		base = info->base_info;
	if (base != NULL && base->tp_basicsize > least && !(info->tp_flags & TPFLAGS_TYPE_SUBCLASS))
		least = base->tp_basicsize;
	if (info->tp_basicsize < least)
		correct(info, &info->tp_basicsize, least);
	correct(info, &info->tp_basicsize, basicsize_of_builtin(objects, info->address));
	correct(info, &info->tp_itemsize, itemsize_of_kind(info->tp_flags));
	if (base != NULL && base->tp_itemsize != 0)
		correct(info, &info->tp_itemsize, base->tp_itemsize);
}

void type_bounds_check_flags(struct type_info *info)
{
	/* PyType_Ready() hands on what an instance derives from, and that it is collected (inherit_special()). */
	uint64_t handed_on = UINT64_C(0xff) << 24;
	if (info->base == NULL || info->base->damage != NULL || !(info->tp_flags & TPFLAGS_READY))
		return;
	if (info->tp_flags & TPFLAGS_HEAPTYPE)
		handed_on |= TPFLAGS_HAVE_GC; /* a static type with a tp_traverse of its own may do without */
	const uint64_t lost = info->base->tp_flags & handed_on & ~info->tp_flags;
	if (lost == 0)
		return;
	info->tp_flags |= lost;
	info->damage = "its class lacks flags that the class it derives from has";
}

void type_bounds_set(struct object_reader *objects, struct type_info *info)
{
	const struct layout *layout = objects->layout;
	correct_numbers(objects, info);
	uint32_t needed = bytes_read(layout, info->entry);
	/* The line of type has no fields to go by. */
	if ((info->flags | info->entry->flags) & TYPE_IS_METATYPE && needed < layout->struct_bytes[STRUCT_PyTypeObject])
		needed = layout->struct_bytes[STRUCT_PyTypeObject];
	if (info->tp_flags & TPFLAGS_UNICODE_SUBCLASS)
		/* A str is as short as its own form: only the head that all forms share can be required. */
		info->body_bytes = layout->struct_bytes[STRUCT_PyASCIIObject];
	else if (info->tp_flags & TPFLAGS_TYPE_SUBCLASS &&
	         info->tp_basicsize <= layout->struct_bytes[STRUCT_PyHeapTypeObject])
		/* Likewise type: tp_basicsize is that of heap types, and a static one may be the last that is mapped.
		 */
		info->body_bytes = layout->struct_bytes[STRUCT_PyTypeObject];
	else
		info->body_bytes = (uint32_t)info->tp_basicsize;
	if (info->body_bytes < needed)
		info->body_bytes = needed;
}
