/* SPDX-License-Identifier: MIT
 * ELF files and their DWARF, as far as our own code reads them through libelf and libdw. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "layout/dwarf_layout.h"
#include "layout/elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char path[64];
	struct error error = { 0 };
	const int descriptor = memfd_create("elf", MFD_CLOEXEC);
	if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	struct elf_file *file;
	if (elf_file_open(&file, path, &error) == OK) {
		struct elf_symbol symbol;
		uint64_t address, length;
		elf_file_symbol(file, "_PyRuntime", &symbol);
		if (elf_file_section(file, ".PyRuntime", &address, &length))
			(void)elf_file_bytes(file, address, length);
		elf_file_is_stripped(file);
		elf_file_close(file);
	}
	static struct layout layout;
	layout = (struct layout){ .row_name = "" };
	uint32_t structs;
	const struct dwarf_options options = { 0 };
	(void)dwarf_layout_merge(&layout, path, &options, &structs, NULL, &error);
	close(descriptor);
	return 0;
}
