/* SPDX-License-Identifier: MIT
 * core_file: ELF cores of the kernel and of gdb's gcore, parsed by hand over one mapping of the file. Every
 * offset is checked against the size that the file really has: a core that was cut off loses its tail and
 * nothing else, and is never read past its end. */
#include "memory/core/compressed_file.h"
#include "memory/core/core_notes.h"
#include "memory/core/segments_apart.h"
#include "memory/files/mapped_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/limits.h"

/* Formats that are not ELF and that people do try. */
static const char *foreign_format(const uint8_t *bytes, uint64_t size)
{
	static const struct {
		const char *magic;
		const char *name;
	} formats[] = {
		{ "KDUMP   ", "a kdump dump of a whole kernel; a core of one process is needed" },
		{ "DISKDUMP", "a diskdump of a whole kernel; a core of one process is needed" },
		{ "makedumpfile", "a makedumpfile dump of a whole kernel; a core of one process is needed" },
		{ "MDMP", "a minidump, which holds stacks and no heap; a full core is needed" },
		{ "BZh", "compressed by bzip2; decompress it first (bunzip2)" },
		{ "ProblemType", "an apport report; get the core out of it first (apport-unpack)" },
	};
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (size >= strlen(formats[i].magic) && memcmp(bytes, formats[i].magic, strlen(formats[i].magic)) == 0)
			return formats[i].name;
	return NULL;
}

static int check_header(const uint8_t *bytes, uint64_t size, const char *path, struct elf_header *ret_header,
                        struct error *error)
{
	const char *foreign = foreign_format(bytes, size);
	if (foreign != NULL)
		return error_set(error, ERROR_UNSUPPORTED, "%s is %s", path, foreign);
	if (!elf_has_magic(bytes, size))
		return error_set(error, ERROR_FORMAT,
		                 "%s is not an ELF core file (it does not begin with \\x7f"
		                 "ELF)",
		                 path);
	if (!elf_header_parse(bytes, size, ret_header))
		return error_set(error, ERROR_FORMAT, "%s has a damaged or incomplete ELF header (%lu bytes in all)",
		                 path, size);
	if (ret_header->type != ET_CORE)
		return error_set(error, ERROR_FORMAT,
		                 "%s is an ELF file of type %u, not a core; "
		                 "make one of a running process with gcore",
		                 path, ret_header->type);
	if (ret_header->word_bytes == 8 && !ret_header->big_endian && ret_header->machine == EM_X86_64)
		return OK;
	char number[32];
	const char *name = elf_machine_name(ret_header);
	(void)snprintf(number, sizeof number, "ELF machine %u, %u bits", ret_header->machine,
	               ret_header->word_bytes * 8);
	return error_set(error, ERROR_UNSUPPORTED,
	                 "%s is the core of a %s process; only those of x86-64 are read so far. gdb-multiarch with "
	                 "CPython's own libpython.py shows its frames",
	                 path, name != NULL ? name : number);
}

static int check_programs(const uint8_t *bytes, uint64_t size, const char *path, struct elf_header *header,
                          struct error *error)
{
	if (!header->program_count_known && header->program_count == PN_XNUM)
		return error_set(error, ERROR_FORMAT,
		                 "%s has more than 65534 segments, but ends (at %lu bytes) before the "
		                 "section header that counts them",
		                 path, size);
	if (header->program_count == 0)
		return error_set(error, ERROR_FORMAT, "%s has no program headers: it holds no memory", path);
	if (header->program_count > LIMIT_CORE_SEGMENTS)
		return error_set(error, ERROR_LIMIT, "%s claims %u segments, more than the %u that are read", path,
		                 header->program_count, LIMIT_CORE_SEGMENTS);
	struct elf_program last;
	if (!elf_program_parse(header, bytes, size, header->program_count - 1, &last))
		return error_set(error, ERROR_FORMAT,
		                 "%s ends (at %lu bytes) within its %u program headers: nothing can be "
		                 "read from it",
		                 path, size, header->program_count);
	return OK;
}

/* How many of the segment's bytes the file really has. */
static uint64_t bytes_in_file(const struct elf_program *program, uint64_t size)
{
	if (program->offset >= size)
		return 0;
	return program->file_bytes < size - program->offset ? program->file_bytes : size - program->offset;
}

typedef ARRAY(struct segment) claim_array;

/* How many more bytes of the file may be used. No two segments of an honest core share bytes, so all of them together
 * have at most the file's size. A forged one could have petabytes of memory on a megabyte of file, or a million times
 * the same notes. */
struct budget {
	uint64_t load_bytes, note_bytes;
	bool is_exceeded;
};

static uint64_t spend(struct budget *budget, uint64_t *left, uint64_t bytes)
{
	if (bytes > *left) {
		budget->is_exceeded = true;
		return 0;
	}
	*left -= bytes;
	return bytes;
}

/* One PT_LOAD: what is in the file, what the file lost, and what was never dumped. */
static bool claim_load(claim_array *claims, const struct elf_program *program, const uint8_t *bytes, uint64_t size,
                       struct budget *budget)
{
	uint64_t start = program->address, end;
	if (!checked_add(start, program->memory_bytes, &end))
		return true;
	uint64_t dumped = program->file_bytes < program->memory_bytes ? program->file_bytes : program->memory_bytes;
	uint64_t here = bytes_in_file(program, size);
	if (here > dumped)
		here = dumped;
	here = spend(budget, &budget->load_bytes, here);
	struct segment claim = { .protection = (program->flags & PF_R ? PROT_READ : 0u) |
		                               (program->flags & PF_W ? PROT_WRITE : 0u) |
		                               (program->flags & PF_X ? PROT_EXEC : 0u),
		                 .writable_private = (program->flags & PF_W) != 0 };
	struct segment parts[3] = { claim, claim, claim };
	parts[0].start = start;
	parts[0].end = start + here;
	parts[0].data = here > 0 ? bytes + program->offset : NULL;
	parts[1].start = start + here;
	parts[1].end = start + dumped;
	parts[1].absent = ABSENT_TRUNCATED;
	parts[2].start = start + dumped;
	parts[2].end = end;
	parts[2].absent = ABSENT_NOT_DUMPED;
	for (int i = 0; i < 3; i++)
		if (parts[i].start < parts[i].end && !array_push(claims, parts[i]))
			return false;
	return true;
}

/* gdb's gcore copies a mapping in pieces; at the first that it cannot read it stops, and the rest of the mapping is
 * zeros in the file (gcore.c gcore_copy_callback). Since glibc 2.42 that befalls stacks: their guard pages are part of
 * the mapping. A thread's stack is never zero where its stack pointer is, so there the dump tells. */
enum { GCORE_PIECE = 1 << 20, LIVE_STACK_BYTES = 128 };

static int compare_words(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0);
}

/* Where the zeros begin that a claim ends with, at the start of a piece; its end if there are none. */
static uint64_t zeros_from(const struct segment *claim)
{
	uint64_t from = claim->end;
	for (uint64_t pieces = (claim->end - claim->start + GCORE_PIECE - 1) / GCORE_PIECE; pieces > 0; pieces--) {
		uint64_t at = (pieces - 1) * GCORE_PIECE;
		if (!is_zero(claim->data + at, from - claim->start - at))
			break;
		from = claim->start + at;
	}
	return from;
}

/* Is one of the sorted stack pointers in what a claim has only zeros of? */
static bool loses_stack(const struct segment *claim, const uint64_t *pointers, size_t count)
{
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (pointers[middle] < claim->start)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < count && pointers[i] < claim->end; i++)
		if (claim->end - pointers[i] >= LIVE_STACK_BYTES &&
		    is_zero(claim->data + (pointers[i] - claim->start), LIVE_STACK_BYTES))
			return true;
	return false;
}

static bool drop_lost_stacks(struct address_space *space, claim_array *claims)
{
	const size_t count = space->threads.count, claim_count = claims->count;
	uint64_t *pointers = calloc(count + 1, sizeof *pointers), lost = 0;
	if (pointers == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		pointers[i] = space->threads.items[i].stack_pointer;
	qsort(pointers, count, sizeof *pointers, compare_words);
	bool done = true;
	for (size_t i = 0; i < claim_count && done; i++) {
		struct segment *claim = &claims->items[i];
		if (claim->data == NULL || !claim->writable_private || !loses_stack(claim, pointers, count))
			continue;
		struct segment rest = *claim;
		rest.start = claim->end = zeros_from(claim);
		rest.data = NULL;
		rest.absent = ABSENT_NOT_DUMPED;
		lost += rest.end - rest.start;
		done = array_push(claims, rest);
	}
	if (lost != 0)
		address_space_warn(space,
		                   "this core has zeros for %lu KiB that hold stacks of threads, as gcore writes them "
		                   "where it cannot read a guard page: frames may be missing; a core by the kernel, or "
		                   "--pid, has them",
		                   lost / 1024);
	free(pointers);
	return done;
}

/* The file, or the temporary one that it was expanded into; mapped. */
struct core_bytes {
	const uint8_t *bytes;
	uint64_t size;
};

/* The program headers of a core, while they are gone through. */
struct core_parser {
	struct address_space *space;
	struct core_bytes file;
	struct elf_header header;
	struct core_notes *notes;
	claim_array claims;
	struct budget budget;
};

static int read_program(struct core_parser *parser, const struct elf_program *program, struct error *error)
{
	const struct core_bytes *file = &parser->file;
	if (program->type == PT_LOAD && !claim_load(&parser->claims, program, file->bytes, file->size, &parser->budget))
		return error_set(error, ERROR_NO_MEMORY, "out of memory for %u segments", parser->header.program_count);
	if (program->type != PT_NOTE)
		return OK;
	uint64_t note_bytes = spend(&parser->budget, &parser->budget.note_bytes, bytes_in_file(program, file->size));
	if (note_bytes == 0)
		return OK;
	return core_notes_parse(parser->space, &parser->header, file->bytes + program->offset, note_bytes,
	                        parser->notes, error);
}

static int read_programs(struct core_parser *parser, struct error *error)
{
	const struct elf_header *header = &parser->header;
	struct address_space *space = parser->space;
	const uint64_t size = parser->file.size;
	uint64_t expected = header->section_end;
	int status = OK;
	parser->budget = (struct budget){ .load_bytes = size, .note_bytes = size };
	for (uint32_t i = 0; i < header->program_count && status >= 0; i++) {
		struct elf_program program;
		uint64_t end;
		if (!elf_program_parse(header, parser->file.bytes, size, i, &program))
			break;
		if (checked_add(program.offset, program.file_bytes, &end) && end > expected)
			expected = end;
		status = read_program(parser, &program, error);
	}
	if (parser->budget.is_exceeded)
		address_space_warn(space,
		                   "the segments of this core claim more bytes than it has: it is damaged or forged, "
		                   "and what does not fit was left out");
	space->coverage.file_size = size;
	space->coverage.file_expected_size = expected > size ? expected : size;
	if (status >= 0 && !drop_lost_stacks(space, &parser->claims))
		status = error_set(error, ERROR_NO_MEMORY, "out of memory for %zu threads", space->threads.count);
	if (status >= 0)
		status = address_space_set_segments(space, parser->claims.items, parser->claims.count, error);
	array_free(&parser->claims);
	return status;
}

static int parse_core(struct address_space *space, const struct core_bytes *file, const char *path,
                      const struct memory_options *options, struct error *error)
{
	struct core_notes notes = { .has_siginfo = false };
	struct core_parser parser = { .space = space, .file = *file, .notes = &notes };
	TRY(check_header(file->bytes, file->size, path, &parser.header, error));
	TRY(check_programs(file->bytes, file->size, path, &parser.header, error));
	space->word_bytes = parser.header.word_bytes;
	space->big_endian = parser.header.big_endian;
	space->machine = parser.header.machine;
	int status = read_programs(&parser, error);
	if (status >= 0) {
		char executable[4096] = "";
		struct reader reader;
		reader_init(&reader, space);
		if (notes.executable_name_address != 0)
			(void)reader_string(&reader, notes.executable_name_address, executable, sizeof executable);
		struct main_program program = { .program_headers_address = notes.program_headers_address,
			                        .entry_address = notes.entry_address,
			                        .path = executable };
		/* gdb's gcore has no NT_SIGINFO of a process that it merely stopped, but the SIGSTOP or SIGTRAP it
		 * stopped it with. */
		if (!notes.has_siginfo && (space->signal == SIGSTOP || space->signal == SIGTRAP))
			space->signal = 0;
		status = mapped_files_find(space, notes.mappings.items, notes.mappings.count, &program, options, error);
	}
#ifdef PYDS_SEGMENTS_APART
	if (status >= 0)
		status = segments_apart_set(space, error);
#endif
	core_notes_clear(&notes);
	return status;
}

static int map_file(struct address_space *space, int descriptor, const char *path, struct core_bytes *ret_file,
                    struct error *error)
{
	struct stat information;
	if (fstat(descriptor, &information) != 0)
		return error_set(error, ERROR_IO, "cannot stat %s: %s", path, strerror(errno));
	if (S_ISDIR(information.st_mode))
		return error_set(error, ERROR_IO, "%s is a directory, not a core file", path);
	if (!S_ISREG(information.st_mode))
		return error_set(error, ERROR_IO, "%s is not a regular file; copy the core into one first", path);
	if (information.st_size == 0)
		return error_set(error, ERROR_FORMAT, "%s is empty: no core was written (disk full, or ulimit -c?)",
		                 path);
	size_t size = (size_t)information.st_size;
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (bytes == MAP_FAILED)
		return error_set(error, ERROR_IO, "cannot map %s (%zu bytes): %s", path, size, strerror(errno));
	TRY(space_source_keep_map(space->source, bytes, size, error));
	if (!space->source->core.is_known)
		space->source->core = file_identity_of(&information);
	*ret_file = (struct core_bytes){ bytes, size };
	return OK;
}

/* Maps the file, or the temporary file that it was expanded into. */
static int map_core(struct address_space *space, int descriptor, const char *path, const struct memory_options *options,
                    struct core_bytes *ret_file, struct error *error)
{
	const struct expand_options expand = { .progress = options->progress, .most = options->max_expanded };
	TRY(map_file(space, descriptor, path, ret_file, error));
	const uint64_t size = ret_file->size;
	const char *compression = compression_name(
	        ret_file->bytes, size < COMPRESSION_MAGIC_BYTES ? (size_t)size : COMPRESSION_MAGIC_BYTES);
	if (compression == NULL)
		return OK;
	int expanded;
	bool whole;
	TRY(compressed_file_expand(descriptor, path, &expand, &expanded, &whole, error));
	if (!whole) {
		address_space_warn(space, "the %s data of %s is cut off or damaged; what comes before that was used",
		                   compression, path);
		address_space_lose(space);
	}
	int status = map_file(space, expanded, path, ret_file, error);
	space->source->is_expanded = true;
	(void)close(expanded);
	return status;
}

static int open_descriptor(struct address_space **ret_space, int descriptor, const char *core_path,
                           const struct memory_options *options, struct error *error)
{
	static const struct memory_options defaults;
	struct address_space *space;
	*ret_space = NULL;
	if (options == NULL)
		options = &defaults;
	TRY(address_space_create(&space, SPACE_CORE, error));
	int status = OK;
	struct core_bytes file = { .bytes = NULL };
	space->target_path = strdup(core_path);
	if (space->target_path == NULL)
		status = error_set(error, ERROR_NO_MEMORY, "out of memory");
	if (status >= 0)
		status = map_core(space, descriptor, core_path, options, &file, error);
	if (status >= 0)
		status = parse_core(space, &file, core_path, options, error);
	if (status < 0) {
		address_space_close(space);
		return status;
	}
	*ret_space = space;
	return OK;
}

int address_space_open_core(struct address_space **ret_space, const char *core_path,
                            const struct memory_options *options, struct error *error)
{
	*ret_space = NULL;
	int descriptor = open(core_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0)
		return error_set(error, errno == EACCES ? ERROR_PERMISSION : ERROR_IO, "cannot open %s: %s", core_path,
		                 strerror(errno));
	int status = open_descriptor(ret_space, descriptor, core_path, options, error);
	(void)close(descriptor);
	return status;
}

int address_space_open_core_descriptor(struct address_space **ret_space, int descriptor,
                                       const struct memory_options *options, struct error *error)
{
	char link[64], path[PATH_MAX];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
	ssize_t length = readlink(link, path, sizeof path - 1);
	path[length > 0 ? length : 0] = '\0';
	return open_descriptor(ret_space, descriptor, length > 0 ? path : link, options, error);
}

int address_space_open_core_image(struct address_space **ret_space, const uint8_t *bytes, size_t size,
                                  struct error *error)
{
	*ret_space = NULL;
	struct address_space *space;
	TRY(address_space_create(&space, SPACE_CORE, error));
	/* An image comes from a fuzzer or a test: no file that it names is looked at. */
	struct memory_options options = { .ignore_files = true };
	const struct core_bytes file = { bytes, size };
	int status = parse_core(space, &file, "the core image", &options, error);
	if (status < 0) {
		address_space_close(space);
		return status;
	}
	*ret_space = space;
	return OK;
}
