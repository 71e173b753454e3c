/* SPDX-License-Identifier: MIT
 * Runs a target of libFuzzer over files, and over damaged variants of each, where there is no libFuzzer: what ctest
 * does with the inputs that are kept, among them every one that ever crashed.
 *
 *     fuzz_TARGET VARIANTS FOLDER */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators) */
static uint64_t next_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static void damage(uint8_t *bytes, size_t *size, uint64_t *random)
{
	static const uint8_t likely[] = { 0, 1, 0x7f, 0x80, 0xff };
	if (*size > 0 && next_random(random) % 8 == 0)
		*size = next_random(random) % *size;
	const unsigned count = 1 + next_random(random) % 8;
	for (unsigned i = 0; i<count && * size> 0; i++) {
		/* Headers are at the beginning and matter most. */
		const size_t range = next_random(random) % 2 && *size > 256 ? 256 : *size;
		const size_t at = next_random(random) % range;
		bytes[at] = next_random(random) % 2 ? likely[next_random(random) % sizeof likely]
		                                    : (uint8_t)next_random(random);
	}
}

static int replay(const char *path, unsigned variants)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
		perror(path);
		exit(2);
	}
	const size_t whole = (size_t)ftell(file);
	rewind(file);
	uint8_t *original = malloc(whole + 1), *bytes = malloc(whole + 1);
	if (original == NULL || bytes == NULL || fread(original, 1, whole, file) != whole) {
		perror(path);
		exit(2);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(original, whole);
	for (unsigned i = 0; i < variants; i++) {
		uint64_t random = i;
		size_t size = whole;
		memcpy(bytes, original, whole);
		damage(bytes, &size, &random);
		LLVMFuzzerTestOneInput(bytes, size);
	}
	free(original);
	free(bytes);
	return 1;
}

int main(int argument_count, char **arguments)
{
	DIR *folder = argument_count == 3 ? opendir(arguments[2]) : NULL;
	if (folder == NULL) {
		fprintf(stderr, "usage: %s VARIANTS FOLDER\n", arguments[0]);
		return 2;
	}
	int count = 0;
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char path[PATH_MAX];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", arguments[2], entry->d_name);
		count += replay(path, (unsigned)strtoul(arguments[1], NULL, 10));
	}
	closedir(folder);
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
