/* SPDX-License-Identifier: MIT
 * Which locks and queues the frames of a thread know. */
#include <stdlib.h>

#include "object/value.h"
#include "query/frames/frame_objects.h"
#include "query/threads/thread_builder.h"

enum { FRAMES_LOOKED_AT = 64 }; /* innermost ones of a thread */

struct knowledge {
	struct thread_builder *builder;
	uint32_t row;
	bool acquires; /* the frame at hand calls acquire() */
	bool no_memory;
	object_array objects; /* of the frame at hand */
};

uint64_t frame_raw_file(struct object_reader *objects, uint64_t object)
{
	uint64_t inner, type = value_type(objects, object, NULL);
	if (type != 0 && value_type_derives(objects, type, -1, "_io.TextIOWrapper") &&
	    value_field(objects, object, FIELD_textio_buffer, &inner)) {
		object = inner;
		type = value_type(objects, object, NULL);
	}
	if (type != 0 &&
	    (value_type_derives(objects, type, -1, "_io.BufferedWriter") ||
	     value_type_derives(objects, type, -1, "_io.BufferedReader") ||
	     value_type_derives(objects, type, -1, "_io.BufferedRandom")) &&
	    value_field(objects, object, FIELD_buffered_raw, &inner))
		object = inner;
	return object;
}

static void add(struct knowledge *knowledge, uint64_t object)
{
	struct thread_builder *builder = knowledge->builder;
	if (object != 0 && builder->waits_for_file)
		object = frame_raw_file(&builder->decoder->objects, object);
	if (object == 0 || address_map_get(&builder->lock_objects, object) == ADDRESS_MAP_NONE)
		return;
	const struct known_object known = { object, knowledge->row, knowledge->acquires };
	if (!array_push(&builder->known, known))
		knowledge->no_memory = true;
}

static void add_frame(struct knowledge *knowledge, const struct python_frame *frame)
{
	struct decoder *decoder = knowledge->builder->decoder;
	knowledge->acquires = code_takes_locks(decoder, frame->code);
	knowledge->objects.count = 0;
	if (!frame_objects_find(decoder, frame, &knowledge->objects))
		knowledge->no_memory = true;
	for (size_t i = 0; i < knowledge->objects.count; i++)
		add(knowledge, knowledge->objects.items[i]);
}

static int compare(const void *left_known, const void *right_known)
{
	const struct known_object *left = left_known, *right = right_known;
	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

bool frame_knowledge_find(struct thread_builder *builder)
{
	struct knowledge knowledge = { .builder = builder };
	for (uint32_t i = 0; i < builder->threads->rows.count; i++) {
		const struct frame_list *frames = &builder->threads->rows.items[i].frames;
		knowledge.row = i;
		for (size_t k = 0; k < frames->count && k < FRAMES_LOOKED_AT; k++)
			if (!library_has(&builder->library, frame_list_code(frames, k))) {
				const struct python_frame frame = frame_list_at(frames, k);
				add_frame(&knowledge, &frame);
			}
	}
	if (builder->known.count > 1)
		qsort(builder->known.items, builder->known.count, sizeof *builder->known.items, compare);
	array_free(&knowledge.objects);
	return !knowledge.no_memory;
}
