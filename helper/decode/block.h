/* SPDX-License-Identifier: MIT
 * block: memory that an object owns outside its body. */
#ifndef PYDS_DECODE_BLOCK_H
#define PYDS_DECODE_BLOCK_H

#include <stdint.h>

enum block_flag {
	BLOCK_COUNTED = 1, /* sys.getsizeof includes it */
	BLOCK_SHARED = 2, /* has other owners too (a shared keys table) */
	BLOCK_INTERIOR = 4, /* no allocation of its own: lies inside another one */
	BLOCK_OPAQUE = 8, /* another library's: as large as its allocator says; it may own more */
	BLOCK_PAGES = 16, /* a mapping of its own: no allocator's */
};

/* Memory that an object owns outside its body. */
struct block {
	uint64_t address;
	uint64_t bytes; /* as requested from the allocator */
	uint64_t most; /* more than bytes where the target does not say exactly: at most that many were requested */
	uint64_t uncounted; /* of bytes: what sys.getsizeof() leaves out of a block that it counts */
	const char *role; /* "keys table": a literal */
	uint32_t flags; /* enum block_flag */
};

#endif
