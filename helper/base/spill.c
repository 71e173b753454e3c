/* SPDX-License-Identifier: MIT */
#include "base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"

enum { PAGE_BYTES = 4096 };

struct spilled_block {
	void *address;
	uint64_t bytes;
};

/* free() must know them from blocks of malloc(): a few tens at most. */
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static ARRAY(struct spilled_block) blocks;

static _Thread_local const char *thread_directory;

void spill_to(const char *directory)
{
	thread_directory = directory;
}

const char *spill_directory(void)
{
	return thread_directory;
}

static int open_file(const char *directory)
{
	char name[4096];
	int descriptor = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (descriptor >= 0 || snprintf(name, sizeof name, "%s/pydeepsize-XXXXXX", directory) >= (int)sizeof name)
		return descriptor;
	/* File systems without O_TMPFILE (overlayfs of old kernels, NFS): a name for a moment. */
	descriptor = mkostemp(name, O_CLOEXEC);
	if (descriptor >= 0)
		(void)unlink(name);
	return descriptor;
}

static void *map_file(const char *directory, uint64_t bytes)
{
	int descriptor = open_file(directory);
	if (descriptor < 0)
		return NULL;
	void *address = MAP_FAILED;
	/* Reserved, not only said to be so long: a hole that finds no room when it is written is a SIGBUS. */
	int failed = posix_fallocate(descriptor, 0, (off_t)bytes);
	if (failed == 0)
		address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	(void)close(descriptor);
	return address != MAP_FAILED ? address : NULL;
}

void *spill_map_sparse(uint64_t bytes, int *ret_descriptor)
{
	int descriptor = thread_directory != NULL ? open_file(thread_directory) : -1;
	if (descriptor < 0)
		return NULL;
	void *address = ftruncate(descriptor, (off_t)bytes) == 0
	                        ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
	                        : MAP_FAILED;
	if (address == MAP_FAILED) {
		(void)close(descriptor);
		return NULL;
	}
	*ret_descriptor = descriptor;
	return address;
}

void *spill_allocate(uint64_t bytes)
{
	if (thread_directory == NULL || bytes > INT64_MAX - PAGE_BYTES)
		return NULL;
	struct spilled_block block = { .bytes = (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1) };
	block.address = map_file(thread_directory, block.bytes);
	if (block.address == NULL)
		return NULL;
	pthread_mutex_lock(&blocks_lock);
	const bool is_kept = array_push(&blocks, block);
	pthread_mutex_unlock(&blocks_lock);
	if (is_kept)
		return block.address;
	(void)munmap(block.address, block.bytes);
	return NULL;
}

bool spill_free(void *address)
{
	struct spilled_block found = { .address = NULL };
	if (address == NULL || (uintptr_t)address % PAGE_BYTES != 0)
		return false;
	pthread_mutex_lock(&blocks_lock);
	for (size_t i = 0; i < blocks.count && found.address == NULL; i++) {
		if (blocks.items[i].address != address)
			continue;
		found = blocks.items[i];
		blocks.items[i] = blocks.items[--blocks.count];
	}
	if (blocks.count == 0)
		array_free(&blocks);
	pthread_mutex_unlock(&blocks_lock);
	if (found.address != NULL)
		(void)munmap(found.address, found.bytes);
	return found.address != NULL;
}

uint64_t spill_bytes(const void *address)
{
	uint64_t bytes = 0;
	pthread_mutex_lock(&blocks_lock);
	for (size_t i = 0; i < blocks.count && bytes == 0; i++)
		bytes = blocks.items[i].address == address ? blocks.items[i].bytes : 0;
	pthread_mutex_unlock(&blocks_lock);
	return bytes;
}
