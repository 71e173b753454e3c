/* SPDX-License-Identifier: MIT
 * module: a namespace, and of a module in C a block of state whose form only the module knows: the words in it that are
 * addresses of objects are taken for references (Objects/moduleobject.c module_traverse). What such a module keeps
 * elsewhere and visits, it alone knows. */
#include <string.h>

#include "allocator/mimalloc.h"
#include "decode/decode_functions.h"
#include "decode/type_table.h"
#include "object/value.h"

enum {
	LIMIT_STATE_BYTES = 1 << 20,
	LIMIT_ZONES = 1 << 16, /* the module keeps 8 */
	LIMIT_CONDITIONS = 64, /* of decimal arithmetic: there are 20 */
};

/* Size of the state, and whether the module visits what is in it. */
static uint64_t read_state_size(struct decoder *decoder, struct body body, bool *ret_is_visited)
{
	const struct layout *layout = decoder->layout;
	*ret_is_visited = false;
	if (layout_has(layout, FIELD_PyModuleObject_md_state_size)) {
		*ret_is_visited = body_u64(decoder, FIELD_PyModuleObject_md_state_traverse, body) != 0;
		return body_u64(decoder, FIELD_PyModuleObject_md_state_size, body);
	}
	uint64_t definition = body_u64(decoder, FIELD_PyModuleObject_md_def, body);
	uint64_t bytes = 0, traverse = 0;
	if (definition == 0 || !layout_has(layout, FIELD_PyModuleDef_m_size) ||
	    !reader_u64(&decoder->reader, definition + layout_offset(layout, FIELD_PyModuleDef_m_size), &bytes) ||
	    !reader_u64(&decoder->reader, definition + layout_offset(layout, FIELD_PyModuleDef_m_traverse), &traverse))
		return 0;
	*ret_is_visited = traverse != 0;
	return (int64_t)bytes < 0 ? 0 : bytes;
}

/* The type of the object at address; NULL unless ob_type is a type object and the reference count is not 0. In
 * free-threaded builds, where a count of 0 says nothing, the allocator tells objects from other memory. */
static const struct type_info *type_of(struct decoder *decoder, uint64_t address)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *head = address != 0 && (address & 7) == 0
	                              ? reader_at(&decoder->reader, address, layout->struct_bytes[STRUCT_PyObject])
	                              : NULL;
	if (head == NULL)
		return NULL;
	struct mimalloc_page page;
	if (!layout_feature(layout, FEATURE_FREE_THREADED)) {
		if (layout_get(layout, FIELD_PyObject_ob_refcnt, head) == 0)
			return NULL;
	} else if (mimalloc_page_at(layout, &decoder->reader, address, &page) && page.heap == MIMALLOC_HEAP_MEM) {
		return NULL;
	}
	return decode_type(decoder, load_u64(head + layout_offset(layout, FIELD_PyObject_ob_type)));
}

/* atexit up to 3.9: an array of pointers to callbacks. */
static void emit_atexit_callbacks(struct decoder *decoder, struct body state)
{
	const struct layout *layout = decoder->layout;
	uint32_t bytes = layout->struct_bytes[STRUCT_atexit_callback];
	uint64_t callbacks = body_u64(decoder, FIELD_atexitmodule_state_atexit_callbacks, state);
	int64_t count = body_i64(decoder, FIELD_atexitmodule_state_ncallbacks, state);
	if (callbacks == 0 || count < 0 || count > LIMIT_STATE_BYTES)
		return;
	for (int64_t i = 0; i < count; i++) {
		uint64_t callback;
		struct body body;
		if (!reader_u64(&decoder->reader, callbacks + 8 * (uint64_t)i, &callback))
			return;
		if (callback == 0 || (body = body_at(&decoder->reader, callback, bytes)).bytes == NULL)
			continue; /* unregistered */
		emit_block(decoder, callback, bytes, "callback", 0);
		emit_field(decoder, callback, body, FIELD_atexit_callback_func, 0);
		emit_field(decoder, callback, body, FIELD_atexit_callback_args, 0);
		emit_field(decoder, callback, body, FIELD_atexit_callback_kwargs, 0);
	}
}

/* _decimal since 3.13: a table of conditions and their exceptions; the last has no name. */
static void emit_decimal_exceptions(struct decoder *decoder, uint64_t table)
{
	const struct layout *layout = decoder->layout;
	uint32_t bytes = layout->struct_bytes[STRUCT_DecCondMap];
	for (unsigned i = 0; table != 0 && i < LIMIT_CONDITIONS; i++, table += bytes) {
		const struct body row = body_at(&decoder->reader, table, bytes);
		if (row.bytes == NULL || body_u64(decoder, FIELD_DecCondMap_name, row) == 0)
			return;
		emit_field(decoder, table, row, FIELD_DecCondMap_ex, 0);
	}
}

/* _zoneinfo since 3.12: a list of the zones that were used last. */
static void emit_zone_cache(struct decoder *decoder, uint64_t node)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_StrongCacheNode];
	for (unsigned i = 0; node != 0 && i < LIMIT_ZONES; i++) {
		const struct body body = body_at(&decoder->reader, node, bytes);
		if (body.bytes == NULL) {
			flag_object(decoder, DECODED_UNREADABLE, "its zones cannot be read");
			return;
		}
		emit_block(decoder, node, bytes, "zone", 0);
		emit_field(decoder, node, body, FIELD_StrongCacheNode_key, 0);
		emit_field(decoder, node, body, FIELD_StrongCacheNode_zone, 0);
		node = body_u64(decoder, FIELD_StrongCacheNode_next, body);
	}
}

/* What three modules visit beyond the block of their state. */
static void emit_more_state(struct decoder *decoder, uint64_t name, struct body state, uint64_t bytes)
{
	const struct layout *layout = decoder->layout;
	if (layout_has(layout, FIELD_atexitmodule_state_atexit_callbacks) &&
	    bytes >= layout->struct_bytes[STRUCT_atexitmodule_state] &&
	    value_str_equals(&decoder->objects, name, "atexit"))
		emit_atexit_callbacks(decoder, state);
	if (layout_has(layout, FIELD_decimal_state_signal_map) && bytes >= layout->struct_bytes[STRUCT_decimal_state] &&
	    value_str_equals(&decoder->objects, name, "_decimal")) {
		emit_decimal_exceptions(decoder, body_u64(decoder, FIELD_decimal_state_signal_map, state));
		/* The first condition borrows the first signal's. */
		const uint64_t conditions = body_u64(decoder, FIELD_decimal_state_cond_map, state);
		if (conditions != 0)
			emit_decimal_exceptions(decoder, conditions + layout->struct_bytes[STRUCT_DecCondMap]);
	}
	if (layout_has(layout, FIELD_zoneinfo_state_ZONEINFO_STRONG_CACHE) &&
	    bytes >= layout->struct_bytes[STRUCT_zoneinfo_state] &&
	    value_str_equals(&decoder->objects, name, "_zoneinfo"))
		emit_zone_cache(decoder, body_u64(decoder, FIELD_zoneinfo_state_ZONEINFO_STRONG_CACHE, state));
}

/* These visit their own type, as if they were instances. */
static bool visits_own_type(struct decoder *decoder, uint64_t name)
{
	return value_str_equals(&decoder->objects, name, "_hmac") ||
	       (layout_feature(decoder->layout, FEATURE_HEAP_TYPE_VISITED) &&
	        value_str_equals(&decoder->objects, name, "_curses_panel"));
}

/* The few modules whose m_traverse visits str, int and object too. */
static bool visits_plain_values(struct decoder *decoder, uint64_t name)
{
	static const char *const names[] = { "posix", "select",  "_functools", "_posixsubprocess", "_ctypes",
		                             "_hmac", "pyexpat", "readline",   "_zoneinfo" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (value_str_equals(&decoder->objects, name, names[i]))
			return true;
	return false;
}

/* _asyncio of 3.12 keeps the loop that runs, borrowed, and after it the number of the thread state that asked for it
 * (asyncio_state.cached_running_loop). What else it keeps before a number is a function. */
static bool is_cached_loop(const struct type_info *target, const uint8_t *word, uint64_t available)
{
	return available >= 16 && load_u64(word + 8) - 1 < UINT32_MAX &&
	       strcmp(target->entry->id, "python_function") != 0 && !(target->flags & TYPE_IS_METATYPE);
}

void decode_module(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	bool is_visited;
	uint64_t state = body_u64(decoder, FIELD_PyModuleObject_md_state, body);
	uint64_t bytes = state != 0 ? read_state_size(decoder, body, &is_visited) : 0;
	if (bytes == 0 || bytes > LIMIT_STATE_BYTES)
		return;
	emit_block(decoder, state, bytes, "module state", 0);
	const uint8_t *words = reader_at(&decoder->reader, state, bytes);
	if (words == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its state cannot be read");
		return;
	}
	/* What can be part of a cycle is visited: types, dicts, functions; in most modules nothing else. */
	uint64_t name = body_u64(decoder, FIELD_PyModuleObject_md_name, body);
	bool visits_all = is_visited && visits_plain_values(decoder, name);
	/* The state of _curses_panel: an exception, then the type of panels. */
	bool hides_second = !layout_feature(decoder->layout, FEATURE_CURSES_PANEL_TYPE_VISITED) &&
	                    value_str_equals(&decoder->objects, name, "_curses_panel");
	bool visits_capsule = layout_feature(decoder->layout, FEATURE_EXPAT_CAPSULE_VISITED) &&
	                      value_str_equals(&decoder->objects, name, "_elementtree");
	bool is_asyncio = value_str_equals(&decoder->objects, name, "_asyncio");
	for (uint64_t offset = 0; offset + 8 <= bytes; offset += 8) {
		const struct type_info *target = type_of(decoder, load_u64(words + offset));
		if (target == NULL || (is_asyncio && is_cached_loop(target, words + offset, bytes - offset)))
			continue;
		bool is_plain = target->flags & TYPE_NOT_TRAVERSED ||
		                strcmp(target->entry->id, "wrapper_descriptor") == 0 || (hides_second && offset == 8);
		if (visits_capsule && strcmp(target->entry->id, "capsule") == 0)
			is_plain = false;
		emit_run(decoder, state + offset, 1,
		         (struct run_kind){ .stride = 8,
		                            .label = LABEL_WORD,
		                            .flags = is_visited && (visits_all || !is_plain) ? 0 : RUN_HIDDEN,
		                            .argument = offset });
	}
	emit_more_state(decoder, name, (struct body){ words, (uint32_t)bytes }, bytes);
	if (is_visited && visits_own_type(decoder, name))
		emit_field(decoder, address, body, FIELD_PyObject_ob_type, 0);
}
