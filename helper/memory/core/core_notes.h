/* SPDX-License-Identifier: MIT
 * core_notes: what the notes of a core say: threads, signal, command, mapped files, auxiliary vector. */
#ifndef PYDS_MEMORY_CORE_NOTES_H
#define PYDS_MEMORY_CORE_NOTES_H

#include "memory/files/elf_image.h"
#include "memory/space_source.h"

struct core_notes {
	ARRAY(struct memory_mapping) mappings; /* of NT_FILE; paths lie in the core's bytes; protection 0: unknown */
	/* From NT_AUXV; 0: unknown. */
	uint64_t program_headers_address; /* AT_PHDR */
	uint64_t entry_address; /* AT_ENTRY */
	uint64_t executable_name_address; /* AT_EXECFN */
	bool has_siginfo; /* the kernel's NT_SIGINFO: the process died of space->signal */
};

/* Reads one PT_NOTE segment; adds to notes and to the space's threads, pid, signal and command. Notes that
 * make no sense are passed over. */
int core_notes_parse(struct address_space *space, const struct elf_header *header, const uint8_t *bytes, uint64_t size,
                     struct core_notes *notes, struct error *error);
void core_notes_clear(struct core_notes *notes);

#endif
