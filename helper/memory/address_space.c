/* SPDX-License-Identifier: MIT
 * address_space: the readers, and the life of a space. How a space comes to its segments is the business of
 * core_file.c, process.c, callbacks.c and buffer.c; how an address finds its segment of segment_index.c. */
#include "memory/space_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/bytes.h"
#include "memory/core/compressed_file.h"
#include "memory/files/map_guard.h"

int address_space_create(struct address_space **ret_space, enum space_kind kind, struct error *error)
{
	*ret_space = NULL;
	struct address_space *space = calloc(1, sizeof *space);
	struct space_source *source = calloc(1, sizeof *source);
	if (space == NULL || source == NULL || pthread_mutex_init(&source->lock, NULL) != 0) {
		free(space);
		free(source);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for an address space");
	}
	space->kind = kind;
	space->source = source;
	space->word_bytes = 8;
	*ret_space = space;
	return OK;
}

int64_t monotonic_nanoseconds(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void source_destroy(struct space_source *source)
{
	if (source->close != NULL)
		source->close(source->context);
	for (size_t i = 0; i < source->lazy.count; i++)
		lazy_blocks_destroy(source->lazy.items[i]);
	array_free(&source->lazy);
	for (size_t i = 0; i < source->maps.count; i++) {
		map_guard_remove(source->maps.items[i].address);
		(void)munmap(source->maps.items[i].address, source->maps.items[i].bytes);
	}
	array_free(&source->maps);
	for (size_t i = 0; i < source->copies.count; i++)
		free(source->copies.items[i]);
	array_free(&source->copies);
	(void)pthread_mutex_destroy(&source->lock);
	free(source);
}

void address_space_close(struct address_space *space)
{
	if (space == NULL)
		return;
	segment_index_free(space);
	free(space->segments);
	source_destroy(space->source);
	for (size_t i = 0; i < space->files.count; i++) {
		free(space->files.items[i].path);
		free(space->files.items[i].local_path);
	}
	array_free(&space->files);
	array_free(&space->threads);
	for (size_t i = 0; i < space->warnings.count; i++)
		free(space->warnings.items[i]);
	array_free(&space->warnings);
	array_free(&space->losses);
	free(space->target_path);
	free(space->sysroot);
	free(space->command);
	free(space);
}

void address_space_limit(const struct address_space *space, uint64_t max_memory)
{
	struct memory_budget *budget = &space->source->budget;
	atomic_store(&budget->most, max_memory);
	/* A command that stopped for want of memory does not stop the next one. */
	atomic_store(&budget->is_exceeded, false);
	atomic_store(&budget->next_look, 0);
}

uint64_t address_space_most(const struct address_space *space)
{
	return atomic_load(&space->source->budget.most);
}

int address_space_require(const struct address_space *space, uint64_t bytes, const char *purpose, struct error *error)
{
	return budget_require(&space->source->budget, bytes, purpose, error);
}

uint64_t address_space_unread(const struct address_space *space)
{
	char line[256];
	unsigned long long kibibytes = 0;
	uint64_t bytes = 0;
	if (space->kind != SPACE_PROCESS || space->live.mode == LIVE_COPY)
		return 0;
	(void)snprintf(line, sizeof line, "/proc/%d/status", space->pid);
	FILE *file = fopen(line, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "RssAnon: %llu kB", &kibibytes) == 1)
			bytes = (uint64_t)kibibytes * 1024;
	if (file != NULL)
		(void)fclose(file);
	const uint64_t taken = atomic_load(&space->source->budget.taken);
	return bytes > taken ? bytes - taken : 0;
}

bool address_space_is_lost(const struct address_space *space)
{
	return atomic_load_explicit(&space->source->budget.is_exceeded, memory_order_relaxed) ||
	       atomic_load_explicit(&space->source->is_cut, memory_order_relaxed) ||
	       atomic_load_explicit(&space->source->is_gone, memory_order_relaxed);
}

int address_space_check(const struct address_space *space, struct error *error)
{
	const struct space_source *source = space->source;
	struct stat information;
	if (atomic_load(&source->is_gone))
		return error_set(error, ERROR_CHANGED,
		                 "process %d ended while its memory was read; look at its core, if it left one",
		                 space->pid);
	if (atomic_load(&source->budget.is_exceeded))
		return budget_exceeded(&source->budget, error);
	if (atomic_load(&source->is_cut) && source->is_expanded && compressed_file_no_room())
		return error_set(
		        error, ERROR_IO,
		        "the file system of the temporary file that %s was expanded into is full; set TMPDIR to a "
		        "directory with more room",
		        space->target_path != NULL ? space->target_path : "the core");
	/* A core that was removed meanwhile is still there for whoever has it mapped. */
	bool is_changed = atomic_load(&source->is_cut);
	if (source->core.is_known && space->target_path != NULL && stat(space->target_path, &information) == 0) {
		const struct file_identity now = file_identity_of(&information);
		is_changed |= !file_identity_equals(&source->core, &now);
	}
	if (is_changed)
		return error_set(error, ERROR_CHANGED,
		                 "%s, or a file that it refers to, was changed since it was opened; open it again",
		                 space->target_path != NULL ? space->target_path : "the target");
	return OK;
}

uint64_t address_space_stopped(const struct address_space *space)
{
	int64_t end = space->live.ended;
	if (space->live.began == 0)
		return 0;
	if (end == 0)
		end = monotonic_nanoseconds();
	return end > space->live.began ? (uint64_t)(end - space->live.began) : 0;
}

const struct segment *address_space_find(const struct address_space *space, uint64_t address)
{
	if (space->source->on_demand)
		return window_find(space, address);
	return segment_index_find(space, address);
}

enum memory_state address_space_state(const struct address_space *space, uint64_t address)
{
	const struct segment *segment = address_space_find(space, address);
	if (segment == NULL)
		return MEMORY_UNMAPPED;
	if (segment->data == NULL)
		return MEMORY_ABSENT;
	if (segment->lazy == NULL || segment_fetch(space, segment, address, 1))
		return MEMORY_PRESENT;
	/* Without a list of mappings, "refused" is all that is known, and nearly all of it was never mapped. */
	return space->source->on_demand ? MEMORY_UNMAPPED : MEMORY_ABSENT;
}

bool address_space_is_immediate(const struct address_space *space)
{
	return !space->source->on_demand && space->source->lazy.count == 0;
}

/* What a reader remembers before its first read: holds no address. */
static const struct segment no_segment;

void reader_init(struct reader *reader, const struct address_space *space)
{
	reader->space = space;
	reader->last = &no_segment;
	for (unsigned i = 0; i < READER_RECENT; i++)
		reader->recent[i] = &no_segment;
}

const struct segment *reader_segment_slow(struct reader *reader, uint64_t address)
{
	const struct segment *segment = address_space_find(reader->space, address);
	if (segment != NULL) {
		reader->last = segment;
		reader->recent[address >> READER_RECENT_SHIFT & (READER_RECENT - 1)] = segment;
	}
	return segment;
}

const uint8_t *reader_at_lazy(struct reader *reader, const struct segment *segment, uint64_t address, uint64_t size)
{
	if (!segment_fetch(reader->space, segment, address, size))
		return NULL;
	return segment->data + (address - segment->start);
}

bool reader_copy(struct reader *reader, uint64_t address, void *buffer, uint64_t size)
{
	uint8_t *out = buffer;
	while (size > 0) {
		const struct segment *segment = reader_segment(reader, address);
		if (segment == NULL)
			return false;
		uint64_t part = segment->end - address < size ? segment->end - address : size;
		const uint8_t *bytes = reader_at(reader, address, part);
		if (bytes == NULL)
			return false;
		memcpy(out, bytes, part);
		out += part;
		address += part;
		size -= part;
	}
	return true;
}

bool reader_u64_in_parts(struct reader *reader, uint64_t address, uint64_t *ret_value)
{
	uint8_t bytes[8];
	if (!reader_copy(reader, address, bytes, sizeof bytes))
		return false;
	*ret_value = load_u64(bytes);
	return true;
}

bool reader_u32(struct reader *reader, uint64_t address, uint32_t *ret_value)
{
	uint8_t bytes[4];
	if (!reader_copy(reader, address, bytes, sizeof bytes))
		return false;
	*ret_value = load_u32(bytes);
	return true;
}

bool reader_string(struct reader *reader, uint64_t address, char *buffer, size_t capacity)
{
	size_t used = 0;
	while (used < capacity) {
		const struct segment *segment = reader_segment(reader, address);
		if (segment == NULL)
			return false;
		/* By page, so that a string that ends before an unreadable page of a live target is read. */
		uint64_t part = LAZY_PAGE_BYTES - address % LAZY_PAGE_BYTES;
		if (part > segment->end - address)
			part = segment->end - address;
		if (part > capacity - used)
			part = capacity - used;
		const uint8_t *bytes = reader_at(reader, address, part);
		if (bytes == NULL)
			return false;
		const uint8_t *nul = memchr(bytes, '\0', part);
		memcpy(buffer + used, bytes, nul != NULL ? (size_t)(nul - bytes) + 1 : part);
		if (nul != NULL)
			return true;
		used += part;
		address += part;
	}
	return false;
}
