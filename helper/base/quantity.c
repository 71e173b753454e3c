/* SPDX-License-Identifier: MIT */
#include "base/quantity.h"

#include <inttypes.h>

void quantity_count(struct text *text, uint64_t count)
{
	char digits[24];
	int length = 0;
	for (uint64_t rest = count; rest != 0 || length == 0; rest /= 10)
		digits[length++] = (char)('0' + rest % 10);
	while (length > 0) {
		length--;
		text_append(text, &digits[length], 1);
		if (length > 0 && length % 3 == 0)
			text_append(text, ",", 1);
	}
}

void quantity_bytes(struct text *text, uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	if (bytes < 1024) {
		text_format(text, "%" PRIu64 " B", bytes);
		return;
	}
	/* From MiB on a unit is kept up to 10240 of it: "1406.2 MiB" tells more than "1.4 GiB". */
	unsigned unit = 0;
	unsigned shift = 10;
	while (unit < 4 && bytes >> shift >= (unit == 0 ? 1024 : 10240)) {
		unit++;
		shift += 10;
	}
	uint64_t whole = bytes >> shift;
	uint64_t rest = bytes & ((UINT64_C(1) << shift) - 1);
	/* Tenths, rounded to nearest; rest < 2^50, so the product fits. */
	uint64_t tenths = (rest * 10 + (UINT64_C(1) << (shift - 1))) >> shift;
	text_format(text, "%" PRIu64 ".%" PRIu64 " %s", whole + tenths / 10, tenths % 10, names[unit]);
}
