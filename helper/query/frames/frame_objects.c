/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_objects.h"

#include <string.h>

#include "base/limits.h"
#include "names/locals.h"
#include "object/value.h"

enum { NAMES_LOOKED_AT = 256 }; /* names of one code object, and locals of one frame */

/* The tuple of a code's names; its length, 0: it cannot be read. */
static uint64_t names_of(struct decoder *decoder, uint64_t code, uint64_t *ret_items)
{
	uint64_t names, count;
	if (!value_field(&decoder->objects, code, FIELD_PyCodeObject_co_names, &names) ||
	    !value_items(&decoder->objects, names, &count, ret_items))
		return 0;
	return count < NAMES_LOOKED_AT ? count : NAMES_LOOKED_AT;
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

bool code_takes_locks(struct decoder *decoder, uint64_t code)
{
	char name[LIMIT_STRING_SHOWN];
	uint64_t items = 0;
	const uint64_t count = names_of(decoder, code, &items);
	for (uint64_t i = 0; i < count; i++)
		if (name_at(decoder, items, i, name, sizeof name) &&
		    (strcmp(name, "acquire") == 0 || strcmp(name, "flock") == 0 || strcmp(name, "lockf") == 0))
			return true;
	return false;
}

static bool add(object_array *objects, uint64_t object)
{
	return object == 0 || array_push(objects, object);
}

bool frame_objects_find(struct decoder *decoder, const struct python_frame *frame, object_array *objects)
{
	struct object_reader *reader = &decoder->objects;
	char name[LIMIT_STRING_SHOWN];
	uint64_t items = 0, locals[NAMES_LOOKED_AT];
	uint32_t local_count = 0;
	bool done = true;
	for (uint32_t i = 0; done && i < frame->slot_count && i < NAMES_LOOKED_AT; i++) {
		const uint64_t value = local_value(decoder, frame, i);
		if (value != 0)
			locals[local_count++] = value;
		done = add(objects, value);
	}
	const uint64_t count = names_of(decoder, frame->code, &items);
	for (uint64_t i = 0; done && i < count; i++) {
		if (!name_at(decoder, items, i, name, sizeof name))
			continue;
		done = add(objects, dict_get_str(reader, frame->globals, name));
		for (uint32_t k = 0; done && k < local_count; k++)
			done = add(objects, value_attribute(reader, locals[k], name));
	}
	return done;
}

uint64_t frame_generator(struct decoder *decoder, const struct python_frame *frame)
{
	uint64_t generator = 0;
	if (!layout_has(decoder->layout, FIELD_PyFrameObject_f_gen))
		return frame_generator_around(decoder->layout, frame);
	(void)value_field(&decoder->objects, frame->address, FIELD_PyFrameObject_f_gen, &generator);
	return generator;
}
