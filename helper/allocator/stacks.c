/* SPDX-License-Identifier: MIT
 * struct pthread (nptl/descr.h) holds stackblock, stackblock_size and guardsize side by side, at 0x690 in 2.27 to 2.43;
 * they are found by what they must be: multiples of pages around both the descriptor and the stack pointer. musl's
 * (src/internal/pthread_impl.h, since 1.1.20) holds map_base, map_size, stack, stack_size, guard_size: stack is the
 * upper end, and its lower one the end of the guard (src/thread/pthread_create.c). */
#include "allocator/stacks.h"

#include "base/bytes.h"

enum {
	PAGE_BYTES = 4096,
	DESCRIPTOR_WORDS = 5,
	DESCRIPTOR_BYTES = 0x1000, /* of struct pthread that are searched: it has about 2,300 */
};

static const uint64_t most_stack = UINT64_C(1) << 36;

static uint64_t descriptor_of(const struct runtime *runtime, const struct native_thread *thread)
{
	if (thread->thread_pointer != 0)
		return thread->thread_pointer;
	/* pthread_t is the descriptor's address, and Python has it of its own threads. */
	for (size_t i = 0; i < runtime->threads.count; i++)
		if (runtime->threads.items[i].native_id == thread->tid && thread->tid != 0)
			return runtime->threads.items[i].thread_id;
	return 0;
}

static bool is_stack(uint64_t start, uint64_t bytes, uint64_t descriptor, uint64_t stack_pointer)
{
	return start != 0 && start % PAGE_BYTES == 0 && bytes != 0 && bytes % PAGE_BYTES == 0 && bytes <= most_stack &&
	       descriptor - start < bytes && stack_pointer - start < bytes;
}

static bool in_descriptor(struct reader *reader, uint64_t descriptor, uint64_t stack_pointer, uint64_t *ret_start,
                          uint64_t *ret_end)
{
	for (uint64_t at = 0; at < DESCRIPTOR_BYTES; at += 8) {
		const uint8_t *words = reader_at(reader, descriptor + at, 8 * DESCRIPTOR_WORDS);
		if (words == NULL)
			return false;
		const uint64_t start = load_u64(words), bytes = load_u64(words + 8), guard = load_u64(words + 16),
		               top = guard;
		const bool is_glibc = guard < bytes && guard % PAGE_BYTES == 0;
		const bool is_musl = top - start <= bytes && top - load_u64(words + 24) == start + load_u64(words + 32);
		if (!is_stack(start, bytes, descriptor, stack_pointer) || (!is_glibc && !is_musl))
			continue;
		*ret_start = start;
		*ret_end = start + bytes;
		return true;
	}
	return false;
}

bool stack_of_thread(struct reader *reader, const struct runtime *runtime, size_t index, uint64_t *ret_start,
                     uint64_t *ret_end)
{
	const struct native_thread *thread = &runtime->space->threads.items[index];
	const uint64_t descriptor = descriptor_of(runtime, thread);
	if (thread->stack_pointer == 0)
		return false;
	if (descriptor != 0 && in_descriptor(reader, descriptor, thread->stack_pointer, ret_start, ret_end))
		return true;
	const struct segment *segment = address_space_find(runtime->space, thread->stack_pointer);
	if (segment == NULL || !segment->writable_private)
		return false;
	*ret_start = segment->start;
	*ret_end = segment->end;
	return true;
}
