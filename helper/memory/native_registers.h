/* SPDX-License-Identifier: MIT
 * native_registers: the kernel's struct user_regs_struct of x86-64 (asm/user_64.h), which cores and ptrace have alike.
 */
#ifndef PYDS_MEMORY_NATIVE_REGISTERS_H
#define PYDS_MEMORY_NATIVE_REGISTERS_H

#include "base/bytes.h"
#include "memory/address_space.h"

enum { KERNEL_REGISTERS_BYTES = 27 * 8 };

/* bytes: KERNEL_REGISTERS_BYTES of them. */
static inline void native_registers_read(uint64_t registers[NATIVE_REGISTERS], const uint8_t *bytes)
{
	static const uint8_t places[NATIVE_REGISTERS] = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 };
	for (int i = 0; i < NATIVE_REGISTERS; i++)
		registers[i] = load_u64(bytes + 8 * places[i]);
}

#endif
