/* SPDX-License-Identifier: MIT
 * compressed_file: a compressed core cannot be read in place, so it is expanded once into a temporary file that
 * has no name (a core holds secrets) and no blocks where the core is zero. What may come out is bounded by
 * what the core's own headers say, so that a bomb ends early. */
#include "memory/core/compressed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "memory/files/elf_image.h"

enum {
	INPUT_BYTES = 128 * 1024,
	OUTPUT_BYTES = 1024 * 1024,
	HOLE_BYTES = 4096, /* zero blocks of this size are not written */
	SLACK_BYTES = 1024 * 1024, /* beyond what headers speak of: padding, section headers */
	HEADERS_BYTES = 256 * 1024 * 1024, /* within so much the program headers end: LIMIT_CORE_SEGMENTS of them */
	XZ_MEMORY_BYTES = 1024 * 1024 * 1024,
	ZSTD_WINDOW_LOG = 30,
};

enum step { STEP_MORE, STEP_END, STEP_DAMAGED };

struct stream {
	const uint8_t *input;
	size_t input_left;
	uint8_t *output; /* filled from output_used on */
	size_t output_used;
	union {
		ZSTD_DStream *zstd;
		LZ4F_dctx *lz4;
		lzma_stream lzma;
		z_stream zlib;
	} state;
};

/* A decompressor: step consumes input and fills output until one of them is used up; STEP_END at the end of a frame
 * (another one may follow). */
struct compression {
	const char *name;
	uint8_t magic[6];
	unsigned magic_bytes;
	bool (*begin)(struct stream *stream);
	enum step (*step)(struct stream *stream);
	void (*end)(struct stream *stream);
};

static bool zstd_begin(struct stream *stream)
{
	stream->state.zstd = ZSTD_createDStream();
	return stream->state.zstd != NULL &&
	       !ZSTD_isError(ZSTD_DCtx_setParameter(stream->state.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
}

static enum step zstd_step(struct stream *stream)
{
	ZSTD_inBuffer in = { .src = stream->input, .size = stream->input_left };
	ZSTD_outBuffer out = { .dst = stream->output, .size = OUTPUT_BYTES, .pos = stream->output_used };
	size_t result = ZSTD_decompressStream(stream->state.zstd, &out, &in);
	stream->input += in.pos;
	stream->input_left -= in.pos;
	stream->output_used = out.pos;
	if (ZSTD_isError(result))
		return STEP_DAMAGED;
	return result == 0 ? STEP_END : STEP_MORE;
}

static void zstd_end(struct stream *stream)
{
	(void)ZSTD_freeDStream(stream->state.zstd);
}

static bool lz4_begin(struct stream *stream)
{
	return !LZ4F_isError(LZ4F_createDecompressionContext(&stream->state.lz4, LZ4F_VERSION));
}

static enum step lz4_step(struct stream *stream)
{
	size_t consumed = stream->input_left, produced = OUTPUT_BYTES - stream->output_used;
	size_t result = LZ4F_decompress(stream->state.lz4, stream->output + stream->output_used, &produced,
	                                stream->input, &consumed, NULL);
	if (LZ4F_isError(result))
		return STEP_DAMAGED;
	stream->input += consumed;
	stream->input_left -= consumed;
	stream->output_used += produced;
	return result == 0 ? STEP_END : STEP_MORE;
}

static void lz4_end(struct stream *stream)
{
	(void)LZ4F_freeDecompressionContext(stream->state.lz4);
}

static bool xz_begin(struct stream *stream)
{
	stream->state.lzma = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_decoder(&stream->state.lzma, XZ_MEMORY_BYTES, LZMA_CONCATENATED) == LZMA_OK;
}

static enum step xz_step(struct stream *stream)
{
	lzma_stream *lzma = &stream->state.lzma;
	lzma->next_in = stream->input;
	lzma->avail_in = stream->input_left;
	lzma->next_out = stream->output + stream->output_used;
	lzma->avail_out = OUTPUT_BYTES - stream->output_used;
	/* No input left means the end of the file; with LZMA_CONCATENATED the decoder must be told. */
	lzma_ret result = lzma_code(lzma, stream->input_left == 0 ? LZMA_FINISH : LZMA_RUN);
	stream->input = lzma->next_in;
	stream->input_left = lzma->avail_in;
	stream->output_used = OUTPUT_BYTES - lzma->avail_out;
	if (result == LZMA_STREAM_END)
		return STEP_END;
	return result == LZMA_OK ? STEP_MORE : STEP_DAMAGED;
}

static void xz_end(struct stream *stream)
{
	lzma_end(&stream->state.lzma);
}

static bool gzip_begin(struct stream *stream)
{
	stream->state.zlib = (z_stream){ .next_in = NULL };
	return inflateInit2(&stream->state.zlib, 15 + 16) == Z_OK;
}

static enum step gzip_step(struct stream *stream)
{
	z_stream *zlib = &stream->state.zlib;
	zlib->next_in = (Bytef *)(uintptr_t)stream->input;
	zlib->avail_in = (uInt)stream->input_left;
	zlib->next_out = stream->output + stream->output_used;
	zlib->avail_out = (uInt)(OUTPUT_BYTES - stream->output_used);
	int result = inflate(zlib, Z_NO_FLUSH);
	stream->input = zlib->next_in;
	stream->input_left = zlib->avail_in;
	stream->output_used = OUTPUT_BYTES - zlib->avail_out;
	if (result == Z_STREAM_END)
		return inflateReset(zlib) == Z_OK ? STEP_END : STEP_DAMAGED;
	return result == Z_OK || result == Z_BUF_ERROR ? STEP_MORE : STEP_DAMAGED;
}

static void gzip_end(struct stream *stream)
{
	(void)inflateEnd(&stream->state.zlib);
}

static const struct compression compressions[] = {
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, zstd_begin, zstd_step, zstd_end },
	{ "lz4", { 0x04, 0x22, 0x4d, 0x18 }, 4, lz4_begin, lz4_step, lz4_end },
	{ "xz", { 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00 }, 6, xz_begin, xz_step, xz_end },
	{ "gzip", { 0x1f, 0x8b }, 2, gzip_begin, gzip_step, gzip_end },
};

static const struct compression *compression_find(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++)
		if (size >= compressions[i].magic_bytes &&
		    memcmp(bytes, compressions[i].magic, compressions[i].magic_bytes) == 0)
			return &compressions[i];
	return NULL;
}

const char *compression_name(const uint8_t *bytes, size_t size)
{
	const struct compression *compression = compression_find(bytes, size);
	return compression != NULL ? compression->name : NULL;
}

/* Where expanded bytes go, and how many of them there may be. */
struct expansion {
	const char *path; /* of the compressed file, for messages */
	int descriptor;
	uint64_t written;
	uint64_t limit; /* 0 while the core's headers have not come out yet */
	uint64_t most; /* that was asked for; 0: nobody did */
	struct progress *progress;
	struct error *error;
};

static const char *temporary_directory_name(void)
{
	const char *directory = getenv("TMPDIR");
	return directory == NULL || directory[0] == '\0' ? "/tmp" : directory;
}

bool compressed_file_no_room(void)
{
	struct statvfs about;
	return statvfs(temporary_directory_name(), &about) == 0 && about.f_bavail == 0;
}

static int open_temporary(const char *path, int *ret_descriptor, struct error *error)
{
	const char *directory = temporary_directory_name();
	int descriptor = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (descriptor < 0) {
		/* File systems without O_TMPFILE (overlayfs of old kernels, NFS): a name for a moment. */
		char name[4096];
		if (snprintf(name, sizeof name, "%s/pydeepsize-XXXXXX", directory) < (int)sizeof name &&
		    (descriptor = mkostemp(name, O_CLOEXEC)) >= 0)
			(void)unlink(name);
	}
	if (descriptor < 0)
		return error_set(error, ERROR_IO,
		                 "cannot make a temporary file in %s to expand %s into: %s; set TMPDIR", directory,
		                 path, strerror(errno));
	*ret_descriptor = descriptor;
	return OK;
}

static int write_bytes(struct expansion *expansion, const uint8_t *bytes, size_t size)
{
	uint64_t offset = expansion->written;
	while (size > 0) {
		ssize_t written = pwrite(expansion->descriptor, bytes, size, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return error_set(expansion->error, ERROR_IO,
			                 "cannot expand %s into a temporary file: %s after %lu MiB; "
			                 "set TMPDIR to a directory with more room",
			                 expansion->path, written < 0 ? strerror(errno) : "nothing written",
			                 offset >> 20);
		bytes += written;
		offset += (uint64_t)written;
		size -= (size_t)written;
	}
	return OK;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Appends; blocks of zeros become holes. */
static int append(struct expansion *expansion, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		size_t run = 0;
		while (run < size) {
			size_t block = size - run < HOLE_BYTES ? size - run : HOLE_BYTES;
			if (is_zero(bytes + run, block))
				break;
			run += block;
		}
		if (run > 0)
			TRY(write_bytes(expansion, bytes, run));
		else
			run = size < HOLE_BYTES ? size : HOLE_BYTES;
		expansion->written += run;
		bytes += run;
		size -= run;
	}
	return OK;
}

/* The number of bytes that the core's headers speak of, 0 if not all of them have come out yet. */
static uint64_t size_by_headers(const uint8_t *bytes, uint64_t size)
{
	struct elf_header header;
	struct elf_program program;
	if (!elf_header_parse(bytes, size, &header) || (!header.program_count_known && header.program_count == 0xffff))
		return 0;
	uint64_t expected = header.section_end;
	for (uint32_t i = 0; i < header.program_count; i++) {
		uint64_t end;
		if (!elf_program_parse(&header, bytes, size, i, &program))
			return 0;
		if (checked_add(program.offset, program.file_bytes, &end) && end > expected)
			expected = end;
	}
	return expected < UINT64_MAX - SLACK_BYTES ? expected + SLACK_BYTES : UINT64_MAX;
}

static int check_limit(struct expansion *expansion)
{
	if (ftruncate(expansion->descriptor, (off_t)expansion->written) != 0)
		return error_set(expansion->error, ERROR_IO, "cannot size the temporary file for %s: %s",
		                 expansion->path, strerror(errno));
	if (expansion->limit == 0 && expansion->written > 0) {
		void *bytes = mmap(NULL, expansion->written, PROT_READ, MAP_SHARED, expansion->descriptor, 0);
		if (bytes == MAP_FAILED)
			return error_set(expansion->error, ERROR_IO, "cannot map the temporary file for %s: %s",
			                 expansion->path, strerror(errno));
		bool is_elf = elf_has_magic(bytes, expansion->written);
		expansion->limit = size_by_headers(bytes, expansion->written);
		(void)munmap(bytes, expansion->written);
		if (!is_elf)
			return error_set(expansion->error, ERROR_FORMAT,
			                 "%s is compressed, but no ELF core file is inside", expansion->path);
	}
	if (expansion->most != 0 && expansion->written > expansion->most)
		return error_set(
		        expansion->error, ERROR_LIMIT,
		        "%s expands to more than the %lu MiB that --max-expanded leaves; its headers speak of %lu "
		        "MiB",
		        expansion->path, expansion->most >> 20, expansion->limit >> 20);
	if (expansion->written > (expansion->limit != 0 ? expansion->limit : HEADERS_BYTES))
		return error_set(expansion->error, ERROR_LIMIT,
		                 "%s expands to more than its own headers speak of (%lu bytes and no end)",
		                 expansion->path, expansion->written);
	return OK;
}

static ssize_t read_input(int descriptor, uint8_t *buffer, off_t offset)
{
	ssize_t size;
	do
		size = pread(descriptor, buffer, INPUT_BYTES, offset);
	while (size < 0 && errno == EINTR);
	return size;
}

static int pump(const struct compression *compression, struct stream *stream, uint8_t *input, int descriptor,
                struct expansion *expansion, bool *ret_whole)
{
	off_t offset = 0;
	bool at_end = false, ended = false;
	for (;;) {
		if (stream->input_left == 0 && !at_end) {
			ssize_t size = read_input(descriptor, input, offset);
			if (size < 0)
				return error_set(expansion->error, ERROR_IO, "cannot read %s: %s", expansion->path,
				                 strerror(errno));
			at_end = size == 0;
			stream->input = input;
			stream->input_left = (size_t)size;
			offset += size;
			if (progress_add(expansion->progress, (uint64_t)size) < 0)
				return progress_cancelled(expansion->error);
		}
		size_t input_before = stream->input_left, output_before = stream->output_used;
		enum step step = compression->step(stream);
		bool idle = stream->input_left == input_before && stream->output_used == output_before;
		if (step == STEP_END || !idle)
			ended = step == STEP_END;
		bool last = step == STEP_DAMAGED || (at_end && idle);
		if (stream->output_used == OUTPUT_BYTES || last) {
			TRY(append(expansion, stream->output, stream->output_used));
			TRY(check_limit(expansion));
			/* A little input can become much output. */
			TRY(progress_check(expansion->progress, expansion->error));
			stream->output_used = 0;
		}
		if (last) {
			*ret_whole = ended && step != STEP_DAMAGED;
			return OK;
		}
	}
}

int compressed_file_expand(int descriptor, const char *path, const struct expand_options *options, int *ret_descriptor,
                           bool *ret_whole, struct error *error)
{
	struct progress *progress = options->progress;
	uint8_t *input = malloc(INPUT_BYTES);
	struct stream stream = { .output = malloc(OUTPUT_BYTES) };
	struct expansion expansion = {
		.path = path, .descriptor = -1, .most = options->most, .progress = progress, .error = error
	};
	struct stat information;
	progress_expect(progress, fstat(descriptor, &information) == 0 ? (uint64_t)information.st_size : 0);
	ssize_t size = input != NULL ? read_input(descriptor, input, 0) : 0;
	const struct compression *compression = compression_find(input, size > 0 ? (size_t)size : 0);
	int status = OK;
	*ret_whole = false;
	if (input == NULL || stream.output == NULL || compression == NULL || !compression->begin(&stream)) {
		status = error_set(error, ERROR_NO_MEMORY, "out of memory to expand %s", path);
	} else {
		status = open_temporary(path, &expansion.descriptor, error);
		if (status >= 0)
			status = pump(compression, &stream, input, descriptor, &expansion, ret_whole);
		compression->end(&stream);
	}
	progress_begin(progress);
	free(input);
	free(stream.output);
	if (status >= 0 && expansion.written == 0)
		status = error_set(error, ERROR_FORMAT, "%s is compressed by %s, but nothing can be got out of it",
		                   path, compression->name);
	if (status < 0) {
		if (expansion.descriptor >= 0)
			(void)close(expansion.descriptor);
		return status;
	}
	*ret_descriptor = expansion.descriptor;
	return OK;
}
