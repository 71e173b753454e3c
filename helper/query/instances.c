/* SPDX-License-Identifier: MIT */
#include "query/instances.h"

#include <stdlib.h>

/* Roles by index of a type, made when a type is first seen. */
struct roles {
	ARRAY(uint8_t) known; /* role + 1; 0: not asked yet */
	uint8_t (*classify)(struct decoder *decoder, const struct type_info *type);
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

int instances_find(instance_array *instances, struct target *target, const struct retained *heap,
                   uint8_t (*classify)(struct decoder *decoder, const struct type_info *type),
                   struct progress *progress, struct error *error)
{
	struct decoder *decoder = &target->naming;
	const uint64_t type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	struct roles roles = { .classify = classify };
	const struct type_info *type = NULL;
	struct object_cursor cursor;
	uint32_t node = 0;
	uint64_t steps = 0;
	uint8_t role = 0;
	int status = OK;
	object_cursor_init(&cursor, &heap->graph->index);
	for (uint64_t address; status == OK && (address = object_cursor_next(&cursor)) != 0; node++) {
		const uint8_t *word = reader_at(&decoder->reader, address + type_offset, 8);
		const uint64_t type_address = word != NULL ? load_u64(word) : 0;
		if (type == NULL || type->address != type_address) {
			type = type_address != 0 ? decode_type(decoder, type_address) : NULL;
			role = 0;
			if (type != NULL && !find_role(&roles, decoder, type, &role))
				status = ERROR_NO_MEMORY;
		}
		if (role != 0 && status == OK) {
			const struct instance instance = { address, node, role };
			if (!array_push(instances, instance))
				status = ERROR_NO_MEMORY;
		}
		if (status == OK)
			status = progress_look(progress, &steps);
	}
	array_free(&roles.known);
	if (status == ERROR_CANCELLED)
		return progress_cancelled(error);
	return status < 0 ? error_set(error, status, "out of memory for the objects asked about") : OK;
}
