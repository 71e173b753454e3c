/* SPDX-License-Identifier: MIT
 * Functions whose callers are found by the frame pointer only: none knows how large its frame is when it is compiled.
 * waits_first() waits for a byte, then waits_second() does. */
#include <alloca.h>
#include <unistd.h>

static void __attribute__((noinline)) take(int descriptor, int bytes)
{
	volatile char *room = alloca((size_t)bytes);
	char byte = 1;
	room[0] = 1;
	(void)!read(descriptor, &byte, 1);
	room[bytes - 1] = byte;
}

void __attribute__((noinline)) waits_first(int descriptor, int bytes)
{
	volatile char *room = alloca((size_t)bytes);
	room[0] = 1;
	take(descriptor, bytes);
	room[bytes - 1] = 1;
}

void __attribute__((noinline)) waits_second(int descriptor, int bytes)
{
	volatile char *room = alloca((size_t)bytes);
	room[0] = 1;
	take(descriptor, bytes);
	room[bytes - 1] = 1;
}

void native_calls(int descriptor, int bytes)
{
	volatile char *room = alloca((size_t)bytes);
	room[0] = 1;
	waits_first(descriptor, bytes);
	waits_second(descriptor, bytes);
	room[bytes - 1] = 1;
}
