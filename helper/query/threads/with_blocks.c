/* SPDX-License-Identifier: MIT */
#include "query/threads/with_blocks.h"

#include <string.h>

#include "names/exception_table.h"
#include "object/value.h"
#include "query/tasks/future.h"

enum {
	/* PyTryBlock (Include/cpython/frameobject.h, up to 3.10): three ints, of which the last is the level. */
	BLOCK_BYTES = 12,
	BLOCK_LEVEL = 8,
	UNIT_BYTES = 2,
};

/* False: the instruction is none of the code (a thread of a free-threaded Python has a copy of its own), or there is no
 * table. */
static bool read_depth(struct decoder *decoder, const struct python_frame *frame, uint64_t *ret_depth)
{
	const uint64_t start = frame->code + layout_offset(decoder->layout, FIELD_PyCodeObject_co_code_adaptive);
	uint64_t units, depth = 0;
	struct exception_table table;
	struct exception_entry entry;
	if (!frame->last_instruction_is_address || frame->last_instruction < start ||
	    !value_field(&decoder->objects, frame->code, FIELD_PyVarObject_ob_size, &units) ||
	    (frame->last_instruction - start) / UNIT_BYTES >= units)
		return false;
	const uint64_t unit = (frame->last_instruction - start) / UNIT_BYTES;
	const bool is_open = exception_table_open(&table, decoder, frame->code);
	while (is_open && exception_table_next(&table, &entry))
		if (unit >= entry.begin && unit - entry.begin < entry.length)
			depth = entry.depth;
	exception_table_clear(&table);
	*ret_depth = depth;
	return is_open;
}

/* Asked for one frame after another: those of a recursion are at one instruction. */
static bool depth_by_table(struct with_blocks *blocks, const struct python_frame *frame, uint64_t *ret_depth)
{
	if (frame->code != blocks->code || frame->last_instruction != blocks->last_instruction) {
		blocks->code = frame->code;
		blocks->last_instruction = frame->last_instruction;
		blocks->has_depth = read_depth(blocks->decoder, frame, &blocks->depth);
	}
	*ret_depth = blocks->depth;
	return blocks->has_depth;
}

static uint64_t depth_by_blocks(struct decoder *decoder, const struct python_frame *frame)
{
	uint64_t count;
	if (!value_field(&decoder->objects, frame->address, FIELD_PyFrameObject_f_iblock, &count) ||
	    (int32_t)count <= 0 || count * BLOCK_BYTES > decoder->layout->fields[FIELD_PyFrameObject_f_blockstack].size)
		return 0;
	const uint64_t last = frame->address + layout_offset(decoder->layout, FIELD_PyFrameObject_f_blockstack) +
	                      (count - 1) * BLOCK_BYTES;
	uint32_t level;
	return reader_u32(&decoder->reader, last + BLOCK_LEVEL, &level) ? level : 0;
}

/* Words of the evaluation stack that are certainly in use. The body of a `with` is covered by the table of exceptions;
 * since 3.14 (LOAD_SPECIAL) its __exit__ is on the stack already while __enter__() still waits. */
static uint64_t certain_depth(struct with_blocks *blocks, const struct python_frame *frame)
{
	struct decoder *decoder = blocks->decoder;
	uint64_t depth = 0;
	if (layout_has(decoder->layout, FIELD_PyFrameObject_f_blockstack))
		depth = depth_by_blocks(decoder, frame);
	else if (!depth_by_table(blocks, frame, &depth) && frame->stack_depth >= 0)
		depth = (uint64_t)frame->stack_depth;
	return depth <= frame->stack_size ? depth : 0;
}

static bool c_method_is_named(struct decoder *decoder, uint64_t method_def, const char *name)
{
	uint64_t address;
	char text[16];
	return value_field(&decoder->objects, method_def, FIELD_PyMethodDef_ml_name, &address) &&
	       reader_string(&decoder->reader, address, text, sizeof text) && strcmp(text, name) == 0;
}

/* The object that a bound __exit__ belongs to; 0: the word is none. */
static uint64_t bound_exit(struct decoder *decoder, uint64_t word, const char *exit)
{
	uint64_t self, method;
	const uint64_t type = word % 8 == 0 ? value_type(&decoder->objects, word, NULL) : 0;
	if (type == 0)
		return 0;
	if (value_type_derives(&decoder->objects, type, SYMBOL_PyCFunction_Type, "builtin_function_or_method"))
		return value_field(&decoder->objects, word, FIELD_PyCFunctionObject_m_ml, &method) &&
		                       c_method_is_named(decoder, method, exit) &&
		                       value_field(&decoder->objects, word, FIELD_PyCFunctionObject_m_self, &self)
		               ? self
		               : 0;
	if (value_type_derives(&decoder->objects, type, SYMBOL_PyMethod_Type, "method") &&
	    function_is_named(decoder, word, exit))
		return value_field(&decoder->objects, word, FIELD_PyMethodObject_im_self, &self) ? self : 0;
	return 0;
}

/* Since 3.14 the function and its first argument are two words. */
static bool is_plain_exit(struct decoder *decoder, uint64_t word, const char *exit)
{
	uint64_t method;
	const uint64_t type = word != 0 && word % 8 == 0 ? value_type(&decoder->objects, word, NULL) : 0;
	if (type == 0)
		return false;
	if (value_type_derives(&decoder->objects, type, -1, "method_descriptor"))
		return value_field(&decoder->objects, word, FIELD_PyMethodDescrObject_d_method, &method) &&
		       c_method_is_named(decoder, method, exit);
	return value_type_derives(&decoder->objects, type, SYMBOL_PyFunction_Type, "function") &&
	       function_is_named(decoder, word, exit);
}

void with_blocks_open(struct with_blocks *blocks, struct decoder *decoder, const char *exit)
{
	*blocks = (struct with_blocks){ .decoder = decoder, .exit = exit };
}

bool with_blocks_find(struct with_blocks *blocks, const struct python_frame *frame, object_array *objects)
{
	struct decoder *decoder = blocks->decoder;
	const bool tagged = layout_feature(decoder->layout, FEATURE_TAGGED_STACK_REFS);
	const uint64_t depth = frame->stack != 0 ? certain_depth(blocks, frame) : 0;
	bool was_exit = false;
	for (uint64_t i = 0; i < depth; i++) {
		uint64_t word;
		if (!reader_u64(&decoder->reader, frame->stack + 8 * i, &word))
			return true;
		if (tagged)
			word = stack_reference_target(word);
		const uint64_t object = was_exit ? word : bound_exit(decoder, word, blocks->exit);
		if (object != 0 && !array_push(objects, object))
			return false;
		was_exit = !was_exit && is_plain_exit(decoder, word, blocks->exit);
	}
	return true;
}
