/* SPDX-License-Identifier: MIT
 * buffer: a space over bytes that the caller has: tests of decoders. */
#include "memory/space_source.h"

#include <elf.h>
#include <sys/mman.h>

int address_space_open_buffer(struct address_space **ret_space, uint64_t address, const uint8_t *bytes, size_t size,
                              struct error *error)
{
	*ret_space = NULL;
	if (bytes == NULL || size == 0 || address > UINT64_MAX - size)
		return error_set(error, ERROR_ARGUMENT, "a buffer of %zu bytes cannot lie at %#lx", size, address);
	struct address_space *space;
	TRY(address_space_create(&space, SPACE_BUFFER, error));
	space->machine = EM_X86_64;
	struct segment segment = { .start = address,
		                   .end = address + size,
		                   .data = bytes,
		                   .protection = PROT_READ | PROT_WRITE,
		                   .writable_private = true };
	int status = address_space_set_segments(space, &segment, 1, error);
	if (status < 0) {
		address_space_close(space);
		return status;
	}
	*ret_space = space;
	return OK;
}
