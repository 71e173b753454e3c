/* SPDX-License-Identifier: MIT
 * node_ids: 31-bit odd numbers for objects, as heap snapshots want them: from the address, so that the same object has
 * the same one in two snapshots of a process; where two would have one, the later gets another. */
#ifndef PYDS_EXPORT_NODE_IDS_H
#define PYDS_EXPORT_NODE_IDS_H

#include "query/tables/open_tables.h"

struct node_ids {
	uint32_t count; /* objects */
	uint32_t *ids; /* by object */
	uint64_t *taken; /* bitmap over id / 2 */
};

int node_ids_open(struct node_ids *ids, struct tables *tables, struct error *error);
void node_ids_close(struct node_ids *ids);

static inline uint32_t node_ids_of(const struct node_ids *ids, uint32_t object)
{
	return ids->ids[object];
}

static inline bool node_ids_has(const struct node_ids *ids, uint32_t id)
{
	return ids->taken[id >> 7] >> (id >> 1 & 63) & 1;
}

#endif
