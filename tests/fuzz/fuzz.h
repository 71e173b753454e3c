/* SPDX-License-Identifier: MIT
 * The interface of libFuzzer, and how the targets hand bytes to what wants a path. */
#ifndef PYDS_TESTS_FUZZ_H
#define PYDS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
