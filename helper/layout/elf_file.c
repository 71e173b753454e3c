/* SPDX-License-Identifier: MIT */
#include "layout/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One symbol table, hashed by name at the first question. A hostile file can make it long, not wrong: every name
 * lies before the last NUL of the string table. */
struct symbol_table {
	Elf_Data *symbols;
	const char *names;
	uint64_t names_bytes; /* up to and with the last NUL */
	uint32_t *slots; /* symbol number + 1; 0: free */
	uint32_t mask;
	bool is_hashed;
};

struct elf_file {
	const uint8_t *image;
	uint64_t image_bytes;
	Elf *elf;
	struct symbol_table dynamic, full;
	size_t section_names; /* section number of the section names */
};

enum { SYMBOL_LIMIT = 1 << 26 }; /* symbols of one table: far above any linked program */

static void symbol_table_find(struct elf_file *file, uint32_t section_type, struct symbol_table *ret_table)
{
	for (Elf_Scn *section = elf_nextscn(file->elf, NULL); section != NULL;
	     section = elf_nextscn(file->elf, section)) {
		GElf_Shdr header, names_header;
		if (gelf_getshdr(section, &header) == NULL || header.sh_type != section_type)
			continue;
		Elf_Scn *names_section = elf_getscn(file->elf, header.sh_link);
		if (names_section == NULL || gelf_getshdr(names_section, &names_header) == NULL ||
		    names_header.sh_type != SHT_STRTAB)
			continue;
		Elf_Data *symbols = elf_getdata(section, NULL);
		Elf_Data *names = elf_getdata(names_section, NULL);
		if (symbols == NULL || symbols->d_buf == NULL || symbols->d_type != ELF_T_SYM || names == NULL ||
		    names->d_buf == NULL)
			continue;
		const char *end = memrchr(names->d_buf, '\0', names->d_size);
		if (end == NULL)
			continue;
		ret_table->symbols = symbols;
		ret_table->names = names->d_buf;
		ret_table->names_bytes = (uint64_t)(end - ret_table->names) + 1;
		return;
	}
}

static uint32_t name_hash(const char *name)
{
	uint32_t hash = 5381;
	for (; *name != '\0'; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

/* Has an address in the target: not undefined, not thread-local, not a file or section name. */
static bool is_located(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);
	return symbol->st_shndx != SHN_UNDEF && type != STT_TLS && type != STT_FILE && type != STT_SECTION;
}

static bool symbol_at(const struct symbol_table *table, uint32_t number, GElf_Sym *ret_symbol)
{
	return gelf_getsym(table->symbols, (int)number, ret_symbol) != NULL && ret_symbol->st_name != 0 &&
	       ret_symbol->st_name < table->names_bytes && is_located(ret_symbol);
}

/* Names that several symbols have (static ones of several sources): a global symbol goes before a local one, else the
 * first of the table. */
static void symbol_table_insert(struct symbol_table *table, uint32_t number, const GElf_Sym *symbol)
{
	const char *name = table->names + symbol->st_name;
	for (uint32_t i = name_hash(name);; i++) {
		uint32_t *slot = &table->slots[i & table->mask];
		GElf_Sym other;
		if (*slot == 0) {
			*slot = number + 1;
			return;
		}
		if (!symbol_at(table, *slot - 1, &other) || strcmp(table->names + other.st_name, name) != 0)
			continue;
		if (GELF_ST_BIND(other.st_info) == STB_LOCAL && GELF_ST_BIND(symbol->st_info) != STB_LOCAL)
			*slot = number + 1;
		return;
	}
}

static void symbol_table_hash(struct elf_file *file, struct symbol_table *table, uint32_t section_type)
{
	table->is_hashed = true;
	symbol_table_find(file, section_type, table);
	if (table->symbols == NULL)
		return;
	size_t symbol_bytes = gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT);
	size_t count = symbol_bytes == 0 ? 0 : table->symbols->d_size / symbol_bytes;
	if (count > SYMBOL_LIMIT)
		count = SYMBOL_LIMIT;
	uint32_t slot_count = 64;
	while (slot_count < count * 2)
		slot_count *= 2;
	table->slots = calloc(slot_count, sizeof *table->slots);
	if (table->slots == NULL)
		return;
	table->mask = slot_count - 1;
	for (uint32_t number = 1; number < count; number++) {
		GElf_Sym symbol;
		if (symbol_at(table, number, &symbol))
			symbol_table_insert(table, number, &symbol);
	}
}

static bool symbol_table_get(const struct symbol_table *table, const char *name, struct elf_symbol *ret_symbol)
{
	if (table->slots == NULL)
		return false;
	for (uint32_t i = name_hash(name); table->slots[i & table->mask] != 0; i++) {
		GElf_Sym symbol;
		if (!symbol_at(table, table->slots[i & table->mask] - 1, &symbol) ||
		    strcmp(table->names + symbol.st_name, name) != 0)
			continue;
		*ret_symbol = (struct elf_symbol){ .address = symbol.st_value, .bytes = symbol.st_size };
		return true;
	}
	return false;
}

/* Maps the file privately: what a writer does to it later cannot make an index in it invalid, only its bytes. */
static int map_file(struct elf_file *file, const char *path, struct error *error)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return error_set(error, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
	struct stat status;
	if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
		close(descriptor);
		return error_set(error, ERROR_FORMAT, "%s is not a regular file with contents", path);
	}
	void *image = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
	int reason = errno;
	close(descriptor);
	if (image == MAP_FAILED)
		return error_set(error, ERROR_IO, "cannot map %s: %s", path, strerror(reason));
	file->image = image;
	file->image_bytes = (uint64_t)status.st_size;
	return OK;
}

static int read_headers(struct elf_file *file, const char *path, struct error *error)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return error_set(error, ERROR_UNSUPPORTED, "this libelf is too old");
	file->elf = elf_memory((char *)file->image, (size_t)file->image_bytes);
	GElf_Ehdr header;
	if (file->elf == NULL || elf_kind(file->elf) != ELF_K_ELF || gelf_getehdr(file->elf, &header) == NULL)
		return error_set(error, ERROR_FORMAT, "%s is not an ELF file", path);
	if (elf_getshdrstrndx(file->elf, &file->section_names) < 0)
		file->section_names = 0;
	return OK;
}

int elf_file_open(struct elf_file **ret_file, const char *path, struct error *error)
{
	*ret_file = NULL;
	struct elf_file *file = calloc(1, sizeof *file);
	if (file == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory opening %s", path);
	int status = map_file(file, path, error);
	if (status == OK)
		status = read_headers(file, path, error);
	if (status != OK) {
		elf_file_close(file);
		return status;
	}
	*ret_file = file;
	return OK;
}

void elf_file_close(struct elf_file *file)
{
	if (file == NULL)
		return;
	free(file->dynamic.slots);
	free(file->full.slots);
	if (file->elf != NULL)
		elf_end(file->elf);
	if (file->image != NULL)
		munmap((void *)file->image, (size_t)file->image_bytes);
	free(file);
}

bool elf_file_symbol(struct elf_file *file, const char *name, struct elf_symbol *ret_symbol)
{
	if (!file->dynamic.is_hashed)
		symbol_table_hash(file, &file->dynamic, SHT_DYNSYM);
	if (symbol_table_get(&file->dynamic, name, ret_symbol))
		return true;
	if (!file->full.is_hashed)
		symbol_table_hash(file, &file->full, SHT_SYMTAB);
	return symbol_table_get(&file->full, name, ret_symbol);
}

static bool find_section(struct elf_file *file, const char *name, GElf_Shdr *ret_header)
{
	for (Elf_Scn *section = elf_nextscn(file->elf, NULL); section != NULL;
	     section = elf_nextscn(file->elf, section)) {
		if (gelf_getshdr(section, ret_header) == NULL)
			continue;
		const char *its_name = elf_strptr(file->elf, file->section_names, ret_header->sh_name);
		if (its_name != NULL && strcmp(its_name, name) == 0)
			return true;
	}
	return false;
}

bool elf_file_section(struct elf_file *file, const char *name, uint64_t *ret_address, uint64_t *ret_bytes)
{
	GElf_Shdr header;
	if (!find_section(file, name, &header))
		return false;
	*ret_address = header.sh_addr;
	*ret_bytes = header.sh_size;
	return true;
}

const uint8_t *elf_file_bytes(struct elf_file *file, uint64_t address, uint64_t size)
{
	size_t count;
	if (elf_getphdrnum(file->elf, &count) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;
		if (gelf_getphdr(file->elf, (int)i, &header) == NULL)
			return NULL;
		if (header.p_type != PT_LOAD || address < header.p_vaddr)
			continue;
		uint64_t offset = address - header.p_vaddr;
		if (offset >= header.p_filesz || size > header.p_filesz - offset)
			continue;
		if (header.p_offset > file->image_bytes || header.p_filesz > file->image_bytes - header.p_offset)
			return NULL;
		return file->image + header.p_offset + offset;
	}
	return NULL;
}

bool elf_file_is_stripped(struct elf_file *file)
{
	for (Elf_Scn *section = elf_nextscn(file->elf, NULL); section != NULL;
	     section = elf_nextscn(file->elf, section)) {
		GElf_Shdr header;
		if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_SYMTAB)
			return false;
	}
	return true;
}

bool elf_file_has_dwarf(struct elf_file *file)
{
	GElf_Shdr header;
	return (find_section(file, ".debug_info", &header) || find_section(file, ".zdebug_info", &header)) &&
	       header.sh_type != SHT_NOBITS && header.sh_size > 0;
}
