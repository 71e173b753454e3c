/* SPDX-License-Identifier: MIT
 * One field of one struct in the target, by the layout: for the few hundred reads that opening a target takes. */
#include "base/bytes.h"
#include "runtime/find/opening.h"

bool read_field(struct reader *reader, const struct layout *layout, uint64_t address, enum layout_field field,
                uint64_t *ret_value)
{
	const struct layout_place place = layout->fields[field];
	uint64_t where;
	if (place.size == 0 || address == 0 || !checked_add(address, place.offset, &where))
		return false;
	/* Of a struct or an array that is a field, the first word. */
	const unsigned size = place.size > 8 ? 8 : place.size;
	uint8_t bytes[8];
	if (!reader_copy(reader, where, bytes, size))
		return false;
	uint64_t value = load_word(bytes, size, false);
	if (place.bit_width != 0 && place.bit_width < 64)
		value = value >> place.bit_offset & ((UINT64_C(1) << place.bit_width) - 1);
	*ret_value = value;
	return true;
}
