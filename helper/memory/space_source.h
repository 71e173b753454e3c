/* SPDX-License-Identifier: MIT
 * space_source: what stands behind an address space: host memory to give back, the way to ask a live
 * target for bytes, and the lazily filled copies of its memory. Private to the memory layer. */
#ifndef PYDS_MEMORY_SPACE_SOURCE_H
#define PYDS_MEMORY_SPACE_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>

#include "memory/address_space.h"
#include "memory/budget.h"
#include "memory/core/file_identity.h"

struct host_map { /* munmap()ed at close */
	void *address;
	size_t bytes;
};

enum {
	LAZY_BLOCK_BYTES = 64 * 1024, /* one request to a live target */
	LAZY_PAGE_BYTES = 4096, /* what is asked for when a whole block is refused */
	LAZY_PAGES = LAZY_BLOCK_BYTES / LAZY_PAGE_BYTES,
};

/* State of one block: bit i says that its page i is there; LAZY_ASKED that the target was asked. */
#define LAZY_ASKED (UINT32_C(1) << 31)

struct lazy_blocks {
	uint64_t start, end; /* target addresses that are copied */
	uint64_t base; /* start, down to a block boundary: where block 0 begins */
	uint8_t *host; /* host address of the byte at base; only what lies in [start, end) is ever written */
	_Atomic uint32_t *states; /* one for each block */
};

struct space_source {
	/* Number of bytes read; only == size is success. Called under lock. NULL: no segment is lazy. */
	uint64_t (*read)(void *context, uint64_t address, void *buffer, uint64_t size);
	void (*close)(void *context); /* may be NULL */
	void *context;
	pthread_mutex_t lock;
	ARRAY(struct host_map) maps;
	ARRAY(uint8_t *) copies; /* of segments: memory/core/segments_apart.h */
	ARRAY(struct lazy_blocks *) lazy;
	/* Targets without a list of mappings: a segment for each window that was touched, made on demand. */
	bool on_demand;
	uint32_t window_capacity;
	struct file_identity core; /* of a core file when it was opened; none of others */
	struct memory_budget budget;
	bool is_expanded; /* the core is read from a temporary file: memory/core/compressed_file.h */
	atomic_bool is_cut; /* a mapped file became shorter under us: its pages read as zeros */
	atomic_bool is_gone; /* a live target that is read in place has ended */
};

/* A space of a kind, with a source and no segments. */
int address_space_create(struct address_space **ret_space, enum space_kind kind, struct error *error);

/* Makes the segments that follow from claims, which come in any order and may overlap: of two claims on
 * one address the better known wins (bytes of the target, bytes of a file, then reasons for absence), of
 * equals the earlier in the list. Replaces earlier segments; claims may be space->segments itself. Numbers
 * the granules, indexes, and sums the coverage up. */
int address_space_set_segments(struct address_space *space, const struct segment *claims, size_t claim_count,
                               struct error *error);

int64_t monotonic_nanoseconds(void);

/* A warning sentence; silently dropped when memory is out. */
void address_space_warn(struct address_space *space, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last warning bears on every answer. */
void address_space_lose(struct address_space *space);

/* Remembers host memory to be unmapped at close; on failure it is unmapped at once. */
int space_source_keep_map(struct space_source *source, void *address, size_t bytes, struct error *error);

/* Reserves host memory for [start, end) of a live target and turns *segment into a lazy one over it. */
int lazy_blocks_create(struct space_source *source, uint64_t start, uint64_t end, struct segment *segment,
                       struct error *error);
void lazy_blocks_destroy(struct lazy_blocks *lazy);
/* Segments from claims; those that are ABSENT_UNREADABLE and have a protection become lazy. */
int lazy_claims_create(struct address_space *space, const struct segment *claims, size_t claim_count,
                       struct error *error);
/* One lazy segment for each run of mappings of one kind of a live target; unreadable ones are absent. */
int lazy_segments_create(struct address_space *space, const struct memory_mapping *mappings, size_t mapping_count,
                         struct error *error);

/* On-demand windows (source->on_demand): the segment for address, made if need be; NULL past the limits. */
const struct segment *window_find(const struct address_space *space, uint64_t address);
int windows_create(struct address_space *space, struct error *error);

/* segment_list.c: claims to sorted, disjoint, coalesced segments; *ret_segments is malloc()ed. */
int segment_list_resolve(const struct segment *claims, size_t claim_count, struct segment **ret_segments,
                         size_t *ret_count, struct error *error);

/* segment_index.c */
int segment_index_build(struct address_space *space, struct error *error);
void segment_index_free(struct address_space *space);
const struct segment *segment_index_find(const struct address_space *space, uint64_t address);

#endif
