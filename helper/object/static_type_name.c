/* SPDX-License-Identifier: MIT */
#include "object/static_type_name.h"

#include <string.h>

#include "base/limits.h"
#include "object/static_type_order.h"
#include "object/static_type_shape.h"
#include "object/value.h"

/* What Lib/types.py calls them, and their tp_name. */
static const char *const types_names[][2] = {
	{ "FunctionType", "function" },
	{ "MethodType", "method" },
	{ "BuiltinFunctionType", "builtin_function_or_method" },
	{ "MappingProxyType", "mappingproxy" },
	{ "SimpleNamespace", "types.SimpleNamespace" },
	{ "CellType", "cell" },
	{ "CodeType", "code" },
	{ "GeneratorType", "generator" },
	{ "CoroutineType", "coroutine" },
	{ "AsyncGeneratorType", "async_generator" },
	{ "WrapperDescriptorType", "wrapper_descriptor" },
	{ "MethodWrapperType", "method-wrapper" },
	{ "MethodDescriptorType", "method_descriptor" },
	{ "ClassMethodDescriptorType", "classmethod_descriptor" },
	{ "GetSetDescriptorType", "getset_descriptor" },
	{ "MemberDescriptorType", "member_descriptor" },
	{ "ModuleType", "module" },
	{ "TracebackType", "traceback" },
	{ "FrameType", "frame" },
	{ "GenericAlias", "types.GenericAlias" },
	{ "UnionType", "types.UnionType" },
	{ "EllipsisType", "ellipsis" },
	{ "NoneType", "NoneType" },
	{ "NotImplementedType", "NotImplementedType" },
	{ "CapsuleType", "PyCapsule" },
};

/* Objects whose types have no name of their own, or none that is their tp_name, by the module that has them. */
static const struct {
	const char *module, *object, *name;
} values[] = {
	{ "builtins", "None", "NoneType" },
	{ "builtins", "Ellipsis", "ellipsis" },
	{ "builtins", "NotImplemented", "NotImplementedType" },
	{ "builtins", "len", "builtin_function_or_method" },
	{ "sys", "flags", "sys.flags" },
	{ "sys", "version_info", "sys.version_info" },
	{ "sys", "hash_info", "sys.hash_info" },
	{ "sys", "thread_info", "sys.thread_info" },
	{ "sys", "int_info", "sys.int_info" },
	{ "sys", "float_info", "sys.float_info" },
	{ "_ctypes", "Structure", "_ctypes.PyCStructType" },
	{ "_ctypes", "Union", "_ctypes.UnionType" },
	{ "_ctypes", "Array", "_ctypes.PyCArrayType" },
	{ "_ctypes", "CFuncPtr", "_ctypes.PyCFuncPtrType" },
	{ "_ctypes", "_Pointer", "_ctypes.PyCPointerType" },
	{ "_ctypes", "_SimpleCData", "_ctypes.PyCSimpleType" },
};

/* Names in a module, and the tp_name of the type (up to 3.10, Modules/sha256module.c and its like; _elementtree where
 * it is built in, as in python-build-standalone). */
static const char *const other_names[][2] = {
	{ "_sha256.SHA224Type", "_sha256.sha224" },
	{ "_sha256.SHA256Type", "_sha256.sha256" },
	{ "_sha512.SHA384Type", "_sha512.sha384" },
	{ "_sha512.SHA512Type", "_sha512.sha512" },
	{ "_sha1.SHA1Type", "_sha1.sha1" },
	{ "_md5.MD5Type", "_md5.md5" },
	{ "_signal.struct_siginfo", "signal.struct_siginfo" },
	{ "pyexpat.XMLParserType", "pyexpat.xmlparser" },
	{ "_elementtree.Element", "xml.etree.ElementTree.Element" },
	{ "_elementtree.TreeBuilder", "xml.etree.ElementTree.TreeBuilder" },
	{ "_elementtree.XMLParser", "xml.etree.ElementTree.XMLParser" },
};

/* Where types of a file are to be looked for first, as tp_name says that module; and which of several names of one type
 * there (float64, double) is that of tp_name. */
static const struct {
	const char *file, *module;
	const char *names[24];
} modules_of_files[] = {
	{ "_multiarray_umath", "numpy", { "bool",        "bool_",   "int8",    "int16",      "int32",     "int64",
	                                  "longlong",    "uint8",   "uint16",  "uint32",     "uint64",    "ulonglong",
	                                  "float16",     "float32", "float64", "longdouble", "complex64", "complex128",
	                                  "clongdouble", "str_",    "bytes_",  "object_",    "void" } },
};

/* The next key under which a namespace has the object; false: there is none. *budget: entries that may be looked at. */
static bool next_key_of_value(struct dict_cursor *cursor, struct object_reader *objects, uint64_t object,
                              uint64_t *budget, struct text *key)
{
	uint64_t entry_key, value;

	for (; *budget > 0 && dict_cursor_next(cursor, &entry_key, &value); --*budget) {
		if (value == object) {
			text_reset(key);
			return value_str(objects, entry_key, LIMIT_TYPE_NAME_BYTES, key) > 0 && !key->failed;
		}
	}
	return false;
}

static bool key_of_value(struct object_reader *objects, uint64_t dict, uint64_t object, uint64_t *budget,
                         struct text *key)
{
	struct dict_cursor cursor;

	return dict_cursor_open(&cursor, objects, dict) && next_key_of_value(&cursor, objects, object, budget, key);
}

static uint64_t module_dict(struct object_reader *objects, uint64_t module)
{
	uint64_t flags, dict, type = value_type(objects, module, &flags);
	int64_t basicsize = objects->layout->struct_bytes[STRUCT_PyModuleObject];
	uint64_t type_basicsize;

	/* sys.modules may hold anything; what is as large as a module and has a dict in its place will do. */
	if (type == 0 || !value_field(objects, type, FIELD_PyTypeObject_tp_basicsize, &type_basicsize) ||
	    (int64_t)type_basicsize < basicsize || !value_field(objects, module, FIELD_PyModuleObject_md_dict, &dict))
		return 0;
	return dict;
}

static uint64_t namespace_of(struct object_reader *objects, const struct interpreter *interpreter, const char *module)
{
	uint64_t object = dict_get_str(objects, interpreter->modules, module);

	return object == 0 ? 0 : module_dict(objects, object);
}

static bool name_by_types(struct object_reader *objects, const struct interpreter *interpreter, uint64_t type,
                          struct text *name)
{
	uint64_t dict = namespace_of(objects, interpreter, "types");

	for (size_t i = 0; dict != 0 && i < sizeof types_names / sizeof types_names[0]; i++) {
		if (dict_get_str(objects, dict, types_names[i][0]) == type) {
			text_add(name, types_names[i][1]);
			return true;
		}
	}
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		uint64_t space = namespace_of(objects, interpreter, values[i].module);
		uint64_t object = space != 0 ? dict_get_str(objects, space, values[i].object) : 0;
		if (object != 0 && value_type(objects, object, NULL) == type) {
			text_add(name, values[i].name);
			return true;
		}
	}
	return false;
}

/* The registry knows which of the names a C type goes by is its tp_name: "collections.deque" is made in _collections.
 */
static bool append_known(const struct known_types *known, struct text *name, const char *module, const char *key)
{
	struct text candidate = { 0 };

	text_format(&candidate, "%s.%s", module, key);
	bool is_known = !candidate.failed && known != NULL && known->knows_name(text_string(&candidate));
	if (is_known)
		text_append(name, candidate.bytes, candidate.length);
	text_free(&candidate);
	return is_known;
}

/* The name that a type has in the namespace of the module of that name. Of several (_weakref: ref, ReferenceType) it is
 * one that the registry knows, else the first. */
static bool name_by_module(struct object_reader *objects, uint64_t dict, uint64_t module_name, uint64_t type,
                           uint64_t *budget, struct text *name)
{
	struct dict_cursor cursor;
	struct text key = { 0 }, made_in = { 0 }, first = { 0 };
	bool known = false;

	if (!dict_cursor_open(&cursor, objects, dict))
		return false;
	while (!known && next_key_of_value(&cursor, objects, type, budget, &key)) {
		if (made_in.length == 0 &&
		    (value_str(objects, module_name, LIMIT_TYPE_NAME_BYTES, &made_in) <= 0 || made_in.failed))
			break;
		const char *module = text_string(&made_in), *string = text_string(&key);
		known = append_known(objects->facts->known_types, name, module, string) ||
		        (module[0] == '_' && append_known(objects->facts->known_types, name, module + 1, string));
		if (first.length == 0 && strcmp(module, "_collections_abc") == 0)
			text_add(&first, string); /* list_iterator and its like, under their own names */
		else if (first.length == 0)
			text_format(&first, "%s.%s", module, string);
	}
	bool found = known || (first.length != 0 && !first.failed);
	if (!known && found)
		text_append(name, first.bytes, first.length);
	text_free(&key);
	text_free(&made_in);
	text_free(&first);
	return found;
}

/* Any module's namespace. Modules written in C come first: sys.modules is in the order of import, and what imports a
 * name comes after what made it. */
static bool name_by_modules(struct object_reader *objects, const struct interpreter *interpreter, uint64_t type,
                            struct text *name)
{
	struct dict_cursor cursor;
	uint64_t module_key, module, budget = LIMIT_NAMESPACE;
	bool found = false;

	if (!dict_cursor_open(&cursor, objects, interpreter->modules))
		return false;
	while (!found && cursor.next < LIMIT_MODULES && dict_cursor_next(&cursor, &module_key, &module))
		found = name_by_module(objects, module_dict(objects, module), module_key, type, &budget, name);
	return found;
}

static bool name_in_module(struct object_reader *objects, uint64_t dict, uint64_t type, const char *const *preferred,
                           struct text *key)
{
	uint64_t budget = LIMIT_NAMESPACE;
	for (; *preferred != NULL; preferred++) {
		if (dict_get_str(objects, dict, *preferred) == type) {
			text_add(key, *preferred);
			return true;
		}
	}
	return key_of_value(objects, dict, type, &budget, key);
}

/* The public name of a type that lies in a file which is known to give its types such names. */
static bool name_by_file(struct object_reader *objects, const struct interpreter *interpreter, uint64_t type,
                         struct text *name)
{
	char file[64];
	if (!static_type_file(objects, type, file, sizeof file))
		return false;
	for (size_t i = 0; i < sizeof modules_of_files / sizeof modules_of_files[0]; i++) {
		if (strcmp(modules_of_files[i].file, file) != 0)
			continue;
		uint64_t dict = namespace_of(objects, interpreter, modules_of_files[i].module);
		struct text key = { 0 };
		bool found = dict != 0 && name_in_module(objects, dict, type, modules_of_files[i].names, &key);
		if (found)
			text_format(name, "%s.%s", modules_of_files[i].module, text_string(&key));
		text_free(&key);
		return found;
	}
	return false;
}

bool static_type_name(struct object_reader *objects, uint64_t type, const char *base_name, struct text *name)
{
	const struct runtime *runtime = objects->runtime;
	struct text key = { 0 };
	bool found = false;

	if (objects->facts->names_sought >= LIMIT_NAMED_TYPES)
		return false;
	objects->facts->names_sought++;
	const char *known = static_type_order_name(objects, type);
	if (known == NULL)
		known = static_type_shape_name(objects, type, base_name);
	if (known != NULL) {
		text_add(name, known);
		return true;
	}
	for (size_t i = 0; i < runtime->interpreters.count && i < LIMIT_INTERPRETERS && !found; i++) {
		const struct interpreter *interpreter = &runtime->interpreters.items[i];
		uint64_t budget = LIMIT_NAMESPACE;
		found = key_of_value(objects, interpreter->builtins, type, &budget, &key);
		if (found)
			text_add(name, text_string(&key));
		else
			found = name_by_types(objects, interpreter, type, name) ||
			        name_by_file(objects, interpreter, type, name) ||
			        name_by_modules(objects, interpreter, type, name);
	}
	for (size_t i = 0; found && i < sizeof other_names / sizeof other_names[0]; i++) {
		if (strcmp(text_string(name), other_names[i][0]) == 0) {
			text_reset(name);
			text_add(name, other_names[i][1]);
			break;
		}
	}
	text_free(&key);
	return found;
}
