/* SPDX-License-Identifier: MIT
 * mapped_files: groups the rows of a list of mappings into files, finds each ELF file's build-id in its header
 * page in target memory and the same file on this machine, and says of every absent range of a file what
 * is known. Only what a process cannot have changed (segments that the file itself marks read-only, so not
 * RELRO data either) is ever taken from a file. */
#include "memory/native_call.h"
#include "memory/files/mapped_files.h"

#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "memory/files/elf_match.h"

enum { ROWS_AHEAD = 16 }; /* the code of an ELF file is among its first rows */

/* One mapped file under construction: struct mapped_file number `file` of the space. */
struct file_unit {
	size_t first_row, row_count; /* in finder.rows */
	struct elf_view view; /* in target memory; bytes NULL: the header page is not there */
	struct elf_view local; /* the verified file's; bytes NULL: none */
	uint64_t image_end; /* 0: unknown */
	bool is_data; /* no row is executable */
};

struct finder {
	struct address_space *space;
	struct reader reader;
	const struct main_program *program;
	const struct memory_options *options;
	ARRAY(struct memory_mapping) rows; /* with a path, sorted */
	ARRAY(struct file_unit) units; /* as space->files */
	ARRAY(struct segment) claims;
	struct error *error;
};

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the list of mapped files");
}

static int compare_rows(const void *left, const void *right)
{
	const struct memory_mapping *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

/* "[heap]" and the like are no files; nor are anonymous huge pages, though the kernel gives them a path. */
static bool is_file_path(const char *path)
{
	return path != NULL && path[0] == '/' && strncmp(path, "/anon_hugepage", strlen("/anon_hugepage")) != 0;
}

static bool same_unit(const struct file_unit *unit, const struct mapped_file *file, const struct memory_mapping *last,
                      const struct memory_mapping *row)
{
	if (strcmp(file->path, row->path) != 0)
		return false;
	if (unit->image_end != 0)
		return row->start < unit->image_end;
	return row->file_offset != 0 || row->start == last->end;
}

/* Whether no row of the file is executable, as far as rows say. Spares data files, of which there can be many, a look
 * at their first block. */
static bool is_data(const struct finder *finder, size_t row_number)
{
	const char *path = finder->rows.items[row_number].path;
	for (size_t i = row_number; i < finder->rows.count && i - row_number < ROWS_AHEAD; i++) {
		const struct memory_mapping *row = &finder->rows.items[i];
		if (strcmp(row->path, path) != 0)
			break;
		if (row->protection == 0 || (row->protection & PROT_EXEC) != 0)
			return false;
	}
	return true;
}

static int begin_unit(struct finder *finder, const struct memory_mapping *row, size_t row_number)
{
	struct address_space *space = finder->space;
	struct mapped_file file = { .path = strdup(row->path), .start = row->start, .end = row->end };
	struct file_unit unit = { .first_row = row_number, .is_data = is_data(finder, row_number) };
	if (file.path == NULL)
		return no_memory(finder->error);
	if (row->file_offset == 0 && !unit.is_data)
		file.is_elf = elf_view_in_memory(&unit.view, &finder->reader, row->start, row->end - row->start);
	if (file.is_elf && elf_view_bias(&unit.view, row->start, 0, &file.load_bias)) {
		unit.image_end = elf_view_end(&unit.view, file.load_bias);
		elf_view_find_build_id(&unit.view, &finder->reader, file.load_bias);
		memcpy(file.build_id, unit.view.build_id, unit.view.build_id_bytes);
		file.build_id_bytes = unit.view.build_id_bytes;
	}
	file.absent = ABSENT_NO_FILE;
	if (!array_push(&space->files, file)) {
		free(file.path);
		return no_memory(finder->error);
	}
	return array_push(&finder->units, unit) ? OK : no_memory(finder->error);
}

static int group_rows(struct finder *finder)
{
	struct address_space *space = finder->space;
	for (size_t i = 0; i < finder->rows.count; i++) {
		const struct memory_mapping *row = &finder->rows.items[i];
		size_t count = space->files.count;
		if (count == 0 ||
		    !same_unit(&finder->units.items[count - 1], &space->files.items[count - 1], row - 1, row)) {
			if (count >= LIMIT_MODULES) {
				address_space_warn(space, "more than %d files are mapped; the others are ignored",
				                   LIMIT_MODULES);
				return OK;
			}
			TRY(begin_unit(finder, row, i));
		}
		struct mapped_file *file = &space->files.items[space->files.count - 1];
		struct file_unit *unit = &finder->units.items[space->files.count - 1];
		unit->row_count++;
		if (row->end > file->end)
			file->end = row->end;
		/* .bss has no row of its own; an image that claims to span the address space is not believed. */
		if (unit->image_end > file->end && unit->image_end - file->end < (UINT64_C(1) << 32))
			file->end = unit->image_end;
	}
	return OK;
}

/* A core without a list of files (a gcore that lost its tail): images are found by their header pages, and what they
 * span by their program headers. */
static int rows_from_headers(struct finder *finder)
{
	struct address_space *space = finder->space;
	for (size_t i = 0; i < space->segment_count && finder->rows.count < LIMIT_MODULES; i++) {
		const struct segment *segment = &space->segments[i];
		struct elf_view view;
		uint64_t bias;
		if (segment->data == NULL || segment->lazy != NULL ||
		    !elf_has_magic(segment->data, segment->end - segment->start))
			continue;
		if (!elf_view_in_memory(&view, &finder->reader, segment->start, segment->end - segment->start) ||
		    !elf_view_bias(&view, segment->start, 0, &bias))
			continue;
		for (uint32_t number = 0; number < view.header.program_count; number++) {
			struct elf_program program;
			if (!elf_program_parse(&view.header, view.bytes, view.size, number, &program))
				break;
			uint64_t skew = program.offset % 4096;
			struct memory_mapping row = { .start = bias + program.address - skew,
				                      .end = bias + program.address + program.file_bytes,
				                      .file_offset = program.offset - skew,
				                      .path = "" };
			if (program.type == PT_LOAD && row.start < row.end && row.start >= segment->start &&
			    row.end - segment->start < (UINT64_C(1) << 32) && !array_push(&finder->rows, row))
				return no_memory(finder->error);
		}
	}
	return OK;
}

/* Rows of an honest list do not overlap. Those of a hostile one are cut, or the pieces of rows and segments would be
 * as many as their product. */
static void drop_overlaps(struct finder *finder)
{
	uint64_t end = 0;
	size_t kept = 0;
	for (size_t i = 0; i < finder->rows.count; i++) {
		struct memory_mapping row = finder->rows.items[i];
		if (row.end <= end)
			continue;
		if (row.start < end) {
			row.file_offset += end - row.start;
			row.start = end;
		}
		end = row.end;
		finder->rows.items[kept++] = row;
	}
	finder->rows.count = kept;
}

static int collect_rows(struct finder *finder, const struct memory_mapping *rows, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++)
		if (is_file_path(rows[i].path) && rows[i].start < rows[i].end && !array_push(&finder->rows, rows[i]))
			return no_memory(finder->error);
	if (row_count == 0 && finder->space->kind == SPACE_CORE)
		TRY(rows_from_headers(finder));
	if (finder->rows.count > 0)
		qsort(finder->rows.items, finder->rows.count, sizeof *finder->rows.items, compare_rows);
	drop_overlaps(finder);
	return OK;
}

static struct mapped_file *file_holding(struct finder *finder, uint64_t address)
{
	for (size_t i = 0; address != 0 && i < finder->space->files.count; i++) {
		struct mapped_file *file = &finder->space->files.items[i];
		if (address >= file->start && address < file->end)
			return file;
	}
	return NULL;
}

static void mark_main_program(struct finder *finder)
{
	struct address_space *space = finder->space;
	struct mapped_file *found = file_holding(finder, finder->program->program_headers_address);
	if (found == NULL)
		found = file_holding(finder, finder->program->entry_address);
	for (size_t i = 0; found == NULL && finder->program->path != NULL && i < space->files.count; i++)
		if (space->files.items[i].path[0] != '\0' &&
		    strcmp(space->files.items[i].path, finder->program->path) == 0)
			found = &space->files.items[i];
	if (found != NULL)
		found->is_executable = true;
}

/* Opens the candidate and keeps it if it is the mapped file; false otherwise. */
static bool try_candidate(struct finder *finder, size_t number, const char *path, bool named, int *status)
{
	struct mapped_file *file = &finder->space->files.items[number];
	struct file_unit *unit = &finder->units.items[number];
	struct local_file local;
	if (*status < 0 || !local_file_open(&local, path))
		return false;
	const enum file_match match = local_file_matches(&local, &unit->view, named);
	if (match == FILE_IS_OTHER) {
		file->absent = ABSENT_OTHER_FILE;
		local_file_close(&local);
		return false;
	}
	if (match == FILE_IS_BELIEVED)
		address_space_warn(finder->space,
		                   "%s is taken for the target's %s because it was named, and nothing speaks against "
		                   "it: there is no build-id to compare; if answers look wrong, leave it out",
		                   path, file->path);
	*status = space_source_keep_map(finder->space->source, (void *)(uintptr_t)local.view.bytes, local.view.size,
	                                finder->error);
	if (*status < 0)
		return false;
	file->local_path = strdup(path);
	if (file->local_path == NULL) {
		*status = no_memory(finder->error);
		return false;
	}
	unit->local = local.view;
	file->absent = ABSENT_NOT;
	file->is_elf = true;
	if (unit->image_end == 0) {
		const struct memory_mapping *row = &finder->rows.items[unit->first_row];
		(void)elf_view_bias(&unit->local, row->start, row->file_offset, &file->load_bias);
	}
	return true;
}

static void format_build_id(const struct elf_view *view, char text[2 * BUILD_ID_BYTES + 1])
{
	(void)snprintf(text, 2 * BUILD_ID_BYTES + 1, "none");
	for (uint32_t i = 0; i < view->build_id_bytes; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", view->build_id[i]);
}

/* The mapped file whose build-id that of the user's executable is; the count of files: none. */
static size_t find_by_executable(const struct finder *finder)
{
	const struct address_space *space = finder->space;
	struct local_file local;
	size_t number = 0;
	if (!local_file_open(&local, finder->options->executable))
		return space->files.count;
	while (number < space->files.count &&
	       (space->files.items[number].build_id_bytes == 0 ||
	        local_file_matches(&local, &finder->units.items[number].view, false) == FILE_IS_OTHER))
		number++;
	local_file_close(&local);
	return number;
}

static void warn_of_executable(struct finder *finder, size_t number)
{
	const char *path = finder->options->executable;
	char in_target[2 * BUILD_ID_BYTES + 1], on_disk[2 * BUILD_ID_BYTES + 1];
	struct local_file local;
	if (!local_file_open(&local, path)) {
		address_space_warn(finder->space, "the executable given, %s, is not a readable ELF file", path);
		return;
	}
	if (local.view.build_id_bytes == 0 && finder->units.items[number].view.build_id_bytes == 0) {
		address_space_warn(finder->space,
		                   "the executable given does not match this target: its headers are not those of %s; "
		                   "neither %s nor that has a build-id",
		                   finder->space->files.items[number].path, path);
		local_file_close(&local);
		return;
	}
	format_build_id(&local.view, on_disk);
	format_build_id(&finder->units.items[number].view, in_target);
	address_space_warn(finder->space,
	                   "the executable given does not match this target: %s has build-id %s, %s has %s", path,
	                   on_disk, finder->space->files.items[number].path, in_target);
	local_file_close(&local);
}

/* Tries directory + path, the path's mark of a deleted file taken off: what lies there now may be its replacement,
 * which the build-id tells. */
static bool try_path(struct finder *finder, size_t number, const char *directory, const char *path, int *status)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(path);
	if (length == 0)
		return false;
	if (length > strlen(deleted) && strcmp(path + length - strlen(deleted), deleted) == 0)
		length -= strlen(deleted);
	char candidate[PATH_MAX];
	int written = snprintf(candidate, sizeof candidate, "%s%.*s", directory, (int)length, path);
	return written > 0 && (size_t)written < sizeof candidate &&
	       try_candidate(finder, number, candidate, false, status);
}

static bool try_process(struct finder *finder, size_t number, int *status)
{
	const char *directory = finder->program->process_directory;
	const struct mapped_file *file = &finder->space->files.items[number];
	const struct memory_mapping *row = &finder->rows.items[finder->units.items[number].first_row];
	char candidate[PATH_MAX];
	if (directory == NULL)
		return false;
	if (finder->program->root_directory != NULL)
		(void)snprintf(candidate, sizeof candidate, "%s", finder->program->root_directory);
	else
		(void)snprintf(candidate, sizeof candidate, "%s/root", directory);
	if (try_path(finder, number, candidate, file->path, status))
		return true;
	(void)snprintf(candidate, sizeof candidate, "%s/exe", directory);
	if (file->is_executable && try_candidate(finder, number, candidate, false, status))
		return true;
	(void)snprintf(candidate, sizeof candidate, "%s/map_files/%lx-%lx", directory, row->start, row->end);
	return try_candidate(finder, number, candidate, false, status);
}

/* A program that was started by the loader's own name is another file than what the kernel started. */
static int use_executable_elsewhere(struct finder *finder, size_t number)
{
	int status = OK;
	const size_t other = find_by_executable(finder);
	if (other == finder->space->files.count)
		warn_of_executable(finder, number);
	else if (finder->space->files.items[other].local_path == NULL)
		(void)try_candidate(finder, other, finder->options->executable, true, &status);
	return status;
}

static int find_local_file(struct finder *finder, size_t number)
{
	const struct memory_options *options = finder->options;
	struct mapped_file *file = &finder->space->files.items[number];
	const struct file_unit *unit = &finder->units.items[number];
	int status = OK;
	/* A header page that is there and is no ELF header is a data file's, too. */
	if (options->ignore_files || unit->is_data || (unit->view.bytes != NULL && !file->is_elf))
		return OK;
	if (file->is_executable && options->executable != NULL &&
	    !try_candidate(finder, number, options->executable, true, &status) && status >= 0)
		status = use_executable_elsewhere(finder, number);
	if (file->local_path == NULL && options->sysroot != NULL)
		(void)try_path(finder, number, options->sysroot, file->path, &status);
	if (file->local_path == NULL)
		(void)try_path(finder, number, "", file->path, &status);
	if (file->local_path == NULL)
		(void)try_process(finder, number, &status);
	return status;
}

/* Nothing says which file is the main program: it is the one that the user's executable is. */
static int find_main_by_executable(struct finder *finder)
{
	struct address_space *space = finder->space;
	const char *path = finder->options->executable;
	if (path == NULL || finder->options->ignore_files)
		return OK;
	const size_t number = find_by_executable(finder);
	if (number == space->files.count)
		return OK;
	int status = OK;
	space->files.items[number].is_executable = true;
	if (space->files.items[number].local_path == NULL)
		(void)try_candidate(finder, number, path, true, &status);
	return status;
}

static int find_local_files(struct finder *finder)
{
	struct address_space *space = finder->space;
	bool main_known = false;
	for (size_t i = 0; i < space->files.count; i++) {
		TRY(find_local_file(finder, i));
		main_known |= space->files.items[i].is_executable;
	}
	return main_known ? OK : find_main_by_executable(finder);
}

/* Claims [start, end) of a row, which the dump lacks; known: the dump's segment there, NULL if it has none. */
static bool claim_piece(struct finder *finder, size_t number, const struct memory_mapping *row,
                        const struct segment *known, uint64_t start, uint64_t end)
{
	const struct mapped_file *file = &finder->space->files.items[number];
	const struct file_unit *unit = &finder->units.items[number];
	const struct elf_view *view = unit->local.bytes != NULL ? &unit->local : &unit->view;
	uint32_t flags = file->is_elf ? elf_view_flags(view, file->load_bias, row->start) : 0;
	struct segment claim = { .start = start, .end = end, .absent = ABSENT_NOT_DUMPED };
	claim.protection = known != NULL ? known->protection : row->protection;
	if (claim.protection == 0)
		claim.protection = (flags & PF_R ? PROT_READ : 0u) | (flags & PF_W ? PROT_WRITE : 0u) |
		                   (flags & PF_X ? PROT_EXEC : 0u);
	claim.writable_private = (flags & PF_W) != 0 && (claim.protection & PROT_WRITE) != 0;
	bool can_have_changed = !file->is_elf || flags == 0 || (flags & PF_W) != 0;
	if (can_have_changed) {
		/* No headers at hand to say more, but code and constants of a file all the same. */
		if (view->bytes == NULL && !unit->is_data && (claim.protection & PROT_EXEC) != 0 &&
		    (claim.protection & PROT_WRITE) == 0)
			claim.absent = file->absent;
		return array_push(&finder->claims, claim);
	}
	if (unit->local.bytes == NULL) {
		claim.absent = file->absent;
		return array_push(&finder->claims, claim);
	}
	uint64_t offset = row->file_offset + (start - row->start), moved, bytes;
	uint64_t here = offset < unit->local.size ? unit->local.size - offset : 0;
	if (elf_view_file_offset(&unit->local, file->load_bias, start, &moved, &bytes) && moved != offset) {
		offset = moved;
		here = moved < unit->local.size ? unit->local.size - moved : 0;
		here = bytes < here ? bytes : here;
	}
	struct segment from_file = claim;
	from_file.absent = ABSENT_NOT;
	from_file.from_file = true;
	from_file.data = unit->local.bytes + offset;
	from_file.end = end - start < here ? end : start + here;
	claim.start = from_file.end;
	return (from_file.start >= from_file.end || array_push(&finder->claims, from_file)) &&
	       (claim.start >= claim.end || array_push(&finder->claims, claim));
}

/* Goes over the segments that the row touches, and the gaps between them. */
static bool claim_row(struct finder *finder, size_t number, const struct memory_mapping *row)
{
	const struct address_space *space = finder->space;
	size_t low = 0, high = space->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (space->segments[middle].end > row->start)
			high = middle;
		else
			low = middle + 1;
	}
	uint64_t at = row->start;
	for (; at < row->end; low++) {
		const struct segment *segment = low < space->segment_count ? &space->segments[low] : NULL;
		uint64_t next = segment != NULL && segment->start < row->end ? segment->start : row->end;
		if (at < next && !claim_piece(finder, number, row, NULL, at, next))
			return false;
		if (next == row->end)
			break;
		at = next > at ? next : at;
		uint64_t end = segment->end < row->end ? segment->end : row->end;
		/* What a running process cannot change is safer in the file: the process may end. */
		bool is_wanted = segment->data == NULL || (segment->lazy != NULL && finder->program->is_running);
		if (is_wanted && !claim_piece(finder, number, row, segment, at, end))
			return false;
		at = end;
	}
	return true;
}

static int set_segments(struct finder *finder)
{
	struct address_space *space = finder->space;
	for (size_t i = 0; i < finder->units.count; i++) {
		const struct file_unit *unit = &finder->units.items[i];
		for (size_t row = 0; row < unit->row_count; row++)
			if (!claim_row(finder, i, &finder->rows.items[unit->first_row + row]))
				return no_memory(finder->error);
	}
	if (finder->claims.count == 0)
		return OK;
	/* Before what is known already: of two reasons for absence the file's is the better one. */
	for (size_t i = 0; i < space->segment_count; i++)
		if (!array_push(&finder->claims, space->segments[i]))
			return no_memory(finder->error);
	return address_space_set_segments(space, finder->claims.items, finder->claims.count, finder->error);
}

int mapped_files_find(struct address_space *space, const struct memory_mapping *rows, size_t row_count,
                      const struct main_program *program, const struct memory_options *options, struct error *error)
{
	struct finder finder = { .space = space, .program = program, .options = options, .error = error };
	reader_init(&finder.reader, space);
	space->ignores_files = options->ignore_files;
	space->sysroot = options->sysroot != NULL ? strdup(options->sysroot) : NULL;
	if (space->sysroot == NULL && options->sysroot != NULL)
		return no_memory(error);
	int status = collect_rows(&finder, rows, row_count);
	if (status >= 0)
		status = group_rows(&finder);
	if (status >= 0) {
		mark_main_program(&finder);
		status = find_local_files(&finder);
	}
	if (status >= 0)
		status = set_segments(&finder);
	if (status >= 0)
		native_calls_settle(space);
	array_free(&finder.rows);
	array_free(&finder.units);
	array_free(&finder.claims);
	return status;
}
