/* SPDX-License-Identifier: MIT */
#include "base/array.h"

bool array_grow(void **items, size_t *capacity, size_t item_bytes, size_t wanted)
{
	size_t larger = *capacity + *capacity / 2;
	if (larger < wanted)
		larger = wanted;
	if (larger < 8)
		larger = 8;
	void *grown = reallocarray(*items, larger, item_bytes);
	if (grown == NULL)
		return false;
	*items = grown;
	*capacity = larger;
	return true;
}
