/* SPDX-License-Identifier: MIT
 * A file that is cut short while it is mapped: reads give zeros and the loss is noted; faults elsewhere go to the
 * handler that was there before, which is back when the last mapping has gone. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/files/map_guard.h"

enum { PAGE_BYTES = 4096, PAGES = 4 };

static sigjmp_buf before_fault;
static volatile sig_atomic_t faults;

static void note_fault(int number)
{
	(void)number;
	faults++;
	siglongjmp(before_fault, 1);
}

static volatile const char *map_file(int *ret_descriptor)
{
	char name[] = "/tmp/pydeepsize-guard-XXXXXX";
	*ret_descriptor = mkstemp(name);
	assert_true(*ret_descriptor >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(*ret_descriptor, PAGES * PAGE_BYTES), 0);
	assert_int_equal(pwrite(*ret_descriptor, "xyz", 3, 2 * PAGE_BYTES), 3);
	const char *bytes = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ, MAP_PRIVATE, *ret_descriptor, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	return bytes;
}

static void unmap(volatile const char *bytes, int descriptor)
{
	(void)munmap((void *)(uintptr_t)bytes, PAGES * PAGE_BYTES);
	(void)close(descriptor);
}

static void a_cut_file_reads_as_zeros(void **state)
{
	(void)state;
	atomic_bool lost = false;
	int descriptor;
	volatile const char *bytes = map_file(&descriptor);
	assert_true(map_guard_add((const void *)(uintptr_t)bytes, PAGES * PAGE_BYTES, &lost));
	assert_int_equal(bytes[2 * PAGE_BYTES + 1], 'y');
	assert_false(lost);
	assert_int_equal(ftruncate(descriptor, PAGE_BYTES), 0);
	assert_int_equal(bytes[2 * PAGE_BYTES + 1], 0);
	assert_true(lost);
	assert_int_equal(bytes[0], 0);
	map_guard_remove((const void *)(uintptr_t)bytes);
	unmap(bytes, descriptor);
}

static void other_faults_are_others(void **state)
{
	(void)state;
	struct sigaction own = { .sa_handler = note_fault, .sa_flags = (int)SA_NODEFER }, now;
	atomic_bool lost = false;
	int guarded_file, other_file;
	(void)sigemptyset(&own.sa_mask);
	assert_int_equal(sigaction(SIGBUS, &own, NULL), 0);
	volatile const char *guarded = map_file(&guarded_file), *other = map_file(&other_file);
	assert_true(map_guard_add((const void *)(uintptr_t)guarded, PAGES * PAGE_BYTES, &lost));
	assert_int_equal(ftruncate(other_file, 0), 0);
	if (sigsetjmp(before_fault, 1) == 0)
		(void)other[0];
	assert_int_equal(faults, 1);
	assert_false(lost);
	map_guard_remove((const void *)(uintptr_t)guarded);
	map_guard_remove((const void *)(uintptr_t)guarded);
	assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
	assert_ptr_equal(now.sa_handler, note_fault);
	unmap(guarded, guarded_file);
	unmap(other, other_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_file_reads_as_zeros),
		cmocka_unit_test(other_faults_are_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
