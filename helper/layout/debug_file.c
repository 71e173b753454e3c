/* SPDX-License-Identifier: MIT */
#include "layout/debug_file.h"

#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/text.h"

enum { BUILD_ID_LIMIT = 64 };

/* What a separate debug file must agree with. */
struct identity {
	uint8_t build_id[BUILD_ID_LIMIT];
	size_t build_id_bytes; /* 0: none */
	char link[NAME_MAX + 1]; /* .gnu_debuglink; "": none */
	uint32_t link_checksum;
	char directory[PATH_MAX]; /* of the binary, links resolved */
};

struct search {
	const struct dwarf_options *options;
	struct identity identity;
	struct text tried;
	struct debug_file *file;
};

static bool has_debug_info(Elf *elf)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names) < 0)
		return false;
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section != NULL; section = elf_nextscn(elf, section)) {
		GElf_Shdr header;
		if (gelf_getshdr(section, &header) == NULL || header.sh_type == SHT_NOBITS || header.sh_size == 0)
			continue;
		const char *name = elf_strptr(elf, names, header.sh_name);
		if (name != NULL && (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0))
			return true;
	}
	return false;
}

static size_t read_build_id(Elf *elf, uint8_t build_id[BUILD_ID_LIMIT])
{
	const void *bytes = NULL;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
	if (size <= 0 || size > BUILD_ID_LIMIT || bytes == NULL)
		return 0;
	memcpy(build_id, bytes, (size_t)size);
	return (size_t)size;
}

static bool checksum_agrees(Elf *elf, uint32_t wanted)
{
	size_t size;
	const char *image = elf_rawfile(elf, &size);
	if (image == NULL)
		return false;
	return (uint32_t)crc32_z(0, (const Bytef *)image, size) == wanted;
}

static bool is_of_binary(Elf *elf, const struct identity *identity, bool has_checksum)
{
	uint8_t build_id[BUILD_ID_LIMIT];
	size_t size = read_build_id(elf, build_id);
	if (size != 0 && identity->build_id_bytes != 0)
		return size == identity->build_id_bytes && memcmp(build_id, identity->build_id, size) == 0;
	return has_checksum && checksum_agrees(elf, identity->link_checksum);
}

/* Opens path as the file with the DWARF; false with the reason noted when it is not that. */
static bool try_file(struct search *search, const char *path, bool is_binary, bool has_checksum)
{
	text_format(&search->tried, "%s%s", search->tried.length == 0 ? "" : ", ", path);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0) {
		if (errno != ENOENT)
			text_format(&search->tried, " (%s)", strerror(errno));
		return false;
	}
	Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
	const char *refusal = NULL;
	if (elf == NULL || elf_kind(elf) != ELF_K_ELF)
		refusal = "not an ELF file";
	else if (!is_binary && !is_of_binary(elf, &search->identity, has_checksum))
		refusal = "of another binary";
	else if (!has_debug_info(elf))
		refusal = "has none";
	elf_end(elf);
	Dwarf *dwarf = refusal == NULL ? dwarf_begin(descriptor, DWARF_C_READ) : NULL;
	if (dwarf == NULL) {
		text_format(&search->tried, " (%s)", refusal != NULL ? refusal : dwarf_errmsg(-1));
		close(descriptor);
		return false;
	}
	search->file->descriptor = descriptor;
	search->file->dwarf = dwarf;
	(void)snprintf(search->file->path, sizeof search->file->path, "%s", path);
	return true;
}

static int read_identity(struct identity *identity, const char *elf_path, struct error *error)
{
	int descriptor = open(elf_path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return error_set(error, ERROR_IO, "cannot open %s: %s", elf_path, strerror(errno));
	Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
	bool is_elf = elf != NULL && elf_kind(elf) == ELF_K_ELF;
	if (is_elf) {
		identity->build_id_bytes = read_build_id(elf, identity->build_id);
		GElf_Word checksum = 0;
		const char *link = dwelf_elf_gnu_debuglink(elf, &checksum);
		if (link != NULL && strchr(link, '/') == NULL && strlen(link) <= NAME_MAX) {
			memcpy(identity->link, link, strlen(link) + 1);
			identity->link_checksum = checksum;
		}
	}
	elf_end(elf);
	close(descriptor);
	if (!is_elf)
		return error_set(error, ERROR_FORMAT, "%s is not an ELF file", elf_path);
	char resolved[PATH_MAX];
	if (realpath(elf_path, resolved) != NULL)
		(void)snprintf(identity->directory, sizeof identity->directory, "%s", dirname(resolved));
	return OK;
}

/* DIRECTORY/.build-id/ab/cdef....debug; false if there is no build-id or no room. */
static bool build_id_path(char path[PATH_MAX], const char *directory, const uint8_t *build_id, size_t bytes)
{
	char hex[2 * BUILD_ID_LIMIT + 1] = "";
	if (bytes < 2)
		return false;
	for (size_t i = 0; i < bytes; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	int length = snprintf(path, PATH_MAX, "%s/.build-id/%.2s/%s.debug", directory, hex, hex + 2);
	return length > 0 && length < PATH_MAX;
}

static bool try_build_id(struct search *search, const char *directory)
{
	char path[PATH_MAX];
	return directory != NULL &&
	       build_id_path(path, directory, search->identity.build_id, search->identity.build_id_bytes) &&
	       try_file(search, path, false, false);
}

static bool try_link(struct search *search, const char *prefix, const char *middle)
{
	char path[PATH_MAX];
	const struct identity *identity = &search->identity;
	if (prefix == NULL || identity->link[0] == '\0')
		return false;
	int length = snprintf(path, sizeof path, "%s%s/%s", prefix, middle, identity->link);
	return length > 0 && length < PATH_MAX && try_file(search, path, false, true);
}

/* Through the client library if this machine has it: linking it would make every user need it. */
static bool try_debuginfod(struct search *search)
{
	if (!search->options->use_debuginfod || search->identity.build_id_bytes == 0)
		return false;
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		text_add(&search->tried, ", debuginfod (libdebuginfod.so.1 is not installed)");
		return false;
	}
	void *(*begin)(void) = (void *(*)(void))dlsym(library, "debuginfod_begin");
	int (*find)(void *, const unsigned char *, int, char **) =
	        (int (*)(void *, const unsigned char *, int, char **))dlsym(library, "debuginfod_find_debuginfo");
	void (*end)(void *) = (void (*)(void *))dlsym(library, "debuginfod_end");
	void *client = begin != NULL && find != NULL && end != NULL ? begin() : NULL;
	bool found = false;
	if (client != NULL) {
		char *path = NULL;
		int descriptor = find(client, search->identity.build_id, (int)search->identity.build_id_bytes, &path);
		if (descriptor >= 0) {
			close(descriptor);
			found = path != NULL && try_file(search, path, false, false);
		} else {
			text_format(&search->tried, ", debuginfod (%s)", strerror(-descriptor));
		}
		free(path);
		end(client);
	}
	/* The library stays loaded: libcurl below it does not survive being unloaded. */
	return found;
}

static bool try_supplement(struct debug_file *file, const char *path, const uint8_t *build_id, size_t bytes)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return false;
	Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
	uint8_t its_id[BUILD_ID_LIMIT];
	bool agrees = elf != NULL && read_build_id(elf, its_id) == bytes && memcmp(its_id, build_id, bytes) == 0;
	elf_end(elf);
	Dwarf *dwarf = agrees ? dwarf_begin(descriptor, DWARF_C_READ) : NULL;
	if (dwarf == NULL) {
		close(descriptor);
		return false;
	}
	file->supplement_descriptor = descriptor;
	file->supplement = dwarf;
	dwarf_setalt(file->dwarf, dwarf);
	return true;
}

/* dwz moves what several files share into one more file. Without it the types that stayed are still read. */
static void open_supplement(struct debug_file *file, const struct dwarf_options *options)
{
	const char *name = NULL;
	const void *build_id = NULL;
	ssize_t bytes = dwelf_dwarf_gnu_debugaltlink(file->dwarf, &name, &build_id);
	if (bytes <= 0 || bytes > BUILD_ID_LIMIT || name == NULL)
		return;
	char path[PATH_MAX];
	const char *directories[] = { options->debug_directory, "/usr/lib/debug" };
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
		if (directories[i] != NULL && build_id_path(path, directories[i], build_id, (size_t)bytes) &&
		    try_supplement(file, path, build_id, (size_t)bytes))
			return;
	/* A relative name is relative to the file that says it, whatever links lead there. */
	char base[PATH_MAX];
	if (name[0] == '/') {
		(void)try_supplement(file, name, build_id, (size_t)bytes);
	} else if (realpath(file->path, base) != NULL) {
		int length = snprintf(path, sizeof path, "%s/%s", dirname(base), name);
		if (length > 0 && length < PATH_MAX)
			(void)try_supplement(file, path, build_id, (size_t)bytes);
	}
}

static bool find_debug_file(struct search *search, const char *elf_path)
{
	const char *given = search->options->debug_directory;
	const char *directory = search->identity.directory;
	return try_file(search, elf_path, true, false) || try_build_id(search, given) || try_link(search, given, "") ||
	       try_link(search, given, directory) || try_build_id(search, "/usr/lib/debug") ||
	       try_link(search, directory, "") || try_link(search, directory, "/.debug") ||
	       try_link(search, "/usr/lib/debug", directory) || try_debuginfod(search);
}

int debug_file_open(struct debug_file *file, const char *elf_path, const struct dwarf_options *options,
                    struct error *error)
{
	static const struct dwarf_options none;
	*file = (struct debug_file){ .descriptor = -1, .supplement_descriptor = -1 };
	if (elf_version(EV_CURRENT) == EV_NONE)
		return error_set(error, ERROR_UNSUPPORTED, "this libelf is too old");
	struct search *search = calloc(1, sizeof *search);
	if (search == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory looking for debug information of %s", elf_path);
	search->options = options != NULL ? options : &none;
	search->file = file;
	int status = read_identity(&search->identity, elf_path, error);
	if (status == OK) {
		if (find_debug_file(search, elf_path))
			open_supplement(file, search->options);
		else
			status = error_set(error, ERROR_NOT_FOUND,
			                   "no debug information for %s; install its debug package; looked at %s",
			                   elf_path, text_string(&search->tried));
	}
	text_free(&search->tried);
	free(search);
	return status;
}

void debug_file_close(struct debug_file *file)
{
	if (file->dwarf != NULL)
		dwarf_end(file->dwarf);
	if (file->supplement != NULL)
		dwarf_end(file->supplement);
	if (file->supplement_descriptor >= 0)
		close(file->supplement_descriptor);
	if (file->descriptor >= 0)
		close(file->descriptor);
	*file = (struct debug_file){ .descriptor = -1, .supplement_descriptor = -1 };
}
