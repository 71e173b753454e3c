/* SPDX-License-Identifier: MIT
 * byte_counts: numbers of bytes by index. Where all of them together, in units that each is a multiple of, fit in 32
 * bits, so does any sum of some of them: half the memory, and most heaps. */
#ifndef PYDS_BASE_BYTE_COUNTS_H
#define PYDS_BASE_BYTE_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_counts {
	uint32_t *narrow; /* in units; NULL: wide has them */
	uint64_t *wide; /* in bytes */
	unsigned shift; /* of a unit: a power of two */
};

/* `count` zeroes, for numbers with sum `total` and of which `bits` are set in any. False: out of memory. */
bool byte_counts_open(struct byte_counts *counts, uint64_t count, uint64_t total, uint64_t bits);
void byte_counts_close(struct byte_counts *counts); /* {0} is fine */

static inline bool byte_counts_are_open(const struct byte_counts *counts)
{
	return counts->narrow != NULL || counts->wide != NULL;
}

static inline uint64_t byte_counts_at(const struct byte_counts *counts, uint64_t index)
{
	return counts->narrow != NULL ? (uint64_t)counts->narrow[index] << counts->shift : counts->wide[index];
}

static inline void byte_counts_add(struct byte_counts *counts, uint64_t index, uint64_t bytes)
{
	if (counts->narrow != NULL)
		counts->narrow[index] += (uint32_t)(bytes >> counts->shift);
	else
		counts->wide[index] += bytes;
}

#endif
