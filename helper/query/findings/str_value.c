/* SPDX-License-Identifier: MIT */
#include "query/findings/str_value.h"

#include "query/findings/value_table.h"

bool str_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash, bool *ret_is_interned)
{
	const struct layout *layout = run->decoder->layout;
	const uint32_t ascii_bytes = layout->struct_bytes[STRUCT_PyASCIIObject];
	const uint8_t *head = reader_at(&run->decoder->reader, address, ascii_bytes);
	if (head == NULL || layout_get(layout, FIELD_PyASCIIObject_state_compact, head) == 0)
		return false;
	const uint64_t length = layout_get(layout, FIELD_PyASCIIObject_length, head);
	const uint64_t kind = layout_get(layout, FIELD_PyASCIIObject_state_kind, head);
	const bool is_ascii = layout_get(layout, FIELD_PyASCIIObject_state_ascii, head) != 0;
	const uint32_t data = is_ascii ? ascii_bytes : layout->struct_bytes[STRUCT_PyCompactUnicodeObject];
	*ret_is_interned = layout_get(layout, FIELD_PyASCIIObject_state_interned, head) != 0;
	if ((kind != 1 && kind != 2 && kind != 4) || length > INT32_MAX)
		return false;
	const uint8_t *bytes = length > 0 ? reader_at(&run->decoder->reader, address + data, length * kind) : head;
	if (bytes == NULL)
		return false;
	*ret_hash = value_hash(bytes, length * kind, kind);
	return true;
}

bool bytes_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash)
{
	const struct layout *layout = run->decoder->layout;
	const uint32_t data = layout_offset(layout, FIELD_PyBytesObject_ob_sval);
	const uint8_t *head = reader_at(&run->decoder->reader, address, data);
	if (head == NULL)
		return false;
	const uint64_t length = layout_get(layout, FIELD_PyVarObject_ob_size, head);
	if (length > INT32_MAX)
		return false;
	const uint8_t *bytes = length > 0 ? reader_at(&run->decoder->reader, address + data, length) : head;
	if (bytes == NULL)
		return false;
	*ret_hash = value_hash(bytes, length, 8);
	return true;
}
