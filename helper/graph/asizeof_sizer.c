/* SPDX-License-Identifier: MIT */
#include "graph/asizeof_sizer.h"

#include <string.h>

enum { SIZE_ALIGNMENT = 8 };

bool sizer_count(struct sizer *sizer, const struct type_info *type, uint64_t size)
{
	if (type->index >= sizer->totals.count) {
		size_t from = sizer->totals.count;
		if (!array_reserve(&sizer->totals, (size_t)type->index + 64))
			return false;
		sizer->totals.count = sizer->totals.capacity;
		memset(sizer->totals.items + from, 0, (sizer->totals.count - from) * sizeof *sizer->totals.items);
	}
	struct type_total *total = &sizer->totals.items[type->index];
	total->type = type;
	total->count++;
	total->shallow += round_up(size, SIZE_ALIGNMENT);
	return true;
}

bool sizer_push(struct sizer *sizer, uint64_t address, uint32_t depth)
{
	return address == 0 || array_push(&sizer->stack, (struct item){ address, depth, false });
}
