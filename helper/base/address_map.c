/* SPDX-License-Identifier: MIT */
#include "base/address_map.h"

#include <stdlib.h>

static bool address_map_rehash(struct address_map *map, uint32_t slot_count)
{
	struct address_map_slot *slots = calloc(slot_count, sizeof *slots);
	if (slots == NULL)
		return false;
	struct address_map larger = { .slots = slots, .mask = slot_count - 1 };
	for (uint32_t i = 0; map->slots != NULL && i <= map->mask; i++)
		if (map->slots[i].address != 0)
			(void)address_map_set(&larger, map->slots[i].address, map->slots[i].value);
	free(map->slots);
	*map = larger;
	return true;
}

bool address_map_set(struct address_map *map, uint64_t address, uint32_t value)
{
	/* At most half full: probes stay short and a free slot always ends them. */
	if (map->slots == NULL || map->count >= (map->mask + 1) / 2) {
		if (map->slots != NULL && map->mask > UINT32_MAX / 4)
			return false;
		if (!address_map_rehash(map, map->slots == NULL ? 64 : (map->mask + 1) * 2))
			return false;
	}
	for (uint64_t i = address_hash(address);; i++) {
		struct address_map_slot *slot = &map->slots[i & map->mask];
		if (slot->address == 0) {
			slot->address = address;
			map->count++;
		} else if (slot->address != address) {
			continue;
		}
		slot->value = value;
		return true;
	}
}

void address_map_clear(struct address_map *map)
{
	free(map->slots);
	*map = (struct address_map){ .slots = NULL };
}
