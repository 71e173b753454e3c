/* SPDX-License-Identifier: MIT
 * Lazy blocks: memory that a debugger gives a piece at a time, or refuses. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../support/core_writer.h"
#include "memory/address_space.h"

enum { PAGES = 64, BYTES = PAGES * 4096 };
static const uint64_t base = 0x7f00000f5000; /* neither at a block's nor at a MiB's border */

static uint8_t memory[BYTES];

struct target {
	bool refuses[PAGES];
	unsigned calls, bytes; /* asked for */
};

static uint64_t target_read(void *context, uint64_t address, void *buffer, uint64_t size)
{
	struct target *target = context;
	target->calls++;
	target->bytes += (unsigned)size;
	if (address < base || address - base >= BYTES || size > BYTES - (address - base))
		return 0;
	for (uint64_t page = (address - base) / 4096; page <= (address - base + size - 1) / 4096; page++)
		if (target->refuses[page])
			return 1; /* a short read is a refusal */
	memcpy(buffer, memory + (address - base), size);
	return size;
}

static struct address_space *open_target(struct target *target, const struct memory_mapping *mappings, size_t count)
{
	struct memory_callbacks callbacks = { .read = target_read, .context = target };
	struct address_space *space;
	struct error error = { .status = OK };
	int status = address_space_open_callbacks(&space, &callbacks, mappings, count, NULL, &error);
	assert_string_equal(error.message, "");
	assert_int_equal(status, OK);
	return space;
}

static const struct memory_mapping whole = { .start = 0x7f00000f5000,
	                                     .end = 0x7f00000f5000 + BYTES,
	                                     .protection = PROT_READ | PROT_WRITE };

static void refused_pages_are_absent_and_asked_once(void **state)
{
	(void)state;
	struct target target = { .refuses = { [3] = true, [4] = true, [40] = true } };
	struct address_space *space = open_target(&target, &whole, 1);
	struct reader reader;
	uint8_t copy[BYTES];
	reader_init(&reader, space);
	assert_int_equal(target.calls, 0);
	for (uint64_t page = 0; page < PAGES; page++) {
		const uint8_t *bytes = reader_at(&reader, base + page * 4096, 4096);
		assert_int_equal(bytes == NULL, target.refuses[page]);
		assert_int_equal(address_space_state(space, base + page * 4096 + 5),
		                 target.refuses[page] ? MEMORY_ABSENT : MEMORY_PRESENT);
		if (bytes != NULL)
			assert_memory_equal(bytes, memory + page * 4096, 4096);
	}
	unsigned calls = target.calls;
	assert_non_null(reader_at(&reader, base, 3 * 4096));
	assert_null(reader_at(&reader, base, 3 * 4096 + 1));
	assert_null(reader_at(&reader, base + 4 * 4096 + 4095, 2));
	assert_non_null(reader_at(&reader, base + 5 * 4096, 35 * 4096));
	assert_false(reader_copy(&reader, base, copy, BYTES));
	assert_true(reader_copy(&reader, base + 5 * 4096, copy, 35 * 4096));
	assert_memory_equal(copy, memory + 5 * 4096, 35 * 4096);
	assert_int_equal(target.calls, calls);
	/* Whole blocks by one request, damaged ones by page. */
	assert_true(calls <= 5 + 2 * 16);
	address_space_close(space);
}

static void pointers_stay(void **state)
{
	(void)state;
	struct target target = { .calls = 0 };
	struct address_space *space = open_target(&target, &whole, 1);
	struct reader reader;
	reader_init(&reader, space);
	const uint8_t *first = reader_at(&reader, base + 10, 10);
	assert_non_null(first);
	assert_true(target.bytes <= 64 * 1024);
	const uint8_t *all = reader_at(&reader, base, BYTES);
	assert_ptr_equal(all + 10, first);
	assert_memory_equal(all, memory, BYTES);
	assert_int_equal(target.bytes, BYTES);
	address_space_close(space);
}

static void string_before_a_refused_page_is_read(void **state)
{
	(void)state;
	struct target target = { .refuses = { [3] = true } };
	struct address_space *space = open_target(&target, &whole, 1);
	struct reader reader;
	char buffer[100];
	uint8_t saved[6];
	memcpy(saved, memory + 3 * 4096 - 6, 6);
	memcpy(memory + 3 * 4096 - 6, "hello", 6);
	reader_init(&reader, space);
	assert_true(reader_string(&reader, base + 3 * 4096 - 6, buffer, sizeof buffer));
	assert_string_equal(buffer, "hello");
	memcpy(memory + 3 * 4096 - 6, saved, 6);
	address_space_close(space);
}

static void mappings_become_segments(void **state)
{
	(void)state;
	struct target target = { .calls = 0 };
	struct memory_mapping mappings[] = {
		{ .start = base, .end = base + 0x2000, .protection = PROT_READ },
		{ .start = base + 0x2000, .end = base + 0x3000, .protection = PROT_READ | PROT_WRITE, .path = "/data" },
		{ .start = base + 0x3000, .end = base + 0x4000, .protection = PROT_READ | PROT_WRITE },
		{ .start = base + 0x4000, .end = base + 0x5000 },
		{ .start = base + 0x5000,
		  .end = base + 0x6000,
		  .protection = PROT_READ | PROT_WRITE,
		  .is_shared = true },
		{ .start = base + 0x6000, .end = base + 0x7000, .protection = PROT_READ, .path = "[vvar]" },
	};
	struct address_space *space = open_target(&target, mappings, 6);
	struct reader reader;
	reader_init(&reader, space);
	/* .data and .bss are one. */
	assert_int_equal(space->segment_count, 4);
	assert_non_null(reader_at(&reader, base + 0x2ff0, 32));
	assert_true(address_space_find(space, base + 0x2000)->writable_private);
	assert_false(address_space_find(space, base + 0x5000)->writable_private);
	assert_int_equal(address_space_state(space, base + 0x4000), MEMORY_ABSENT);
	assert_int_equal(address_space_state(space, base + 0x6000), MEMORY_UNMAPPED);
	assert_int_equal(space->coverage.absent_unreadable, 0x1000);
	address_space_close(space);
}

static void giant_mappings_do_not_stand_in_the_way(void **state)
{
	(void)state;
	struct target target = { .calls = 0 };
	/* More than all of an address space of 47 bits. */
	struct memory_mapping mappings[] = {
		whole, { .start = UINT64_C(1) << 48, .end = UINT64_C(1) << 49, .protection = PROT_READ | PROT_WRITE }
	};
	struct address_space *space = open_target(&target, mappings, 2);
	struct reader reader;
	reader_init(&reader, space);
	assert_non_null(reader_at(&reader, base, BYTES));
	assert_int_equal(address_space_state(space, UINT64_C(1) << 48), MEMORY_ABSENT);
	assert_int_equal(space->warnings.count, 1);
	assert_non_null(strstr(space->warnings.items[0], "too large"));
	address_space_close(space);
}

static void without_mappings_any_address_is_asked_for(void **state)
{
	(void)state;
	struct target target = { .refuses = { [7] = true } };
	struct address_space *space = open_target(&target, NULL, 0);
	struct reader reader;
	reader_init(&reader, space);
	assert_int_equal(address_space_state(space, base - 4096), MEMORY_UNMAPPED);
	assert_null(reader_at(&reader, base + 7 * 4096, 1));
	const uint8_t *bytes = reader_at(&reader, base + 8 * 4096, BYTES - 8 * 4096);
	assert_non_null(bytes);
	assert_memory_equal(bytes, memory + 8 * 4096, BYTES - 8 * 4096);
	assert_null(reader_at(&reader, 0, 8));
	assert_null(reader_at(&reader, UINT64_MAX - 100, 8));
	assert_null(reader_at(&reader, 1, UINT64_MAX));
	/* A hostile target sends us everywhere; at some point we stop following. */
	for (uint64_t i = 0; i < 1000; i++)
		assert_null(reader_at(&reader, i << 33, 8));
	assert_true(space->segment_count <= 64);
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		assert_true(segment_granule(segment, segment->end - 1) < space->granule_count);
	}
	assert_ptr_equal(reader_at(&reader, base + 8 * 4096, 1), bytes);
	address_space_close(space);
}

static void *read_all(void *context)
{
	struct address_space *space = context;
	struct reader reader;
	reader_init(&reader, space);
	uintptr_t failed = 0;
	for (uint64_t i = 0; i + 8 <= BYTES; i += 88) {
		const uint8_t *bytes = reader_at(&reader, base + i, 8);
		failed += bytes == NULL || memcmp(bytes, memory + i, 8) != 0;
	}
	return (void *)failed;
}

static void threads_read_at_once(void **state)
{
	(void)state;
	enum { THREADS = 4 };
	struct target target = { .calls = 0 };
	struct address_space *space = open_target(&target, &whole, 1);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, space), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(target.bytes, BYTES);
	address_space_close(space);
}

int main(void)
{
	for (size_t i = 0; i < sizeof memory; i++)
		memory[i] = (uint8_t)(i * 31 + i / 4096 + 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_pages_are_absent_and_asked_once),
		cmocka_unit_test(pointers_stay),
		cmocka_unit_test(string_before_a_refused_page_is_read),
		cmocka_unit_test(mappings_become_segments),
		cmocka_unit_test(giant_mappings_do_not_stand_in_the_way),
		cmocka_unit_test(without_mappings_any_address_is_asked_for),
		cmocka_unit_test(threads_read_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
