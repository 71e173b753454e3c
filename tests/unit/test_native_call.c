/* SPDX-License-Identifier: MIT
 * System calls that were interrupted and taken up again: which they are, from the code and from the stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory/native_call.h"

enum { CALL_RESTART = 219, REGION_BYTES = 8192, STACK = 4096 };

static const uint64_t start = UINT64_C(0x7f0000000000);

static void put_u32(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof word);
}

static void put_u64(uint8_t *at, uint64_t word)
{
	memcpy(at, &word, sizeof word);
}

/* A call of the function at an offset, in front of another offset. */
static void put_call(uint8_t *region, uint32_t before, uint32_t function)
{
	region[before - 5] = 0xe8;
	put_u32(region + before - 4, function - before);
}

static int32_t settled(const uint8_t *region, uint32_t instruction)
{
	struct address_space *space;
	struct error error = { .status = 0 };
	const struct native_thread thread = { .tid = 1,
		                              .call_known = true,
		                              .call = CALL_RESTART,
		                              .instruction_pointer = start + instruction,
		                              .stack_pointer = start + STACK };
	assert_int_equal(address_space_open_buffer(&space, start, region, REGION_BYTES, &error), OK);
	assert_true(array_push(&space->threads, thread));
	native_calls_settle(space);
	const int32_t call = space->threads.items[0].call;
	address_space_close(space);
	return call;
}

static void in_front_of_the_instruction(void **state)
{
	uint8_t *region = calloc(1, REGION_BYTES);
	(void)state;
	memcpy(region + 100, "\xb8\x07\0\0\0\x0f\x05", 7);
	assert_int_equal(settled(region, 107), 7);
	region[105] = 0x90;
	assert_int_equal(settled(region, 107), CALL_RESTART);
	assert_int_equal(settled(region, 3), CALL_RESTART);
	/* glibc 2.31: mov $202, %ecx; ...; mov %ecx, %eax; syscall */
	memcpy(region + 200, "\xb9\xca\0\0\0", 5);
	memcpy(region + 230, "\x89\xc8\x0f\x05", 4);
	assert_int_equal(settled(region, 234), 202);
	assert_int_equal(settled(region, 260), CALL_RESTART);
	free(region);
}

/* glibc 2.41: poll() at 2000 calls __syscall_cancel at 1500, that __internal_syscall_cancel at 1000, and that
 * __syscall_cancel_arch at 200, which has the system call. */
static uint8_t *new_glibc(uint64_t number)
{
	uint8_t *region = calloc(1, REGION_BYTES);
	memcpy(region + 240, "\x0f\x05", 2);
	put_call(region, 1060, 200);
	put_call(region, 1513, 1000);
	put_call(region, 2022, 1500);
	uint8_t *stack = region + STACK;
	put_u64(stack, start + 1060);
	put_u64(stack + 8, start + 300); /* its second argument is overwritten */
	put_u64(stack + 24, 7); /* something else of the frame */
	put_u64(stack + 40, start + 1513);
	put_u64(stack + 48, number);
	put_u64(stack + 72, start + 2022);
	put_u64(stack + 80, number);
	return region;
}

static void on_the_stack(void **state)
{
	static const int32_t numbers[] = { 7, 35, 202, 230 };
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint8_t *region = new_glibc((uint64_t)numbers[i]);
		assert_int_equal(settled(region, 242), numbers[i]);
		free(region);
	}
}

/* A process of one thread: __internal_syscall_cancel has an instruction of its own. */
static void where_nobody_can_cancel(void **state)
{
	uint8_t *region = new_glibc(230);
	(void)state;
	memcpy(region + 1090, "\x0f\x05", 2);
	put_u64(region + STACK, 0);
	assert_int_equal(settled(region, 1092), 230);
	free(region);
}

static void a_number_that_the_kernel_does_not_restart(void **state)
{
	uint8_t *region = new_glibc(0);
	(void)state;
	assert_int_equal(settled(region, 242), CALL_RESTART);
	put_u64(region + STACK + 40, UINT64_MAX);
	put_u64(region + STACK + 48, 7);
	put_u64(region + STACK + 72, 2);
	assert_int_equal(settled(region, 242), CALL_RESTART);
	free(region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_front_of_the_instruction),
		cmocka_unit_test(on_the_stack),
		cmocka_unit_test(where_nobody_can_cancel),
		cmocka_unit_test(a_number_that_the_kernel_does_not_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
