/* SPDX-License-Identifier: MIT
 * segment_index: from an address to its segment in a few loads. Two levels over 48-bit addresses: a root
 * entry for each GiB, a leaf with an entry for each MiB. A GiB that one segment covers needs no leaf: its
 * root entry is the segment's number, tagged in the lowest bit. Higher addresses are searched for. */
#include "memory/space_source.h"

#include <sys/mman.h>

enum {
	ROOT_SHIFT = 30,
	LEAF_SHIFT = 20,
	ADDRESS_BITS = 48,
	LEAF_ENTRIES = 1 << (ROOT_SHIFT - LEAF_SHIFT),
};

#define ROOT_ENTRIES ((size_t)1 << (ADDRESS_BITS - ROOT_SHIFT))
#define ROOT_BYTES (ROOT_ENTRIES * sizeof(uint32_t *))

static bool is_number(const uint32_t *entry)
{
	return ((uintptr_t)entry & 1) != 0;
}

static uint32_t *tagged_number(uint64_t number)
{
	return (uint32_t *)(uintptr_t)(number << 1 | 1);
}

/* Entry i: the first segment that ends after MiB i of the leaf begins; one entry more than MiBs. first is
 * the first segment that touches the leaf's GiB. */
static uint32_t *leaf_create(const struct address_space *space, uint64_t root_number, uint32_t first)
{
	uint32_t *leaf = malloc((LEAF_ENTRIES + 1) * sizeof *leaf);
	if (leaf == NULL)
		return NULL;
	uint32_t number = first;
	for (uint64_t i = 0; i <= LEAF_ENTRIES; i++) {
		uint64_t begin = (root_number << ROOT_SHIFT) + (i << LEAF_SHIFT);
		while (number < space->segment_count && space->segments[number].end <= begin)
			number++;
		leaf[i] = number;
	}
	return leaf;
}

int segment_index_build(struct address_space *space, struct error *error)
{
	void *root = mmap(NULL, ROOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (root == MAP_FAILED)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the index of memory ranges");
	space->index = root;
	for (uint32_t number = 0; number < space->segment_count; number++) {
		const struct segment *segment = &space->segments[number];
		for (uint64_t i = segment->start >> ROOT_SHIFT;
		     i <= (segment->end - 1) >> ROOT_SHIFT && i < ROOT_ENTRIES; i++) {
			if (space->index[i] != NULL)
				continue;
			uint64_t begin = i << ROOT_SHIFT;
			if (segment->start <= begin && segment->end - begin >= (UINT64_C(1) << ROOT_SHIFT))
				space->index[i] = tagged_number(number);
			else if ((space->index[i] = leaf_create(space, i, number)) == NULL)
				return error_set(error, ERROR_NO_MEMORY,
				                 "out of memory for the index of memory ranges");
		}
	}
	return OK;
}

void segment_index_free(struct address_space *space)
{
	if (space->index == NULL)
		return;
	for (size_t number = 0; number < space->segment_count; number++) {
		const struct segment *segment = &space->segments[number];
		/* Leaves lie only where a segment begins or ends. */
		uint64_t edges[2] = { segment->start >> ROOT_SHIFT, (segment->end - 1) >> ROOT_SHIFT };
		for (int edge = 0; edge < 2; edge++) {
			if (edges[edge] >= ROOT_ENTRIES || is_number(space->index[edges[edge]]))
				continue;
			free(space->index[edges[edge]]);
			space->index[edges[edge]] = NULL;
		}
	}
	(void)munmap(space->index, ROOT_BYTES);
	space->index = NULL;
}

/* The first segment in [low, high] that ends after address, if it holds address. */
static const struct segment *search(const struct address_space *space, size_t low, size_t high, uint64_t address)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (space->segments[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	if (low >= space->segment_count || space->segments[low].start > address || space->segments[low].end <= address)
		return NULL;
	return &space->segments[low];
}

const struct segment *segment_index_find(const struct address_space *space, uint64_t address)
{
	if (address >> ADDRESS_BITS != 0)
		return search(space, 0, space->segment_count, address);
	const uint32_t *leaf = space->index[address >> ROOT_SHIFT];
	if (leaf == NULL)
		return NULL;
	if (is_number(leaf))
		return &space->segments[(uintptr_t)leaf >> 1];
	uint64_t entry = address >> LEAF_SHIFT & (LEAF_ENTRIES - 1);
	return search(space, leaf[entry], leaf[entry + 1], address);
}
