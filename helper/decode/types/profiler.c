/* SPDX-License-Identifier: MIT
 * _lsprof.Profiler, what cProfile is made of: a binary tree of functions, each with a tree of the functions it called,
 * and the contexts of calls that are under way (Modules/_lsprof.c, Modules/rotatingtree.c). No size counts them. */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum {
	LIMIT_ENTRIES = 1 << 22, /* of all trees of one profiler together */
	LIMIT_CONTEXTS = 1 << 20, /* calls under way */
};

/* Nodes that are still to be visited: trees are as deep as chance made them. */
struct trees {
	ARRAY(uint64_t) nodes;
	uint64_t visited;
};

static bool push_node(struct decoder *decoder, struct trees *trees, uint64_t node)
{
	if (node == 0)
		return true;
	if (array_push(&trees->nodes, node))
		return true;
	decoder->out_of_memory = true;
	return false;
}

/* Takes the next node, of a struct of that many bytes, and has its neighbours wait. No bytes: there is none that can be
 * read. */
static struct body take_node(struct decoder *decoder, struct trees *trees, uint32_t bytes, uint64_t *ret_address)
{
	if (trees->nodes.count == 0)
		return (struct body){ NULL, 0 };
	*ret_address = trees->nodes.items[--trees->nodes.count];
	const struct body node = body_at(&decoder->reader, *ret_address, bytes);
	if (node.bytes == NULL || ++trees->visited > LIMIT_ENTRIES) {
		flag_object(decoder, node.bytes == NULL ? DECODED_UNREADABLE : DECODED_CORRUPT,
		            "its entries cannot be read");
		return (struct body){ NULL, 0 };
	}
	if (!push_node(decoder, trees, body_u64(decoder, FIELD_rotating_node_t_left, node)) ||
	    !push_node(decoder, trees, body_u64(decoder, FIELD_rotating_node_t_right, node)))
		return (struct body){ NULL, 0 };
	return node;
}

static void emit_calls(struct decoder *decoder, struct trees *trees, uint64_t root)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_ProfilerSubEntry];
	trees->nodes.count = 0;
	uint64_t address;
	if (!push_node(decoder, trees, root))
		return;
	while (take_node(decoder, trees, bytes, &address).bytes != NULL)
		emit_block(decoder, address, bytes, "call", 0);
}

static void emit_entries(struct decoder *decoder, uint64_t root)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_ProfilerEntry];
	struct trees entries = { .visited = 0 }, calls = { .visited = 0 };
	struct body entry;
	uint64_t address;
	(void)push_node(decoder, &entries, root);
	while ((entry = take_node(decoder, &entries, bytes, &address)).bytes != NULL) {
		emit_block(decoder, address, bytes, "entry", 0);
		emit_field(decoder, address, entry, FIELD_ProfilerEntry_userObj, RUN_HIDDEN);
		emit_calls(decoder, &calls, body_u64(decoder, FIELD_ProfilerEntry_calls, entry));
	}
	array_free(&entries.nodes);
	array_free(&calls.nodes);
}

/* Contexts in use, and those kept for later. */
static void emit_contexts(struct decoder *decoder, uint64_t context)
{
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_ProfilerContext];
	for (unsigned i = 0; context != 0 && i < LIMIT_CONTEXTS; i++) {
		const struct body body = body_at(&decoder->reader, context, bytes);
		if (body.bytes == NULL) {
			flag_object(decoder, DECODED_UNREADABLE, "its contexts cannot be read");
			return;
		}
		emit_block(decoder, context, bytes, "context", 0);
		context = body_u64(decoder, FIELD_ProfilerContext_previous, body);
	}
}

void decode_profiler(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_field(decoder, address, body, FIELD_ProfilerObject_externalTimer,
	           layout_feature(decoder->layout, FEATURE_PROFILER_TIMER_VISITED) ? 0 : RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_ProfilerObject_missing,
	           layout_feature(decoder->layout, FEATURE_PROFILER_MISSING_VISITED) ? 0 : RUN_HIDDEN);
	emit_entries(decoder, body_u64(decoder, FIELD_ProfilerObject_profilerEntries, body));
	emit_contexts(decoder, body_u64(decoder, FIELD_ProfilerObject_currentProfilerContext, body));
	emit_contexts(decoder, body_u64(decoder, FIELD_ProfilerObject_freelistProfilerContext, body));
}
