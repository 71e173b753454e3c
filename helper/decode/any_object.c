/* SPDX-License-Identifier: MIT
 * any_object: an instance of a C type that no registry line knows. Size by the generic rule; references by what the
 * type declares itself: member descriptors that are objects, and its __dict__. Always flagged approximate. */
#include "base/limits.h"
#include "decode/decoder.h"
#include "decode/type_flags.h"

decode_function decode_any_object;

/* tp_members ends with a row without a name (Include/structmember.h). */
static void emit_members(struct decoder *decoder, const struct type_info *type, uint64_t address, uint64_t members)
{
	const struct layout *layout = decoder->layout;
	uint32_t row_bytes = layout->struct_bytes[STRUCT_PyMemberDef];
	for (unsigned i = 0; members != 0 && i < LIMIT_TYPE_SLOTS; i++, members += row_bytes) {
		const uint8_t *row = reader_at(&decoder->reader, members, row_bytes);
		if (row == NULL || load_u64(row + layout_offset(layout, FIELD_PyMemberDef_name)) == 0)
			return;
		int32_t kind = load_i32(row + layout_offset(layout, FIELD_PyMemberDef_type));
		int64_t offset = load_i64(row + layout_offset(layout, FIELD_PyMemberDef_offset));
		if ((kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX) &&
		    offset >= layout->struct_bytes[STRUCT_PyObject] && offset + 8 <= type->tp_basicsize &&
		    offset % 8 == 0)
			emit_run(decoder, address + (uint64_t)offset, 1, 8, LABEL_SLOT, 0, members);
	}
}

void decode_any_object(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	(void)body;
	const struct layout *layout = decoder->layout;
	/* The type the rule is about may be a base of the object's own. */
	const struct type_info *owner = type->base_info;
	for (unsigned i = 0; i < LIMIT_TYPE_CHAIN; i++) {
		uint64_t members = 0;
		if (reader_u64(&decoder->reader, owner->address + layout_offset(layout, FIELD_PyTypeObject_tp_members),
		               &members))
			emit_members(decoder, type, address, members);
		if (owner->tp_base == 0)
			break;
		owner = decode_type(decoder, owner->tp_base);
		if (owner == NULL)
			break;
	}
	if (type->base_info->tp_dictoffset > 0 && type->base_info->tp_dictoffset + 8 <= type->tp_basicsize)
		emit_run(decoder, address + (uint64_t)type->base_info->tp_dictoffset, 1, 8, LABEL_DICT, RUN_DICT, 0);
}
