/* SPDX-License-Identifier: MIT
 * What pympler.asizeof reaches by reading attributes, of which several make objects that live only as long as they are
 * looked at: numbers of tracebacks, dicts of locals. */
#include "graph/asizeof_attributes.h"

#include "base/limits.h"
#include "object/value.h"

enum {
	STAT_UNNAMED = 7, /* os.stat_result[7] to [9]: times in whole seconds, that no attribute gives */
	STAT_NAMED = 10,
	SMALLEST_INT = -5,
	LARGEST_INT = 256, /* there is one object of each of these */
	DICT_SMALLEST = 8, /* slots of a dict that is not empty */
};

static uint64_t none_of(const struct sizer *sizer)
{
	return sizer->decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct];
}

static bool push_or_none(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	return sizer_push(sizer, address != 0 ? address : none_of(sizer), depth);
}

static bool push_property(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	static const enum layout_field fields[] = { FIELD_propertyobject_prop_doc, FIELD_propertyobject_prop_del,
		                                    FIELD_propertyobject_prop_get, FIELD_propertyobject_prop_set };
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		uint64_t value;
		if (value_field(&sizer->decoder->objects, address, fields[i], &value) &&
		    !push_or_none(sizer, value, depth))
			return false;
	}
	return true;
}

static bool push_entries(struct sizer *sizer, uint64_t dict, uint32_t depth)
{
	struct dict_cursor cursor;
	uint64_t key, value;
	if (!dict_cursor_open(&cursor, &sizer->decoder->objects, dict))
		return true;
	while (dict_cursor_next(&cursor, &key, &value))
		if (!sizer_push(sizer, key, depth) || !sizer_push(sizer, value, depth))
			return false;
	return true;
}

/* Items of a weak dictionary's `data`, dead ones left out. */
static bool push_weak(struct sizer *sizer, uint64_t address, bool keys_are_weak, uint32_t depth)
{
	struct object_reader *objects = &sizer->decoder->objects;
	struct dict_cursor cursor;
	uint64_t key, value, referent;
	if (!dict_cursor_open(&cursor, objects, value_attribute(objects, address, "data")))
		return true;
	while (dict_cursor_next(&cursor, &key, &value)) {
		const uint64_t reference = keys_are_weak ? key : value, other = keys_are_weak ? value : key;
		if (!value_field(objects, reference, FIELD_PyWeakReference_wr_object, &referent) || referent == 0 ||
		    referent == none_of(sizer))
			continue;
		if (!sizer_push(sizer, keys_are_weak ? referent : other, depth) ||
		    !sizer_push(sizer, keys_are_weak ? other : referent, depth))
			return false;
	}
	return true;
}

/* An int that reading an attribute made. Small ones are shared by all; which of them were met otherwise is not known.
 */
static bool count_int(struct sizer *sizer, int64_t number)
{
	if (sizer->int_type == NULL)
		return true;
	if (number >= SMALLEST_INT && number <= LARGEST_INT) {
		const uint32_t bit = (uint32_t)(number - SMALLEST_INT);
		if (sizer->small_ints[bit / 64] >> bit % 64 & 1)
			return true;
		sizer->small_ints[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	return sizer_count(sizer, sizer->int_type, (uint64_t)sizer->int_type->tp_basicsize + 4);
}

static bool push_traceback(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	struct object_reader *objects = &sizer->decoder->objects;
	uint64_t lasti, lineno, next;
	if (!value_field(objects, address, FIELD_PyTracebackObject_tb_lasti, &lasti) ||
	    !value_field(objects, address, FIELD_PyTracebackObject_tb_lineno, &lineno) ||
	    !value_field(objects, address, FIELD_PyTracebackObject_tb_next, &next))
		return true;
	return count_int(sizer, (int32_t)(uint32_t)lasti) && count_int(sizer, (int32_t)(uint32_t)lineno) &&
	       push_or_none(sizer, next, depth);
}

static bool push_items(struct sizer *sizer, uint64_t unnamed_from, uint64_t unnamed_to, uint32_t depth)
{
	const struct decoded *out = &sizer->decoder->out;
	for (size_t i = 0; i < out->runs.count; i++) {
		const struct run *run = &out->runs.items[i];
		for (uint64_t slot = 0; run->flags & RUN_ITEM && slot < run->count; slot++) {
			const uint64_t index = run->first_index + slot;
			if ((index < unnamed_from || index >= unnamed_to) &&
			    !sizer_push(sizer, run_target(run, slot), depth))
				return false;
		}
	}
	return true;
}

/* sys.getsizeof() of a dict into which that many str keys were put one after the other. */
static uint64_t size_of_dict(const struct sizer *sizer, uint64_t count)
{
	const struct layout *layout = sizer->decoder->layout;
	uint64_t size = (uint64_t)sizer->dict_type->tp_basicsize + sizer->dict_type->presize, slots = DICT_SMALLEST;
	if (count == 0)
		return size;
	while (count > slots * 2 / 3)
		slots *= 2;
	const bool is_short = layout_has(layout, FIELD_PyDictUnicodeEntry_me_key);
	const uint32_t entry = layout->struct_bytes[is_short ? STRUCT_PyDictUnicodeEntry : STRUCT_PyDictKeyEntry];
	return size + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) + slots * (slots > 128 ? 2 : 1) +
	       slots * 2 / 3 * entry;
}

/* 0: not known. Of cells and free variables up to 3.10 none are. */
static uint64_t name_of_local(struct decoder *decoder, uint64_t code, uint64_t index)
{
	const bool has_all = layout_has(decoder->layout, FIELD_PyCodeObject_co_localsplusnames);
	uint64_t names, count, items, name;
	if (!value_field(&decoder->objects, code,
	                 has_all ? FIELD_PyCodeObject_co_localsplusnames : FIELD_PyCodeObject_co_varnames, &names) ||
	    !value_items(&decoder->objects, names, &count, &items) || index >= count ||
	    !reader_u64(&decoder->reader, items + 8 * index, &name))
		return 0;
	return name;
}

/* gi_frame.f_locals: up to 3.12 a dict, since then a proxy of the frame, of no size by its items. */
static bool push_generator(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	struct decoder *decoder = sizer->decoder;
	const struct layout *layout = decoder->layout;
	const struct type_info *type = decoder->out.type;
	struct python_frame frame;
	uint64_t at = 0, count = 0;
	if (layout_has(layout, FIELD_PyGenObject_gi_iframe))
		at = address + layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	else
		(void)value_field(&decoder->objects, address, FIELD_PyGenObject_gi_frame, &at);
	if (at == 0 || sizer->dict_type == NULL ||
	    !runtime_read_frame(decoder->context->runtime, &decoder->reader, at, &frame))
		return true;
	if (layout->struct_bytes[STRUCT_PyFrameLocalsProxyObject] != 0)
		return sizer_count(sizer, type, layout->struct_bytes[STRUCT_PyFrameLocalsProxyObject] + type->presize);
	for (uint64_t i = 0; i < frame.slot_count && i < LIMIT_FRAME_SLOTS; i++) {
		uint64_t value;
		if (!reader_u64(&decoder->reader, frame.localsplus + 8 * i, &value) || value == 0)
			continue;
		count++;
		if (!sizer_push(sizer, name_of_local(decoder, frame.code, i), depth + 1) ||
		    !sizer_push(sizer, value, depth + 1))
			return false;
	}
	return sizer_count(sizer, sizer->dict_type, size_of_dict(sizer, count));
}

bool sizer_push_attributes(struct sizer *sizer, enum rule rule, uint64_t address, uint32_t depth)
{
	struct object_reader *objects = &sizer->decoder->objects;
	const struct type_info *type = sizer->decoder->out.type;
	uint64_t mapping;
	switch (rule) {
	case RULE_PROPERTY:
		return push_property(sizer, address, depth);
	case RULE_PROXY:
		return !value_field(objects, address, FIELD_mappingproxyobject_mapping, &mapping) ||
		       push_entries(sizer, mapping, depth);
	case RULE_DOCUMENTED:
		return push_or_none(sizer, value_class_attribute(objects, type->address, "__doc__"), depth);
	case RULE_TRACEBACK:
		return push_traceback(sizer, address, depth);
	case RULE_STAT:
		return push_items(sizer, STAT_UNNAMED, STAT_NAMED, depth);
	case RULE_STATVFS:
		return push_items(sizer, 0, 0, depth);
	case RULE_WEAK_KEYS:
	case RULE_WEAK_VALUES:
		return push_weak(sizer, address, rule == RULE_WEAK_KEYS, depth);
	case RULE_GENERATOR:
		return push_generator(sizer, address, depth);
	default:
		return true;
	}
}
