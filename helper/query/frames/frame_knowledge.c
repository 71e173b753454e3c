/* SPDX-License-Identifier: MIT
 * Which locks and queues the frames of a thread know: those in their locals, in attributes of locals that their code
 * names, in globals that it names. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "names/locals.h"
#include "object/value.h"
#include "query/threads/thread_builder.h"

enum {
	NAMES_LOOKED_AT = 256, /* names of one code object, and locals of one frame */
	FRAMES_LOOKED_AT = 64, /* innermost ones of a thread */
};

struct knowledge {
	struct thread_builder *builder;
	uint32_t row;
	bool acquires; /* the frame at hand calls acquire() */
	bool no_memory;
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

/* Whether a function of this name takes what a lock is. */
static bool takes_by_name(const char *name)
{
	return strcmp(name, "acquire") == 0 || strcmp(name, "flock") == 0 || strcmp(name, "lockf") == 0;
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

static bool name_at(struct decoder *decoder, uint64_t items, uint64_t index, char *name, size_t capacity)
{
	uint64_t address;
	struct text text = { .bytes = NULL };
	bool fits = reader_u64(&decoder->reader, items + 8 * index, &address) &&
	            value_str(&decoder->objects, address, capacity, &text) > 0 && text.length < capacity;
	if (fits)
		memcpy(name, text_string(&text), text.length + 1);
	text_free(&text);
	return fits;
}

static void add_frame(struct knowledge *knowledge, const struct python_frame *frame)
{
	struct decoder *decoder = knowledge->builder->decoder;
	struct object_reader *objects = &decoder->objects;
	char name[LIMIT_STRING_SHOWN];
	uint64_t names, count = 0, items = 0, locals[NAMES_LOOKED_AT];
	uint32_t local_count = 0;
	if (!value_field(objects, frame->code, FIELD_PyCodeObject_co_names, &names) ||
	    !value_items(objects, names, &count, &items))
		count = 0;
	count = count < NAMES_LOOKED_AT ? count : NAMES_LOOKED_AT;
	knowledge->acquires = false;
	for (uint64_t i = 0; i < count && !knowledge->acquires; i++)
		knowledge->acquires = name_at(decoder, items, i, name, sizeof name) && takes_by_name(name);
	for (uint32_t i = 0; i < frame->slot_count && i < NAMES_LOOKED_AT; i++) {
		const uint64_t value = local_value(decoder, frame, i);
		if (value != 0)
			locals[local_count++] = value;
		add(knowledge, value);
	}
	for (uint64_t i = 0; i < count; i++) {
		if (!name_at(decoder, items, i, name, sizeof name))
			continue;
		add(knowledge, dict_get_str(objects, frame->globals, name));
		for (uint32_t k = 0; k < local_count; k++)
			add(knowledge, value_attribute(objects, locals[k], name));
	}
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
			if (!library_has(&builder->library, frames->items[k].code))
				add_frame(&knowledge, &frames->items[k]);
	}
	if (builder->known.count > 1)
		qsort(builder->known.items, builder->known.count, sizeof *builder->known.items, compare);
	return !knowledge.no_memory;
}
