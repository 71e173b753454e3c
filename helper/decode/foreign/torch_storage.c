/* SPDX-License-Identifier: MIT
 * torch: a tensor of Python holds a c10::TensorImpl, that a c10::StorageImpl, which views share (c10/core/TensorImpl.h,
 * StorageImpl.h). Both begin with a table of methods and counts, two words or, since the counts share one, one. A
 * storage on the processor has its memory twice: as data and as what its deleter is given (c10/core/CPUAllocator.cpp).
 * Memory of numpy, of files and of other processes has another context, and is not torch's. */
#include "decode/body_words.h"
#include "decode/decode_functions.h"
#include "decode/foreign.h"

#include "allocator/allocators.h"

enum {
	COUNT = 8, /* of references */
	HEAD_LEAST = 16, /* table of methods and counts */
	HEAD_MOST = 24,
	DATA_CONTEXT = 16, /* behind the data and the deleter */
};

/* A storage of the processor's. */
struct torch_storage {
	uint64_t data;
	uint32_t count; /* who has it */
};

static bool read_storage(struct decoder *decoder, uint64_t storage, uint32_t head, struct torch_storage *ret_storage)
{
	struct reader *reader = &decoder->reader;
	uint64_t methods, data, context, deleter;
	return storage != 0 && storage % 8 == 0 && reader_u64(reader, storage, &methods) &&
	       allocators_is_static(&decoder->context->allocators, methods) &&
	       reader_u32(reader, storage + COUNT, &ret_storage->count) && reader_u64(reader, storage + head, &data) &&
	       reader_u64(reader, storage + head + 8, &deleter) &&
	       allocators_is_static(&decoder->context->allocators, deleter) &&
	       reader_u64(reader, storage + head + DATA_CONTEXT, &context) && data != 0 && context == data &&
	       (ret_storage->data = data, true);
}

void decode_torch_tensor(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	uint32_t offset;
	struct torch_storage storage;
	struct allocator_block block;
	emit_body_words(decoder, type, address, body);
	if (decoder->skip_blocks || !foreign_offset(decoder, type->foreign, PLACE_torch_tensor_cdata, &offset))
		return;
	const uint64_t tensor = body_word(body, offset);
	for (uint32_t head = HEAD_LEAST; tensor != 0 && head <= HEAD_MOST; head += 8) {
		uint64_t address_of_storage, inside;
		if (!reader_u64(&decoder->reader, tensor + head, &address_of_storage) ||
		    !read_storage(decoder, address_of_storage, head, &storage))
			continue;
		if (allocators_block_at(&decoder->context->allocators, &decoder->reader, storage.data, &block,
		                        &inside) &&
		    inside == 0 && block.address == storage.data && block.taken > GLIBC_CHUNK_HEADER)
			emit_block(decoder, storage.data, block.taken - GLIBC_CHUNK_HEADER, "storage of torch",
			           storage.count > 1 ? BLOCK_SHARED : 0);
		return;
	}
}
