/* SPDX-License-Identifier: MIT */
#include "graph/coverage.h"

void coverage_count(struct coverage *coverage, const struct decoded *decoded)
{
	coverage->approximate += (decoded->flags & DECODED_APPROXIMATE) != 0;
	coverage->unreadable += (decoded->flags & DECODED_UNREADABLE) != 0;
	coverage->corrupt += (decoded->flags & DECODED_CORRUPT) != 0;
	coverage->in_flux += (decoded->flags & DECODED_IN_FLUX) != 0;
	if (decoded->flags & ~(uint32_t)DECODED_APPROXIMATE)
		coverage_note(coverage, decoded->address, decoded->reason);
}

void coverage_note(struct coverage *coverage, uint64_t address, const char *reason)
{
	uint32_t place = coverage->example_count;
	while (place > 0 && coverage->examples[place - 1].address > address)
		place--;
	if (place == COVERAGE_EXAMPLES || (place > 0 && coverage->examples[place - 1].address == address))
		return;
	if (coverage->example_count < COVERAGE_EXAMPLES)
		coverage->example_count++;
	for (uint32_t i = coverage->example_count - 1; i > place; i--)
		coverage->examples[i] = coverage->examples[i - 1];
	coverage->examples[place].address = address;
	coverage->examples[place].reason = reason;
}

void coverage_add(struct coverage *coverage, const struct coverage *other)
{
	coverage->approximate += other->approximate;
	coverage->unreadable += other->unreadable;
	coverage->corrupt += other->corrupt;
	coverage->in_flux += other->in_flux;
	coverage->tracked_unknown |= other->tracked_unknown;
	coverage->gc_list_broken |= other->gc_list_broken;
	coverage->frames_truncated |= other->frames_truncated;
	for (uint32_t i = 0; i < other->example_count; i++)
		coverage_note(coverage, other->examples[i].address, other->examples[i].reason);
}

bool coverage_is_exact(const struct coverage *coverage)
{
	return coverage->approximate + coverage->unreadable + coverage->corrupt + coverage->in_flux == 0 &&
	       !coverage_is_partial(coverage);
}
