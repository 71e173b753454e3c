/* SPDX-License-Identifier: MIT
 * Sound inputs for the fuzz targets to start from, written into FOLDER/TARGET: make_inputs FOLDER. */
#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../support/core_writer.h"
#include "../unit/layout_samples/debug_offsets.h"

static void put(const char *folder, const char *target, const char *name, const void *bytes, size_t size)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, target);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
}

static void put_cores(const char *folder)
{
	static uint8_t heap[3 * 4096], file[ELF_BYTES];
	for (unsigned variant = 0; variant < 4; variant++) {
		struct core_writer writer = { .notes_last = variant & 1, .many = variant & 2, .skew = variant };
		const struct core_row rows[] = { { 0x400000, 0x401000, 0, "/usr/bin/python3" },
			                         { 0x401000, 0x404000, 1, "/usr/bin/python3" } };
		const uint8_t process[136] = { 0 };
		elf_writer_image(file, 7);
		memcpy(heap, offsets_3_13_0, sizeof offsets_3_13_0);
		core_writer_thread(&writer, 4242, 6, 0x7ffe2000);
		core_writer_note(&writer, "CORE", NT_PRPSINFO, process, sizeof process);
		core_writer_files(&writer, rows, 2);
		core_writer_load(&writer, 0x400000, PF_R, file, 4096, 4096);
		core_writer_load(&writer, 0x401000, PF_R | PF_X, NULL, 0, 3 * 4096);
		core_writer_load(&writer, 0x10000000, PF_R | PF_W, heap, sizeof heap, 2 * sizeof heap);
		size_t size;
		char name[32];
		uint8_t *image = core_writer_image(&writer, &size);
		snprintf(name, sizeof name, "core-%u", variant);
		put(folder, "core_image", name, image, size);
		free(image);
	}
	put(folder, "elf_file", "image", file, sizeof file);
}

static void put_expressions(const char *folder)
{
	static const char *const expressions[] = {
		"0x7f31c02a8e40.items[3]",
		"app.cache.SESSIONS['u:1'].items[-3].name",
		"thread:4243.frame:0.rows[\"a\\x41\\u00e4\\N{DASH}\\777\"]",
		"interp:1.a[(1, b'\\0', ('x',), None, True)][key 3 of 9][r'\\']",
		"a[0xffffffffffffffff][-9223372036854775808][1_000]",
	};
	for (unsigned i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
		char name[32];
		snprintf(name, sizeof name, "expression-%u", i);
		put(folder, "expression", name, expressions[i], strlen(expressions[i]));
	}
}

int main(int argument_count, char **arguments)
{
	if (argument_count != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
		return 2;
	}
	mkdir(arguments[1], 0777);
	put_cores(arguments[1]);
	put_expressions(arguments[1]);
	put(arguments[1], "debug_offsets", "3.13.0", offsets_3_13_0, sizeof offsets_3_13_0);
	put(arguments[1], "debug_offsets", "3.14.10", offsets_3_14_10_debian, sizeof offsets_3_14_10_debian);
	put(arguments[1], "debug_offsets", "3.15.2", offsets_3_15_2_debian, sizeof offsets_3_15_2_debian);
	return 0;
}
