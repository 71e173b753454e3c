/* SPDX-License-Identifier: MIT
 * elf_match: an ELF image as it lies in target memory, and whether a file on this machine is the same one. */
#ifndef PYDS_MEMORY_ELF_MATCH_H
#define PYDS_MEMORY_ELF_MATCH_H

#include <sys/types.h>

#include "memory/files/elf_image.h"
#include "memory/space_source.h"

/* Headers of an ELF file, in target memory or in a mapped file. */
struct elf_view {
	struct elf_header header;
	const uint8_t *bytes; /* from the ELF header on; NULL: not at hand */
	uint64_t size;
	uint8_t build_id[BUILD_ID_BYTES];
	uint32_t build_id_bytes; /* 0: none found */
};

/* A file on this machine, mapped. */
struct local_file {
	struct elf_view view; /* bytes, size: all of the file; bytes NULL: not opened */
};

/* The header page of the mapping at start, which begins at offset 0 of its file; false if it is not present or not
 * that of an ELF file. size: of the mapping. */
bool elf_view_in_memory(struct elf_view *view, struct reader *reader, uint64_t start, uint64_t size);
/* Target address minus the file's own address, given that start maps file_offset; false if no PT_LOAD has it. */
bool elf_view_bias(const struct elf_view *view, uint64_t start, uint64_t file_offset, uint64_t *ret_bias);
/* Reads the build-id out of the image's notes in target memory. */
void elf_view_find_build_id(struct elf_view *view, struct reader *reader, uint64_t load_bias);
/* The end of the image, .bss included, as a target address; 0 if there is no PT_LOAD. */
uint64_t elf_view_end(const struct elf_view *view, uint64_t load_bias);
/* Flags (PF_) of the PT_LOAD whose pages hold the target address; 0 if none does. */
uint32_t elf_view_flags(const struct elf_view *view, uint64_t load_bias, uint64_t address);

/* Where a file has what its image has at the target address, and how many bytes from there on; false: in no PT_LOAD.
 * strip and patchelf move segments within a file, and leave its build-id as it is. */
bool elf_view_file_offset(const struct elf_view *view, uint64_t load_bias, uint64_t address, uint64_t *ret_offset,
                          uint64_t *ret_bytes);

/* Maps a file if it is a regular ELF file of this machine that can be read; false otherwise. */
bool local_file_open(struct local_file *file, const char *path);
void local_file_close(struct local_file *file);
enum file_match {
	FILE_IS_OTHER,
	FILE_IS_SAME,
	FILE_IS_BELIEVED, /* nothing tells but the user, who named it, and nothing speaks against it */
};

/* Whether file is the one that the target mapped. named: the user named it for this very program. */
enum file_match local_file_matches(const struct local_file *file, const struct elf_view *in_memory, bool named);

#endif
