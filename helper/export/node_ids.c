/* SPDX-License-Identifier: MIT */
#include "export/node_ids.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ID_BITS = 31 };

/* 256 MiB of addresses, of which only pages with ids in them become memory: an object a page at worst, and objects lie
 * together. */
#define TAKEN_BYTES ((UINT64_C(1) << ID_BITS) / 8)

static uint32_t take(struct node_ids *ids, uint64_t address)
{
	const uint32_t mask = (UINT32_C(1) << ID_BITS) - 1;
	uint32_t number = (uint32_t)(address >> 4) & mask;
	while (ids->taken[number >> 6] >> (number & 63) & 1)
		number = (number + 1) & mask;
	ids->taken[number >> 6] |= UINT64_C(1) << (number & 63);
	return number << 1 | 1;
}

int node_ids_open(struct node_ids *ids, struct tables *tables, struct error *error)
{
	struct object_cursor cursor;
	*ids = (struct node_ids){ .count = tables_object_count(tables) };
	ids->ids = malloc(((size_t)ids->count + 1) * sizeof *ids->ids);
	void *taken =
	        mmap(NULL, TAKEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ids->taken = taken != MAP_FAILED ? taken : NULL;
	if (ids->ids == NULL || ids->taken == NULL || ids->count >= UINT32_C(1) << ID_BITS)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the ids of a heap snapshot");
	object_cursor_init(&cursor, &tables->heap->graph->index);
	for (uint32_t object = 0; object < ids->count; object++) {
		ids->ids[object] = take(ids, object_cursor_next(&cursor));
		TRY(tables_check(tables, object));
	}
	return OK;
}

void node_ids_close(struct node_ids *ids)
{
	free(ids->ids);
	if (ids->taken != NULL)
		munmap(ids->taken, TAKEN_BYTES);
	*ids = (struct node_ids){ .ids = NULL };
}
