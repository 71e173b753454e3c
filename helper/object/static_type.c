/* SPDX-License-Identifier: MIT */
#include "object/static_type.h"

#include "object/type_flags.h"
#include "object/value.h"

enum {
	LIMIT_STATIC_TYPES = 1 << 16,
	LIMIT_FIRST_SUBCLASSES = 256, /* of object: some hundred types are made ready before any code runs */
};

/* Address of the state at `index` of a table in the interpreter that is meant; 0: this Python has no such table. */
static uint64_t state_address(const struct object_reader *objects, enum layout_field table, uint64_t index)
{
	const struct layout *layout = objects->layout;
	const struct runtime *runtime = objects->runtime;
	uint64_t bytes = layout->struct_bytes[STRUCT_managed_static_type_state];
	if (!layout_has(layout, table) || objects->interpreter >= runtime->interpreters.count || bytes == 0)
		return 0;
	return runtime->interpreters.items[objects->interpreter].address + layout_offset(layout, table) + index * bytes;
}

static bool is_state_of(struct object_reader *objects, uint64_t state, uint64_t type)
{
	uint64_t owner;
	return state != 0 &&
	       reader_u64(objects->reader, state + layout_offset(objects->layout, FIELD_managed_static_type_state_type),
	                  &owner) &&
	       owner == type;
}

/* The state at `index` of a table in the interpreter, if it is this type's. */
static bool read_state(struct object_reader *objects, enum layout_field table, uint64_t index, uint64_t address,
                       struct static_type_state *ret_state)
{
	const struct layout *layout = objects->layout;
	uint64_t state = state_address(objects, table, index);
	if (!is_state_of(objects, state, address))
		return false;
	ret_state->dict_slot = state + layout_offset(layout, FIELD_managed_static_type_state_tp_dict);
	ret_state->subclasses_slot = state + layout_offset(layout, FIELD_managed_static_type_state_tp_subclasses);
	return reader_u64(objects->reader, ret_state->dict_slot, &ret_state->dict);
}

/* What tp_subclasses of a static type says; 0 if it cannot be a number. */
static uint64_t number_in(const struct layout *layout, const uint8_t *body)
{
	if (!layout_feature(layout, FEATURE_STATIC_BUILTIN_STATE))
		return 0;
	uint64_t flags = load_u64(body + layout_offset(layout, FIELD_PyTypeObject_tp_flags));
	uint64_t number = load_u64(body + layout_offset(layout, FIELD_PyTypeObject_tp_subclasses));
	return flags & TPFLAGS_STATIC_BUILTIN && number <= LIMIT_STATIC_TYPES ? number : 0;
}

bool static_type_state(struct object_reader *objects, uint64_t address, const uint8_t *body,
                       struct static_type_state *ret_state)
{
	uint64_t number = number_in(objects->layout, body);
	if (number == 0)
		return false;
	return read_state(objects, FIELD_PyInterpreterState_types_builtins, number - 1, address, ret_state) ||
	       read_state(objects, FIELD_PyInterpreterState_types_for_extensions, number - 1, address, ret_state);
}

/* Up to 3.11 object's tp_subclasses is a dict of weak references in the order in which types were made ready; before
 * the first class statement that order is the program's own. Gives the next one that refers to a static type. */
static bool next_first_subclass(struct object_reader *objects, struct dict_cursor *cursor, uint64_t *ret_type)
{
	const struct layout *layout = objects->layout;
	uint64_t key, reference, flags;
	return cursor->next < LIMIT_FIRST_SUBCLASSES && dict_cursor_next(cursor, &key, &reference) &&
	       reader_u64(objects->reader, reference + layout_offset(layout, FIELD_PyWeakReference_wr_object),
	                  ret_type) &&
	       reader_u64(objects->reader, *ret_type + layout_offset(layout, FIELD_PyTypeObject_tp_flags), &flags) &&
	       (flags & TPFLAGS_HEAPTYPE) == 0;
}

static bool open_first_subclasses(struct object_reader *objects, struct dict_cursor *cursor)
{
	uint64_t object = objects->runtime->symbols[SYMBOL_PyBaseObject_Type], subclasses;
	return object != 0 && layout_has(objects->layout, FIELD_PyWeakReference_wr_object) &&
	       reader_u64(objects->reader, object + layout_offset(objects->layout, FIELD_PyTypeObject_tp_subclasses),
	                  &subclasses) &&
	       dict_cursor_open(cursor, objects, subclasses);
}

static uint64_t number_among_first_subclasses(struct object_reader *objects, uint64_t address)
{
	struct dict_cursor cursor;
	uint64_t type, number = 0;
	if (!open_first_subclasses(objects, &cursor))
		return 0;
	while (next_first_subclass(objects, &cursor, &type)) {
		number++;
		if (type == address)
			return number;
	}
	return 0;
}

static bool first_subclass_by_number(struct object_reader *objects, uint64_t number, uint64_t *ret_address)
{
	struct dict_cursor cursor;
	if (number == 0 || !open_first_subclasses(objects, &cursor))
		return false;
	while (number > 0 && next_first_subclass(objects, &cursor, ret_address))
		number--;
	return number == 0;
}

uint64_t static_type_number(struct object_reader *objects, uint64_t address)
{
	if (!layout_feature(objects->layout, FEATURE_STATIC_BUILTIN_STATE))
		return number_among_first_subclasses(objects, address);
	const uint8_t *body = reader_at(objects->reader, address, objects->layout->struct_bytes[STRUCT_PyTypeObject]);
	uint64_t number = body != NULL ? number_in(objects->layout, body) : 0;
	if (number == 0)
		return 0;
	uint64_t state = state_address(objects, FIELD_PyInterpreterState_types_builtins, number - 1);
	return is_state_of(objects, state, address) ? number : 0;
}

bool static_type_by_number(struct object_reader *objects, uint64_t number, uint64_t *ret_address)
{
	uint64_t state = 0;
	if (!layout_feature(objects->layout, FEATURE_STATIC_BUILTIN_STATE))
		return first_subclass_by_number(objects, number, ret_address);
	if (number > 0 && number <= LIMIT_STATIC_TYPES)
		state = state_address(objects, FIELD_PyInterpreterState_types_builtins, number - 1);
	return state != 0 &&
	       reader_u64(objects->reader, state + layout_offset(objects->layout, FIELD_managed_static_type_state_type),
	                  ret_address) &&
	       *ret_address != 0;
}
