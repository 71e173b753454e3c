/* SPDX-License-Identifier: MIT */
#include "memory/files/elf_image.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

bool elf_has_magic(const uint8_t *bytes, uint64_t size)
{
	return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

/* A field of a struct that elf.h has for both classes. */
#define FIELD(header, bytes, name64, name32, field)                                                                    \
	((header)->word_bytes == 8                                                                                     \
	         ? load_word((bytes) + offsetof(name64, field), sizeof(((name64 *)0)->field), (header)->big_endian)    \
	         : load_word((bytes) + offsetof(name32, field), sizeof(((name32 *)0)->field), (header)->big_endian))
#define EHDR(field) FIELD(header, bytes, Elf64_Ehdr, Elf32_Ehdr, field)
#define PHDR(field) FIELD(header, at, Elf64_Phdr, Elf32_Phdr, field)
#define SHDR(field) FIELD(header, at, Elf64_Shdr, Elf32_Shdr, field)

uint32_t elf_program_bytes(const struct elf_header *header)
{
	return header->word_bytes == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

/* More program headers than 16 bits count: the number is in section 0, which cores have for this alone. The kernel
 * writes that section at the file's end, where truncation takes it first; but it also writes PT_NOTE first and its
 * bytes right behind the program headers (fs/binfmt_elf.c), which gives their number again. */
static void resolve_program_count(struct elf_header *header, const uint8_t *bytes, uint64_t size)
{
	uint32_t section_bytes = header->word_bytes == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	struct elf_program first;
	header->program_count_known = header->section_offset != 0 && header->section_offset <= size &&
	                              size - header->section_offset >= section_bytes;
	if (header->program_count_known) {
		const uint8_t *at = bytes + header->section_offset;
		header->program_count = (uint32_t)SHDR(sh_info);
	} else if (elf_program_parse(header, bytes, size, 0, &first) && first.type == PT_NOTE &&
	           first.offset > header->program_offset) {
		uint64_t count = (first.offset - header->program_offset) / elf_program_bytes(header);
		if (count >= PN_XNUM && count <= UINT32_MAX)
			header->program_count = (uint32_t)count;
	}
}

const char *elf_machine_name(const struct elf_header *header)
{
	switch (header->machine) {
	case EM_X86_64:
		return header->word_bytes == 8 ? "x86-64" : "x32 (x86-64 with 32-bit pointers)";
	case EM_386:
		return "i386 (32-bit x86)";
	case EM_AARCH64:
		return header->word_bytes == 8 ? "aarch64 (64-bit ARM)" : "aarch64 with 32-bit pointers";
	case EM_ARM:
		return "armhf or armel (32-bit ARM)";
	case EM_RISCV:
		return header->word_bytes == 8 ? "riscv64" : "riscv32";
	case EM_PPC64:
		return header->big_endian ? "ppc64 (64-bit POWER, big-endian)" : "ppc64el (64-bit POWER)";
	case EM_PPC:
		return "powerpc (32-bit POWER)";
	case EM_S390:
		return header->word_bytes == 8 ? "s390x (64-bit, big-endian)" : "s390";
	case EM_MIPS:
		return header->word_bytes == 8 ? "mips64" : "mips";
	case 258: /* EM_LOONGARCH, newer than some elf.h */
		return "loongarch64";
	default:
		return NULL;
	}
}

bool elf_header_parse(const uint8_t *bytes, uint64_t size, struct elf_header *ret_header)
{
	if (size < EI_NIDENT || !elf_has_magic(bytes, size))
		return false;
	if ((bytes[EI_CLASS] != ELFCLASS64 && bytes[EI_CLASS] != ELFCLASS32) ||
	    (bytes[EI_DATA] != ELFDATA2LSB && bytes[EI_DATA] != ELFDATA2MSB))
		return false;
	struct elf_header parsed = { .word_bytes = bytes[EI_CLASS] == ELFCLASS64 ? 8 : 4,
		                     .big_endian = bytes[EI_DATA] == ELFDATA2MSB };
	struct elf_header *header = &parsed;
	if (size < (header->word_bytes == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return false;
	header->type = (uint16_t)EHDR(e_type);
	header->machine = (uint16_t)EHDR(e_machine);
	header->program_offset = EHDR(e_phoff);
	header->program_count = (uint32_t)EHDR(e_phnum);
	header->section_offset = EHDR(e_shoff);
	uint64_t section_count = EHDR(e_shnum);
	if (header->section_offset != 0 && section_count > 0 &&
	    !checked_add(header->section_offset, section_count * EHDR(e_shentsize), &header->section_end))
		header->section_end = 0;
	if (header->program_count > 0 && EHDR(e_phentsize) != elf_program_bytes(header))
		return false;
	header->program_count_known = true;
	if (header->program_count == PN_XNUM)
		resolve_program_count(header, bytes, size);
	*ret_header = parsed;
	return true;
}

bool elf_program_parse(const struct elf_header *header, const uint8_t *bytes, uint64_t size, uint32_t number,
                       struct elf_program *ret_program)
{
	uint64_t offset;
	uint32_t entry_bytes = elf_program_bytes(header);
	if (!checked_add(header->program_offset, (uint64_t)number * entry_bytes, &offset) || offset > size ||
	    size - offset < entry_bytes)
		return false;
	const uint8_t *at = bytes + offset;
	*ret_program = (struct elf_program){ .type = (uint32_t)PHDR(p_type),
		                             .flags = (uint32_t)PHDR(p_flags),
		                             .offset = PHDR(p_offset),
		                             .address = PHDR(p_vaddr),
		                             .file_bytes = PHDR(p_filesz),
		                             .memory_bytes = PHDR(p_memsz) };
	return true;
}

bool elf_note_parse(const struct elf_header *header, const uint8_t *bytes, uint64_t size, uint64_t *offset,
                    struct elf_note *ret_note)
{
	/* Both classes have the same three 32-bit words, and 4-byte padding in cores as in build-id notes. */
	if (*offset > size || size - *offset < sizeof(Elf64_Nhdr))
		return false;
	const uint8_t *at = bytes + *offset;
	uint64_t owner_bytes = load_word(at, 4, header->big_endian);
	uint64_t note_bytes = load_word(at + 4, 4, header->big_endian);
	uint64_t note_offset = *offset + sizeof(Elf64_Nhdr) + round_up(owner_bytes, 4);
	if (note_offset > size || note_bytes > size - note_offset)
		return false;
	*ret_note = (struct elf_note){ .type = (uint32_t)load_word(at + 8, 4, header->big_endian),
		                       .owner = (const char *)at + sizeof(Elf64_Nhdr),
		                       .owner_bytes = (uint32_t)owner_bytes,
		                       .bytes = bytes + note_offset,
		                       .size = (uint32_t)note_bytes };
	*offset = note_offset + round_up(note_bytes, 4);
	return true;
}

bool elf_note_is(const struct elf_note *note, const char *owner, uint32_t type)
{
	size_t length = strlen(owner);
	/* Some writers leave the NUL out of the length. */
	return note->type == type && (note->owner_bytes == length || note->owner_bytes == length + 1) &&
	       memcmp(note->owner, owner, length) == 0;
}

uint32_t elf_build_id(const struct elf_header *header, const uint8_t *notes, uint64_t size,
                      uint8_t build_id[BUILD_ID_BYTES])
{
	uint64_t offset = 0;
	struct elf_note note;
	while (elf_note_parse(header, notes, size, &offset, &note)) {
		if (!elf_note_is(&note, ELF_NOTE_GNU, NT_GNU_BUILD_ID) || note.size == 0 || note.size > BUILD_ID_BYTES)
			continue;
		memcpy(build_id, note.bytes, note.size);
		return note.size;
	}
	return 0;
}
