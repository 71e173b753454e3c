/* SPDX-License-Identifier: MIT
 * OrderedDict: a dict, an array of node pointers as long as its hash table, and a linked list of nodes, each with a
 * reference to its key (Objects/odictobject.c odict_traverse, odict_sizeof). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

static void decode_nodes(struct decoder *decoder, struct body body, uint64_t length)
{
	const struct layout *layout = decoder->layout;
	uint32_t node_bytes = layout->struct_bytes[STRUCT__odictnode];
	uint64_t node = body_u64(decoder, FIELD_PyODictObject_od_first, body);
	if (node == 0)
		return;
	if (length > chain_limit(decoder, node_bytes)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	decoder->out.shallow += node_bytes * length;
	for (uint64_t i = 0; i < length && node != 0; i++) {
		const struct body bytes = body_at(&decoder->reader, node, node_bytes);
		if (bytes.bytes == NULL) {
			flag_object(decoder, DECODED_UNREADABLE, "a node of its order cannot be read");
			return;
		}
		emit_block(decoder, node, node_bytes, "node", BLOCK_COUNTED);
		emit_field(decoder, node, bytes, FIELD__odictnode_key, 0);
		node = body_u64(decoder, FIELD__odictnode_next, bytes);
	}
}

void decode_ordered_dict(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode_dict(decoder, type, address, body);
	uint64_t table = body_u64(decoder, FIELD_PyODictObject_od_fast_nodes, body);
	uint64_t slots = body_u64(decoder, FIELD_PyODictObject_od_fast_nodes_size, body);
	if (slots > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	decoder->out.shallow += 8 * slots;
	if (table != 0)
		emit_block(decoder, table, 8 * slots, "node table", BLOCK_COUNTED);
	decode_nodes(decoder, body, body_u64(decoder, FIELD_PyDictObject_ma_used, body));
}
