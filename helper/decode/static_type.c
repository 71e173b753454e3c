/* SPDX-License-Identifier: MIT */
#include "decode/static_type.h"

#include "decode/type_flags.h"

enum { LIMIT_STATIC_TYPES = 1 << 16 };

/* The state at `index` of a table in the interpreter, if it is this type's. */
static bool read_state(struct decoder *decoder, enum layout_field table, enum layout_struct state_struct,
                       uint64_t index, uint64_t address, struct static_type_state *ret_state)
{
	const struct layout *layout = decoder->layout;
	const struct runtime *runtime = decoder->context->runtime;
	if (!layout_has(layout, table) || runtime->interpreters.count == 0 || layout->struct_bytes[state_struct] == 0)
		return false;
	uint64_t state = runtime->interpreters.items[0].address + layout_offset(layout, table) +
	                 index * layout->struct_bytes[state_struct];
	uint64_t owner;
	if (!reader_u64(&decoder->reader, state + layout_offset(layout, FIELD_managed_static_type_state_type),
	                &owner) ||
	    owner != address)
		return false;
	ret_state->dict_slot = state + layout_offset(layout, FIELD_managed_static_type_state_tp_dict);
	ret_state->subclasses_slot = state + layout_offset(layout, FIELD_managed_static_type_state_tp_subclasses);
	return reader_u64(&decoder->reader, ret_state->dict_slot, &ret_state->dict);
}

bool static_type_state(struct decoder *decoder, uint64_t address, const uint8_t *body,
                       struct static_type_state *ret_state)
{
	const struct layout *layout = decoder->layout;
	if (!layout_feature(layout, FEATURE_STATIC_BUILTIN_STATE))
		return false;
	uint64_t flags = load_u64(body + layout_offset(layout, FIELD_PyTypeObject_tp_flags));
	uint64_t number = load_u64(body + layout_offset(layout, FIELD_PyTypeObject_tp_subclasses));
	if (!(flags & TPFLAGS_STATIC_BUILTIN) || number == 0 || number > LIMIT_STATIC_TYPES)
		return false;
	return read_state(decoder, FIELD_PyInterpreterState_types_builtins, STRUCT_managed_static_type_state,
	                  number - 1, address, ret_state) ||
	       read_state(decoder, FIELD_PyInterpreterState_types_for_extensions, STRUCT_managed_static_type_state,
	                  number - 1, address, ret_state);
}
