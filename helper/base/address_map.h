/* SPDX-License-Identifier: MIT
 * address_map: target address -> u32, open addressing, for tables of thousands (types, modules).
 * Objects, of which there are millions, are never kept in one: they have bitmaps and arrays. */
#ifndef PYDS_BASE_ADDRESS_MAP_H
#define PYDS_BASE_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_map {
	struct address_map_slot {
		uint64_t address; /* 0: free */
		uint32_t value;
	} * slots;
	uint32_t mask; /* slot count - 1 */
	uint32_t count;
};

/* The value of an absent key. */
#define ADDRESS_MAP_NONE UINT32_MAX

static inline uint64_t address_hash(uint64_t address)
{
	/* Objects are 16-byte aligned, so the low bits say nothing; multiply to spread the rest. */
	return (address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20;
}

static inline uint32_t address_map_get(const struct address_map *map, uint64_t address)
{
	if (map->slots == NULL)
		return ADDRESS_MAP_NONE;
	for (uint64_t i = address_hash(address);; i++) {
		const struct address_map_slot *slot = &map->slots[i & map->mask];
		if (slot->address == 0) /* first: 0 may be asked for too, and is never there */
			return ADDRESS_MAP_NONE;
		if (slot->address == address)
			return slot->value;
	}
}

/* Sets or replaces; address must not be 0. False when memory is out. */
bool address_map_set(struct address_map *map, uint64_t address, uint32_t value);
void address_map_clear(struct address_map *map); /* frees; the map is empty and usable again */

#endif
