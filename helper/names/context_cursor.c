/* SPDX-License-Identifier: MIT */
#include "names/context_cursor.h"

#include "base/limits.h"
#include "object/value.h"
#include "names/steps.h"

bool context_cursor_open(struct context_cursor *cursor, struct decoder *decoder, uint64_t context)
{
	uint64_t trie, root;
	const uint64_t type = value_type(&decoder->objects, context, NULL);
	if (type == 0 || !type_has_decoder(decoder, type, "context", "Context") ||
	    !value_field(&decoder->objects, context, FIELD_PyContext_ctx_vars, &trie) || trie == 0 ||
	    !value_field(&decoder->objects, trie, FIELD_PyHamtObject_h_root, &root))
		return false;
	cursor->decoder = decoder;
	cursor->nodes[0] = root;
	cursor->node_count = 1;
	cursor->next = cursor->pair_count = cursor->steps = 0;
	return true;
}

static bool open_node(struct context_cursor *cursor, uint64_t node)
{
	const struct layout *layout = cursor->decoder->layout;
	const struct layout_place *array = &layout->fields[FIELD_PyHamtNode_Array_a_array];
	const uint64_t type = value_type(&cursor->decoder->objects, node, NULL);
	uint64_t size;
	if (type == 0)
		return false;
	cursor->next = 0;
	cursor->has_keys = !type_has_decoder(cursor->decoder, type, "hamt_array_node", "hamt_array_node");
	if (!cursor->has_keys) {
		cursor->pairs = node + array->offset;
		cursor->pair_count = array->size / 8;
		return true;
	}
	const bool is_collision = type_has_decoder(cursor->decoder, type, "hamt_collision_node", "hamt_collision_node");
	if ((!is_collision && !type_has_decoder(cursor->decoder, type, "hamt_bitmap_node", "hamt_bitmap_node")) ||
	    !value_field(&cursor->decoder->objects, node, FIELD_PyVarObject_ob_size, &size))
		return false;
	cursor->pairs = node + layout_offset(layout, is_collision ? FIELD_PyHamtNode_Collision_c_array
	                                                          : FIELD_PyHamtNode_Bitmap_b_array);
	cursor->pair_count = size / 2;
	return true;
}

static bool read_word(const struct context_cursor *cursor, uint64_t index, uint64_t *ret_word)
{
	return reader_u64(cursor->decoder->objects.reader, cursor->pairs + 8 * index, ret_word);
}

bool context_cursor_next(struct context_cursor *cursor, uint64_t *ret_variable, uint64_t *ret_value)
{
	while (cursor->steps++ < LIMIT_CONTEXT_VARIABLES) {
		uint64_t key = 0, value;
		if (cursor->next >= cursor->pair_count) {
			cursor->pair_count = 0;
			if (cursor->node_count == 0)
				return false;
			if (!open_node(cursor, cursor->nodes[--cursor->node_count]))
				cursor->next = cursor->pair_count = 0;
			continue;
		}
		const uint64_t pair = cursor->next++;
		if (cursor->has_keys ? !read_word(cursor, 2 * pair, &key) || !read_word(cursor, 2 * pair + 1, &value)
		                     : !read_word(cursor, pair, &value))
			return false;
		if (key != 0) {
			*ret_variable = key;
			*ret_value = value;
			return true;
		}
		if (value != 0 && cursor->node_count < CONTEXT_NODES_OPEN)
			cursor->nodes[cursor->node_count++] = value;
	}
	return false;
}

uint64_t context_variable_name(struct decoder *decoder, uint64_t object)
{
	const uint64_t type = value_type(&decoder->objects, object, NULL);
	uint64_t name;
	return type != 0 && type_has_decoder(decoder, type, "context_variable", "ContextVar") &&
	                       value_field(&decoder->objects, object, FIELD_PyContextVar_var_name, &name)
	               ? name
	               : 0;
}
