/* SPDX-License-Identifier: MIT */
#include "core_writer.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

void core_writer_load(struct core_writer *writer, uint64_t address, uint32_t flags, const void *bytes,
                      uint64_t file_bytes, uint64_t memory_bytes)
{
	struct core_load load = { .address = address,
		                  .memory_bytes = memory_bytes,
		                  .file_bytes = file_bytes,
		                  .flags = flags,
		                  .bytes = bytes };
	require(array_push(&writer->loads, load), "load");
}

static void append(struct core_writer *writer, const void *bytes, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;
	require(array_reserve(&writer->notes, writer->notes.count + padded), "note");
	memset(writer->notes.items + writer->notes.count, 0, padded);
	if (size > 0)
		memcpy(writer->notes.items + writer->notes.count, bytes, size);
	writer->notes.count += padded;
}

void core_writer_note(struct core_writer *writer, const char *owner, uint32_t type, const void *bytes, uint32_t size)
{
	Elf64_Nhdr header = { .n_namesz = (uint32_t)strlen(owner) + 1, .n_descsz = size, .n_type = type };
	append(writer, &header, sizeof header);
	append(writer, owner, header.n_namesz);
	append(writer, bytes, size);
}

void core_writer_thread(struct core_writer *writer, uint32_t tid, int16_t signal, uint64_t stack_pointer)
{
	uint8_t status[336] = { 0 };
	memcpy(status + 12, &signal, sizeof signal);
	memcpy(status + 32, &tid, sizeof tid);
	memcpy(status + 112 + 19 * 8, &stack_pointer, sizeof stack_pointer);
	core_writer_note(writer, "CORE", NT_PRSTATUS, status, sizeof status);
}

void core_writer_files(struct core_writer *writer, const struct core_row *rows, size_t count)
{
	size_t size = 16 + count * 24;
	for (size_t i = 0; i < count; i++)
		size += strlen(rows[i].path) + 1;
	uint8_t *note = calloc(1, size);
	require(note != NULL, "note");
	uint64_t *words = (uint64_t *)(void *)note;
	words[0] = count;
	words[1] = 4096;
	char *path = (char *)note + 16 + count * 24;
	for (size_t i = 0; i < count; i++) {
		words[2 + 3 * i] = rows[i].start;
		words[3 + 3 * i] = rows[i].end;
		words[4 + 3 * i] = rows[i].page;
		path = stpcpy(path, rows[i].path) + 1;
	}
	core_writer_note(writer, "CORE", NT_FILE, note, (uint32_t)size);
	free(note);
}

static uint64_t image_size(const struct core_writer *writer, size_t programs)
{
	uint64_t size = sizeof(Elf64_Ehdr) + programs * sizeof(Elf64_Phdr) + writer->notes.count + writer->skew;
	for (size_t i = 0; i < writer->loads.count; i++)
		size += writer->skew + writer->loads.items[i].file_bytes;
	return size + (writer->many ? sizeof(Elf64_Shdr) : 0);
}

static uint64_t put_notes(const struct core_writer *writer, uint8_t *image, Elf64_Phdr *program, uint64_t offset)
{
	program->p_type = PT_NOTE;
	program->p_offset = offset;
	program->p_filesz = writer->notes.count;
	if (writer->notes.count > 0)
		memcpy(image + offset, writer->notes.items, writer->notes.count);
	return offset + writer->notes.count;
}

uint8_t *core_writer_image(struct core_writer *writer, size_t *ret_size)
{
	size_t programs = writer->loads.count + 1;
	*ret_size = image_size(writer, programs);
	uint8_t *image = calloc(1, *ret_size);
	Elf64_Phdr *table = calloc(programs, sizeof *table);
	require(image != NULL && table != NULL, "image");
	uint64_t offset = sizeof(Elf64_Ehdr) + programs * sizeof *table;
	Elf64_Phdr *notes = writer->notes_last ? &table[programs - 1] : &table[0];
	Elf64_Phdr *load = writer->notes_last ? &table[0] : &table[1];
	if (!writer->notes_last)
		offset = put_notes(writer, image, notes, offset);
	for (size_t i = 0; i < writer->loads.count; i++, load++) {
		const struct core_load *from = &writer->loads.items[i];
		offset += writer->skew;
		*load = (Elf64_Phdr){ .p_type = PT_LOAD,
			              .p_flags = from->flags,
			              .p_offset = offset,
			              .p_vaddr = from->address,
			              .p_filesz = from->file_bytes,
			              .p_memsz = from->memory_bytes,
			              .p_align = 1 };
		if (from->file_bytes > 0)
			memcpy(image + offset, from->bytes, from->file_bytes);
		offset += from->file_bytes;
	}
	if (writer->notes_last)
		offset = put_notes(writer, image, notes, offset + writer->skew);
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		              .e_type = ET_CORE,
		              .e_machine = EM_X86_64,
		              .e_version = EV_CURRENT,
		              .e_phoff = sizeof(Elf64_Ehdr),
		              .e_ehsize = sizeof(Elf64_Ehdr),
		              .e_phentsize = sizeof(Elf64_Phdr),
		              .e_phnum = (uint16_t)(writer->many ? PN_XNUM : programs) };
	if (writer->many) {
		Elf64_Shdr section = { .sh_info = (uint32_t)programs };
		header.e_shoff = *ret_size - sizeof section;
		header.e_shnum = 1;
		header.e_shentsize = sizeof section;
		memcpy(image + header.e_shoff, &section, sizeof section);
	}
	memcpy(image, &header, sizeof header);
	memcpy(image + sizeof header, table, programs * sizeof *table);
	free(table);
	array_free(&writer->loads);
	array_free(&writer->notes);
	return image;
}

void elf_writer_image(uint8_t image[ELF_BYTES], uint8_t build_id)
{
	for (size_t i = 0; i < ELF_BYTES; i++)
		image[i] = (uint8_t)(i / 4096 * 16 + i % 16);
	uint32_t note[] = { 4, 20, NT_GNU_BUILD_ID };
	uint8_t *at = image + ELF_NOTE_OFFSET;
	memcpy(at, note, sizeof note);
	memcpy(at + sizeof note, ELF_NOTE_GNU, 4);
	memset(at + sizeof note + 4, build_id, 20);
	Elf64_Phdr table[] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 4096, .p_memsz = 4096 },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = 4096,
		  .p_vaddr = 4096,
		  .p_filesz = 8192,
		  .p_memsz = 8192 },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_offset = 3 * 4096,
		  .p_vaddr = 4 * 4096,
		  .p_filesz = 4096,
		  .p_memsz = 8192 },
		{ .p_type = build_id != 0 ? PT_NOTE : PT_NULL,
		  .p_flags = PF_R,
		  .p_offset = ELF_NOTE_OFFSET,
		  .p_vaddr = ELF_NOTE_OFFSET,
		  .p_filesz = 36,
		  .p_memsz = 36 },
	};
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		              .e_type = ET_DYN,
		              .e_machine = EM_X86_64,
		              .e_version = EV_CURRENT,
		              .e_phoff = sizeof(Elf64_Ehdr),
		              .e_ehsize = sizeof(Elf64_Ehdr),
		              .e_phentsize = sizeof(Elf64_Phdr),
		              .e_phnum = sizeof table / sizeof table[0] };
	memcpy(image, &header, sizeof header);
	memcpy(image + sizeof header, table, sizeof table);
}

char *temporary_file(const char *directory, const char *name, const void *bytes, size_t size)
{
	char *path;
	require(asprintf(&path, "%s/%s", directory, name) > 0, "path");
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(descriptor >= 0 && write(descriptor, bytes, size) == (ssize_t)size && close(descriptor) == 0, path);
	return path;
}

char *temporary_directory(void)
{
	const char *parent = getenv("TMPDIR");
	char *path;
	require(asprintf(&path, "%s/pyds-test-XXXXXX", parent != NULL ? parent : "/tmp") > 0 && mkdtemp(path) != NULL,
	        "temporary directory");
	return path;
}

void temporary_directory_remove(char *directory)
{
	DIR *files = opendir(directory);
	require(files != NULL, directory);
	for (const struct dirent *entry; (entry = readdir(files)) != NULL;)
		(void)unlinkat(dirfd(files), entry->d_name, 0);
	(void)closedir(files);
	require(rmdir(directory) == 0, directory);
	free(directory);
}
