/* SPDX-License-Identifier: MIT
 * Integers out of target bytes, and arithmetic on target numbers that cannot wrap silently.
 * The unaligned loads are for little-endian targets, which is all the decoders accept; the layers
 * below them use load_word() with the target's own word size and byte order. */
#ifndef PYDS_BASE_BYTES_H
#define PYDS_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t load_u8(const uint8_t *bytes)
{
	return bytes[0];
}

static inline uint16_t load_u16(const uint8_t *bytes)
{
	uint16_t value;
	memcpy(&value, bytes, sizeof value);
	return value;
}

static inline uint32_t load_u32(const uint8_t *bytes)
{
	uint32_t value;
	memcpy(&value, bytes, sizeof value);
	return value;
}

static inline uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof value);
	return value;
}

static inline int64_t load_i64(const uint8_t *bytes)
{
	return (int64_t)load_u64(bytes);
}

static inline int32_t load_i32(const uint8_t *bytes)
{
	return (int32_t)load_u32(bytes);
}

/* An unsigned integer of size bytes (1, 2, 4, 8) in the given byte order. */
static inline uint64_t load_word(const uint8_t *bytes, unsigned size, bool big_endian)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | bytes[big_endian ? i : size - 1 - i];
	return value;
}

/* True and *ret_sum / *ret_product set unless the result does not fit 64 bits. */
static inline bool checked_add(uint64_t left, uint64_t right, uint64_t *ret_sum)
{
	return !__builtin_add_overflow(left, right, ret_sum);
}

static inline bool checked_multiply(uint64_t left, uint64_t right, uint64_t *ret_product)
{
	return !__builtin_mul_overflow(left, right, ret_product);
}

/* value rounded up to a multiple of alignment, a power of two; value must be below 2^63. */
static inline uint64_t round_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

#endif
