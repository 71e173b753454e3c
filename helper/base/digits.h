/* SPDX-License-Identifier: MIT
 * digits: numbers in decimal where printf() would be most of the time: rows of millions of objects. */
#ifndef PYDS_BASE_DIGITS_H
#define PYDS_BASE_DIGITS_H

#include <stdint.h>

enum { DECIMAL_DIGITS = 20 }; /* of the largest 64-bit number */

/* Writes a number so that it ends with the buffer; returns where it begins. No 0 is behind it. */
static inline const char *decimal_digits(uint64_t number, char (*buffer)[DECIMAL_DIGITS])
{
	unsigned at = DECIMAL_DIGITS;
	do {
		(*buffer)[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	return *buffer + at;
}

#endif
