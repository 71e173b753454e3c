/* SPDX-License-Identifier: MIT */
#include "report/thread_series.h"

#include <inttypes.h>
#include <string.h>

#include "names/names.h"

enum { LONGEST_SERIES = 4096, LONGEST_NUMBER = 9 };

/* A name is before, number, behind: the last number in it that does not stand in brackets, as threading and
 * concurrent.futures write them: "ThreadPoolExecutor-0_1", "Thread-3 (fetch)". */
struct numbered {
	const char *name, *behind;
	size_t before, behind_length;
	uint32_t number;
};

struct series {
	struct numbered first, last;
	uint32_t count;
	uint64_t seen[LONGEST_SERIES / 64];
};

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

static bool split(const struct text *name, struct numbered *ret_numbered)
{
	const char *bytes = text_string(name);
	size_t end = name->length;
	const char *bracket = memchr(bytes, '(', name->length);
	if (bracket != NULL)
		end = (size_t)(bracket - bytes);
	while (end > 0 && !is_digit(bytes[end - 1]))
		end--;
	size_t begin = end;
	while (begin > 0 && is_digit(bytes[begin - 1]))
		begin--;
	if (begin == end || end - begin > LONGEST_NUMBER || (bytes[begin] == '0' && end - begin > 1))
		return false;
	*ret_numbered = (struct numbered){
		.name = bytes, .behind = bytes + end, .before = begin, .behind_length = name->length - end
	};
	for (size_t i = begin; i < end; i++)
		ret_numbered->number = ret_numbered->number * 10 + (uint32_t)(bytes[i] - '0');
	return true;
}

static bool is_alike(const struct numbered *one, const struct numbered *other)
{
	return one->before == other->before && memcmp(one->name, other->name, one->before) == 0 &&
	       one->behind_length == other->behind_length &&
	       memcmp(one->behind, other->behind, one->behind_length) == 0;
}

/* The first and the last of them. */
static bool find_ends(const struct threads_answer *found, uint32_t index, struct series *series)
{
	for (uint32_t i = index; i < found->rows.count; i++) {
		const struct thread_row *row = &found->rows.items[i];
		struct numbered one;
		if (i != index && row->same_as != index)
			continue;
		if (!split(&row->name, &one) || (series->count > 0 && !is_alike(&series->first, &one)))
			return false;
		if (series->count == 0 || one.number < series->first.number)
			series->first = one;
		if (series->count == 0 || one.number > series->last.number)
			series->last = one;
		series->count++;
	}
	return series->count > 1 && series->count <= LONGEST_SERIES &&
	       series->last.number - series->first.number == series->count - 1;
}

static bool has_each_once(const struct threads_answer *found, uint32_t index, struct series *series)
{
	for (uint32_t i = index; i < found->rows.count; i++) {
		const struct thread_row *row = &found->rows.items[i];
		struct numbered one;
		if ((i != index && row->same_as != index) || !split(&row->name, &one))
			continue;
		const uint32_t place = one.number - series->first.number;
		if ((series->seen[place / 64] >> place % 64 & 1) != 0)
			return false;
		series->seen[place / 64] |= UINT64_C(1) << place % 64;
	}
	return true;
}

/* All of one name, which a library gives each thread of its pool ("AnyIO worker thread"). */
static bool is_one_name(const struct threads_answer *found, uint32_t index)
{
	const struct text *name = &found->rows.items[index].name;
	for (uint32_t i = index + 1; i < found->rows.count; i++) {
		const struct thread_row *row = &found->rows.items[i];
		if (row->same_as == index && (row->name.length != name->length ||
		                              memcmp(text_string(&row->name), text_string(name), name->length) != 0))
			return false;
	}
	return name->length > 0;
}

bool thread_series_text(const struct threads_answer *found, uint32_t index, struct text *text)
{
	struct series series = { .count = 0 };
	if (is_one_name(found, index)) {
		const struct text *name = &found->rows.items[index].name;
		names_escape(text, text_string(name), name->length, false);
		return true;
	}
	if (!find_ends(found, index, &series) || !has_each_once(found, index, &series))
		return false;
	const struct numbered *last = &series.last;
	const struct numbered *first = &series.first;
	names_escape(text, first->name, (size_t)(first->behind - first->name) + first->behind_length, false);
	text_add(text, " .. ");
	const bool is_short = last->behind_length == 0 && last->before > 0 && last->name[last->before - 1] == '_';
	if (is_short)
		text_format(text, "_%" PRIu32, last->number);
	else
		names_escape(text, last->name, (size_t)(last->behind - last->name) + last->behind_length, false);
	return true;
}
