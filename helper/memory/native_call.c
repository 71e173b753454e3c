/* SPDX-License-Identifier: MIT
 * Which call it was stands in the code in front of the instruction, `mov $7, %eax; syscall`, in glibc 2.31 with others
 * between and by way of another register, or, since 2.41, on the stack: all calls that a thread can be cancelled in are
 * made at one place (sysdeps/unix/sysv/linux/x86_64/syscall_cancel.S), which two functions lead to, and those are given
 * the number as their seventh argument, the first word behind the return address (nptl/cancellation.c:
 * __internal_syscall_cancel, __syscall_cancel). */
#include "memory/native_call.h"

#include "base/bytes.h"

enum { /* system calls of x86-64; the kernel restarts these four, and no other, by restart_syscall() */
       CALL_POLL = 7,
       CALL_NANOSLEEP = 35,
       CALL_FUTEX = 202,
       CALL_RESTART = 219,
       CALL_CLOCK_NANOSLEEP = 230,
};

enum {
	SYSCALL_BYTES = 2,
	SYSCALL = 0x050f,
	MOVE_BYTES = 5, /* mov $number, %eax and its like: of eight registers, in the lowest bits */
	MOVE = 0xb8,
	MOVE_REGISTERS = 7,
	CODE_BYTES = 48, /* in front of where the thread is, that are looked at */
	CALL_BYTES = 5, /* call, and how far from what follows it */
	CALL_NEAR = 0xe8,
};

/* Of what glibc has between the call and the system call. */
enum { FUNCTION_BYTES = 512, FUNCTIONS_LOOKED_AT = 3, WORDS_LOOKED_AT = 32 };

static bool is_restarted(uint64_t number)
{
	return number == CALL_POLL || number == CALL_NANOSLEEP || number == CALL_FUTEX ||
	       number == CALL_CLOCK_NANOSLEEP;
}

/* Whether a word of the stack is where a function that has the instruction `within` near its beginning returns to. */
static bool returns_from(struct reader *reader, uint64_t word, uint64_t within)
{
	const uint8_t *code = word >= CALL_BYTES ? reader_at(reader, word - CALL_BYTES, CALL_BYTES) : NULL;
	if (code == NULL || code[0] != CALL_NEAR)
		return false;
	const uint64_t function = word + (uint64_t)(int64_t)(int32_t)load_u32(code + 1);
	return within >= function && within - function < FUNCTION_BYTES;
}

/* -1: it is not there. */
static int32_t number_on_stack(struct reader *reader, const struct native_thread *thread)
{
	uint64_t within = thread->instruction_pointer, word, argument;
	for (unsigned i = 0, functions = 0; i < WORDS_LOOKED_AT && functions < FUNCTIONS_LOOKED_AT; i++) {
		const uint64_t at = thread->stack_pointer + 8 * i;
		if (!reader_u64(reader, at, &word) || !reader_u64(reader, at + 8, &argument))
			break;
		if (!returns_from(reader, word, within))
			continue;
		if (is_restarted(argument))
			return (int32_t)argument;
		within = word;
		functions++;
	}
	return -1;
}

/* The nearest number that is moved to a register in front of the system call; -1. */
static int32_t number_in_code(const uint8_t *code)
{
	for (int at = CODE_BYTES - SYSCALL_BYTES - MOVE_BYTES; at >= 0; at--)
		if ((code[at] & ~MOVE_REGISTERS) == MOVE && is_restarted(load_u32(code + at + 1)))
			return (int32_t)load_u32(code + at + 1);
	return -1;
}

static int32_t number_of(struct reader *reader, const struct native_thread *thread)
{
	const uint64_t at = thread->instruction_pointer;
	const uint8_t *code = at >= CODE_BYTES ? reader_at(reader, at - CODE_BYTES, CODE_BYTES) : NULL;
	if (code == NULL || load_u16(code + CODE_BYTES - SYSCALL_BYTES) != SYSCALL)
		return -1;
	const int32_t number = number_in_code(code);
	return number >= 0 ? number : number_on_stack(reader, thread);
}

void native_calls_settle(struct address_space *space)
{
	struct reader reader;
	reader_init(&reader, space);
	for (size_t i = 0; i < space->threads.count; i++) {
		struct native_thread *thread = &space->threads.items[i];
		if (!thread->call_known || thread->call != CALL_RESTART)
			continue;
		const int32_t number = number_of(&reader, thread);
		if (number >= 0)
			thread->call = number;
	}
}
