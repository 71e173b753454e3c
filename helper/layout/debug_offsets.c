/* SPDX-License-Identifier: MIT */
#include "layout/debug_offsets.h"

#include <string.h>

#include "base/bytes.h"

enum {
	COOKIE_BYTES = 8,
	GROUPS_START = 24, /* after cookie, version, free_threaded */
	STRUCT_BYTES_LIMIT = 1 << 24, /* of any struct named here; _PyRuntimeState has a third of a megabyte */
	UNSIZED_LIMIT = 256, /* offsets in structs whose size no version says */
};

enum word_kind {
	WORD_UNUSED, /* nobody here reads it */
	WORD_STRUCT, /* sizeof a struct */
	WORD_FIELD, /* offset of a field; `bytes` is what follows it at least */
	WORD_ARRAY, /* offset of a flexible array: may be the end of the struct */
};

/* One u64 of the groups, in their order in memory; it exists from 3.<since> on. */
struct offset_word {
	uint8_t since;
	uint8_t kind;
	uint8_t bytes;
	uint16_t which; /* enum layout_struct or enum layout_field */
	uint16_t owner; /* the struct whose size bounds the offset */
};

#define UNUSED(since)                                                                                                  \
	{                                                                                                              \
		since, WORD_UNUSED, 0, 0, 0                                                                            \
	}
#define STRUCT(since, name)                                                                                            \
	{                                                                                                              \
		since, WORD_STRUCT, 0, STRUCT_##name, STRUCT_##name                                                    \
	}
#define FIELD(since, owner, name, bytes)                                                                               \
	{                                                                                                              \
		since, WORD_FIELD, bytes, FIELD_##owner##_##name, STRUCT_##owner                                       \
	}
#define ARRAY(since, owner, name, bytes)                                                                               \
	{                                                                                                              \
		since, WORD_ARRAY, bytes, FIELD_##owner##_##name, STRUCT_##owner                                       \
	}
/* PyVarObject's size is not said: bounded by the object it is seen in. */
#define OB_SIZE(since, owner)                                                                                          \
	{                                                                                                              \
		since, WORD_FIELD, 8, FIELD_PyVarObject_ob_size, STRUCT_##owner                                        \
	}

/* Include/internal/pycore_debug_offsets.h of 3.13 (there pycore_runtime.h), 3.14 and 3.15. Every group begins with the
 * size of its struct, so a size is known before the offsets it bounds. */
static const struct offset_word words[] = {
	/* runtime_state */
	STRUCT(13, _PyRuntimeState),
	FIELD(13, _PyRuntimeState, finalizing, 8),
	FIELD(13, _PyRuntimeState, interpreters_head, 8),
	/* interpreter_state */
	STRUCT(13, PyInterpreterState),
	FIELD(13, PyInterpreterState, id, 8),
	FIELD(13, PyInterpreterState, next, 8),
	FIELD(13, PyInterpreterState, threads_head, 8),
	UNUSED(14), /* threads_main */
	FIELD(13, PyInterpreterState, gc, 8),
	FIELD(13, PyInterpreterState, modules, 8),
	FIELD(13, PyInterpreterState, sysdict, 8),
	FIELD(13, PyInterpreterState, builtins, 8),
	UNUSED(13), /* ceval_gil */
	UNUSED(13), /* gil_runtime_state */
	UNUSED(13), /* gil_runtime_state_enabled */
	UNUSED(13), /* gil_runtime_state_locked */
	UNUSED(13), /* gil_runtime_state_holder */
	UNUSED(14), /* code_object_generation */
	UNUSED(14), /* tlbc_generation */
	/* thread_state */
	STRUCT(13, PyThreadState),
	FIELD(13, PyThreadState, prev, 8),
	FIELD(13, PyThreadState, next, 8),
	FIELD(13, PyThreadState, interp, 8),
	FIELD(13, PyThreadState, current_frame, 8),
	FIELD(15, PyThreadState, base_frame, 8),
	UNUSED(15), /* last_profiled_frame */
	UNUSED(15), /* last_profiled_frame_seq */
	FIELD(13, PyThreadState, thread_id, 8),
	FIELD(13, PyThreadState, native_thread_id, 8),
	FIELD(13, PyThreadState, datastack_chunk, 8),
	FIELD(13, PyThreadState, status, 4),
	UNUSED(15), /* holds_gil */
	UNUSED(15), /* gil_requested */
	FIELD(15, PyThreadState, current_exception, 8),
	FIELD(15, PyThreadState, exc_state, 16),
	/* err_stackitem */
	FIELD(15, _PyErr_StackItem, exc_value, 8),
	/* interpreter_frame */
	STRUCT(13, _PyInterpreterFrame),
	FIELD(13, _PyInterpreterFrame, previous, 8),
	FIELD(13, _PyInterpreterFrame, f_executable, 8),
	FIELD(13, _PyInterpreterFrame, instr_ptr, 8),
	ARRAY(13, _PyInterpreterFrame, localsplus, 8),
	FIELD(13, _PyInterpreterFrame, owner, 1),
	FIELD(14, _PyInterpreterFrame, stackpointer, 8),
	UNUSED(14), /* tlbc_index: 0 unless free-threaded */
	/* code_object */
	STRUCT(13, PyCodeObject),
	FIELD(13, PyCodeObject, co_filename, 8),
	FIELD(13, PyCodeObject, co_name, 8),
	FIELD(13, PyCodeObject, co_qualname, 8),
	FIELD(13, PyCodeObject, co_linetable, 8),
	FIELD(13, PyCodeObject, co_firstlineno, 4),
	FIELD(13, PyCodeObject, co_argcount, 4),
	FIELD(13, PyCodeObject, co_localsplusnames, 8),
	FIELD(13, PyCodeObject, co_localspluskinds, 8),
	ARRAY(13, PyCodeObject, co_code_adaptive, 1),
	UNUSED(14), /* co_tlbc: 0 unless free-threaded */
	/* pyobject */
	STRUCT(13, PyObject),
	FIELD(13, PyObject, ob_type, 8),
	/* type_object */
	STRUCT(13, PyTypeObject),
	FIELD(13, PyTypeObject, tp_name, 8),
	UNUSED(13), /* tp_repr */
	FIELD(13, PyTypeObject, tp_flags, 8),
	FIELD(15, PyTypeObject, tp_basicsize, 8),
	FIELD(15, PyTypeObject, tp_dictoffset, 8),
	/* heap_type_object */
	STRUCT(15, PyHeapTypeObject),
	FIELD(15, PyHeapTypeObject, ht_cached_keys, 8),
	/* tuple_object, list_object, set_object, dict_object */
	STRUCT(13, PyTupleObject),
	ARRAY(13, PyTupleObject, ob_item, 8),
	OB_SIZE(13, PyTupleObject),
	STRUCT(13, PyListObject),
	FIELD(13, PyListObject, ob_item, 8),
	OB_SIZE(13, PyListObject),
	STRUCT(14, PySetObject),
	FIELD(14, PySetObject, used, 8),
	FIELD(14, PySetObject, table, 8),
	FIELD(14, PySetObject, mask, 8),
	STRUCT(13, PyDictObject),
	FIELD(13, PyDictObject, ma_keys, 8),
	FIELD(13, PyDictObject, ma_values, 8),
	/* float_object, long_object, bytes_object */
	STRUCT(13, PyFloatObject),
	FIELD(13, PyFloatObject, ob_fval, 8),
	STRUCT(13, PyLongObject),
	FIELD(13, PyLongObject, lv_tag, 8),
	ARRAY(13, PyLongObject, ob_digit, 4),
	STRUCT(13, PyBytesObject),
	OB_SIZE(13, PyBytesObject),
	ARRAY(13, PyBytesObject, ob_sval, 1),
	/* unicode_object */
	STRUCT(13, PyUnicodeObject),
	UNUSED(13), /* state: its bit-fields are not said */
	{ 13, WORD_FIELD, 8, FIELD_PyASCIIObject_length, STRUCT_PyUnicodeObject },
	STRUCT(13, PyASCIIObject),
	STRUCT(15, PyCompactUnicodeObject),
	/* gc */
	STRUCT(13, _gc_runtime_state),
	FIELD(13, _gc_runtime_state, collecting, 4),
	UNUSED(15), /* frame */
	UNUSED(15), /* generation_stats_size */
	UNUSED(15), /* generation_stats */
	/* gen_object */
	STRUCT(14, PyGenObject),
	FIELD(14, PyGenObject, gi_name, 8),
	ARRAY(14, PyGenObject, gi_iframe, 8),
	FIELD(14, PyGenObject, gi_frame_state, 1),
	/* llist_node */
	UNUSED(14),
	UNUSED(14),
	/* debugger_support */
	UNUSED(14),
	UNUSED(14),
	UNUSED(14),
	UNUSED(14),
	UNUSED(14),
	UNUSED(14),
};

#undef UNUSED
#undef STRUCT
#undef FIELD
#undef ARRAY
#undef OB_SIZE

bool debug_offsets_has_cookie(const uint8_t *bytes, uint64_t size)
{
	return size >= COOKIE_BYTES && memcmp(bytes, "xdebugpy", COOKIE_BYTES) == 0;
}

static int parse_struct(struct layout *layout, const struct offset_word *word, uint64_t value, struct error *error)
{
	if (value == 0 || value > STRUCT_BYTES_LIMIT || value % 4 != 0)
		return error_set(error, ERROR_FORMAT, "_Py_DebugOffsets says sizeof %s is %#llx, which is impossible",
		                 layout_struct_name(word->which), (unsigned long long)value);
	layout->struct_bytes[word->which] = (uint32_t)value;
	layout->struct_sources[word->which] = LAYOUT_SOURCE_DEBUG_OFFSETS;
	return OK;
}

static int parse_field(struct layout *layout, const struct offset_word *word, uint64_t value, struct error *error)
{
	uint64_t limit = layout->struct_bytes[word->owner] != 0 ? layout->struct_bytes[word->owner] : UNSIZED_LIMIT;
	uint64_t room = word->kind == WORD_ARRAY ? 0 : word->bytes;
	uint64_t alignment = word->bytes < 8 ? word->bytes : 8;
	struct layout_place *place = &layout->fields[word->which];
	if (value > limit || room > limit - value || value % alignment != 0)
		return error_set(error, ERROR_FORMAT,
		                 "_Py_DebugOffsets says %s is at %#llx of a struct of %llu bytes, which is impossible",
		                 layout_field_name(word->which), (unsigned long long)value, (unsigned long long)limit);
	if (place->size != 0 && place->offset != value)
		return error_set(error, ERROR_FORMAT, "_Py_DebugOffsets says %s is at %u and at %llu",
		                 layout_field_name(word->which), place->offset, (unsigned long long)value);
	*place = (struct layout_place){ .offset = (uint32_t)value, .size = word->bytes };
	layout->struct_sources[layout_field_struct(word->which)] = LAYOUT_SOURCE_DEBUG_OFFSETS;
	return OK;
}

/* interp.gc is an embedded struct, whose size a later group says. */
static int place_collector(struct layout *layout, struct error *error)
{
	struct layout_place *place = &layout->fields[FIELD_PyInterpreterState_gc];
	uint64_t bytes = layout->struct_bytes[STRUCT__gc_runtime_state];
	uint64_t limit = layout->struct_bytes[STRUCT_PyInterpreterState];
	if (bytes > UINT16_MAX || place->offset + bytes > limit)
		return error_set(error, ERROR_FORMAT,
		                 "_Py_DebugOffsets puts %llu bytes of collector state at %u of an interpreter of %llu",
		                 (unsigned long long)bytes, place->offset, (unsigned long long)limit);
	place->size = (uint16_t)bytes;
	return OK;
}

/* PyASCIIObject.length is said before the size of its struct. */
static int place_length(const struct layout *layout, struct error *error)
{
	const struct layout_place *place = &layout->fields[FIELD_PyASCIIObject_length];
	uint32_t bytes = layout->struct_bytes[STRUCT_PyASCIIObject];
	if (place->offset + 8u <= bytes && bytes <= layout->struct_bytes[STRUCT_PyUnicodeObject])
		return OK;
	return error_set(error, ERROR_FORMAT, "_Py_DebugOffsets says sizeof PyASCIIObject is %u, with its length at %u",
	                 bytes, place->offset);
}

static int parse_version(struct debug_offsets *offsets, const uint8_t *bytes, unsigned *ret_minor, struct error *error)
{
	uint64_t version = load_u64(bytes + 8), free_threaded = load_u64(bytes + 16);
	if (version > UINT32_MAX || free_threaded > 1)
		return error_set(error, ERROR_FORMAT, "_Py_DebugOffsets begins with version %#llx, free-threaded %#llx",
		                 (unsigned long long)version, (unsigned long long)free_threaded);
	unsigned minor = version >> 16 & 0xff;
	/* The groups grew until the first release candidate of a version. */
	if (version >> 24 != 3 || minor < 13 || minor > 15 || (version >> 4 & 0xf) < 0xc)
		return error_set(error, ERROR_NO_LAYOUT, "_Py_DebugOffsets of version %#llx are not known here",
		                 (unsigned long long)version);
	offsets->version_hex = (uint32_t)version;
	offsets->is_free_threaded = free_threaded != 0;
	offsets->layout.version.hex = (uint32_t)version;
	offsets->layout.version.is_free_threaded = free_threaded != 0;
	*ret_minor = minor;
	return OK;
}

int debug_offsets_parse(struct debug_offsets *ret_offsets, const uint8_t *bytes, uint64_t size, struct error *error)
{
	unsigned minor = 0;
	memset(ret_offsets, 0, sizeof *ret_offsets);
	if (size < GROUPS_START || !debug_offsets_has_cookie(bytes, size))
		return error_set(error, ERROR_FORMAT, "no _Py_DebugOffsets: the cookie \"xdebugpy\" is not there");
	TRY(parse_version(ret_offsets, bytes, &minor, error));
	uint64_t position = GROUPS_START;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const struct offset_word *word = &words[i];
		if (word->since > minor)
			continue;
		if (size - position < 8)
			return error_set(error, ERROR_FORMAT, "_Py_DebugOffsets of 3.%u end after %llu bytes", minor,
			                 (unsigned long long)size);
		uint64_t value = load_u64(bytes + position);
		position += 8;
		if (word->kind == WORD_STRUCT)
			TRY(parse_struct(&ret_offsets->layout, word, value, error));
		else if (word->kind != WORD_UNUSED)
			TRY(parse_field(&ret_offsets->layout, word, value, error));
	}
	TRY(place_length(&ret_offsets->layout, error));
	return place_collector(&ret_offsets->layout, error);
}
