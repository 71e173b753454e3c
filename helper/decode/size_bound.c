/* SPDX-License-Identifier: MIT */
#include "decode/size_bound.h"

#include "base/bytes.h"
#include "decode/allocated.h"

static const char refuted[] = "it claims more memory than its allocator gave out for it";

bool size_bound_has_refuted(const struct decoded *decoded)
{
	return (decoded->flags & DECODED_CORRUPT) != 0 && decoded->reason == refuted;
}

/* Whether an allocator that is known gave out less than that at the address, or there is no such memory. */
static bool is_contradicted(struct decoder *decoder, uint64_t address, uint64_t bytes)
{
	struct allocation allocation = { .address = address, .requested = bytes, .most = bytes, .can_shrink = true };
	uint64_t end;
	if (!checked_add(address, bytes, &end) ||
	    address_space_state(decoder->reader.space, end - 1) == MEMORY_UNMAPPED)
		return true;
	allocation_find(decoder, &allocation);
	switch (allocation.allocator) {
	case ALLOCATOR_PYMALLOC:
	case ALLOCATOR_MIMALLOC:
	case ALLOCATOR_MALLOC:
	case ALLOCATOR_MMAP:
	case ALLOCATOR_MIMALLOC_POOL:
		return allocation.taken < bytes;
	default:
		return false;
	}
}

void size_bound_check(struct decoder *decoder)
{
	struct decoded *out = &decoder->out;
	const struct type_info *type = out->type;
	bool is_bad = out->body > LARGE_BYTES && out->body > (uint64_t)type->tp_basicsize &&
	              is_contradicted(decoder, out->address - type->preheader, out->body + type->preheader);
	for (uint32_t i = 0; !is_bad && i < decoder->large_count; i++)
		is_bad = is_contradicted(decoder, decoder->large[i].address, decoder->large[i].bytes);
	if (!is_bad)
		return;
	flag_object(decoder, DECODED_CORRUPT, refuted);
	out->body = (uint64_t)type->tp_basicsize;
	out->shallow = out->body + out->presize;
	out->included = 0;
	out->blocks.count = 0;
}
