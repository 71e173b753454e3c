/* SPDX-License-Identifier: MIT */
#include "query/holders/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "base/limits.h"
#include "base/path.h"
#include "object/type_flags.h"
#include "object/value.h"

struct search {
	const struct query *query;
	const struct retained *heap;
	struct decoder *decoder;
	owner_array *owners;
	struct address_map seen; /* objects that have a name already, and modules that were gone through */
};

static int no_memory(struct search *search)
{
	return query_no_memory(search->query, "the names of owners");
}

/* name: "app.cache", then attribute: a str. */
static int add_owner(struct search *search, const char *before, uint64_t attribute, uint64_t object)
{
	struct text name = { .bytes = NULL }, key = { .bytes = NULL };
	const uint32_t number = retained_number(search->heap, object);
	if (number == UINT32_MAX || address_map_get(&search->seen, object) != ADDRESS_MAP_NONE ||
	    value_str(&search->decoder->objects, attribute, LIMIT_STRING_SHOWN, &key) < 0) {
		text_free(&key);
		return OK;
	}
	names_escape(&name, before, strlen(before), false);
	text_add(&name, ".");
	names_escape(&name, text_string(&key), key.length, false);
	text_free(&key);
	struct owner owner = { .address = object, .number = number, .retained = search->heap->bytes[number] };
	owner.name = name.failed ? NULL : name.bytes;
	if (owner.name == NULL || !address_map_set(&search->seen, object, 0) || !array_push(search->owners, owner)) {
		text_free(&name);
		return no_memory(search);
	}
	return OK;
}

/* Whether a class says that it is of that module: others are only imported there. */
static bool is_made_in(struct search *search, uint64_t dict, const char *module)
{
	const uint64_t name = dict_get_str(&search->decoder->objects, dict, "__module__");
	return name != 0 && value_str_equals(&search->decoder->objects, name, module);
}

static int add_class(struct search *search, const char *module, uint64_t key, uint64_t class)
{
	struct dict_cursor cursor;
	struct text name = { .bytes = NULL };
	const uint64_t dict = value_type_dict(&search->decoder->objects, class);
	uint64_t attribute, object;
	int status = OK;
	if (dict == 0 || !is_made_in(search, dict, module) ||
	    !dict_cursor_open(&cursor, &search->decoder->objects, dict))
		return OK;
	text_add(&name, module);
	text_add(&name, ".");
	(void)value_str(&search->decoder->objects, key, LIMIT_STRING_SHOWN, &name);
	while (status == OK && dict_cursor_next(&cursor, &attribute, &object))
		status = add_owner(search, text_string(&name), attribute, object);
	text_free(&name);
	return status;
}

static int add_globals(struct search *search, const char *module, uint64_t dict)
{
	struct dict_cursor cursor;
	uint64_t key, object, steps = 0;
	int status = OK;
	if (!dict_cursor_open(&cursor, &search->decoder->objects, dict))
		return OK;
	while (status == OK && dict_cursor_next(&cursor, &key, &object)) {
		if (progress_look(search->query->progress, &steps) < 0)
			return query_cancelled(search->query);
		if (value_is_module(&search->decoder->objects, object))
			continue;
		if (value_is(&search->decoder->objects, object, TPFLAGS_TYPE_SUBCLASS))
			status = add_class(search, module, key, object);
		if (status == OK)
			status = add_owner(search, module, key, object);
	}
	return status;
}

static int add_modules(struct search *search, uint64_t modules)
{
	struct dict_cursor cursor;
	struct attribute_storage storage;
	struct text name = { .bytes = NULL };
	uint64_t key, object;
	int status = OK;
	if (!dict_cursor_open(&cursor, &search->decoder->objects, modules))
		return OK;
	while (status == OK && dict_cursor_next(&cursor, &key, &object)) {
		text_reset(&name);
		if (!value_is_module(&search->decoder->objects, object) ||
		    address_map_get(&search->seen, object) != ADDRESS_MAP_NONE ||
		    !value_instance_attributes(&search->decoder->objects, object, &storage) || storage.dict == 0 ||
		    value_str(&search->decoder->objects, key, LIMIT_TYPE_NAME_BYTES, &name) < 0)
			continue;
		if (!address_map_set(&search->seen, object, 0))
			status = no_memory(search);
		else
			status = add_globals(search, text_string(&name), storage.dict);
	}
	text_free(&name);
	return status;
}

/* "local 'rows' of render() report.py" */
static void local_name(struct search *search, const struct python_frame *frame, uint32_t slot, struct text *name)
{
	struct text local = { .bytes = NULL }, function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line;
	names_local(search->decoder, frame->code, slot, &local);
	names_frame(search->decoder, frame, &function, &file, &line);
	const char *base = path_base_name(text_string(&file));
	text_add(name, "local '");
	names_escape(name, text_string(&local), local.length, true);
	text_add(name, "' of ");
	names_escape(name, text_string(&function), function.length, false);
	text_add(name, "() ");
	names_escape(name, base, strlen(base), false);
	text_free(&local);
	text_free(&function);
	text_free(&file);
}

static int add_locals(struct search *search, const struct python_frame *frame)
{
	const bool is_tagged = layout_feature(search->decoder->layout, FEATURE_TAGGED_STACK_REFS);
	for (uint32_t i = 0; i < frame->slot_count; i++) {
		uint64_t object;
		if (!reader_u64(search->decoder->objects.reader, frame->localsplus + 8 * (uint64_t)i, &object))
			break;
		if (is_tagged)
			object &= ~UINT64_C(3);
		const uint32_t number = object != 0 ? retained_number(search->heap, object) : UINT32_MAX;
		if (number == UINT32_MAX || address_map_get(&search->seen, object) != ADDRESS_MAP_NONE)
			continue;
		struct text name = { .bytes = NULL };
		local_name(search, frame, i, &name);
		struct owner owner = { .name = name.failed ? NULL : name.bytes,
			               .address = object,
			               .number = number,
			               .retained = search->heap->bytes[number],
			               .is_local = true };
		if (owner.name == NULL || !address_map_set(&search->seen, object, 0) ||
		    !array_push(search->owners, owner)) {
			text_free(&name);
			return no_memory(search);
		}
	}
	return OK;
}

static int add_frames(struct search *search)
{
	const struct runtime *runtime = search->query->target->runtime;
	int status = OK;
	for (size_t i = 0; status == OK && i < runtime->threads.count; i++) {
		const struct thread_frames *frames;
		TRY(runtime_thread_frames(runtime, &runtime->threads.items[i], &frames, search->query->error));
		for (size_t at = 0; status == OK && at < frames->list.count; at++) {
			const struct python_frame frame = frame_list_at(&frames->list, at);
			status = add_locals(search, &frame);
			if (query_is_cancelled(search->query))
				status = query_cancelled(search->query);
		}
	}
	return status;
}

int owners_find(const struct query *query, const struct retained *heap, owner_array *owners)
{
	struct search search = { query, heap, &query->target->naming, owners, { .slots = NULL } };
	const struct runtime *runtime = query->target->runtime;
	int status = OK;
	for (size_t i = 0; status == OK && i < runtime->interpreters.count; i++)
		status = add_modules(&search, runtime->interpreters.items[i].modules);
	if (status == OK)
		status = add_frames(&search);
	address_map_clear(&search.seen);
	return status;
}

void owners_clear(owner_array *owners)
{
	for (size_t i = 0; i < owners->count; i++)
		free(owners->items[i].name);
	array_free(owners);
}
