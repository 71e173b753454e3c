/* SPDX-License-Identifier: MIT */
#include "memory/residency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "memory/space_source.h"

enum {
	PAGE_BYTES = 4096,
	PAGEMAP_ROWS = 512, /* read at once */
};

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_EXCLUSIVE (UINT64_C(1) << 56) /* Linux 4.2 */

/* The extents of data; none where the file system does not know, or the file has no hole at all. */
static int find_extents(struct residency *residency, int file, uint64_t bytes, struct error *error)
{
	off_t at = 0;
	while ((uint64_t)at < bytes && residency->extents.count < LIMIT_CORE_EXTENTS) {
		const off_t data = lseek(file, at, SEEK_DATA);
		if (data < 0)
			break;
		const off_t hole = lseek(file, data, SEEK_HOLE);
		if (hole <= data)
			break;
		if (!array_push(&residency->extents, (struct file_extent){ (uint64_t)data, (uint64_t)hole }))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the core's extents");
		at = hole;
	}
	return OK;
}

/* Which of the maps is the core file's own, byte for byte: the one of its size that segments lie in. */
static const struct host_map *core_map(const struct address_space *space, uint64_t bytes)
{
	for (size_t i = 0; i < space->source->maps.count && space->source->copies.count == 0; i++)
		if (space->source->maps.items[i].bytes == bytes)
			return &space->source->maps.items[i];
	return NULL;
}

static int open_core(struct residency *residency, struct error *error)
{
	const struct address_space *space = residency->space;
	struct stat about;
	const int file = space->target_path != NULL ? open(space->target_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (file < 0)
		return OK;
	int status = OK;
	const struct host_map *map = NULL;
	if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
		map = core_map(space, (uint64_t)about.st_size);
	if (map != NULL)
		status = find_extents(residency, file, map->bytes, error);
	(void)close(file);
	/* A copy that filled the holes has one extent, and says nothing. */
	if (status == OK && map != NULL && residency->extents.count > 1) {
		residency->source = RESIDENCY_HOLES;
		residency->map = map->address;
		residency->map_bytes = map->bytes;
	}
	return status;
}

int residency_open(struct residency *residency, const struct address_space *space, struct error *error)
{
	*residency = (struct residency){ .space = space, .pagemap = -1 };
	reader_init(&residency->reader, space);
	if (space->kind == SPACE_CORE)
		return open_core(residency, error);
	if (space->kind == SPACE_PROCESS) {
		char path[64];
		(void)snprintf(path, sizeof path, "/proc/%d/pagemap", space->pid);
		residency->pagemap = open(path, O_RDONLY | O_CLOEXEC);
		if (residency->pagemap >= 0)
			residency->source = RESIDENCY_PAGEMAP;
	}
	return OK;
}

void residency_close(struct residency *residency)
{
	if (residency->pagemap >= 0)
		(void)close(residency->pagemap);
	residency->pagemap = -1;
	array_free(&residency->extents);
}

static uint64_t smaller(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* Bytes of [start, end) of the file that are data. */
static uint64_t data_bytes(const struct residency *residency, uint64_t start, uint64_t end)
{
	size_t low = 0, high = residency->extents.count;
	uint64_t bytes = 0;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (residency->extents.items[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < residency->extents.count && residency->extents.items[low].start < end; low++) {
		const struct file_extent *extent = &residency->extents.items[low];
		bytes += smaller(extent->end, end) - (extent->start > start ? extent->start : start);
	}
	return bytes;
}

static bool is_zero(const uint8_t *bytes, uint64_t count)
{
	return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static uint64_t not_zero_bytes(struct residency *residency, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;
	for (uint64_t at = start, next; at < end; at = next) {
		next = smaller((at & ~(uint64_t)(PAGE_BYTES - 1)) + PAGE_BYTES, end);
		const uint8_t *page = reader_at(&residency->reader, at, next - at);
		bytes += page != NULL && !is_zero(page, next - at) ? next - at : 0;
	}
	return bytes;
}

/* Memory that was only read is mapped to the one page of zeros that all processes share, which takes none. A page that
 * another process may share and that is all zero is taken for it. */
static bool is_zero_page(struct residency *residency, uint64_t row, uint64_t address)
{
	if (row & PAGEMAP_EXCLUSIVE)
		return false;
	const struct segment *segment = reader_segment(&residency->reader, address);
	if (segment == NULL || !segment->writable_private)
		return false;
	const uint8_t *page = reader_at(&residency->reader, address, PAGE_BYTES);
	return page != NULL && is_zero(page, PAGE_BYTES);
}

static uint64_t present_bytes(struct residency *residency, uint64_t start, uint64_t end)
{
	uint64_t rows[PAGEMAP_ROWS], bytes = 0;
	uint64_t page = start / PAGE_BYTES;
	const uint64_t last = (end - 1) / PAGE_BYTES;
	while (page <= last) {
		const uint64_t count = smaller(last - page + 1, PAGEMAP_ROWS);
		const ssize_t got = pread(residency->pagemap, rows, count * sizeof *rows, (off_t)(page * sizeof *rows));
		if (got < (ssize_t)sizeof *rows)
			break;
		for (uint64_t i = 0; i < (uint64_t)got / sizeof *rows; i++, page++) {
			const uint64_t from = page * PAGE_BYTES, to = from + PAGE_BYTES;
			if ((rows[i] & PAGEMAP_PRESENT) && !is_zero_page(residency, rows[i], from))
				bytes += smaller(to, end) - (from > start ? from : start);
		}
	}
	return bytes;
}

uint64_t residency_bytes(struct residency *residency, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;
	if (residency->source == RESIDENCY_PAGEMAP)
		return start < end ? present_bytes(residency, start, end) : 0;
	while (start < end) {
		const struct segment *segment = reader_segment(&residency->reader, start);
		if (segment == NULL)
			break;
		const uint64_t stop = smaller(segment->end, end);
		const uint8_t *data = segment->from_file ? NULL : segment->data;
		if (data != NULL && residency->source == RESIDENCY_HOLES) {
			const uint8_t *from = data + (start - segment->start);
			if (from >= residency->map && from < residency->map + residency->map_bytes)
				bytes += data_bytes(residency, (uint64_t)(from - residency->map),
				                    (uint64_t)(from - residency->map) + (stop - start));
		} else if (data != NULL) {
			bytes += not_zero_bytes(residency, start, stop);
		}
		start = stop;
	}
	return bytes;
}
