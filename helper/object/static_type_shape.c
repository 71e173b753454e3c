/* SPDX-License-Identifier: MIT */
#include "object/static_type_shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/text.h"
#include "object/type_flags.h"
#include "object/value.h"

enum { STEM_BYTES = 64, NUMBER_BYTES = 128, MOST_BSS_BYTES = 4 << 20 };

/* Of tp_flags: what a type is derived from, and whether the collector knows it. */
static const uint64_t shape_flags = UINT64_C(0xff) << 24 | TPFLAGS_HAVE_GC;

static const struct shape_line {
	uint64_t shape;
	const char *file, *name;
} lines[] = {
#define STATIC_TYPE_SHAPE(shape, file, name) { shape, file, name },
#include "object/static_type_shapes.def"
#undef STATIC_TYPE_SHAPE
};

/* The file that the address lies in, or whose .bss follows it without a gap. */
static const struct mapped_file *file_of(const struct address_space *space, uint64_t address)
{
	const struct mapped_file *before = NULL;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (address >= file->start && address < file->end)
			return file;
		if (file->end <= address && (before == NULL || file->end > before->end))
			before = file;
	}
	if (before == NULL || address - before->end >= MOST_BSS_BYTES)
		return NULL;
	for (uint64_t at = before->end; at <= address;) {
		const struct segment *segment = address_space_find(space, at);
		if (segment == NULL || !segment->writable_private)
			return NULL;
		at = segment->end;
	}
	return before;
}

bool static_type_file(struct object_reader *objects, uint64_t type, char *stem, size_t capacity)
{
	const struct runtime *runtime = objects->runtime;
	const struct address_space *space = objects->reader->space;
	const struct mapped_file *file = file_of(space, type);
	if (file == NULL)
		return false;
	const char *name = path_base_name(file->path);
	int length = file_of(space, runtime->address) == file ? 0 : (int)(strchrnul(name, '.') - name);
	return (size_t)snprintf(stem, capacity, "%.*s", length, name) < capacity;
}

static uint64_t hash_text(const char *text, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		value = (value ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return value;
}

static uint64_t hash_base(const char *base_name)
{
	struct text name = { 0 };
	text_format(&name, "base %s", base_name);
	uint64_t hash = hash_text(text_string(&name), name.length);
	text_free(&name);
	return hash;
}

/* Of a type that was never made ready, which its objects can do without: which of its functions it has. */
static uint64_t hash_functions(struct object_reader *objects, uint64_t type)
{
	uint32_t flags = layout_offset(objects->layout, FIELD_PyTypeObject_tp_flags);
	uint32_t end = layout_offset(objects->layout, FIELD_PyTypeObject_tp_base);
	char text[NUMBER_BYTES] = "functions ";
	size_t length = strlen(text);
	uint64_t word;
	for (uint32_t at = layout_offset(objects->layout, FIELD_PyTypeObject_tp_itemsize) + 8; at < end; at += 8)
		if (at != flags && length + 1 < sizeof text)
			text[length++] = reader_u64(objects->reader, type + at, &word) && word != 0 ? '1' : '0';
	return hash_text(text, length);
}

/* generate/static_type_shapes.py makes the same sum of what Python says of the type. */
static bool shape_of(struct object_reader *objects, uint64_t type, const char *base_name, uint64_t *ret_shape)
{
	static const enum layout_field fields[] = {
		FIELD_PyTypeObject_tp_basicsize,      FIELD_PyTypeObject_tp_itemsize, FIELD_PyTypeObject_tp_dictoffset,
		FIELD_PyTypeObject_tp_weaklistoffset, FIELD_PyTypeObject_tp_flags,    FIELD_PyTypeObject_tp_base
	};
	uint64_t words[sizeof fields / sizeof fields[0]], key, value;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (!reader_u64(objects->reader, type + layout_offset(objects->layout, fields[i]), &words[i]))
			return false;
	char numbers[NUMBER_BYTES];
	int length = snprintf(numbers, sizeof numbers, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIx64,
	                      (int64_t)words[0], (int64_t)words[1], (int64_t)words[2], (int64_t)words[3],
	                      words[4] & shape_flags);
	uint64_t shape = hash_text(numbers, (size_t)length) + hash_base(base_name);
	struct dict_cursor cursor;
	uint64_t dict = value_type_dict(objects, type);
	*ret_shape = shape + hash_functions(objects, type);
	if (dict == 0)
		return true;
	if (!dict_cursor_open(&cursor, objects, dict))
		return false;
	struct text text = { 0 };
	bool complete = true;
	while (complete && cursor.next < LIMIT_TYPE_SHAPE && dict_cursor_next(&cursor, &key, &value)) {
		text_reset(&text);
		complete = value_str(objects, key, LIMIT_TYPE_NAME_BYTES, &text) >= 0 && !text.failed;
		shape += hash_text(text_string(&text), text.length);
	}
	text_free(&text);
	*ret_shape = shape;
	return complete;
}

const char *static_type_shape_name(struct object_reader *objects, uint64_t type, const char *base_name)
{
	char stem[STEM_BYTES];
	uint64_t shape;
	const char *name = NULL;
	if (!static_type_file(objects, type, stem, sizeof stem) || !shape_of(objects, type, base_name, &shape))
		return NULL;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (lines[i].shape != shape || (stem[0] != '\0' && strcmp(lines[i].file, stem) != 0))
			continue;
		if (name != NULL && strcmp(name, lines[i].name) != 0)
			return NULL; /* of modules that are built in here, two have such a type */
		name = lines[i].name;
	}
	return name;
}
