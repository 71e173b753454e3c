/* SPDX-License-Identifier: MIT
 * mmap.mmap: what is mapped without a file has pages of its own, which no size of Python's counts; so has shared memory
 * (multiprocessing.shared_memory keeps an mmap of a file below /dev/shm, which is memory and no file). */
#include <string.h>

#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { PAGE_BYTES = 4096 };

/* Whether a mapping with the file's name has memory and no file behind it: shared without a file, the kernel calls it
 * /dev/zero (mm/shmem.c shmem_zero_setup); memfd_create() and shmget() have names of their own. */
static bool is_memory(const char *path)
{
	static const char *const starts[] = { "/dev/zero", "/dev/shm/", "/memfd:", "/SYSV" };
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (strncmp(path, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

void decode_mmap(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct address_space *space = decoder->reader.space;
	const uint64_t data = body_u64(decoder, FIELD_mmap_object_data, body);
	const uint64_t bytes = round_up(body_u64(decoder, FIELD_mmap_object_size, body), PAGE_BYTES);
	if (decoder->skip_blocks || data == 0 || bytes == 0 || bytes > INT64_MAX || data > UINT64_MAX - bytes ||
	    data % PAGE_BYTES != 0)
		return;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (data >= file->start && data < file->end && !is_memory(file->path))
			return;
	}
	if (address_space_state(space, data) == MEMORY_UNMAPPED ||
	    address_space_state(space, data + bytes - 1) == MEMORY_UNMAPPED) {
		flag_object(decoder, DECODED_CORRUPT, "its mapping is not mapped");
		return;
	}
	emit_block(decoder, data, bytes, "mapping", BLOCK_PAGES);
}
