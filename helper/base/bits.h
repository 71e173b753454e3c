/* SPDX-License-Identifier: MIT
 * bits: one of each number, in bytes: bits_bytes(count) of them, zeroed, are the empty set. */
#ifndef PYDS_BASE_BITS_H
#define PYDS_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t bits_bytes(uint64_t count)
{
	return count / 8 + 1;
}

static inline bool bits_has(const uint8_t *bits, uint64_t number)
{
	return bits[number / 8] >> number % 8 & 1;
}

static inline void bits_add(uint8_t *bits, uint64_t number)
{
	bits[number / 8] |= (uint8_t)(1u << number % 8);
}

static inline void bits_remove(uint8_t *bits, uint64_t number)
{
	bits[number / 8] &= (uint8_t) ~(1u << number % 8);
}

#endif
