/* SPDX-License-Identifier: MIT
 * One type object of the target, decided once: which decoder its instances have, what stands in front of them, which
 * attributes a class statement added. Everything per type that the walk would otherwise ask per object. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "decode/foreign.h"
#include "decode/registry.h"
#include "decode/size_override.h"
#include "decode/static_type.h"
#include "decode/static_type_name.h"
#include "decode/type_flags.h"
#include "decode/value.h"

decode_function decode_str, decode_int;

enum {
	LIMIT_TYPES = 1 << 20,
	TYPE_DEPTH = 16, /* decode_type() within decode_type(): a metatype, the type of a name, its metatype ... */
};

static const uint8_t *type_body(struct decoder *decoder, uint64_t type_address)
{
	if (type_address == 0 || (type_address & 7) != 0)
		return NULL;
	return reader_at(&decoder->reader, type_address, decoder->layout->struct_bytes[STRUCT_PyTypeObject]);
}

static uint64_t type_word(const struct decoder *decoder, enum layout_field field, const uint8_t *type)
{
	return layout_has(decoder->layout, field) ? load_u64(type + layout_offset(decoder->layout, field)) : 0;
}

/* A type object's type is a metatype, and following ob_type ends at `type`, whose type is itself. */
static bool is_type_object(struct decoder *decoder, const uint8_t *type)
{
	uint64_t type_type = decoder->context->type_type;
	uint64_t address = type_word(decoder, FIELD_PyObject_ob_type, type);
	for (unsigned i = 0; i < 8; i++) {
		if (address == type_type)
			return type_type != 0;
		const uint8_t *metatype = type_body(decoder, address);
		if (metatype == NULL ||
		    !(type_word(decoder, FIELD_PyTypeObject_tp_flags, metatype) & TPFLAGS_TYPE_SUBCLASS))
			return false;
		uint64_t next = type_word(decoder, FIELD_PyObject_ob_type, metatype);
		if (next == address) {
			if (type_type != 0)
				return false;
			decoder->context->type_type = address;
			return true;
		}
		address = next;
	}
	return false;
}

static void read_numbers(const struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	info->tp_flags = type_word(decoder, FIELD_PyTypeObject_tp_flags, type);
	info->tp_basicsize = (int64_t)type_word(decoder, FIELD_PyTypeObject_tp_basicsize, type);
	info->tp_itemsize = (int64_t)type_word(decoder, FIELD_PyTypeObject_tp_itemsize, type);
	info->tp_dictoffset = (int64_t)type_word(decoder, FIELD_PyTypeObject_tp_dictoffset, type);
	info->tp_weaklistoffset = (int64_t)type_word(decoder, FIELD_PyTypeObject_tp_weaklistoffset, type);
	info->tp_base = type_word(decoder, FIELD_PyTypeObject_tp_base, type);
}

/* What an instance has at least, going by the built-in type that tp_flags say it derives from: decoders read that much
 * of a body unasked. */
static int64_t least_basicsize(const struct layout *layout, uint64_t tp_flags)
{
	if (tp_flags & TPFLAGS_TYPE_SUBCLASS)
		return layout->struct_bytes[STRUCT_PyHeapTypeObject];
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

static bool numbers_are_sane(const struct decoder *decoder, const struct type_info *info)
{
	return info->tp_basicsize >= least_basicsize(decoder->layout, info->tp_flags) && info->tp_basicsize < 1 << 24 &&
	       info->tp_itemsize >= 0 && info->tp_itemsize < 1 << 24;
}

/* The module of a heap type: __module__, unless its metatype shows something else by that name (Cython's does), then
 * what the module that made it is called. */
static bool append_module(struct decoder *decoder, const struct type_info *info, const uint8_t *type, struct text *name)
{
	uint64_t dict = type_word(decoder, FIELD_PyTypeObject_tp_dict, type), module;
	uint64_t text = dict != 0 ? dict_get_str(decoder, dict, "__module__") : 0;
	if (text != 0 && value_str(decoder, text, LIMIT_TYPE_NAME_BYTES, name) > 0)
		return true;
	return value_field(decoder, info->address, FIELD_PyHeapTypeObject_ht_module, &module) && module != 0 &&
	       value_field(decoder, module, FIELD_PyModuleObject_md_name, &text) && text != 0 &&
	       value_str(decoder, text, LIMIT_TYPE_NAME_BYTES, name) > 0;
}

/* "module.qualname" without "builtins.": of a static type its tp_name (which needs the file that holds .rodata) or
 * what modules call it, of a heap type __module__ and ht_qualname, which are objects. */
static char *read_name(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	struct text name = { 0 };
	const struct layout *layout = decoder->layout;
	info->is_nobodys = false;
	if (info->tp_flags & TPFLAGS_HEAPTYPE && layout_has(layout, FIELD_PyHeapTypeObject_ht_qualname)) {
		info->is_nobodys = !append_module(decoder, info, type, &name);
		if (strcmp(text_string(&name), "builtins") == 0)
			text_reset(&name);
		else if (!info->is_nobodys)
			text_add(&name, ".");
		uint64_t qualname = 0;
		if (!reader_u64(&decoder->reader,
		                info->address + layout_offset(layout, FIELD_PyHeapTypeObject_ht_qualname), &qualname) ||
		    value_str(decoder, qualname, LIMIT_TYPE_NAME_BYTES, &name) < 0)
			text_format(&name, "<type %#llx>", (unsigned long long)info->address);
	} else {
		char buffer[LIMIT_TYPE_NAME_BYTES];
		uint64_t tp_name = type_word(decoder, FIELD_PyTypeObject_tp_name, type);
		if (tp_name != 0 && reader_string(&decoder->reader, tp_name, buffer, sizeof buffer) &&
		    buffer[0] != '\0')
			text_add(&name, strncmp(buffer, "builtins.", 9) == 0 ? buffer + 9 : buffer);
		else if (!static_type_name(decoder, info->address, &name))
			text_format(&name, "<type %#llx>", (unsigned long long)info->address);
	}
	if (name.failed) {
		text_free(&name);
		return NULL;
	}
	return name.bytes;
}

/* Bytes that getsizeof adds (presize) and that really stand in front of an instance (preheader).
 * Python/sysmodule.c _PySys_GetSizeOf; Objects/typeobject.c _PyType_PreHeaderSize (3.11+). */
static void set_presize(const struct layout *layout, struct type_info *info)
{
	bool gc = info->tp_flags & TPFLAGS_HAVE_GC;
	bool dict = layout_feature(layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	bool weakref = layout_feature(layout, FEATURE_MANAGED_WEAKREF) && info->tp_flags & TPFLAGS_MANAGED_WEAKREF;
	uint32_t words = dict || weakref ? 16 : 0;
	uint32_t head = gc && !layout_feature(layout, FEATURE_FREE_THREADED) ? 16 : 0;
	info->presize = info->preheader = head + words;
}

static bool is_traversed(const struct decoder *decoder, const struct type_info *info, const uint8_t *type)
{
	return info->tp_flags & TPFLAGS_HAVE_GC && type_word(decoder, FIELD_PyTypeObject_tp_traverse, type) != 0;
}

/* A class statement's type: heap, and visited by subtype_traverse. Classes without pointers (a subclass of int with
 * empty __slots__) are not GC types and are not recognised: they add nothing to their base either. */
static bool is_python_class(const struct decoder *decoder, const struct type_info *info, const uint8_t *type)
{
	uint64_t subtype_traverse = decoder->context->subtype_traverse;
	return info->tp_flags & TPFLAGS_HEAPTYPE && subtype_traverse != 0 &&
	       type_word(decoder, FIELD_PyTypeObject_tp_traverse, type) == subtype_traverse;
}

static bool size_matches(const struct layout *layout, const struct decoder_entry *entry, const struct type_info *info)
{
	/* A name proves nothing in a hostile dump: only what is a type by its flags is read as one. */
	if (entry->flags & TYPE_IS_METATYPE && !(info->tp_flags & TPFLAGS_TYPE_SUBCLASS))
		return false;
	if (entry->body_struct < 0)
		return true;
	uint32_t bytes = layout->struct_bytes[entry->body_struct];
	return bytes != 0 && info->tp_basicsize == bytes;
}

/* Bytes of an instance that a decoder reads where no struct size is checked: the fields of its line and, if it has
 * logic, all of the structs that these belong to, and ob_size. */
static uint32_t bytes_read(const struct layout *layout, const struct decoder_entry *entry)
{
	bool in_line[STRUCT_COUNT] = { false };
	uint32_t bytes = entry->decode != NULL ? layout_offset(layout, FIELD_PyVarObject_ob_size) +
	                                                 layout->fields[FIELD_PyVarObject_ob_size].size
	                                       : 0;
	const int32_t *const lists[] = { entry->fields, entry->hidden_fields };
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const int32_t *field = lists[i]; *field >= 0; field++) {
			const struct layout_place *place = &layout->fields[*field];
			in_line[layout_field_struct((enum layout_field) * field)] = true;
			if (place->size != 0 && place->offset + place->size > bytes)
				bytes = place->offset + place->size;
		}
	if (entry->symbol == SYMBOL_PyUnicode_Type)
		in_line[STRUCT_PyASCIIObject] = true;
	for (uint32_t field = 0; entry->decode != NULL && field < FIELD_COUNT; field++) {
		const struct layout_place *place = &layout->fields[field];
		if (in_line[layout_field_struct((enum layout_field)field)] && place->size != 0 &&
		    place->offset + place->size > bytes)
			bytes = place->offset + place->size;
	}
	return bytes;
}

static const struct decoder_entry *find_entry(struct decoder *decoder, const struct type_info *info)
{
	const struct runtime *runtime = decoder->context->runtime;
	const struct decoder_entry *entry = registry_by_symbol(runtime, info->address);
	if (entry == NULL && !(info->flags & TYPE_IS_PYTHON_CLASS) && !info->is_nobodys)
		entry = registry_by_name(info->name);
	/* Somebody else's "generator" (Cython's up to 3.0): the type of that symbol is known, and is another one. */
	if (entry != NULL && entry->symbol >= 0 && runtime->symbols[entry->symbol] != 0 &&
	    runtime->symbols[entry->symbol] != info->address)
		entry = NULL;
	return entry != NULL && size_matches(decoder->layout, entry, info) ? entry : NULL;
}

/* Somebody else's type (foreign.def). */
static void find_foreign_entry(struct decoder *decoder, struct type_info *info)
{
	bool is_verified = false;
	info->entry = foreign_entry(decoder, info, &info->foreign, &is_verified);
	if (info->entry != NULL && info->entry->flags & TYPE_IS_APPROXIMATE)
		info->approximate = "only a part of its layout is known";
	if (info->entry != NULL && !is_verified) {
		info->flags |= TYPE_IS_APPROXIMATE;
		info->approximate = "its layout was not verified for this version of its library";
	}
}

/* The PyMemberDefs of a class with __slots__ follow its type object (PyHeapType_GET_MEMBERS). */
static bool add_slots(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = decoder->layout;
	const struct type_info *metatype = decode_type(decoder, type_word(decoder, FIELD_PyObject_ob_type, type));
	int64_t count = load_i64(type + layout_offset(layout, FIELD_PyVarObject_ob_size));
	if (metatype == NULL || count <= 0 || count > LIMIT_TYPE_SLOTS)
		return true;
	uint32_t row = layout->struct_bytes[STRUCT_PyMemberDef];
	uint64_t members = info->address + (uint64_t)metatype->tp_basicsize;
	const uint8_t *rows = reader_at(&decoder->reader, members, (uint64_t)count * row);
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

static void inherit_entry(struct type_info *info, const struct type_info *base)
{
	info->entry = base->entry;
	info->base_info = base->base_info;
	info->foreign = base->foreign;
	info->approximate = base->approximate;
	info->flags |= base->flags & TYPE_IS_APPROXIMATE;
}

/* A class takes its base's decoder and slots, and adds its own slots and perhaps a __dict__. */
static bool set_parts_of_python_class(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	const struct type_info *base = decode_type(decoder, info->tp_base);
	if (base == NULL || base->entry == NULL)
		return true;
	inherit_entry(info, base);
	if (base->slots_count > 0) {
		info->slots = calloc(base->slots_count, sizeof *info->slots);
		if (info->slots == NULL)
			return false;
		memcpy(info->slots, base->slots, base->slots_count * sizeof *info->slots);
		info->slots_count = base->slots_count;
	}
	if (!add_slots(decoder, info, type))
		return false;
	bool managed = layout_feature(decoder->layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	if (!managed && info->tp_dictoffset != info->base_info->tp_dictoffset) {
		if (info->tp_dictoffset > 0 && info->tp_dictoffset + 8 <= info->tp_basicsize)
			info->dict_offset = (uint32_t)info->tp_dictoffset;
		info->dict_at_end = info->tp_dictoffset < 0;
	}
	return true;
}

/* Struct sequences are made at run time over tuple (Objects/structseq.c) and known by their namespace. */
static bool set_struct_sequence(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	struct static_type_state state;
	uint64_t dict = static_type_state(decoder, info->address, type, &state)
	                        ? state.dict
	                        : type_word(decoder, FIELD_PyTypeObject_tp_dict, type);
	int64_t all, sequence;
	if (dict == 0 || !value_int(decoder, dict_get_str(decoder, dict, "n_sequence_fields"), &sequence) ||
	    !value_int(decoder, dict_get_str(decoder, dict, "n_fields"), &all))
		return false;
	info->entry = registry_by_id("structseq");
	if (sequence >= 0 && all > sequence && all < LIMIT_TYPE_SLOTS)
		info->unseen_items = (uint32_t)(all - sequence);
	return true;
}

/* A type in C without a line of its own. It has its base's decoder if it adds nothing that could hold a reference: same
 * size, and no tp_traverse of its own. */
static void set_entry_of_c_type(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	const struct type_info *base = decode_type(decoder, info->tp_base);
	if (info->tp_flags & TPFLAGS_TUPLE_SUBCLASS && set_struct_sequence(decoder, info, type))
		return;
	if (base == NULL || base->entry == NULL || base->tp_basicsize != info->tp_basicsize ||
	    base->tp_itemsize != info->tp_itemsize)
		return;
	const uint8_t *base_type = type_body(decoder, base->address);
	if (is_traversed(decoder, info, type) &&
	    (base_type == NULL || type_word(decoder, FIELD_PyTypeObject_tp_traverse, type) !=
	                                  type_word(decoder, FIELD_PyTypeObject_tp_traverse, base_type)))
		return;
	inherit_entry(info, base);
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
	if (info->fields == NULL)
		return false;
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

/* A heap type made in C visits its type where FEATURE_HEAP_TYPE_VISITED, unless its line denies it, or it has the
 * tp_traverse of a static type, as exceptions that modules make do: that knows of no heap type. */
static bool visits_type_in_c(struct decoder *decoder, const struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = decoder->layout;
	uint32_t hiding =
	        TYPE_HIDES_TYPE | (layout_feature(layout, FEATURE_NEW_TYPES_VISITED) ? 0 : TYPE_HIDES_NEW_TYPE);
	if (!layout_feature(layout, FEATURE_HEAP_TYPE_VISITED) ||
	    (info->entry->flags & hiding && info->base_info->flags & TYPE_IS_HEAP))
		return false;
	const struct type_info *base = info;
	for (unsigned i = 0; base != NULL && base->flags & TYPE_IS_HEAP && i < LIMIT_TYPE_CHAIN; i++)
		base = base->tp_base != 0 ? decode_type(decoder, base->tp_base) : NULL;
	const uint8_t *base_type = base != NULL ? type_body(decoder, base->address) : NULL;
	return base_type == NULL || type_word(decoder, FIELD_PyTypeObject_tp_traverse, type) !=
	                                    type_word(decoder, FIELD_PyTypeObject_tp_traverse, base_type);
}

/* subtype_traverse() of Objects/typeobject.c leaves it to a base that is a heap type in C and has a tp_traverse; up to
 * 3.8 no such base visited its type, and it always did. */
static bool visits_type_in_python(struct decoder *decoder, const struct type_info *info)
{
	if (!layout_feature(decoder->layout, FEATURE_HEAP_TYPE_VISITED))
		return true;
	const struct type_info *base = info;
	for (unsigned i = 0; base != NULL && base->flags & TYPE_IS_PYTHON_CLASS && i < LIMIT_TYPE_CHAIN; i++)
		base = base->tp_base != 0 ? decode_type(decoder, base->tp_base) : NULL;
	return base == NULL || !(base->flags & TYPE_IS_HEAP) || base->flags & (TYPE_NOT_TRAVERSED | TYPE_VISITS_TYPE);
}

static void set_flags(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = decoder->layout;
	bool traversed = is_traversed(decoder, info, type);
	info->flags |= info->entry->flags & ~(uint32_t)(TYPE_IS_LEAF | TYPE_HIDES_TYPE);
	if (!traversed)
		info->flags |= TYPE_NOT_TRAVERSED;
	bool managed = layout_feature(layout, FEATURE_MANAGED_DICT) && info->tp_flags & TPFLAGS_MANAGED_DICT;
	if (managed || info->dict_offset != 0 || info->dict_at_end || info->slots_count > 0)
		info->flags |= TYPE_HAS_INSTANCE_PARTS;
	else if (!(info->flags & TYPE_IS_APPROXIMATE))
		info->flags |= info->entry->flags & TYPE_IS_LEAF;
	if (info->tp_flags & TPFLAGS_TYPE_SUBCLASS)
		info->flags |= TYPE_IS_METATYPE | TYPE_IS_BOUNDARY;
	if (info->tp_flags & TPFLAGS_HEAPTYPE && layout_feature(layout, FEATURE_HEAP_TYPE_OWNED)) {
		info->flags |= TYPE_OWNS_TYPE;
		if (traversed && (info->flags & TYPE_IS_PYTHON_CLASS ? visits_type_in_python(decoder, info)
		                                                     : visits_type_in_c(decoder, info, type)))
			info->flags |= TYPE_VISITS_TYPE;
	}
}

/* A class below the decoded one may size its instances itself, as pandas.DataFrame does: that would have to be run. A
 * class has what its base has, unless another base or the class itself says more. */
static void find_sizeof(struct decoder *decoder, struct type_info *info)
{
	if (info->base_info == info && info->entry != &registry_fallback)
		return;
	uint64_t class = size_override_class(decoder, info->address);
	if (class == 0 ||
	    (info->entry != &registry_fallback && class == size_override_class(decoder, info->base_info->address)))
		return;
	info->flags |= TYPE_OVERRIDES_SIZEOF | TYPE_IS_APPROXIMATE;
	info->approximate = "its class has a __sizeof__ of its own, which would have to be run";
}

/* The generic rule. What a base of somebody else's library has at its place, the type has too. */
static void set_fallback(struct decoder *decoder, struct type_info *info)
{
	const struct type_info *base = info->tp_base != 0 ? decode_type(decoder, info->tp_base) : NULL;
	info->entry = &registry_fallback;
	info->approximate = "a type made in C without a decoder of its own; size from tp_basicsize and tp_itemsize";
	if (base != NULL)
		info->foreign = base->foreign;
}

/* Only exact types that own no reference to themselves: nothing is then to be told of an instance but its size. */
static void set_quick_size(const struct decoder *decoder, struct type_info *info)
{
	const struct layout *layout = decoder->layout;
	decode_function *const decode = info->decode;
	if (!(info->flags & TYPE_IS_LEAF) || info->flags & (TYPE_OWNS_TYPE | TYPE_IS_APPROXIMATE | TYPE_IS_WILD) ||
	    info->visible_count + info->hidden_count != 0)
		return;
	info->quick_bytes = (uint32_t)info->tp_basicsize + info->presize;
	if (decode == NULL && !(info->flags & TYPE_SIZES_ITSELF)) {
		info->quick = info->tp_itemsize == 0 ? QUICK_FIXED : QUICK_ITEMS;
	} else if (decode == decode_str && decoder->context->ascii_flags != 0) {
		info->quick = QUICK_STR;
		info->quick_bytes = layout->struct_bytes[STRUCT_PyASCIIObject] + 1 + info->presize;
	} else if (decode == decode_int) {
		info->quick = QUICK_INT;
		if (!layout_feature(layout, FEATURE_INT_SIZEOF_BY_TYPE))
			info->quick_bytes = layout_offset(layout, FIELD_PyLongObject_ob_digit) + info->presize;
	}
}

/* Fills a type_info whose slot in the table is already taken, so that a cycle of bases ends at the half-filled one. */
static bool fill_type(struct decoder *decoder, struct type_info *info, const uint8_t *type)
{
	const struct layout *layout = decoder->layout;
	if (info->tp_flags & TPFLAGS_HEAPTYPE) {
		info->flags |= TYPE_IS_HEAP;
		uint64_t keys = 0;
		if (layout_has(layout, FIELD_PyHeapTypeObject_ht_cached_keys) &&
		    reader_u64(&decoder->reader,
		               info->address + layout_offset(layout, FIELD_PyHeapTypeObject_ht_cached_keys), &keys))
			info->cached_keys = keys;
	}
	if (is_python_class(decoder, info, type))
		info->flags |= TYPE_IS_PYTHON_CLASS;
	set_presize(layout, info);
	/* A str is as short as its own form: only the head that all forms share can be required. */
	info->body_bytes = info->tp_flags & TPFLAGS_UNICODE_SUBCLASS ? layout->struct_bytes[STRUCT_PyASCIIObject]
	                                                             : (uint32_t)info->tp_basicsize;
	/* Likewise type: tp_basicsize is that of heap types, and a static one may be the last thing that is mapped. */
	if (info->tp_flags & TPFLAGS_TYPE_SUBCLASS && info->body_bytes == layout->struct_bytes[STRUCT_PyHeapTypeObject])
		info->body_bytes = layout->struct_bytes[STRUCT_PyTypeObject];
	char *name = read_name(decoder, info, type);
	if (name == NULL)
		return false;
	free((char *)info->name);
	info->name = name;
	info->base_info = info;
	info->entry = find_entry(decoder, info);
	if (info->flags & TYPE_IS_PYTHON_CLASS) {
		if (!set_parts_of_python_class(decoder, info, type))
			return false;
	} else {
		if (info->entry == NULL)
			find_foreign_entry(decoder, info);
		if (info->entry == NULL)
			set_entry_of_c_type(decoder, info, type);
	}
	if (info->entry == NULL)
		set_fallback(decoder, info);
	find_sizeof(decoder, info);
	if (!set_fields(layout, info))
		return false;
	uint32_t needed = info->entry->body_struct < 0 ? bytes_read(layout, info->entry) : 0;
	if (info->body_bytes < needed)
		info->body_bytes = needed;
	info->decode = info->entry->decode;
	set_ahead(layout, info);
	set_flags(decoder, info, type);
	set_quick_size(decoder, info);
	return true;
}

/* Adds one type whose bases are in the table already. */
static const struct type_info *add_type(struct decoder *decoder, uint64_t type_address)
{
	struct type_table *types = &decoder->context->types;
	const uint8_t *type = type_body(decoder, type_address);
	if (type == NULL || types->count >= LIMIT_TYPES || !is_type_object(decoder, type))
		return NULL;
	struct type_info probe = { .address = type_address, .index = (uint32_t)types->count };
	read_numbers(decoder, &probe, type);
	if (!numbers_are_sane(decoder, &probe))
		return NULL;
	struct type_info *info = calloc(1, sizeof *info);
	if (info == NULL) {
		decoder->out_of_memory = true;
		return NULL;
	}
	*info = probe;
	info->base_info = info;
	if (!array_push(types, info)) {
		free(info);
		decoder->out_of_memory = true;
		return NULL;
	}
	/* In the table before it is filled: a cycle of bases or metatypes then ends here. */
	if (!address_map_set(&types->by_address, type_address, info->index) || !fill_type(decoder, info, type))
		decoder->out_of_memory = true;
	if (info->entry == NULL)
		info->entry = &registry_fallback;
	return info;
}

static const struct type_info *find_or_add(struct decoder *decoder, uint64_t type_address)
{
	struct type_table *types = &decoder->context->types;
	uint32_t index = address_map_get(&types->by_address, type_address);
	if (__builtin_expect(index != ADDRESS_MAP_NONE, 1))
		return types->items[index];
	/* Bases first, from the far end of the chain, so that a class finds its base filled and nothing recurses along
	 * a chain that the target made. What is left to recurse (metatypes, the types of names) is shallow or a lie. */
	if (types->depth >= TYPE_DEPTH)
		return NULL;
	types->depth++;
	uint64_t chain[LIMIT_TYPE_CHAIN];
	unsigned count = 0;
	for (uint64_t address = type_address; count < LIMIT_TYPE_CHAIN; count++) {
		const uint8_t *type = type_body(decoder, address);
		if (type == NULL || address_map_get(&types->by_address, address) != ADDRESS_MAP_NONE)
			break;
		chain[count] = address;
		address = type_word(decoder, FIELD_PyTypeObject_tp_base, type);
	}
	const struct type_info *info = NULL;
	while (count > 0) {
		uint64_t address = chain[--count];
		index = address_map_get(&types->by_address, address);
		info = index != ADDRESS_MAP_NONE ? types->items[index] : add_type(decoder, address);
	}
	types->depth--;
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
