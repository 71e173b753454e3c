/* SPDX-License-Identifier: MIT */
#include "names/float_text.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_DIGITS = 17, /* every double is told by so many */
	NUMBER_BYTES = 48,
	FIRST_POSITIONAL = -4, /* repr(0.0001), repr(1e-05) */
	FIRST_SCIENTIFIC = 16, /* repr(9999999999999998.0), repr(1e+16) */
};

/* Whether a number of that many bytes that is read from the digits is the one that they are of. */
static bool leads_back(const char *number, double value, unsigned size)
{
	const double read = strtod(number, NULL);
	if (size == 8)
		return read == value;
	if (size == 4)
		return (float)read == (float)value;
	/* Of 2 bytes: 11 bits; the smallest have fewer and are multiples of 2 to the -24. */
	double step = 1.0 / (1 << 24);
	while (value / step >= 2048 && value <= DBL_MAX)
		step *= 2;
	return (double)(int64_t)(read / step + 0.5) * step == value;
}

/* The shortest digits that lead back, without trailing zeros, and the power of ten of the first one. Whatever character
 * this program's locale has between them is left out. */
static int shortest_digits(double value, unsigned size, char digits[MOST_DIGITS + 1])
{
	char number[NUMBER_BYTES];
	for (int count = 1; count <= MOST_DIGITS; count++) {
		(void)snprintf(number, sizeof number, "%.*e", count - 1, value);
		if (leads_back(number, value, size))
			break;
	}
	size_t length = 0;
	const char *at = number;
	for (; *at != '\0' && *at != 'e'; at++)
		if (isdigit((unsigned char)*at) && length < MOST_DIGITS)
			digits[length++] = *at;
	while (length > 1 && digits[length - 1] == '0')
		length--;
	digits[length] = '\0';
	return *at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0;
}

static void positional(struct text *text, const char *digits, int power)
{
	const int length = (int)strlen(digits);
	if (power < 0) {
		text_add(text, "0.");
		for (int i = -1; i > power; i--)
			text_add(text, "0");
		text_add(text, digits);
		return;
	}
	for (int i = 0; i <= power || i < length; i++) {
		if (i == power + 1)
			text_add(text, ".");
		text_append(text, i < length ? &digits[i] : "0", 1);
	}
	if (length <= power + 1)
		text_add(text, ".0");
}

void float_text_narrow(struct text *text, double value, unsigned size)
{
	char digits[MOST_DIGITS + 1];
	if (isnan(value)) {
		text_add(text, "nan");
		return;
	}
	if (signbit(value))
		text_add(text, "-");
	if (isinf(value)) {
		text_add(text, "inf");
		return;
	}
	const int power = shortest_digits(fabs(value), size, digits);
	if (power >= FIRST_POSITIONAL && power < FIRST_SCIENTIFIC) {
		positional(text, digits, power);
		return;
	}
	text_append(text, digits, 1);
	if (digits[1] != '\0')
		text_format(text, ".%s", digits + 1);
	text_format(text, "e%c%02d", power < 0 ? '-' : '+', abs(power));
}

void float_text(struct text *text, double value)
{
	float_text_narrow(text, value, 8);
}
