/* SPDX-License-Identifier: MIT
 * Segments of a core as allocations of their own: the same bytes, and with AddressSanitizer nothing around them. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/core_writer.h"
#include "memory/core/segments_apart.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum { BYTES = 3 * 4096, FIRST = 0x10000, SECOND = 0x20000 };

static void segments_have_nothing_around_them(void **state)
{
	(void)state;
	static uint8_t first[BYTES], second[BYTES];
	struct core_writer writer = { .skew = 0 };
	struct address_space *space;
	struct error error = { .status = OK };
	size_t size;
	memset(first, 1, sizeof first);
	memset(second, 2, sizeof second);
	core_writer_load(&writer, FIRST, PF_R | PF_W, first, BYTES, BYTES);
	core_writer_load(&writer, SECOND, PF_R | PF_W, second, BYTES, BYTES);
	uint8_t *image = core_writer_image(&writer, &size);
	assert_int_equal(address_space_open_core_image(&space, image, size, &error), OK);
	assert_int_equal(segments_apart_set(space, &error), OK);
	free(image); /* nothing of it is needed any more */
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		if (segment->data == NULL)
			continue;
		const size_t bytes = (size_t)(segment->end - segment->start);
		assert_int_equal(bytes, BYTES);
		assert_memory_equal(segment->data, segment->start == FIRST ? first : second, bytes);
#ifdef __SANITIZE_ADDRESS__
		assert_true(__asan_address_is_poisoned(segment->data + bytes));
		assert_true(__asan_address_is_poisoned(segment->data - 1));
#endif
	}
	assert_int_equal(space->source->copies.count % 2, 0);
	address_space_close(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(segments_have_nothing_around_them) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
