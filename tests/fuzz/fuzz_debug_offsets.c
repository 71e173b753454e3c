/* SPDX-License-Identifier: MIT
 * _Py_DebugOffsets: whatever is accepted must have every field inside its struct; an array may begin at its end. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "layout/debug_offsets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct debug_offsets offsets;
	struct error error = { 0 };
	if (debug_offsets_parse(&offsets, bytes, size, &error) != OK)
		return 0;
	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct layout_place *place = &offsets.layout.fields[field];
		const uint32_t whole = offsets.layout.struct_bytes[layout_field_struct((enum layout_field)field)];
		if (place->size != 0 && whole != 0 && place->offset > whole)
			abort();
	}
	return 0;
}
