/* SPDX-License-Identifier: MIT */
#include "query/instances.h"

#include "graph/heap/heap_cursor.h"

/* Roles by index of a type, made when a type is first seen. */
struct roles {
	ARRAY(uint8_t) known; /* role + 1; 0: not asked yet */
	classify_type *classify;
};

static bool find_role(struct roles *roles, struct decoder *decoder, const struct type_info *type, uint8_t *ret_role)
{
	while (roles->known.count <= type->index)
		if (!array_push(&roles->known, 0))
			return false;
	uint8_t *role = &roles->known.items[type->index];
	if (*role == 0)
		*role = (uint8_t)(roles->classify(decoder, type) + 1);
	*ret_role = (uint8_t)(*role - 1);
	return true;
}

int instances_find(instance_array *instances, const struct query *query, classify_type *classify)
{
	struct decoder *decoder = &query->target->naming;
	struct roles roles = { .classify = classify };
	const struct type_info *type = NULL;
	const struct retained *heap;
	struct heap_cursor cursor;
	uint8_t role = 0;
	bool done = true;
	TRY(query_heap(query, &heap));
	heap_cursor_init(&cursor, heap->graph, decoder, query->progress);
	while (done && heap_cursor_next(&cursor)) {
		if (cursor.type != type) {
			type = cursor.type;
			done = find_role(&roles, decoder, type, &role);
		}
		const struct instance instance = { cursor.address, cursor.node, role };
		if (done && role != 0)
			done = array_push(instances, instance);
	}
	array_free(&roles.known);
	if (cursor.status != OK)
		return query_cancelled(query);
	return done ? OK : query_no_memory(query, "the objects asked about");
}
