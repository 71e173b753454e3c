/* SPDX-License-Identifier: MIT */
#include "base/byte_counts.h"

#include "base/large_block.h"

bool byte_counts_open(struct byte_counts *counts, uint64_t count, uint64_t total, uint64_t bits)
{
	*counts = (struct byte_counts){ .shift = bits != 0 ? (unsigned)__builtin_ctzll(bits) : 0 };
	if (total >> counts->shift <= UINT32_MAX)
		counts->narrow = large_allocate_zero(count, sizeof *counts->narrow);
	else
		counts->wide = large_allocate_zero(count, sizeof *counts->wide);
	return byte_counts_are_open(counts);
}

void byte_counts_close(struct byte_counts *counts)
{
	large_free(counts->narrow);
	large_free(counts->wide);
	*counts = (struct byte_counts){ .shift = 0 };
}
