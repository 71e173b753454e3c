/* SPDX-License-Identifier: MIT
 * Linear searches of writable memory, in pieces, so that a live target is fetched only as far as it is looked at. */
#include <elf.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/find/opening.h"

enum { SCAN_PIECE = 1 << 20, SCAN_PAGE = 4096, MAX_DATA_RANGES = 8 };

/* Behind the mapped end of a file whose program headers are not in the dump. */
enum { GUESSED_BSS_BYTES = 4 << 20 };

/* One range of one segment. Pieces that a live target refuses are tried again page by page. */
static bool scan_range(struct opening *opening, uint64_t start, uint64_t end, scan_visitor *visit, void *context)
{
	uint64_t piece = SCAN_PIECE;
	/* What ends the scan early ends runtime_open(), too. */
	for (uint64_t at = start; at < end && !progress_is_cancelled(opening->options->progress);) {
		const uint64_t starts = end - at < piece ? end - at : piece;
		const uint64_t readable = end - at < starts + SCAN_OVERLAP ? end - at : starts + SCAN_OVERLAP;
		const uint8_t *bytes = reader_at(&opening->reader, at, readable);
		if (bytes == NULL && piece != SCAN_PAGE) {
			piece = SCAN_PAGE;
			continue;
		}
		if (bytes != NULL && visit(context, bytes, starts, readable, at))
			return true;
		at += starts;
		if (at % SCAN_PIECE == 0)
			piece = SCAN_PIECE;
	}
	return false;
}

static bool is_scanned(const struct segment *segment)
{
	return segment->writable_private && segment->data != NULL;
}

/* The first segment that ends after address. */
static size_t segment_after(const struct address_space *space, uint64_t address)
{
	size_t low = 0, high = space->segment_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (space->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct data_ranges {
	struct {
		uint64_t start, end;
	} items[MAX_DATA_RANGES];
	unsigned count;
};

/* The program headers lie in the first page, which the kernel dumps of every ELF file (bit 4 of coredump_filter). They
 * say where the writable data is and how far .bss goes, which in a list of mappings is anonymous memory like the heap.
 */
static bool ranges_of_headers(struct reader *reader, const struct mapped_file *file, struct data_ranges *ranges)
{
	Elf64_Ehdr header;
	if (!reader_copy(reader, file->start, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_phoff > file->end - file->start)
		return false;
	for (unsigned i = 0; i < header.e_phnum && ranges->count < MAX_DATA_RANGES; i++) {
		Elf64_Phdr program;
		if (!reader_copy(reader, file->start + header.e_phoff + i * sizeof program, &program, sizeof program))
			return false;
		if (program.p_type != PT_LOAD || (program.p_flags & PF_W) == 0 || program.p_memsz > LIMIT_BSS_BYTES)
			continue;
		const uint64_t start = program.p_vaddr + file->load_bias;
		ranges->items[ranges->count].start = start;
		ranges->items[ranges->count++].end = start + program.p_memsz;
	}
	return ranges->count != 0;
}

static void data_of_file(struct reader *reader, const struct mapped_file *file, struct data_ranges *ranges)
{
	*ranges = (struct data_ranges){ .count = 0 };
	if (ranges_of_headers(reader, file, ranges))
		return;
	ranges->count = 1;
	ranges->items[0].start = file->start;
	ranges->items[0].end = file->end + GUESSED_BSS_BYTES;
}

bool scan_file_data(struct opening *opening, const struct mapped_file *file, scan_visitor *visit, void *context)
{
	const struct address_space *space = opening->runtime->space;
	struct data_ranges ranges;
	data_of_file(&opening->reader, file, &ranges);
	for (unsigned range = 0; range < ranges.count; range++) {
		const uint64_t start = ranges.items[range].start, end = ranges.items[range].end;
		for (size_t i = segment_after(space, start); i < space->segment_count; i++) {
			const struct segment *segment = &space->segments[i];
			if (segment->start >= end)
				break;
			const uint64_t from = segment->start < start ? start : segment->start;
			const uint64_t to = segment->end > end ? end : segment->end;
			if (is_scanned(segment) && from < to && scan_range(opening, from, to, visit, context))
				return true;
		}
	}
	return false;
}

bool scan_writable(struct opening *opening, scan_visitor *visit, void *context)
{
	const struct address_space *space = opening->runtime->space;
	uint64_t rest = LIMIT_SCANNED_BYTES;
	opening->account.scanned_bytes = 0;
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		if (!is_scanned(segment))
			continue;
		uint64_t size = segment->end - segment->start;
		if (size > rest) {
			size = rest;
			opening->account.scan_was_cut = true;
		}
		rest -= size;
		opening->account.scanned_bytes += size;
		if (size != 0 && scan_range(opening, segment->start, segment->start + size, visit, context))
			return true;
		if (progress_is_cancelled(opening->options->progress))
			return false;
	}
	return false;
}

const struct mapped_file *file_of_address(struct opening *opening, uint64_t address)
{
	const struct address_space *space = opening->runtime->space;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		struct data_ranges ranges;
		if (!file->is_elf || file->start > address)
			continue;
		data_of_file(&opening->reader, file, &ranges);
		for (unsigned range = 0; range < ranges.count; range++)
			if (address >= ranges.items[range].start && address < ranges.items[range].end)
				return file;
	}
	return NULL;
}
