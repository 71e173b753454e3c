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
	free(index->places);
	index->ranks = NULL;
	index->places = NULL;
	index->count = 0;
}

/* Fills ranks. UINT64_MAX: there are too many. */
static inline __attribute__((always_inline)) uint64_t count_words(struct object_index *index)
{
	const uint64_t words_per_rank = BITS_PER_RANK / 64;
	struct visited *objects = &index->objects;
	uint64_t total = 0;
	for (uint64_t word = 0; word < objects->word_count; word++) {
		if (word % words_per_rank == 0) {
			if (total > UINT32_MAX - (1u << 20))
				return UINT64_MAX;
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
	return total;
}

/* The word of the bitmap that an object's bit is in, from the first of its group on; *number: of the object in it. */
static inline __attribute__((always_inline)) uint64_t find_word(const struct object_index *index, uint64_t word,
                                                                uint32_t *number)
{
	for (; word + 1 < index->objects.word_count; word++) {
		const uint32_t here = (uint32_t)__builtin_popcountll(index->objects.words[word]);
		if (*number < here)
			break;
		*number -= here;
	}
	return word;
}

/* Without the lowest `left` bits, of which there are more: bytes of them at once, where one cannot foretell how many.
 */
static inline __attribute__((always_inline)) uint64_t drop_bits(uint64_t bits, uint32_t left)
{
	unsigned shift = 0;
	for (unsigned width = 32; width >= 4; width /= 2) {
		const uint64_t low = bits >> shift & ((UINT64_C(1) << width) - 1);
		const uint32_t here = (uint32_t)__builtin_popcountll(low);
		const uint32_t is_above = left >= here;
		left -= here & -is_above;
		shift += width & -is_above;
	}
	bits = bits >> shift << shift;
	while (left-- > 0)
		bits &= bits - 1;
	return bits;
}

/* Twice: for processors that count bits by themselves, and for others. */
WITH_POPCNT static uint64_t count_words_popcnt(struct object_index *index)
{
	return count_words(index);
}

WITH_POPCNT static uint64_t find_word_popcnt(const struct object_index *index, uint64_t word, uint32_t *number)
{
	return find_word(index, word, number);
}

WITH_POPCNT static uint64_t drop_bits_popcnt(uint64_t bits, uint32_t left)
{
	return drop_bits(bits, left);
}

/* So that a number is looked for among few groups and segments. */
static bool keep_places(struct object_index *index, uint32_t group_count)
{
	const uint64_t count = index->count / OBJECTS_PER_PLACE + 1;
	const struct address_space *space = index->space;
	uint32_t segment = 0;
	uint64_t place = 0;
	index->places = malloc((count + 1) * sizeof *index->places);
	if (index->places == NULL)
		return false;
	for (uint32_t group = 0; group < group_count; group++) {
		const bool is_last = group + 1 == group_count;
		while (segment + 1 < space->segment_count &&
		       space->segments[segment + 1].first_bit <= (uint64_t)group * BITS_PER_RANK)
			segment++;
		for (; place <= count && (is_last || place * OBJECTS_PER_PLACE < index->ranks[group + 1]); place++)
			index->places[place] = (struct object_index_entry){ group, segment };
	}
	return true;
}

int object_index_number(struct object_index *index, struct error *error)
{
	const uint64_t words_per_rank = BITS_PER_RANK / 64;
	const uint64_t group_count = index->objects.word_count / words_per_rank + 1;
	index->ranks = malloc(group_count * sizeof *index->ranks);
	if (index->ranks == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the index of objects");
	const uint64_t total = object_index_has_popcnt() ? count_words_popcnt(index) : count_words(index);
	if (total > UINT32_MAX)
		return error_set(error, ERROR_LIMIT, "more than %u million objects", UINT32_MAX / 1000000);
	if (index->objects.word_count % words_per_rank == 0)
		index->ranks[group_count - 1] = (uint32_t)total;
	index->count = (uint32_t)total;
	const uint32_t groups_used = (uint32_t)((index->objects.word_count + words_per_rank - 1) / words_per_rank);
	return keep_places(index, groups_used)
	               ? OK
	               : error_set(error, ERROR_NO_MEMORY, "out of memory for the index of objects");
}

uint32_t object_index_find(const struct object_index *index, uint64_t address)
{
	const struct segment *segment = address_space_find(index->space, address);
	if (segment == NULL || (address & 15) != object_index_oddness(index, segment_granule(segment, address)))
		return UINT32_MAX;
	return object_index_in(index, segment, address);
}

/* The segment of a granule in which an object with that number begins. */
static const struct segment *segment_of(const struct object_index *index, uint32_t number, uint64_t granule)
{
	const struct segment *segment = &index->space->segments[index->places[number / OBJECTS_PER_PLACE].segment];
	const struct segment *end = index->space->segments + index->space->segment_count;
	while (segment + 1 < end && segment[1].first_bit <= granule)
		segment++;
	return segment;
}

/* The granule where an object begins: the word of the bitmap, and of that what is left from the object's bit on. */
static uint64_t find_bit(const struct object_index *index, uint32_t number, uint64_t *ret_bits)
{
	const struct object_index_entry *place = &index->places[number / OBJECTS_PER_PLACE];
	uint64_t low = place->group, count = (uint64_t)place[1].group + 1 - low;
	/* No branch: where the object is cannot be foretold. */
	while (count > 1) {
		const uint64_t half = count / 2;
		low += half & -(uint64_t)(index->ranks[low + half] <= number);
		count -= half;
	}
	uint32_t left = number - index->ranks[low];
	uint64_t word = low * (BITS_PER_RANK / 64);
	word = object_index_has_popcnt() ? find_word_popcnt(index, word, &left) : find_word(index, word, &left);
	*ret_bits = object_index_has_popcnt() ? drop_bits_popcnt(index->objects.words[word], left)
	                                      : drop_bits(index->objects.words[word], left);
	return word;
}

uint64_t object_index_address(const struct object_index *index, uint32_t number)
{
	uint64_t bits;
	uint64_t word = find_bit(index, number, &bits);
	uint64_t granule = word * 64 + (uint64_t)__builtin_ctzll(bits);
	return object_index_place(index, segment_of(index, number, granule), granule);
}

void object_cursor_enter(struct object_cursor *cursor, uint64_t granule)
{
	const struct address_space *space = cursor->index->space;
	const struct segment *end = space->segments + space->segment_count;
	while (cursor->segment + 1 < end && cursor->segment[1].first_bit <= granule)
		cursor->segment++;
	cursor->end_bit = cursor->segment + 1 < end ? cursor->segment[1].first_bit : UINT64_MAX;
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
	cursor->segment = segment_of(index, number, granule);
}

void object_cursor_init(struct object_cursor *cursor, const struct object_index *index)
{
	*cursor = (struct object_cursor){ .index = index,
		                          .segment = index->space->segments,
		                          .bits = index->objects.words[0] };
}
