/* SPDX-License-Identifier: MIT
 * callbacks: a target that only its debugger can read (remote, rr, a format unknown here). */
#include "memory/files/mapped_files.h"

#include <elf.h>
#include <sys/mman.h>

struct debugger {
	struct memory_callbacks callbacks;
};

static uint64_t debugger_read(void *context, uint64_t address, void *buffer, uint64_t size)
{
	const struct debugger *debugger = context;
	return debugger->callbacks.read(debugger->callbacks.context, address, buffer, size);
}

/* Not every debugger knows protections (gdb does not, of cores). Then every mapping may be readable and hold objects.
 */
static int segments_create(struct address_space *space, const struct memory_mapping *mappings, size_t mapping_count,
                           struct error *error)
{
	struct memory_mapping *copies = calloc(mapping_count, sizeof *copies);
	bool known = false;
	if (copies == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for %zu mappings", mapping_count);
	for (size_t i = 0; i < mapping_count; i++)
		known |= mappings[i].protection != 0;
	for (size_t i = 0; i < mapping_count; i++) {
		copies[i] = mappings[i];
		if (!known)
			copies[i].protection = PROT_READ | PROT_WRITE;
	}
	int status = lazy_segments_create(space, copies, mapping_count, error);
	free(copies);
	return status;
}

static int open_space(struct address_space *space, const struct memory_callbacks *callbacks,
                      const struct memory_mapping *mappings, size_t mapping_count, const struct memory_options *options,
                      struct error *error)
{
	struct debugger *debugger = calloc(1, sizeof *debugger);
	if (debugger == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for a debugger's target");
	debugger->callbacks = *callbacks;
	space->source->read = debugger_read;
	space->source->close = free;
	space->source->context = debugger;
	space->machine = EM_X86_64;
	if (mapping_count == 0)
		return windows_create(space, error);
	TRY(segments_create(space, mappings, mapping_count, error));
	struct main_program program = { .path = options->executable };
	return mapped_files_find(space, mappings, mapping_count, &program, options, error);
}

int address_space_open_callbacks(struct address_space **ret_space, const struct memory_callbacks *callbacks,
                                 const struct memory_mapping *mappings, size_t mapping_count,
                                 const struct memory_options *options, struct error *error)
{
	*ret_space = NULL;
	if (callbacks == NULL || callbacks->read == NULL || (mappings == NULL && mapping_count > 0))
		return error_set(error, ERROR_ARGUMENT, "a debugger's target needs a read callback");
	struct address_space *space;
	TRY(address_space_create(&space, SPACE_CALLBACKS, error));
	struct memory_options defaults = { .sysroot = NULL };
	int status =
	        open_space(space, callbacks, mappings, mapping_count, options != NULL ? options : &defaults, error);
	if (status < 0) {
		address_space_close(space);
		return status;
	}
	*ret_space = space;
	return OK;
}
