/* SPDX-License-Identifier: MIT */
#include "names/float_text.h"

#include <ctype.h>
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

/* The shortest digits that lead back, without trailing zeros, and the power of ten of the first one. Whatever character
 * this program's locale has between them is left out. */
static int shortest_digits(double value, char digits[MOST_DIGITS + 1])
{
	char number[NUMBER_BYTES];
	for (int count = 1; count <= MOST_DIGITS; count++) {
		(void)snprintf(number, sizeof number, "%.*e", count - 1, value);
		if (strtod(number, NULL) == value)
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

void float_text(struct text *text, double value)
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
	const int power = shortest_digits(fabs(value), digits);
	if (power >= FIRST_POSITIONAL && power < FIRST_SCIENTIFIC) {
		positional(text, digits, power);
		return;
	}
	text_append(text, digits, 1);
	if (digits[1] != '\0')
		text_format(text, ".%s", digits + 1);
	text_format(text, "e%c%02d", power < 0 ? '-' : '+', abs(power));
}
