/* SPDX-License-Identifier: MIT
 * locals: names and values of frame slots, and where a frame stands. Up to 3.10 a code object has three tuples of names
 * (co_varnames, co_cellvars, co_freevars, slots in this order), since 3.11 one tuple and one byte of kind for each. */
#include "names/locals.h"

#include "base/limits.h"
#include "base/path.h"
#include "object/value.h"
#include "names/line_table.h"
#include "names/names.h"

/* Include/internal/pycore_code.h */
enum { CO_FAST_CELL = 0x40, CO_FAST_FREE = 0x80 };

/* Include/cpython/code.h: its locals are in slots. */
enum { CO_OPTIMIZED = 1 };

static uint64_t tuple_item(struct decoder *decoder, uint64_t tuple, uint64_t index)
{
	uint64_t count, items, item;

	if (!value_items(&decoder->objects, tuple, &count, &items) || index >= count ||
	    !reader_u64(&decoder->reader, items + index * 8, &item))
		return 0;
	return item;
}

/* Up to 3.10. *ret_is_cell: the slot holds a cell. */
static uint64_t three_tuples_name(struct decoder *decoder, uint64_t code, uint64_t index, bool *ret_is_cell)
{
	static const enum layout_field tuples[] = { FIELD_PyCodeObject_co_varnames, FIELD_PyCodeObject_co_cellvars,
		                                    FIELD_PyCodeObject_co_freevars };
	uint64_t tuple, count, items;

	for (unsigned i = 0; i < 3; i++) {
		if (!value_field(&decoder->objects, code, tuples[i], &tuple) ||
		    !value_items(&decoder->objects, tuple, &count, &items))
			return 0;
		if (index < count) {
			*ret_is_cell = i > 0;
			return tuple_item(decoder, tuple, index);
		}
		index -= count;
	}
	return 0;
}

uint64_t local_name(struct decoder *decoder, uint64_t code, uint64_t index)
{
	uint64_t tuple;
	bool is_cell;

	if (!layout_has(decoder->layout, FIELD_PyCodeObject_co_localsplusnames))
		return three_tuples_name(decoder, code, index, &is_cell);
	return value_field(&decoder->objects, code, FIELD_PyCodeObject_co_localsplusnames, &tuple)
	               ? tuple_item(decoder, tuple, index)
	               : 0;
}

static bool local_is_cell(struct decoder *decoder, uint64_t code, uint64_t index)
{
	uint64_t kinds;
	bool is_cell = false;

	if (!layout_has(decoder->layout, FIELD_PyCodeObject_co_localspluskinds))
		return three_tuples_name(decoder, code, index, &is_cell) != 0 && is_cell;
	if (!value_field(&decoder->objects, code, FIELD_PyCodeObject_co_localspluskinds, &kinds))
		return false;
	int64_t count = value_bytes(&decoder->objects, kinds, 0, NULL);
	if (count < 0 || index >= (uint64_t)count)
		return false;
	const uint8_t *kind = reader_at(&decoder->reader,
	                                kinds + layout_offset(decoder->layout, FIELD_PyBytesObject_ob_sval) + index, 1);
	return kind != NULL && (*kind & (CO_FAST_CELL | CO_FAST_FREE));
}

uint64_t local_value(struct decoder *decoder, const struct python_frame *frame, uint64_t index)
{
	uint64_t value;

	if (index >= frame->slot_count || !reader_u64(&decoder->reader, frame->localsplus + index * 8, &value))
		return 0;
	if (layout_feature(decoder->layout, FEATURE_TAGGED_STACK_REFS))
		value = stack_reference_target(value);
	if (value == 0 || !local_is_cell(decoder, frame->code, index))
		return value;
	/* Until MAKE_CELL ran (3.11+) a cell variable that is an argument is there itself. */
	uint64_t type = value_type(&decoder->objects, value, NULL);
	if (type == 0 || !value_type_derives(&decoder->objects, type, SYMBOL_PyCell_Type, "cell"))
		return value;
	return value_field(&decoder->objects, value, FIELD_PyCellObject_ob_ref, &value) ? value : 0;
}

bool local_namespace(struct decoder *decoder, const struct python_frame *frame, struct dict_cursor *ret_cursor)
{
	uint64_t flags;

	return frame->locals != 0 && frame->locals != frame->globals &&
	       value_field(&decoder->objects, frame->code, FIELD_PyCodeObject_co_flags, &flags) &&
	       !(flags & CO_OPTIMIZED) && dict_cursor_open(ret_cursor, &decoder->objects, frame->locals);
}

void names_local(struct decoder *decoder, uint64_t code, uint64_t index, struct text *text)
{
	uint64_t name = local_name(decoder, code, index);

	if (name != 0)
		value_str(&decoder->objects, name, LIMIT_STRING_SHOWN, text);
}

void names_frame(struct decoder *decoder, const struct python_frame *frame, struct text *function, struct text *file,
                 int64_t *ret_line)
{
	uint64_t name;

	*ret_line = 0;
	if (value_field(&decoder->objects, frame->code, FIELD_PyCodeObject_co_qualname, &name) ||
	    value_field(&decoder->objects, frame->code, FIELD_PyCodeObject_co_name, &name))
		value_str(&decoder->objects, name, LIMIT_TYPE_NAME_BYTES, function);
	if (value_field(&decoder->objects, frame->code, FIELD_PyCodeObject_co_filename, &name))
		value_str(&decoder->objects, name, LIMIT_FILE_NAME, file);
	*ret_line =
	        line_of_instruction(decoder, frame->code, frame->last_instruction, frame->last_instruction_is_address);
}

/* "render() report.py:88"; of a frame its own line, with is_own_line; none: 0 or less. */
struct place_words {
	bool is_own_line;
	const char *path; /* NULL: the name of the file without its folders; "": co_filename as it is */
	int64_t line;
};

static void append_place(struct decoder *decoder, const struct python_frame *frame, struct place_words how,
                         struct text *text)
{
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t current;

	names_frame(decoder, frame, &function, &file, &current);
	const int64_t line = how.is_own_line ? current : how.line;
	const char *name = how.path == NULL      ? path_base_name(text_string(&file))
	                   : how.path[0] != '\0' ? how.path
	                                         : text_string(&file);
	names_escape(text, text_string(&function), function.length, false);
	text_add(text, "() ");
	names_escape(text, name, strlen(name), false);
	if (line > 0)
		text_format(text, ":%lld", (long long)line);
	text_free(&function);
	text_free(&file);
}

void names_place(struct decoder *decoder, const struct python_frame *frame, struct text *text)
{
	append_place(decoder, frame, (struct place_words){ .is_own_line = true }, text);
}

void names_place_in_file(struct decoder *decoder, const struct python_frame *frame, const char *path, struct text *text)
{
	append_place(decoder, frame, (struct place_words){ .is_own_line = true, .path = path }, text);
}

void names_place_at(struct decoder *decoder, const struct python_frame *frame, int64_t line, struct text *text)
{
	append_place(decoder, frame, (struct place_words){ .line = line }, text);
}

bool names_frame_object(struct decoder *decoder, uint64_t object, struct text *text)
{
	struct python_frame frame;
	uint64_t type = value_type(&decoder->objects, object, NULL), address = object;

	if (type == 0 || !value_type_derives(&decoder->objects, type, SYMBOL_PyFrame_Type, "frame") ||
	    (layout_feature(decoder->layout, FEATURE_INTERPRETER_FRAMES) &&
	     !value_field(&decoder->objects, object, FIELD_PyFrameObject_f_frame, &address)) ||
	    !runtime_read_frame(decoder->context->runtime, &decoder->reader, address, &frame))
		return false;
	names_place(decoder, &frame, text);
	return true;
}
