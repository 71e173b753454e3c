/* SPDX-License-Identifier: MIT
 * residency: which pages of a target were in memory. No core says so in words; but the kernel leaves pages that the
 * process never had, or gave back, out of an uncompressed core, as holes of the file. Of a live process its pagemap
 * says it. Where neither is at hand, pages that are not all zero must have been there, which is a lower bound. */
#ifndef PYDS_MEMORY_RESIDENCY_H
#define PYDS_MEMORY_RESIDENCY_H

#include "memory/address_space.h"

enum residency_source {
	RESIDENCY_NOT_ZERO, /* pages with anything in them: at least so much was resident */
	RESIDENCY_HOLES, /* of the core: resident, or swapped out and read by the dumper */
	RESIDENCY_PAGEMAP, /* of the process, as it is now */
};

struct file_extent { /* data of a core, by offset */
	uint64_t start, end;
};

struct residency {
	const struct address_space *space;
	struct reader reader;
	enum residency_source source;
	int pagemap; /* descriptor; -1 */
	const uint8_t *map; /* host address of the core's first byte */
	uint64_t map_bytes;
	ARRAY(struct file_extent) extents;
};

int residency_open(struct residency *residency, const struct address_space *space, struct error *error);
void residency_close(struct residency *residency);
/* Bytes of the pages of [start, end) that are resident, whole pages counted by what of them lies inside. */
uint64_t residency_bytes(struct residency *residency, uint64_t start, uint64_t end);

#endif
