/* SPDX-License-Identifier: MIT */
#include "render/units.h"

#include <inttypes.h>
#include <string.h>

#include "base/quantity.h"

void units_count(struct text *text, uint64_t count)
{
	quantity_count(text, count);
}

void units_bytes(struct text *text, uint64_t bytes, bool exact)
{
	if (exact)
		quantity_count(text, bytes);
	else
		quantity_bytes(text, bytes);
}

void units_noun(struct text *text, uint64_t count, const char *noun)
{
	units_count(text, count);
	text_format(text, " %s%s", noun, count == 1 ? "" : "s");
}

void units_percent(struct text *text, uint64_t part, uint64_t whole)
{
	double share = whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
	/* Not "%.1f": a locale of the host may print a comma. */
	uint64_t tenths = (uint64_t)(share * 10 + 0.5);
	text_format(text, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

/* The factor of a suffix; 0: not one. */
static uint64_t suffix_factor(const char *suffix)
{
	static const char letters[] = "KMGTP";
	if (suffix[0] == '\0' || strcmp(suffix, "B") == 0)
		return 1;
	const char letter = suffix[0] == 'k' ? 'K' : suffix[0];
	const char *found = strchr(letters, letter);
	if (found == NULL || letter == '\0')
		return 0;
	bool decimal = strcmp(suffix + 1, "B") == 0;
	if (!decimal && suffix[1] != '\0' && strcmp(suffix + 1, "iB") != 0)
		return 0;
	uint64_t factor = 1;
	for (const char *step = letters; step <= found; step++)
		factor *= decimal ? 1000 : 1024;
	return factor;
}

bool units_parse_bytes(const char *string, uint64_t *ret_bytes)
{
	uint64_t whole = 0;
	const char *at = string;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return false;
	if (at == string)
		return false;
	uint64_t thousandths = 0;
	if (*at == '.') {
		uint64_t place = 100;
		for (at++; *at >= '0' && *at <= '9'; at++, place /= 10)
			thousandths += place * (uint64_t)(*at - '0');
	}
	uint64_t factor = suffix_factor(at);
	if (factor == 0 || __builtin_mul_overflow(whole, factor, &whole))
		return false;
	/* factor <= 2^50, so its thousandths fit. */
	return !__builtin_add_overflow(whole, factor * thousandths / 1000, ret_bytes);
}
