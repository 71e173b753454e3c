/* SPDX-License-Identifier: MIT
 * core_writer: small ELF cores (and ELF files to be mapped in them) built in memory by unit tests. Out of
 * memory ends the test program. */
#ifndef PYDS_TESTS_CORE_WRITER_H
#define PYDS_TESTS_CORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

struct core_load {
	uint64_t address, memory_bytes, file_bytes;
	uint32_t flags; /* PF_ */
	const void *bytes; /* file_bytes of them, borrowed until core_writer_image() */
};

struct core_writer {
	ARRAY(struct core_load) loads;
	ARRAY(uint8_t) notes;
	bool notes_last; /* as gdb's gcore writes them */
	unsigned skew; /* bytes before each segment's contents: unaligned p_offset */
	bool many; /* e_phnum 0xffff, the number in section 0 at the end of the file */
};

void core_writer_load(struct core_writer *writer, uint64_t address, uint32_t flags, const void *bytes,
                      uint64_t file_bytes, uint64_t memory_bytes);
void core_writer_note(struct core_writer *writer, const char *owner, uint32_t type, const void *bytes, uint32_t size);
/* NT_PRSTATUS with tid, signal and stack pointer. */
void core_writer_thread(struct core_writer *writer, uint32_t tid, int16_t signal, uint64_t stack_pointer);
struct core_row {
	uint64_t start, end, page; /* page: offset in the file, in pages of 4096 bytes */
	const char *path;
};
void core_writer_files(struct core_writer *writer, const struct core_row *rows, size_t count);
/* The core; free() it. The writer is empty afterwards. */
uint8_t *core_writer_image(struct core_writer *writer, size_t *ret_size);

/* An ELF shared object of 4 pages: page 0 headers and build-id (0: none), r--; 1 and 2 r-x; 3 rw-, at address 0x4000.
 * Byte i of page n is n * 16 + i % 16, but for the headers. */
enum { ELF_PAGES = 4, ELF_BYTES = ELF_PAGES * 4096, ELF_NOTE_OFFSET = 0x400 };
void elf_writer_image(uint8_t image[ELF_BYTES], uint8_t build_id);

/* A new file of the test's own directory with these bytes; free() the path. */
char *temporary_file(const char *directory, const char *name, const void *bytes, size_t size);
/* A fresh directory; temporary_directory_remove() deletes it with the files in it and frees the path. */
char *temporary_directory(void);
void temporary_directory_remove(char *directory);

#endif
