/* SPDX-License-Identifier: MIT
 * elf_image: ELF, program and note headers out of untrusted bytes, whatever their word size, byte order and
 * alignment: of cores, of the header pages found in target memory, and of candidate files on disk. */
#ifndef PYDS_MEMORY_ELF_IMAGE_H
#define PYDS_MEMORY_ELF_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { BUILD_ID_BYTES = 64 }; /* as many as struct mapped_file keeps; real ones have 8 to 20 */

struct elf_header {
	unsigned word_bytes; /* 8 or 4 */
	bool big_endian;
	uint16_t type, machine; /* ET_, EM_ */
	uint64_t program_offset; /* e_phoff */
	uint32_t program_count; /* e_phnum, or what it stands for (see program_count_known) */
	/* False: e_phnum is PN_XNUM and section 0 is not among the bytes; program_count is then an inference, or still
	 * PN_XNUM if there was nothing to infer from. */
	bool program_count_known;
	uint64_t section_offset;
	uint64_t section_end; /* of the section header table, 0 if none */
};

struct elf_program {
	uint32_t type, flags; /* PT_, PF_ */
	uint64_t offset, address, file_bytes, memory_bytes;
};

struct elf_note {
	uint32_t type;
	const char *owner; /* not NUL-terminated by promise: owner_bytes long */
	uint32_t owner_bytes;
	const uint8_t *bytes;
	uint32_t size;
};

bool elf_has_magic(const uint8_t *bytes, uint64_t size);
/* What people call the machine of a file: "aarch64 (64-bit ARM)", "i386", ... NULL: one that is seldom met. */
const char *elf_machine_name(const struct elf_header *header);
/* False if bytes do not begin with a whole and sane ELF header. */
bool elf_header_parse(const uint8_t *bytes, uint64_t size, struct elf_header *ret_header);
/* Program header number; false if the bytes end before it. */
bool elf_program_parse(const struct elf_header *header, const uint8_t *bytes, uint64_t size, uint32_t number,
                       struct elf_program *ret_program);
/* Bytes of one program header. */
uint32_t elf_program_bytes(const struct elf_header *header);
/* The note at *offset; moves *offset behind it. False at the end, or where a note does not fit. */
bool elf_note_parse(const struct elf_header *header, const uint8_t *bytes, uint64_t size, uint64_t *offset,
                    struct elf_note *ret_note);
bool elf_note_is(const struct elf_note *note, const char *owner, uint32_t type);
/* Looks for NT_GNU_BUILD_ID; returns its length, 0 if there is none. */
uint32_t elf_build_id(const struct elf_header *header, const uint8_t *notes, uint64_t size,
                      uint8_t build_id[BUILD_ID_BYTES]);

#endif
