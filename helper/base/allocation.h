/* SPDX-License-Identifier: MIT
 * allocation: how often an allocation of ours failed in this process. Most failures end what was asked for. Some would
 * only leave out a word (a name that could not be made, a row that found no place): who gives an answer compares the
 * number before and after, so that none lacks something in silence. The linker hands all calls of malloc() and the
 * rest of this library's own code to allocation.c (CMakeLists.txt); those of other libraries say so by themselves. */
#ifndef PYDS_BASE_ALLOCATION_H
#define PYDS_BASE_ALLOCATION_H

#include <stdint.h>

uint64_t allocation_failures(void);

#endif
