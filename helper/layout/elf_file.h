/* SPDX-License-Identifier: MIT
 * elf_file: symbols, sections and bytes of an ELF file on this machine (libelf). Addresses are the file's own virtual
 * addresses; add mapped_file.load_bias for the target's. */
#ifndef PYDS_LAYOUT_ELF_FILE_H
#define PYDS_LAYOUT_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct elf_file;

struct elf_symbol {
	uint64_t address;
	uint64_t bytes; /* st_size */
};

int elf_file_open(struct elf_file **ret_file, const char *path, struct error *error);
void elf_file_close(struct elf_file *file); /* NULL is fine */
/* .dynsym first, then .symtab. A defined symbol only. Lookups of many names cost one pass: a hash is built at the
 * first call. */
bool elf_file_symbol(struct elf_file *file, const char *name, struct elf_symbol *ret_symbol);
bool elf_file_section(struct elf_file *file, const char *name, uint64_t *ret_address, uint64_t *ret_bytes);
/* Contents at a virtual address (file-backed part of a segment); NULL if not all of it is in the file. */
const uint8_t *elf_file_bytes(struct elf_file *file, uint64_t address, uint64_t size);
bool elf_file_is_stripped(struct elf_file *file); /* no .symtab */
bool elf_file_has_dwarf(struct elf_file *file);

#endif
