/* SPDX-License-Identifier: MIT */
#include "graph/object_index.h"

#include <stdlib.h>

int object_index_open(struct object_index *index, const struct address_space *space, struct error *error)
{
	*index = (struct object_index){ .space = space };
	if (!visited_open(&index->objects, space))
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the index of objects");
	return OK;
}

void object_index_close(struct object_index *index)
{
	visited_close(&index->objects);
	free(index->ranks);
	index->ranks = NULL;
	index->count = 0;
}

int object_index_number(struct object_index *index, struct error *error)
{
	const uint64_t words_per_rank = BITS_PER_RANK / 64;
	struct visited *objects = &index->objects;
	uint64_t group_count = index->objects.word_count / words_per_rank + 1;
	uint64_t total = 0;
	index->ranks = malloc(group_count * sizeof *index->ranks);
	if (index->ranks == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the index of objects");
	for (uint64_t word = 0; word < index->objects.word_count; word++) {
		if (word % words_per_rank == 0) {
			if (total > UINT32_MAX - (1u << 20))
				return error_set(error, ERROR_LIMIT, "more than %u million objects",
				                 UINT32_MAX / 1000000);
			index->ranks[word / words_per_rank] = (uint32_t)total;
		}
		/* No object begins in the middle of another. */
		const uint64_t odd = objects->odd_words[word] & ~objects->words[word];
		if (__builtin_expect(objects->odd_words[word] != odd, 0))
			objects->odd_words[word] = odd;
		if (__builtin_expect(odd != 0, 0))
			objects->words[word] |= odd;
		total += (uint64_t)__builtin_popcountll(objects->words[word]);
	}
	if (index->objects.word_count % words_per_rank == 0)
		index->ranks[group_count - 1] = (uint32_t)total;
	index->count = (uint32_t)total;
	return OK;
}

uint32_t object_index_find(const struct object_index *index, uint64_t address)
{
	const struct segment *segment = address_space_find(index->space, address);
	if (segment == NULL || (address & 15) != object_index_oddness(index, segment_granule(segment, address)))
		return UINT32_MAX;
	return object_index_in(index, segment, address);
}

static const struct segment *segment_of_granule(const struct address_space *space, uint64_t granule)
{
	size_t low = 0, high = space->segment_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (space->segments[middle].first_bit <= granule)
			low = middle;
		else
			high = middle;
	}
	return &space->segments[low];
}

/* Of the object that begins in a granule. */
static uint64_t granule_address(const struct object_index *index, const struct segment *segment, uint64_t granule)
{
	return ((segment->start >> 4) + (granule - segment->first_bit)) << 4 | object_index_oddness(index, granule);
}

/* The granule where an object begins: the word of the bitmap, and of that what is left from the object's bit on. */
static uint64_t find_bit(const struct object_index *index, uint32_t number, uint64_t *ret_bits)
{
	uint64_t low = 0, high = index->objects.word_count / (BITS_PER_RANK / 64) + 1;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (index->ranks[middle] <= number)
			low = middle;
		else
			high = middle;
	}
	uint32_t left = number - index->ranks[low];
	uint64_t word = low * (BITS_PER_RANK / 64);
	for (; word + 1 < index->objects.word_count; word++) {
		uint32_t here = (uint32_t)__builtin_popcountll(index->objects.words[word]);
		if (left < here)
			break;
		left -= here;
	}
	uint64_t bits = index->objects.words[word];
	while (left-- > 0)
		bits &= bits - 1;
	*ret_bits = bits;
	return word;
}

uint64_t object_index_address(const struct object_index *index, uint32_t number)
{
	uint64_t bits;
	uint64_t word = find_bit(index, number, &bits);
	uint64_t granule = word * 64 + (uint64_t)__builtin_ctzll(bits);
	return granule_address(index, segment_of_granule(index->space, granule), granule);
}

void object_cursor_init_at(struct object_cursor *cursor, const struct object_index *index, uint32_t number)
{
	*cursor = (struct object_cursor){ .index = index, .segment = index->space->segments };
	if (number >= index->count) {
		cursor->word = index->objects.word_count;
		return;
	}
	cursor->word = find_bit(index, number, &cursor->bits);
	uint64_t granule = cursor->word * 64 + (uint64_t)__builtin_ctzll(cursor->bits);
	cursor->segment = segment_of_granule(index->space, granule);
}

void object_cursor_init(struct object_cursor *cursor, const struct object_index *index)
{
	*cursor = (struct object_cursor){ .index = index,
		                          .segment = index->space->segments,
		                          .bits = index->objects.words[0] };
}

uint64_t object_cursor_next(struct object_cursor *cursor)
{
	const struct object_index *index = cursor->index;
	while (cursor->bits == 0) {
		if (++cursor->word >= index->objects.word_count)
			return 0;
		cursor->bits = index->objects.words[cursor->word];
	}
	uint64_t granule = cursor->word * 64 + (uint64_t)__builtin_ctzll(cursor->bits);
	cursor->bits &= cursor->bits - 1;
	const struct segment *end = index->space->segments + index->space->segment_count;
	while (cursor->segment + 1 < end && cursor->segment[1].first_bit <= granule)
		cursor->segment++;
	return granule_address(index, cursor->segment, granule);
}
