/* SPDX-License-Identifier: MIT
 * Type objects. A heap type's traverse visits its namespace, bases, MRO and module; its names, __slots__ tuple and
 * subclasses it owns unseen. A static type is never visited: all it owns is hidden, and since 3.12 its namespace lives
 * in the interpreter (Objects/typeobject.c type_traverse, type___sizeof___impl; gh-94673). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

#include "object/keys_table.h"
#include "object/static_type.h"
#include "object/type_flags.h"

static void decode_heap_type(struct decoder *decoder, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	static const enum layout_field visible[] = { FIELD_PyTypeObject_tp_dict, FIELD_PyTypeObject_tp_cache,
		                                     FIELD_PyTypeObject_tp_mro, FIELD_PyTypeObject_tp_bases,
		                                     FIELD_PyTypeObject_tp_base };
	for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++)
		emit_field(decoder, address, body, visible[i], 0);
	decoder->out.shallow = layout->struct_bytes[STRUCT_PyHeapTypeObject];
	body = body_at(&decoder->reader, address, layout->struct_bytes[STRUCT_PyHeapTypeObject]);
	if (body.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "only a part of the type is in the dump");
		return;
	}
	emit_field(decoder, address, body, FIELD_PyHeapTypeObject_ht_module, 0);
	emit_field(decoder, address, body, FIELD_PyHeapTypeObject_ht_name, RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_PyHeapTypeObject_ht_qualname, RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_PyHeapTypeObject_ht_slots, RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_PyTypeObject_tp_subclasses, RUN_HIDDEN);
	struct keys_table keys;
	if (keys_table_read(&decoder->objects, body_u64(decoder, FIELD_PyHeapTypeObject_ht_cached_keys, body), &keys)) {
		decoder->out.shallow += keys.bytes;
		emit_block(decoder, keys.address, keys.bytes, "shared keys table", BLOCK_COUNTED);
		emit_run(decoder, keys.entries + keys.key_offset, keys.entry_count,
		         (struct run_kind){ .stride = keys.entry_bytes,
		                            .label = LABEL_DICT_KEY,
		                            .flags = RUN_HIDDEN | RUN_SHARED_KEYS,
		                            .argument = keys.address });
	}
}

static void decode_static_type(struct decoder *decoder, uint64_t address, struct body body)
{
	/* tp_base is borrowed; tp_bases owns it (Objects/typeobject.c type_ready_set_bases). */
	static const enum layout_field hidden[] = { FIELD_PyTypeObject_tp_dict, FIELD_PyTypeObject_tp_cache,
		                                    FIELD_PyTypeObject_tp_mro, FIELD_PyTypeObject_tp_bases };
	decoder->out.shallow = decoder->out.body = decoder->layout->struct_bytes[STRUCT_PyTypeObject];
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		emit_field(decoder, address, body, hidden[i], RUN_HIDDEN);
	struct static_type_state state;
	if (static_type_state(&decoder->objects, address, body.bytes, &state)) {
		emit_run(decoder, state.dict_slot, 1,
		         (struct run_kind){ .stride = 8, .label = LABEL_DICT, .flags = RUN_HIDDEN });
		emit_run(decoder, state.subclasses_slot, 1,
		         (struct run_kind){ .stride = 8, .label = LABEL_SUBCLASSES, .flags = RUN_HIDDEN });
	} else if (!layout_feature(decoder->layout, FEATURE_STATIC_BUILTIN_STATE) ||
	           !(body_u64(decoder, FIELD_PyTypeObject_tp_flags, body) & TPFLAGS_STATIC_BUILTIN)) {
		/* of a static builtin type the word is an index into the interpreter's table, not a reference */
		emit_field(decoder, address, body, FIELD_PyTypeObject_tp_subclasses, RUN_HIDDEN);
	}
}

void decode_type_object(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	uint64_t flags = body_u64(decoder, FIELD_PyTypeObject_tp_flags, body);
	if (flags & TPFLAGS_HEAPTYPE)
		decode_heap_type(decoder, address, body);
	else
		decode_static_type(decoder, address, body);
}
