/* SPDX-License-Identifier: MIT
 * parser.st, up to 3.9: the concrete syntax tree of a program. Its size counts the tree (Modules/parsermodule.c
 * parser_sizeof, Parser/node.c sizeofchildren). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

enum {
	LIMIT_NODES = 1 << 24,
	STEP = 4, /* children are allocated by fours, above LARGE by powers of two */
	LARGE = 128,
	LARGE_LEAST = 256,
};

struct children {
	uint64_t address;
	uint64_t count;
};

struct parse_tree {
	ARRAY(struct children) waiting;
	uint64_t nodes;
};

static uint64_t allocated_children(uint64_t count)
{
	if (count <= 1)
		return count;
	if (count <= LARGE)
		return (count + STEP - 1) / STEP * STEP;
	uint64_t allocated = LARGE_LEAST;
	while (allocated < count)
		allocated <<= 1;
	return allocated;
}

static bool add_string(struct decoder *decoder, uint64_t address)
{
	uint64_t limit = chain_limit(decoder, 1);
	for (uint64_t length = 0; length < limit; length++) {
		const uint8_t *byte = reader_at(&decoder->reader, address + length, 1);
		if (byte == NULL)
			return false;
		if (*byte == 0) {
			decoder->out.shallow += length + 1;
			emit_block(decoder, address, length + 1, "token", BLOCK_COUNTED);
			return true;
		}
	}
	return false;
}

/* What a node owns: the text of a token, an array of children, which wait to be looked at. */
static bool add_node(struct decoder *decoder, struct parse_tree *tree, struct body node)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_node];
	uint64_t text = body_u64(decoder, FIELD_node_n_str, node);
	uint64_t children = body_u64(decoder, FIELD_node_n_child, node);
	int64_t count = body_i64(decoder, FIELD_node_n_nchildren, node);
	if (text != 0 && !add_string(decoder, text))
		return false;
	if (children == 0)
		return true;
	if (count < 0 || (tree->nodes += (uint64_t)count) > LIMIT_NODES)
		return false;
	uint64_t array_bytes = allocated_children((uint64_t)count) * bytes;
	decoder->out.shallow += array_bytes;
	emit_block(decoder, children, array_bytes, "nodes", BLOCK_COUNTED);
	if (!array_push(&tree->waiting, (struct children){ children, (uint64_t)count })) {
		decoder->out_of_memory = true;
		return false;
	}
	return true;
}

static bool add_tree(struct decoder *decoder, struct parse_tree *tree, uint64_t root)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_node];
	struct body node = body_at(&decoder->reader, root, bytes);
	if (node.bytes == NULL || !add_node(decoder, tree, node))
		return false;
	decoder->out.shallow += bytes;
	emit_block(decoder, root, bytes, "root", BLOCK_COUNTED);
	while (tree->waiting.count > 0) {
		const struct children next = tree->waiting.items[--tree->waiting.count];
		for (uint64_t i = 0; i < next.count; i++) {
			node = body_at(&decoder->reader, next.address + i * bytes, bytes);
			if (node.bytes == NULL || !add_node(decoder, tree, node))
				return false;
		}
	}
	return true;
}

void decode_parse_tree(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	struct parse_tree tree = { .nodes = 0 };
	uint64_t root = body_u64(decoder, FIELD_PyST_Object_st_node, body);
	if (root != 0 && decoder->layout->struct_bytes[STRUCT_node] != 0 && !add_tree(decoder, &tree, root))
		flag_object(decoder, DECODED_UNREADABLE, "its tree cannot be read");
	array_free(&tree.waiting);
}
