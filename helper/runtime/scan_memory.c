/* SPDX-License-Identifier: MIT
 * Linear searches of writable memory, in pieces, so that a live target is fetched only as far as it is looked at. */
#include "base/limits.h"
#include "runtime/opening.h"

enum { SCAN_PIECE = 1 << 20, SCAN_PAGE = 4096 };

/* One range of one segment. Pieces that a live target refuses are tried again page by page. */
static bool scan_range(struct opening *opening, uint64_t start, uint64_t end, scan_visitor *visit, void *context)
{
	uint64_t piece = SCAN_PIECE;
	for (uint64_t at = start; at < end;) {
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

/* True if a file other than this one begins here: what follows a file's data is not its .bss then. */
static bool other_file_begins(const struct address_space *space, const struct mapped_file *file, uint64_t address)
{
	for (size_t i = 0; i < space->files.count; i++)
		if (&space->files.items[i] != file && space->files.items[i].start == address)
			return true;
	return false;
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

bool scan_file_data(struct opening *opening, const struct mapped_file *file, scan_visitor *visit, void *context)
{
	const struct address_space *space = opening->runtime->space;
	uint64_t end = file->end;
	/* Program break and other anonymous memory may follow a .bss without a gap. */
	uint64_t rest = LIMIT_BSS_BYTES;
	for (size_t i = segment_after(space, file->start); i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		if (segment->start >= end) {
			if (segment->start != end || !segment->writable_private || rest == 0 ||
			    other_file_begins(space, file, segment->start))
				break;
		}
		uint64_t from = segment->start < file->start ? file->start : segment->start;
		uint64_t to = segment->end;
		if (to > file->end) {
			const uint64_t base = from > file->end ? from : file->end;
			if (to - base > rest)
				to = base + rest;
			rest -= to - base;
			end = segment->end;
		}
		if (is_scanned(segment) && from < to && scan_range(opening, from, to, visit, context))
			return true;
	}
	return false;
}

bool scan_writable(struct opening *opening, scan_visitor *visit, void *context)
{
	const struct address_space *space = opening->runtime->space;
	uint64_t rest = LIMIT_SCANNED_BYTES;
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
	}
	return false;
}

const struct mapped_file *file_of_address(const struct address_space *space, uint64_t address)
{
	const struct mapped_file *best = NULL;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (!file->is_elf || file->start > address)
			continue;
		/* .bss lies behind the last byte that a file has mapped, so the nearest file below counts, within
		 * reach. */
		if (address - file->start >= (file->end - file->start) + LIMIT_BSS_BYTES)
			continue;
		if (best == NULL || file->start > best->start)
			best = file;
	}
	return best;
}
