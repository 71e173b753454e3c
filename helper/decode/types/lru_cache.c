/* SPDX-License-Identifier: MIT
 * lru_cache: a bounded cache keeps its results in a ring of link objects, each owned by its dict and by the ring; the
 * wrapper visits their keys and results in their stead, since a link is not traversed (Modules/_functoolsmodule.c
 * lru_cache_tp_traverse, lru_cache_clear_list). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

void decode_lru_cache(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint32_t link_bytes = layout->struct_bytes[STRUCT_lru_list_elem];
	if (link_bytes == 0)
		return;
	uint64_t root = address + layout_offset(layout, FIELD_lru_cache_object_root);
	uint64_t link = body_u64(decoder, FIELD_lru_cache_object_root_next, body);
	uint64_t limit = chain_limit(decoder, link_bytes);
	if (link != root && link != 0)
		emit_field(decoder, address, body, FIELD_lru_cache_object_root_next, RUN_HIDDEN);
	for (uint64_t i = 0; link != root && link != 0; i++) {
		const struct body bytes = body_at(&decoder->reader, i < limit ? link : 0, link_bytes);
		if (bytes.bytes == NULL) {
			flag_object(decoder, DECODED_CORRUPT, "its list of results is broken");
			return;
		}
		emit_field(decoder, link, bytes, FIELD_lru_list_elem_key, 0);
		emit_field(decoder, link, bytes, FIELD_lru_list_elem_result, 0);
		uint64_t previous = link;
		link = body_u64(decoder, FIELD_lru_list_elem_next, bytes);
		if (link != root && link != 0)
			emit_field(decoder, previous, bytes, FIELD_lru_list_elem_next, RUN_HIDDEN);
	}
}
