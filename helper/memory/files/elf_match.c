/* SPDX-License-Identifier: MIT
 * elf_match: a file may stand in for missing memory only if it is the very file that was mapped. Its path
 * says little (containers, upgrades), its build-id says all. */
#include "memory/files/elf_match.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

enum {
	PAGE_BYTES = 4096, /* of ELF layout decisions; larger pages only round more */
	NOTES_READ = 64 * 1024, /* of one PT_NOTE; build-id notes have some tens of bytes */
};

static uint64_t page_down(uint64_t address)
{
	return address & ~(uint64_t)(PAGE_BYTES - 1);
}

static bool parse_view(struct elf_view *view)
{
	return elf_header_parse(view->bytes, view->size, &view->header) &&
	       (view->header.type == ET_DYN || view->header.type == ET_EXEC) && view->header.program_count_known;
}

bool elf_view_in_memory(struct elf_view *view, struct reader *reader, uint64_t start, uint64_t size)
{
	*view = (struct elf_view){ .size = size < PAGE_BYTES ? size : PAGE_BYTES };
	view->bytes = view->size > 0 ? reader_at(reader, start, view->size) : NULL;
	if (view->bytes != NULL && parse_view(view))
		return true;
	/* The bytes stay: that they are no ELF header is knowledge, too. */
	view->header = (struct elf_header){ .word_bytes = 0 };
	return false;
}

/* Calls of elf_program_parse() stop at the view's end, so that a header page with too many headers is read in part. */
static bool next_program(const struct elf_view *view, uint32_t *number, uint32_t type, struct elf_program *program)
{
	while (view->bytes != NULL && *number < view->header.program_count) {
		if (!elf_program_parse(&view->header, view->bytes, view->size, (*number)++, program))
			return false;
		if (program->type == type)
			return true;
	}
	return false;
}

bool elf_view_bias(const struct elf_view *view, uint64_t start, uint64_t file_offset, uint64_t *ret_bias)
{
	struct elf_program program;
	for (uint32_t number = 0; next_program(view, &number, PT_LOAD, &program);) {
		uint64_t begin = page_down(program.offset);
		if (file_offset < begin || file_offset - begin >= program.file_bytes + (program.offset - begin))
			continue;
		*ret_bias = start - (program.address - program.offset + file_offset);
		return true;
	}
	return false;
}

void elf_view_find_build_id(struct elf_view *view, struct reader *reader, uint64_t load_bias)
{
	struct elf_program program;
	for (uint32_t number = 0; view->build_id_bytes == 0 && next_program(view, &number, PT_NOTE, &program);) {
		uint64_t address = load_bias + program.address;
		uint64_t size = program.file_bytes < NOTES_READ ? program.file_bytes : NOTES_READ;
		const struct segment *segment = address_space_find(reader->space, address);
		if (segment == NULL)
			continue;
		if (size > segment->end - address)
			size = segment->end - address;
		const uint8_t *notes = size > 0 ? reader_at(reader, address, size) : NULL;
		if (notes != NULL)
			view->build_id_bytes = elf_build_id(&view->header, notes, size, view->build_id);
	}
}

uint64_t elf_view_end(const struct elf_view *view, uint64_t load_bias)
{
	uint64_t end = 0;
	struct elf_program program;
	for (uint32_t number = 0; next_program(view, &number, PT_LOAD, &program);) {
		uint64_t program_end = load_bias + program.address + program.memory_bytes;
		if (program_end > end && program_end < UINT64_MAX - PAGE_BYTES)
			end = round_up(program_end, PAGE_BYTES);
	}
	return end;
}

uint32_t elf_view_flags(const struct elf_view *view, uint64_t load_bias, uint64_t address)
{
	uint32_t flags = 0;
	struct elf_program program;
	for (uint32_t number = 0; next_program(view, &number, PT_LOAD, &program);) {
		uint64_t begin = page_down(load_bias + program.address);
		uint64_t size = program.memory_bytes + (load_bias + program.address - begin);
		if (address >= begin && page_down(address) - begin < size)
			flags |= program.flags;
	}
	return flags;
}

bool elf_view_file_offset(const struct elf_view *view, uint64_t load_bias, uint64_t address, uint64_t *ret_offset,
                          uint64_t *ret_bytes)
{
	struct elf_program program;
	for (uint32_t number = 0; next_program(view, &number, PT_LOAD, &program);) {
		const uint64_t start = load_bias + program.address, begin = page_down(start);
		const uint64_t before = start - begin;
		if (address < begin || address - begin >= program.file_bytes + before || program.offset < before)
			continue;
		*ret_offset = program.offset - before + (address - begin);
		*ret_bytes = program.file_bytes + before - (address - begin);
		return true;
	}
	return false;
}

bool local_file_open(struct local_file *file, const char *path)
{
	*file = (struct local_file){ .view = { .bytes = NULL } };
	struct stat information;
	/* A hostile core can name any path: nothing but a regular file is even opened. */
	if (stat(path, &information) != 0 || !S_ISREG(information.st_mode))
		return false;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0)
		return false;
	void *bytes = MAP_FAILED;
	if (fstat(descriptor, &information) == 0 && S_ISREG(information.st_mode) && information.st_size > 0)
		bytes = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	(void)close(descriptor);
	if (bytes == MAP_FAILED)
		return false;
	file->view.bytes = bytes;
	file->view.size = (uint64_t)information.st_size;
	if (!parse_view(&file->view)) {
		local_file_close(file);
		return false;
	}
	struct elf_program program;
	for (uint32_t number = 0;
	     file->view.build_id_bytes == 0 && next_program(&file->view, &number, PT_NOTE, &program);) {
		if (program.offset >= file->view.size)
			continue;
		uint64_t size = file->view.size - program.offset;
		file->view.build_id_bytes =
		        elf_build_id(&file->view.header, file->view.bytes + program.offset,
		                     program.file_bytes < size ? program.file_bytes : size, file->view.build_id);
	}
	return true;
}

void local_file_close(struct local_file *file)
{
	if (file->view.bytes != NULL)
		(void)munmap((void *)(uintptr_t)file->view.bytes, file->view.size);
	file->view.bytes = NULL;
}

/* ElfN_Dyn in words of the target. */
enum { DYNAMIC_WORDS = 2, DYNAMIC_DEBUG = 21 /* DT_DEBUG */ };

/* The dynamic linker writes into the dynamic section: the address of its own records, and the image's place added to
 * what are addresses. What is left to differ is nothing of this file. */
static bool dynamic_agrees(const uint8_t *left, const uint8_t *right, uint64_t bytes, uint32_t word_bytes)
{
	uint64_t moved = 0;
	for (uint64_t at = 0; at + DYNAMIC_WORDS * word_bytes <= bytes; at += DYNAMIC_WORDS * word_bytes) {
		const uint64_t tag = load_word(left + at, word_bytes, false);
		const uint64_t difference = load_word(right + at + word_bytes, word_bytes, false) -
		                            load_word(left + at + word_bytes, word_bytes, false);
		if (tag != load_word(right + at, word_bytes, false))
			return false;
		if (tag == DYNAMIC_DEBUG || difference == 0)
			continue;
		if (moved != 0 && difference != moved)
			return false;
		moved = difference;
	}
	return true;
}

/* Is the page of headers that of the file? patchelf, by which python-build-standalone makes its programs, puts the
 * dynamic section into it. */
static bool pages_agree(const struct elf_view *file, const struct elf_view *in_memory)
{
	const uint64_t size = in_memory->size;
	struct elf_program dynamic;
	uint32_t number = 0;
	if (file->size < size)
		return false;
	if (!next_program(file, &number, PT_DYNAMIC, &dynamic) || dynamic.offset >= size ||
	    dynamic.file_bytes > size - dynamic.offset)
		return memcmp(file->bytes, in_memory->bytes, size) == 0;
	const uint64_t end = dynamic.offset + dynamic.file_bytes;
	return memcmp(file->bytes, in_memory->bytes, dynamic.offset) == 0 &&
	       memcmp(file->bytes + end, in_memory->bytes + end, size - end) == 0 &&
	       dynamic_agrees(file->bytes + dynamic.offset, in_memory->bytes + dynamic.offset, dynamic.file_bytes,
	                      file->header.word_bytes);
}

/* The ELF header and the program headers: where everything lies and begins. */
static bool headers_agree(const struct elf_view *file, const struct elf_view *in_memory)
{
	uint64_t number = 0, end = in_memory->size;
	struct elf_program program;
	for (uint32_t next = 0; next < file->header.program_count; number++) {
		struct elf_program other;
		if (!elf_program_parse(&file->header, file->bytes, file->size, next, &program) ||
		    !elf_program_parse(&in_memory->header, in_memory->bytes, end, next, &other))
			return false;
		if (program.type != other.type || program.offset != other.offset || program.address != other.address ||
		    program.file_bytes != other.file_bytes || program.memory_bytes != other.memory_bytes)
			return false;
		next++;
	}
	return number != 0 && file->header.program_count == in_memory->header.program_count;
}

enum file_match local_file_matches(const struct local_file *file, const struct elf_view *in_memory, bool named)
{
	const struct elf_view *view = &file->view;
	if (in_memory->build_id_bytes > 0)
		return view->build_id_bytes == in_memory->build_id_bytes &&
		                       memcmp(view->build_id, in_memory->build_id, view->build_id_bytes) == 0
		               ? FILE_IS_SAME
		               : FILE_IS_OTHER;
	/* No build-id in the target. The first page holds the ELF header and, in all but freak files, every program
	 * header: another build has another entry point or other segment sizes, so equal pages are taken as equal
	 * files. Without the page there is only the user's word. */
	if (in_memory->bytes == NULL)
		return named ? FILE_IS_BELIEVED : FILE_IS_OTHER;
	if (pages_agree(view, in_memory))
		return FILE_IS_SAME;
	return named && view->build_id_bytes == 0 && headers_agree(view, in_memory) ? FILE_IS_BELIEVED : FILE_IS_OTHER;
}
