/* SPDX-License-Identifier: MIT
 * Compressed cores: each compression, cut off at every stage, and bombs. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "../support/core_writer.h"
#include "memory/address_space.h"

enum { HEAP_BYTES = 3 << 20, OUTPUT_BYTES = 8 << 20 };

static uint8_t heap[HEAP_BYTES]; /* its second MiB is zero */
static uint8_t output[OUTPUT_BYTES];

static size_t by_zstd(const void *bytes, size_t size)
{
	return ZSTD_compress(output, sizeof output, bytes, size, 1);
}

static size_t by_lz4(const void *bytes, size_t size)
{
	return LZ4F_compressFrame(output, sizeof output, bytes, size, NULL);
}

static size_t by_xz(const void *bytes, size_t size)
{
	size_t used = 0;
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, bytes, size, output, &used, sizeof output),
	                 LZMA_OK);
	return used;
}

static size_t by_gzip(const void *bytes, size_t size)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)bytes,
		            .avail_in = (uInt)size,
		            .next_out = output,
		            .avail_out = sizeof output };
	assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	(void)deflateEnd(&stream);
	return sizeof output - stream.avail_out;
}

static size_t (*const compressors[])(const void *bytes, size_t size) = { by_zstd, by_lz4, by_xz, by_gzip };
enum { COMPRESSORS = sizeof compressors / sizeof compressors[0] };

static uint8_t *make_core(size_t *ret_size)
{
	struct core_writer writer = { .skew = 0 };
	core_writer_load(&writer, 0x10000000, PF_R | PF_W, heap, sizeof heap, sizeof heap);
	return core_writer_image(&writer, ret_size);
}

static int open_bytes(const void *bytes, size_t size, struct address_space **ret_space, struct error *error)
{
	char *directory = temporary_directory();
	char *path = temporary_file(directory, "core.any", bytes, size);
	*error = (struct error){ .status = OK };
	int status = address_space_open_core(ret_space, path, NULL, error);
	temporary_directory_remove(directory);
	free(path);
	return status;
}

static void expanded_core_equals(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_core(&size);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		struct address_space *space;
		struct error error;
		struct reader reader;
		int status = open_bytes(output, compressors[i](image, size), &space, &error);
		assert_string_equal(error.message, "");
		assert_int_equal(status, OK);
		assert_int_equal(space->warnings.count, 0);
		assert_int_equal(space->coverage.file_size, size);
		reader_init(&reader, space);
		const uint8_t *bytes = reader_at(&reader, 0x10000000, sizeof heap);
		assert_non_null(bytes);
		assert_memory_equal(bytes, heap, sizeof heap);
		address_space_close(space);
	}
	free(image);
}

/* Two frames one after the other, as concatenated or parallel compressors write them. */
static void several_frames_are_one_core(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_core(&size);
	uint8_t *both = malloc(sizeof output);
	assert_non_null(both);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		size_t first = compressors[i](image, size / 2);
		memcpy(both, output, first);
		size_t second = compressors[i](image + size / 2, size - size / 2);
		memcpy(both + first, output, second);
		struct address_space *space;
		struct error error;
		assert_int_equal(open_bytes(both, first + second, &space, &error), OK);
		assert_int_equal(space->coverage.file_size, size);
		assert_int_equal(space->warnings.count, 0);
		address_space_close(space);
	}
	free(both);
	free(image);
}

static void cut_off_stream_is_a_truncated_core(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_core(&size);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		struct address_space *space;
		struct error error;
		struct reader reader;
		size_t compressed = compressors[i](image, size);
		assert_int_equal(open_bytes(output, compressed * 2 / 3, &space, &error), OK);
		assert_int_equal(space->warnings.count, 1);
		assert_non_null(strstr(space->warnings.items[0], "cut off"));
		assert_true(space->coverage.absent_truncated > 0);
		reader_init(&reader, space);
		const uint8_t *bytes = reader_at(&reader, 0x10000000, space->coverage.present);
		assert_non_null(bytes);
		assert_memory_equal(bytes, heap, space->coverage.present);
		address_space_close(space);
		/* Some of the shortest beginnings hold nothing at all. */
		for (size_t length = 6; length < 200; length += 37) {
			int status = open_bytes(output, length, &space, &error);
			assert_true(status == OK || error.message[0] != '\0');
			address_space_close(space);
		}
	}
	free(image);
}

static void damaged_stream_does_no_harm(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_core(&size);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		size_t compressed = compressors[i](image, size);
		for (size_t at = 8; at < compressed; at += compressed / 6) {
			struct address_space *space;
			struct error error;
			output[at] ^= 0x55;
			int status = open_bytes(output, compressed, &space, &error);
			assert_true(status == OK || error.message[0] != '\0');
			address_space_close(space);
			output[at] ^= 0x55;
		}
	}
	free(image);
}

static void bombs_and_other_contents_are_refused(void **state)
{
	(void)state;
	struct address_space *space;
	struct error error;
	uint8_t *text = calloc(1, 1000);
	size_t size;
	uint8_t *image = make_core(&size);
	/* A core that says it has 4 KiB, and 5 MiB behind them. */
	enum { BOMB_BYTES = 5 << 20 };
	struct core_writer writer = { .skew = 0 };
	core_writer_load(&writer, 0x1000, PF_R, heap, 4096, 4096);
	size_t small_size;
	uint8_t *small = core_writer_image(&writer, &small_size);
	uint8_t *bomb = calloc(1, BOMB_BYTES);
	assert_non_null(text);
	assert_non_null(bomb);
	memcpy(bomb, small, small_size);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		assert_int_equal(open_bytes(output, compressors[i](text, 1000), &space, &error), ERROR_FORMAT);
		assert_non_null(strstr(error.message, "no ELF core"));
		assert_int_equal(open_bytes(output, compressors[i](bomb, BOMB_BYTES), &space, &error), ERROR_LIMIT);
		assert_non_null(strstr(error.message, "more than its own headers"));
	}
	free(text);
	free(image);
	free(small);
	free(bomb);
}

int main(void)
{
	uint32_t random = 1;
	for (size_t i = 0; i < sizeof heap; i++) {
		random = random * 1664525 + 1013904223;
		heap[i] = i >> 20 == 1 ? 0 : (uint8_t)(random >> 24 & 0x3f);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expanded_core_equals),
		cmocka_unit_test(several_frames_are_one_core),
		cmocka_unit_test(cut_off_stream_is_a_truncated_core),
		cmocka_unit_test(damaged_stream_does_no_harm),
		cmocka_unit_test(bombs_and_other_contents_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
