/* SPDX-License-Identifier: MIT */
#include "graph/asizeof.h"

#include <stdlib.h>
#include <string.h>

#include "object/keys_table.h"
#include "graph/asizeof_attributes.h"
#include "object/value.h"
#include "graph/object_head.h"

enum { DEPTH_LIMIT = 100 };

static const struct {
	const char *type_name;
	enum rule rule;
} rules_by_name[] = {
	{ "function", RULE_IGNORED },
	{ "builtin_function_or_method", RULE_IGNORED },
	{ "builtin_method", RULE_IGNORED },
	{ "method", RULE_IGNORED },
	{ "staticmethod", RULE_IGNORED },
	{ "classmethod", RULE_IGNORED },
	{ "super", RULE_IGNORED },
	{ "code", RULE_IGNORED },
	{ "frame", RULE_IGNORED },
	{ "object", RULE_IGNORED },
	{ "weakcallableproxy", RULE_IGNORED },
	{ "weakref.CallableProxyType", RULE_IGNORED },
	{ "module", RULE_MODULE },
	{ "list", RULE_ITEMS },
	{ "tuple", RULE_ITEMS },
	{ "set", RULE_ITEMS },
	{ "frozenset", RULE_ITEMS },
	{ "cell", RULE_CELL },
	{ "weakref", RULE_WEAKREF },
	{ "weakref.ReferenceType", RULE_WEAKREF },
	{ "weakref.KeyedRef", RULE_WEAKREF },
	{ "list_iterator", RULE_REFERENTS },
	{ "tuple_iterator", RULE_REFERENTS },
	{ "list_reverseiterator", RULE_REFERENTS },
	{ "reversed", RULE_DOCUMENTED },
	{ "enumerate", RULE_DOCUMENTED },
	{ "property", RULE_PROPERTY },
	{ "mappingproxy", RULE_PROXY },
	{ "traceback", RULE_TRACEBACK },
	{ "os.stat_result", RULE_STAT },
	{ "os.statvfs_result", RULE_STATVFS },
	{ "generator", RULE_GENERATOR },
	{ "dict_keyiterator", RULE_REFERENTS },
	{ "dict_valueiterator", RULE_REFERENTS },
	{ "dict_itemiterator", RULE_REFERENTS },
	{ "set_iterator", RULE_REFERENTS },
	{ "str_iterator", RULE_REFERENTS },
	{ "str_ascii_iterator", RULE_REFERENTS },
	{ "bytes_iterator", RULE_REFERENTS },
	{ "bytearray_iterator", RULE_REFERENTS },
	{ "range_iterator", RULE_REFERENTS },
	{ "callable_iterator", RULE_REFERENTS },
};

/* Exact types by name (the names of static types cannot be taken by a class statement's), then by what they derive
 * from. */
static enum rule decide(struct decoder *decoder, const struct type_info *type)
{
	if (type->flags & TYPE_IS_METATYPE)
		return RULE_IGNORED;
	if (!(type->flags & TYPE_IS_PYTHON_CLASS)) {
		for (size_t i = 0; i < sizeof rules_by_name / sizeof rules_by_name[0]; i++)
			if (strcmp(rules_by_name[i].type_name, type->name) == 0)
				return rules_by_name[i].rule;
	} else if (strcmp(type->name, "weakref.KeyedRef") == 0) {
		return RULE_WEAKREF;
	} else if (strcmp(type->name, "weakref.WeakKeyDictionary") == 0) {
		return RULE_WEAK_KEYS;
	} else if (strcmp(type->name, "weakref.WeakValueDictionary") == 0) {
		return RULE_WEAK_VALUES;
	}
	if (type->tp_flags & TPFLAGS_DICT_SUBCLASS)
		return RULE_DICT;
	if (type->tp_flags & TPFLAGS_TUPLE_SUBCLASS &&
	    value_class_attribute(&decoder->objects, type->address, "_fields") != 0)
		return RULE_NAMEDTUPLE;
	if (type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS)
		return RULE_EXCEPTION;
	if (!(type->flags & TYPE_IS_PYTHON_CLASS) && type->flags & TYPE_IS_LEAF)
		return RULE_FLAT;
	return RULE_INSTANCE;
}

static bool rule_of(struct sizer *sizer, const struct type_info *type, enum rule *ret_rule)
{
	if (type->index >= sizer->rule_capacity) {
		size_t capacity = (size_t)type->index + 256;
		uint8_t *rules = realloc(sizer->rules, capacity);
		if (rules == NULL)
			return false;
		memset(rules + sizer->rule_capacity, RULE_UNDECIDED, capacity - sizer->rule_capacity);
		sizer->rules = rules;
		sizer->rule_capacity = capacity;
	}
	if (sizer->rules[type->index] == RULE_UNDECIDED)
		sizer->rules[type->index] = (uint8_t)decide(sizer->decoder, type);
	*ret_rule = (enum rule)sizer->rules[type->index];
	return true;
}

static bool push_runs(struct sizer *sizer, uint32_t depth, uint32_t required, uint32_t skipped)
{
	const struct decoded *out = &sizer->decoder->out;
	for (size_t i = 0; i < out->runs.count; i++) {
		const struct run *run = &out->runs.items[i];
		if ((run->flags & required) != required || run->flags & skipped)
			continue;
		for (uint64_t slot = 0; slot < run->count; slot++)
			if (!sizer_push(sizer, run_target(run, slot), depth))
				return false;
	}
	return true;
}

static bool push_entries(struct sizer *sizer, struct dict_cursor *cursor, uint32_t depth)
{
	uint64_t key, value;
	while (dict_cursor_next(cursor, &key, &value))
		if (!sizer_push(sizer, key, depth) || !sizer_push(sizer, value, depth))
			return false;
	return true;
}

/* __dict__ of an instance: the dict object there is, or else the one that would be made. */
static bool push_dict(struct sizer *sizer, const struct type_info *type, uint64_t address, uint32_t depth)
{
	struct attribute_storage storage = { 0 };
	if (type->tp_dictoffset == 0)
		return true;
	if (value_instance_attributes(&sizer->decoder->objects, address, &storage) && storage.dict != 0)
		return sizer_push(sizer, storage.dict, depth);
	return array_push(&sizer->stack, (struct item){ address, depth, true });
}

/* args, filename, lineno, msg and text, wherever the exception keeps them; a member that is unset reads as None. */
static bool push_exception(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	static const char *const names[] = { ".args", ".filename", ".lineno", ".msg", ".text" };
	const struct decoded *out = &sizer->decoder->out;
	uint64_t none = sizer->decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct];
	for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
		uint64_t found = 0;
		for (size_t i = 0; i < out->runs.count && found == 0; i++) {
			const struct run *run = &out->runs.items[i];
			if (run->label == LABEL_FIELD && strcmp(*run->names, names[name]) == 0)
				found = run_target(run, 0) != 0 ? run_target(run, 0) : none;
		}
		if (found == 0)
			found = value_attribute(&sizer->decoder->objects, address, names[name] + 1);
		if (!sizer_push(sizer, found, depth))
			return false;
	}
	return true;
}

static bool push_referent(struct sizer *sizer, const struct type_info *type, uint64_t address, uint32_t depth)
{
	uint64_t referent = 0;
	uint64_t none = sizer->decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct];
	(void)type;
	if (!value_field(&sizer->decoder->objects, address, FIELD_PyWeakReference_wr_object, &referent))
		return true;
	return sizer_push(sizer, referent != 0 ? referent : none, depth);
}

static bool push_children(struct sizer *sizer, enum rule rule, const struct type_info *type, uint64_t address,
                          uint32_t depth)
{
	struct dict_cursor cursor;
	uint64_t dict = address;
	switch (rule) {
	case RULE_ITEMS:
		return push_runs(sizer, depth, RUN_ITEM, 0);
	case RULE_MODULE:
		if (depth > 1 || !value_field(&sizer->decoder->objects, address, FIELD_PyModuleObject_md_dict, &dict))
			return true;
		return !dict_cursor_open(&cursor, &sizer->decoder->objects, dict) ||
		       push_entries(sizer, &cursor, depth);
	case RULE_DICT:
		return !dict_cursor_open(&cursor, &sizer->decoder->objects, dict) ||
		       push_entries(sizer, &cursor, depth);
	case RULE_INSTANCE:
		return push_dict(sizer, type, address, depth) && push_runs(sizer, depth, RUN_ATTRIBUTE, RUN_DICT);
	case RULE_NAMEDTUPLE:
		return push_runs(sizer, depth, RUN_ITEM, 0);
	case RULE_EXCEPTION:
		return push_exception(sizer, address, depth);
	case RULE_CELL:
		return push_runs(sizer, depth, 0, RUN_CLASS);
	case RULE_REFERENTS:
		return push_runs(sizer, depth, 0, RUN_HIDDEN);
	case RULE_WEAKREF:
		return push_referent(sizer, type, address, depth);
	default:
		return sizer_push_attributes(sizer, rule, address, depth);
	}
}

/* Children were pushed in order; the stack gives back the last first. */
static void reverse(struct item *items, size_t item_count)
{
	for (size_t i = 0; i < item_count / 2; i++) {
		struct item swapped = items[i];
		items[i] = items[item_count - 1 - i];
		items[item_count - 1 - i] = swapped;
	}
}

/* A dict that shares the class's keys, or an empty one where the class has none (Objects/dictobject.c
 * PyObject_GenericGetDict, new_dict_with_shared_keys). */
static bool size_new_dict(struct sizer *sizer, uint64_t owner, uint32_t depth)
{
	struct decoder *decoder = sizer->decoder;
	uint64_t type_address = value_type(&decoder->objects, owner, NULL);
	const struct type_info *type = decode_type(decoder, type_address);
	if (sizer->dict_type == NULL || type == NULL)
		return true;
	uint64_t size = (uint64_t)sizer->dict_type->tp_basicsize + sizer->dict_type->presize;
	struct keys_table keys;
	if (keys_table_read(&decoder->objects, type->instance.cached_keys, &keys)) {
		uint64_t values = keys.entry_count + keys.usable;
		if (!layout_feature(decoder->layout, FEATURE_SPLIT_DICT_VALUES_COUNTED_BY_USABLE))
			values = (keys.bytes - (keys.entries - keys.address)) / keys.entry_bytes;
		size += 8 * values;
	}
	if (!sizer_count(sizer, sizer->dict_type, size))
		return false;
	struct dict_cursor cursor;
	return depth >= DEPTH_LIMIT || !value_attribute_cursor(&cursor, &decoder->objects, owner) ||
	       push_entries(sizer, &cursor, depth + 1);
}

static bool size_object(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	struct decoder *decoder = sizer->decoder;
	const struct segment *segment = address_space_find(decoder->reader.space, address);
	const uint64_t place = segment != NULL ? visited_place(sizer->visited, segment, address) : 0;
	if (segment != NULL && (address & 7) == 0 && visited_has(sizer->visited, place))
		return true;
	bool is_object = decode_object(decoder, address);
	const struct decoded *out = &decoder->out;
	if (is_object && (address & 8) != 0 && is_inside_object(decoder, address)) {
		sizer->result->coverage.corrupt++;
		return true;
	}
	if (out->flags & DECODED_UNREADABLE)
		sizer->result->coverage.unreadable++;
	if (out->flags & DECODED_CORRUPT)
		sizer->result->coverage.corrupt++;
	if (!is_object)
		return true;
	(void)visited_add(sizer->visited, place);
	enum rule rule;
	const struct type_info *type = out->type;
	if (!rule_of(sizer, type, &rule) || decoder->out_of_memory)
		return false;
	if (rule == RULE_IGNORED) {
		sizer->result->not_entered++;
		return true;
	}
	if (out->flags & DECODED_APPROXIMATE)
		sizer->result->coverage.approximate++;
	if (!sizer_count(sizer, type, out->shallow))
		return false;
	return depth >= DEPTH_LIMIT || push_children(sizer, rule, type, address, depth + 1);
}

static int run_sizer(struct sizer *sizer, struct progress *progress, struct error *error)
{
	uint64_t done = 0;
	while (sizer->stack.count > 0) {
		struct item item = sizer->stack.items[--sizer->stack.count];
		size_t from = sizer->stack.count;
		if (!(item.is_new_dict ? size_new_dict : size_object)(sizer, item.address, item.depth))
			return error_set(error, ERROR_NO_MEMORY, "out of memory after %llu objects",
			                 (unsigned long long)done);
		reverse(sizer->stack.items + from, sizer->stack.count - from);
		if (progress_step(progress, &done) < 0)
			return progress_cancelled(error);
	}
	return OK;
}

static void leave_out(struct sizer *sizer, uint64_t address)
{
	const struct segment *segment = address_space_find(sizer->decoder->reader.space, address);
	if (address != 0 && segment != NULL)
		(void)visited_add(sizer->visited, visited_place(sizer->visited, segment, address));
}

/* pympler sizes neither its own module nor that module's namespace, docstring and table of types (Asizer._clear). */
static void leave_out_pympler(struct sizer *sizer)
{
	const struct runtime *runtime = sizer->decoder->context->runtime;
	struct object_reader *objects = &sizer->decoder->objects;
	uint64_t module = 0, dict;
	if (runtime->interpreters.count > 0)
		module = dict_get_str(objects, runtime->interpreters.items[0].modules, "pympler.asizeof");
	if (module == 0 || !value_field(objects, module, FIELD_PyModuleObject_md_dict, &dict))
		return;
	leave_out(sizer, module);
	leave_out(sizer, dict);
	leave_out(sizer, dict_get_str(objects, dict, "__doc__"));
	leave_out(sizer, dict_get_str(objects, dict, "_typedefs"));
}

int asizeof_walk(struct decoder *decoder, struct visited *visited, const struct walk_start *start,
                 struct progress *progress, struct walk_result *result, struct error *error)
{
	struct sizer sizer = { .decoder = decoder, .visited = visited, .result = result };
	const struct runtime *runtime = decoder->context->runtime;
	if (runtime->interpreters.count > 0)
		sizer.dict_type = decode_type(
		        decoder, value_type(&decoder->objects, runtime->interpreters.items[0].modules, NULL));
	if (runtime->symbols[SYMBOL_PyLong_Type] != 0)
		sizer.int_type = decode_type(decoder, runtime->symbols[SYMBOL_PyLong_Type]);
	leave_out_pympler(&sizer);
	int status = OK;
	for (size_t i = 0; status == OK && i < start->count; i++)
		if (!sizer_push(&sizer, start->objects[i], 0))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory");
	reverse(sizer.stack.items, sizer.stack.count);
	if (status == OK)
		status = run_sizer(&sizer, progress, error);
	for (size_t i = 0; i < sizer.totals.count; i++) {
		if (sizer.totals.items[i].count == 0)
			continue;
		sizer.totals.items[i].bytes = sizer.totals.items[i].shallow;
		result->count += sizer.totals.items[i].count;
		result->bytes += sizer.totals.items[i].bytes;
		if (!array_push(&result->types, sizer.totals.items[i]))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	walk_result_sort(result);
	array_free(&sizer.stack);
	array_free(&sizer.totals);
	free(sizer.rules);
	return status;
}
