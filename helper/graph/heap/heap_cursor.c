/* SPDX-License-Identifier: MIT */
#include "graph/heap/heap_cursor.h"

void heap_cursor_init(struct heap_cursor *cursor, const struct heap_graph *graph, struct decoder *decoder,
                      struct progress *progress)
{
	*cursor = (struct heap_cursor){ .graph = graph,
		                        .decoder = decoder,
		                        .progress = progress,
		                        .type_offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type) };
	object_cursor_init(&cursor->objects, &graph->index);
}

bool heap_cursor_next(struct heap_cursor *cursor)
{
	struct decoder *decoder = cursor->decoder;
	for (uint64_t address; (address = object_cursor_next(&cursor->objects)) != 0;) {
		const uint8_t *word = reader_at(&decoder->reader, address + cursor->type_offset, 8);
		const uint64_t type_address = word != NULL ? load_u64(word) : 0;
		cursor->address = address;
		cursor->node = cursor->next_node++;
		cursor->status = progress_look(cursor->progress, &cursor->steps);
		if (cursor->status != OK)
			return false;
		/* Neighbours are of one type often. */
		if (cursor->type == NULL || cursor->type->address != type_address)
			cursor->type = type_address != 0 ? decode_type(decoder, type_address) : NULL;
		if (cursor->type != NULL)
			return true;
		cursor->not_objects++;
	}
	return false;
}
