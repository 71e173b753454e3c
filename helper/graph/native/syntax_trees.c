/* SPDX-License-Identifier: MIT */
#include "graph/native/syntax_trees.h"

#include "allocator/debug_guards.h"

enum {
	/* struct _block of Python/pyarena.c, the same from 3.8 to 3.15: bytes behind it, bytes of these in use, the
	 * next one, where they begin (8 bytes aligned: right behind it). */
	HEAD_BYTES = 32,
	LEAST_BYTES = 8192, /* DEFAULT_BLOCK_SIZE */
	ROUNDING = 4, /* an allocator adds a fourth at most, and a header */
	HEADER_MOST = 4 * DEBUG_GUARDS_BYTES,
};

static bool is_tree_at(const struct native_graph *graph, struct reader *reader, uint64_t address, uint64_t room)
{
	const uint8_t *head = room > HEAD_BYTES + LEAST_BYTES ? reader_at(reader, address, HEAD_BYTES) : NULL;
	if (head == NULL || load_u64(head + 24) != address + HEAD_BYTES)
		return false;
	const uint64_t bytes = load_u64(head), used = load_u64(head + 8), next = load_u64(head + 16);
	if (bytes < LEAST_BYTES || bytes > room - HEAD_BYTES || used > bytes ||
	    room - HEAD_BYTES - bytes > bytes / ROUNDING + HEADER_MOST)
		return false;
	return next == 0 || native_graph_find(graph, next) != NULL;
}

void syntax_trees_mark(struct native_graph *graph, struct reader *reader)
{
	for (size_t i = 0; i < graph->blocks.count; i++) {
		struct native_block *block = &graph->blocks.items[i];
		const uint64_t bytes = native_block_bytes(block);
		bool is_tree = false;
		for (uint64_t guards = 0; guards <= DEBUG_GUARDS_LAYERS && bytes > LEAST_BYTES && !is_tree; guards++) {
			const uint64_t before = guards * DEBUG_GUARDS_BEFORE;
			is_tree = is_tree_at(graph, reader, block->address + before, bytes - before);
		}
		if (!is_tree)
			continue;
		block->holder = NATIVE_TREES;
		block->is_data = true; /* what the nodes name is the parser's, while it is */
	}
}
