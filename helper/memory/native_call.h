/* SPDX-License-Identifier: MIT
 * native_call: the system calls that threads are in, of which one was interrupted and taken up again. */
#ifndef PYDS_MEMORY_NATIVE_CALL_H
#define PYDS_MEMORY_NATIVE_CALL_H

#include "memory/address_space.h"

/* poll(), nanosleep() and others that were interrupted, as a debugger or we do it, are taken up again by the kernel as
 * restart_syscall() with the same arguments: gives them their own number again, out of the instructions in front of
 * where the thread is, or out of its stack. Once the space's memory and files are there. */
void native_calls_settle(struct address_space *space);

#endif
