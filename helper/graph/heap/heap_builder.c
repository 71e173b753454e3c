/* SPDX-License-Identifier: MIT */
#include "graph/heap/heap_builder.h"

#include "base/threads.h"

int builder_no_memory(struct builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the graph of the heap");
}

int builder_failed(struct builder *builder, int status)
{
	if (status == ERROR_CANCELLED)
		return progress_cancelled(builder->error);
	if (status == ERROR_LIMIT)
		return error_set(builder->error, ERROR_LIMIT, "more than 4 billion references");
	return builder_no_memory(builder);
}

unsigned builder_crew(const struct builder *builder, uint64_t most)
{
	if (most <= 1 || !address_space_is_immediate(builder->decoder->reader.space))
		return 1;
	unsigned size = crew_size();
	return size < most ? size : (unsigned)most;
}
