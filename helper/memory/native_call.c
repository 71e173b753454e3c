/* SPDX-License-Identifier: MIT */
#include "memory/native_call.h"

#include "base/bytes.h"

enum {
	CALL_RESTART = 219, /* restart_syscall of x86-64 */
	CODE_BYTES = 7, /* mov $number, %eax; syscall */
	MOVE_TO_AX = 0xb8,
	SYSCALL = 0x050f,
};

void native_calls_settle(struct address_space *space)
{
	struct reader reader;
	reader_init(&reader, space);
	for (size_t i = 0; i < space->threads.count; i++) {
		struct native_thread *thread = &space->threads.items[i];
		if (!thread->call_known || thread->call != CALL_RESTART || thread->instruction_pointer < CODE_BYTES)
			continue;
		const uint8_t *code = reader_at(&reader, thread->instruction_pointer - CODE_BYTES, CODE_BYTES);
		if (code != NULL && code[0] == MOVE_TO_AX && load_u16(code + 5) == SYSCALL &&
		    load_u32(code + 1) <= INT16_MAX)
			thread->call = (int32_t)load_u32(code + 1);
	}
}
