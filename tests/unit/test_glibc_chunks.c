/* SPDX-License-Identifier: MIT
 * glibc_chunks over heaps of random chunks, used, free and cached: the cursor gives those in use, from wherever it
 * begins, and a look at each address finds the one that holds it. Against a list of all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/glibc_chunks.h"
#include "memory/space_source.h"

enum { HEAPS = 3, HEAP_BYTES = 0x4000, GAP = 0x10000, MOST_CHUNKS = 2000, PLACE_EVERY = 16 };

#define BASE UINT64_C(0x100000)

struct made_chunk {
	uint64_t address, bytes; /* of its memory; with its header */
	bool is_used, is_cached;
};

struct target {
	uint8_t bytes[HEAPS][HEAP_BYTES];
	struct address_space *space;
	struct reader reader;
	struct glibc glibc;
	struct glibc_walk walk;
	struct made_chunk chunks[MOST_CHUNKS];
	size_t count;
};

static struct target target;
static uint64_t random_state = 20261128;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

static uint64_t heap_start(size_t heap)
{
	return BASE + heap * (HEAP_BYTES + GAP);
}

static void put_size(size_t heap, uint64_t chunk, uint64_t word)
{
	memcpy(target.bytes[heap] + (chunk - heap_start(heap)) + 8, &word, sizeof word);
}

/* Chunk after chunk up to the top or, of an old heap, the fence. No two free ones lie side by side. */
static void make_heap(size_t heap, bool has_top)
{
	const uint64_t start = heap_start(heap), end = start + HEAP_BYTES - 256;
	struct glibc_heap_use use = { .first_place = target.walk.places.count };
	uint64_t chunk = start;
	bool before_is_used = true;
	for (unsigned number = 0; chunk < end; number++) {
		const uint64_t bytes = 32 + 16 * random_below(random_below(8) == 0 ? 60 : 4);
		const uint64_t taken = bytes < end - chunk ? bytes : end - chunk + (end - chunk < 32 ? 32 : 0);
		const bool is_used = !before_is_used || random_below(4) != 0;
		const struct made_chunk made = { chunk + 16, taken, is_used, is_used && random_below(5) == 0 };
		put_size(heap, chunk, taken | (before_is_used ? GLIBC_PREV_INUSE : 0));
		assert_in_range(target.count, 0, MOST_CHUNKS - 1);
		target.chunks[target.count++] = made;
		if (number % PLACE_EVERY == 0) {
			assert_true(array_push(&target.walk.places, chunk));
			use.place_count++;
		}
		if (made.is_cached)
			assert_true(array_push(&target.walk.cached, made.address));
		before_is_used = is_used;
		chunk += taken;
	}
	/* The top, or two chunks of 16 bytes that nobody can have. */
	put_size(heap, chunk, (has_top ? start + HEAP_BYTES - chunk : 16) | (before_is_used ? GLIBC_PREV_INUSE : 0));
	const struct glibc_heap made = { .start = start,
		                         .end = has_top ? start + HEAP_BYTES : chunk + 32,
		                         .mapped_end = start + HEAP_BYTES,
		                         .first_chunk = start,
		                         .arena = has_top };
	if (!has_top)
		put_size(heap, chunk + 16, 16 | GLIBC_PREV_INUSE);
	else
		target.glibc.arenas.items[1].top = chunk;
	assert_true(array_push(&target.glibc.heaps, made));
	assert_true(array_push(&target.walk.heaps, use));
}

static int open_target(void **state)
{
	struct segment claims[HEAPS];
	(void)state;
	memset(&target, 0, sizeof target);
	for (size_t i = 0; i < HEAPS; i++)
		claims[i] = (struct segment){ .start = heap_start(i),
			                      .end = heap_start(i) + HEAP_BYTES,
			                      .data = target.bytes[i] };
	assert_int_equal(address_space_create(&target.space, SPACE_BUFFER, NULL), OK);
	assert_int_equal(address_space_set_segments(target.space, claims, HEAPS, NULL), OK);
	reader_init(&target.reader, target.space);
	for (int i = 0; i < 2; i++)
		assert_true(array_push(&target.glibc.arenas, (struct glibc_arena){ .top = 0 }));
	target.walk.glibc = &target.glibc;
	for (size_t i = 0; i < HEAPS; i++)
		make_heap(i, i + 1 == HEAPS);
	/* And one with pages of its own, behind all heaps. */
	const struct glibc_chunk mapped = { heap_start(HEAPS) + 16, 0x21000 };
	assert_true(array_push(&target.walk.mapped, mapped));
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	array_free(&target.glibc.arenas);
	array_free(&target.glibc.heaps);
	array_free(&target.walk.places);
	array_free(&target.walk.heaps);
	array_free(&target.walk.cached);
	array_free(&target.walk.mapped);
	address_space_close(target.space);
	return 0;
}

static bool is_listed(const struct made_chunk *made)
{
	return made->is_used && !made->is_cached;
}

/* What the cursor gives from an address on, which may begin with few chunks before it. */
static void goes_through_from(uint64_t from)
{
	struct glibc_cursor cursor;
	struct glibc_chunk chunk;
	size_t next = 0, before = 0;
	glibc_cursor_init(&cursor, &target.walk, &target.reader, from);
	while (glibc_cursor_next(&cursor, &chunk)) {
		while (next < target.count && target.chunks[next].address < chunk.address) {
			/* None of those from there on is passed over. */
			const struct made_chunk *passed = &target.chunks[next++];
			assert_false(is_listed(passed) && passed->address - 16 >= from);
		}
		assert_in_range(next, 0, target.count - 1);
		assert_int_equal(target.chunks[next].address, chunk.address);
		assert_int_equal(target.chunks[next].bytes, chunk.bytes);
		assert_true(is_listed(&target.chunks[next]));
		before += chunk.address - 16 + chunk.bytes <= from;
		next++;
	}
	for (; next < target.count; next++)
		assert_false(is_listed(&target.chunks[next]) && target.chunks[next].address - 16 >= from);
	assert_in_range(before, 0, PLACE_EVERY);
}

static void cursor_gives_those_in_use(void **state)
{
	(void)state;
	goes_through_from(0);
	for (unsigned i = 0; i < 200; i++)
		goes_through_from(BASE - 100 + random_below(HEAPS * (uint64_t)(HEAP_BYTES + GAP) + 200));
	for (size_t i = 0; i < target.count; i += 7)
		goes_through_from(target.chunks[i].address - 16);
}

/* The chunk that was made there; NULL: none. The last word of it is its own, being the next one's first. */
static const struct made_chunk *made_at(uint64_t address)
{
	for (size_t i = 0; i < target.count; i++)
		if (address - target.chunks[i].address < target.chunks[i].bytes - 8)
			return &target.chunks[i];
	return NULL;
}

static void each_address_has_its_chunk(void **state)
{
	(void)state;
	for (size_t heap = 0; heap < HEAPS; heap++) {
		for (uint64_t at = heap_start(heap) - 64; at < heap_start(heap) + HEAP_BYTES + 64; at += 8) {
			const struct made_chunk *made = made_at(at);
			struct glibc_chunk chunk;
			size_t found_heap;
			assert_int_equal(glibc_walk_find(&target.walk, &target.reader, at, &chunk),
			                 made != NULL && is_listed(made));
			const bool is_used = glibc_walk_at(&target.walk, &target.reader, at, &chunk, &found_heap);
			assert_int_equal(is_used, made != NULL && made->is_used);
			if (!is_used)
				continue;
			assert_int_equal(found_heap, heap);
			assert_int_equal(chunk.address, made->address);
			assert_int_equal(chunk.bytes, made->bytes);
		}
	}
}

static void mapped_chunks_are_found_too(void **state)
{
	const struct glibc_chunk *mapped = &target.walk.mapped.items[0];
	struct glibc_chunk chunk;
	size_t heap;
	(void)state;
	assert_true(glibc_walk_find(&target.walk, &target.reader, mapped->address, &chunk));
	assert_int_equal(chunk.bytes, mapped->bytes);
	assert_true(glibc_walk_find(&target.walk, &target.reader, mapped->address + 0x20000, &chunk));
	assert_int_equal(chunk.address, mapped->address);
	assert_false(glibc_walk_find(&target.walk, &target.reader, mapped->address - 8, &chunk));
	assert_false(glibc_walk_find(&target.walk, &target.reader, mapped->address + mapped->bytes, &chunk));
	assert_false(glibc_walk_at(&target.walk, &target.reader, mapped->address, &chunk, &heap));
}

/* A size that was written over ends its heap, and no other one. */
static void damage_ends_a_heap(void **state)
{
	struct glibc_cursor cursor;
	struct glibc_chunk chunk;
	size_t listed = 0, seen = 0;
	uint64_t damaged = 0;
	(void)state;
	for (size_t i = 0; i < target.count && target.chunks[i].address < heap_start(1); i++)
		damaged = i < 40 ? target.chunks[i].address - 16 : damaged;
	put_size(0, damaged, UINT64_C(0xffffffffffffff01));
	glibc_cursor_init(&cursor, &target.walk, &target.reader, 0);
	while (glibc_cursor_next(&cursor, &chunk)) {
		assert_true(chunk.address < damaged || chunk.address > heap_start(1));
		seen += chunk.address > heap_start(1);
	}
	for (size_t i = 0; i < target.count; i++)
		listed += is_listed(&target.chunks[i]) && target.chunks[i].address > heap_start(1);
	assert_int_equal(seen, listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cursor_gives_those_in_use, open_target, close_target),
		cmocka_unit_test_setup_teardown(each_address_has_its_chunk, open_target, close_target),
		cmocka_unit_test_setup_teardown(mapped_chunks_are_found_too, open_target, close_target),
		cmocka_unit_test_setup_teardown(damage_ends_a_heap, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
