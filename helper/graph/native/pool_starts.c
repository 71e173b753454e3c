/* SPDX-License-Identifier: MIT */
#include "graph/native/pool_starts.h"

bool pool_starts_turn(struct pool_starts *starts, struct decoder *decoder, uint64_t address)
{
	const struct pymalloc_arenas *arenas = &decoder->context->allocators.pymalloc;
	const uint64_t pool = address & ~(arenas->pool_bytes - 1);
	const uint64_t head = round_up(decoder->layout->struct_bytes[STRUCT_pool_header], PYMALLOC_ALIGNMENT);
	uint32_t inside;
	const uint32_t bytes = pymalloc_block_at(arenas, decoder->layout, &decoder->reader, address, &inside);
	if (bytes == 0 || arenas->pool_bytes > POOL_UNITS_MOST * PYMALLOC_ALIGNMENT)
		return false;
	const struct segment *segment = reader_segment(&decoder->reader, pool);
	if (segment == NULL || segment->data == NULL || segment->end - pool < arenas->pool_bytes)
		return false;
	pool_starts_flush(starts);
	const uint32_t units = bytes / PYMALLOC_ALIGNMENT;
	starts->address = pool + head;
	starts->room = arenas->pool_bytes - head;
	starts->place = segment_granule(segment, pool + head);
	starts->bytes = bytes;
	starts->reciprocal = ((UINT32_C(1) << RECIPROCAL_SHIFT) + units - 1) / units;
	return true;
}
