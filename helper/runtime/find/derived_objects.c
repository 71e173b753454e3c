/* SPDX-License-Identifier: MIT
 * Addresses of well-known types and singletons where no ELF file gives them: by their names in the namespaces of
 * builtins and of a few modules that every interpreter has, and as the types of objects whose type is certain. */
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/find/opening.h"

enum { NAME_BYTES = 32, NAMESPACE_ENTRIES = 1 << 20 };

struct named_object {
	const char *name;
	enum known_symbol symbol;
};

static const struct named_object builtin_names[] = {
	{ "None", SYMBOL__Py_NoneStruct },
	{ "True", SYMBOL__Py_TrueStruct },
	{ "False", SYMBOL__Py_FalseStruct },
	{ "NotImplemented", SYMBOL__Py_NotImplementedStruct },
	{ "Ellipsis", SYMBOL__Py_EllipsisObject },
	{ "type", SYMBOL_PyType_Type },
	{ "object", SYMBOL_PyBaseObject_Type },
	{ "int", SYMBOL_PyLong_Type },
	{ "bool", SYMBOL_PyBool_Type },
	{ "float", SYMBOL_PyFloat_Type },
	{ "complex", SYMBOL_PyComplex_Type },
	{ "str", SYMBOL_PyUnicode_Type },
	{ "bytes", SYMBOL_PyBytes_Type },
	{ "bytearray", SYMBOL_PyByteArray_Type },
	{ "list", SYMBOL_PyList_Type },
	{ "tuple", SYMBOL_PyTuple_Type },
	{ "dict", SYMBOL_PyDict_Type },
	{ "set", SYMBOL_PySet_Type },
	{ "frozenset", SYMBOL_PyFrozenSet_Type },
	{ "slice", SYMBOL_PySlice_Type },
	{ "range", SYMBOL_PyRange_Type },
	{ "memoryview", SYMBOL_PyMemoryView_Type },
	{ "property", SYMBOL_PyProperty_Type },
	{ "staticmethod", SYMBOL_PyStaticMethod_Type },
	{ "classmethod", SYMBOL_PyClassMethod_Type },
	{ "super", SYMBOL_PySuper_Type },
};

/* Lib/types.py */
static const struct named_object types_names[] = {
	{ "FrameType", SYMBOL_PyFrame_Type },         { "GeneratorType", SYMBOL_PyGen_Type },
	{ "CoroutineType", SYMBOL_PyCoro_Type },      { "AsyncGeneratorType", SYMBOL_PyAsyncGen_Type },
	{ "CellType", SYMBOL_PyCell_Type },           { "MethodType", SYMBOL_PyMethod_Type },
	{ "TracebackType", SYMBOL_PyTraceBack_Type },
};

static const struct named_object collections_names[] = {
	{ "OrderedDict", SYMBOL_PyODict_Type },
};

struct namespace
{
	struct opening *opening;
	uint64_t entries; /* address of the first */
	uint64_t count;
	unsigned entry_bytes, key, value; /* offsets in an entry */
};

static bool field(struct opening *opening, uint64_t address, enum layout_field which, uint64_t *ret_value)
{
	return read_field(&opening->reader, &opening->runtime->layout, address, which, ret_value);
}

/* Objects/dict-common.h: before 3.11 the width of an index follows from the size of the table. */
static uint64_t index_bytes_of_size(uint64_t size)
{
	if (size <= 0xff)
		return size;
	if (size <= 0xffff)
		return 2 * size;
	return size <= UINT32_MAX ? 4 * size : 0;
}

static bool open_namespace(struct opening *opening, uint64_t dict, struct namespace *names)
{
	const struct layout *layout = &opening->runtime->layout;
	uint64_t keys, size, kind = 0, index_bytes, log2_index_bytes;
	*names = (struct namespace){ .opening = opening, .entry_bytes = 24, .key = 8, .value = 16 };
	if (dict == 0 || dict % 8 != 0 || !field(opening, dict, FIELD_PyDictObject_ma_keys, &keys) ||
	    !field(opening, keys, FIELD_PyDictKeysObject_dk_nentries, &names->count))
		return false;
	if (field(opening, keys, FIELD_PyDictKeysObject_dk_log2_index_bytes, &log2_index_bytes)) {
		if (log2_index_bytes > 32)
			return false;
		index_bytes = UINT64_C(1) << log2_index_bytes;
	} else {
		if (!field(opening, keys, FIELD_PyDictKeysObject_dk_size, &size))
			return false;
		index_bytes = index_bytes_of_size(size);
	}
	/* 3.11+: tables whose keys are all str (kinds 1 and 2) leave out the hash. */
	if (field(opening, keys, FIELD_PyDictKeysObject_dk_kind, &kind) && kind != 0) {
		names->entry_bytes = 16;
		names->key = 0;
		names->value = 8;
	}
	names->entries = keys + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) + index_bytes;
	return names->count <= NAMESPACE_ENTRIES;
}

/* An ASCII str shorter than NAME_BYTES. */
static bool read_name(struct opening *opening, uint64_t string, char *buffer)
{
	const struct layout *layout = &opening->runtime->layout;
	uint64_t length, is_compact, is_ascii;
	if (string == 0 || !field(opening, string, FIELD_PyASCIIObject_length, &length) || length >= NAME_BYTES ||
	    !field(opening, string, FIELD_PyASCIIObject_state_compact, &is_compact) || is_compact == 0 ||
	    !field(opening, string, FIELD_PyASCIIObject_state_ascii, &is_ascii) || is_ascii == 0)
		return false;
	buffer[length] = '\0';
	return length == 0 ||
	       reader_copy(&opening->reader, string + layout->struct_bytes[STRUCT_PyASCIIObject], buffer, length);
}

/* Key and value number i; false if it is empty or no short name. */
static bool read_entry(const struct namespace *names, uint64_t i, char *name, uint64_t *ret_value)
{
	uint8_t entry[24];
	if (!reader_copy(&names->opening->reader, names->entries + i * names->entry_bytes, entry, names->entry_bytes))
		return false;
	*ret_value = load_u64(entry + names->value);
	return *ret_value != 0 && *ret_value % 8 == 0 && read_name(names->opening, load_u64(entry + names->key), name);
}

static uint64_t find_name(struct opening *opening, uint64_t dict, const char *wanted)
{
	struct namespace names;
	char name[NAME_BYTES];
	uint64_t value;
	if (!open_namespace(opening, dict, &names))
		return 0;
	for (uint64_t i = 0; i < names.count; i++)
		if (read_entry(&names, i, name, &value) && strcmp(name, wanted) == 0)
			return value;
	return 0;
}

/* A name may have been given to something else: a type of CPython's own is an instance of `type` and no heap type. */
static bool is_static_type(struct opening *opening, uint64_t object)
{
	enum { HEAP_TYPE_BIT = 9 }; /* Py_TPFLAGS_HEAPTYPE */
	uint64_t type, flags;
	return field(opening, object, FIELD_PyObject_ob_type, &type) &&
	       type == opening->runtime->symbols[SYMBOL_PyType_Type] &&
	       field(opening, object, FIELD_PyTypeObject_tp_flags, &flags) && (flags >> HEAP_TYPE_BIT & 1) == 0;
}

static bool is_singleton(enum known_symbol symbol)
{
	return symbol == SYMBOL__Py_NoneStruct || symbol == SYMBOL__Py_TrueStruct || symbol == SYMBOL__Py_FalseStruct ||
	       symbol == SYMBOL__Py_NotImplementedStruct || symbol == SYMBOL__Py_EllipsisObject;
}

static void set_symbol(struct opening *opening, enum known_symbol symbol, uint64_t address)
{
	uint64_t *known = &opening->runtime->symbols[symbol];
	if (*known == 0)
		*known = address;
}

static void take_names(struct opening *opening, uint64_t dict, const struct named_object *wanted, size_t wanted_count)
{
	struct namespace names;
	char name[NAME_BYTES];
	uint64_t value;
	if (!open_namespace(opening, dict, &names))
		return;
	for (uint64_t i = 0; i < names.count; i++) {
		if (!read_entry(&names, i, name, &value))
			continue;
		for (size_t j = 0; j < wanted_count; j++)
			if (strcmp(name, wanted[j].name) == 0 &&
			    (is_singleton(wanted[j].symbol) || is_static_type(opening, value)))
				set_symbol(opening, wanted[j].symbol, value);
	}
}

static void set_type_of(struct opening *opening, uint64_t object, enum known_symbol symbol)
{
	uint64_t type;
	if (object != 0 && field(opening, object, FIELD_PyObject_ob_type, &type))
		set_symbol(opening, symbol, type);
}

static uint64_t namespace_of_module(struct opening *opening, uint64_t modules, const char *name)
{
	uint64_t dict;
	const uint64_t module = find_name(opening, modules, name);
	return module != 0 && field(opening, module, FIELD_PyModuleObject_md_dict, &dict) ? dict : 0;
}

/* Types that no namespace is sure to name. */
static void take_types_of_objects(struct opening *opening, const struct interpreter *interpreter)
{
	uint64_t code;
	set_type_of(opening, find_name(opening, interpreter->modules, "sys"), SYMBOL_PyModule_Type);
	set_type_of(opening, find_name(opening, interpreter->builtins, "len"), SYMBOL_PyCFunction_Type);
	const uint64_t importlib = namespace_of_module(opening, interpreter->modules, "_frozen_importlib");
	const uint64_t function = find_name(opening, importlib, "_find_and_load");
	set_type_of(opening, function, SYMBOL_PyFunction_Type);
	if (function != 0 && field(opening, function, FIELD_PyFunctionObject_func_code, &code))
		set_type_of(opening, code, SYMBOL_PyCode_Type);
}

bool sys_says_debug(struct opening *opening, uint64_t sysdict)
{
	char flags[NAME_BYTES];
	const uint64_t abiflags = find_name(opening, sysdict, "abiflags");
	return read_name(opening, abiflags, flags) && strchr(flags, 'd') != NULL;
}

void derive_known_objects(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	if (runtime->interpreters.count == 0 || runtime->symbols[SYMBOL_PyDict_Type] != 0)
		return;
	const struct interpreter *interpreter = &runtime->interpreters.items[0];
	/* layout_confirm() saw that these are dicts. */
	set_type_of(opening, interpreter->builtins != 0 ? interpreter->builtins : interpreter->sysdict,
	            SYMBOL_PyDict_Type);
	set_type_of(opening, runtime->symbols[SYMBOL_PyDict_Type], SYMBOL_PyType_Type);
	take_names(opening, interpreter->builtins, builtin_names, sizeof builtin_names / sizeof builtin_names[0]);
	take_types_of_objects(opening, interpreter);
	take_names(opening, namespace_of_module(opening, interpreter->modules, "types"), types_names,
	           sizeof types_names / sizeof types_names[0]);
	take_names(opening, namespace_of_module(opening, interpreter->modules, "collections"), collections_names,
	           sizeof collections_names / sizeof collections_names[0]);
}
