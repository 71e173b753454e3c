/* SPDX-License-Identifier: MIT */
#include "query/frames/source_fit.h"

#include <string.h>

#include "base/limits.h"
#include "names/line_table.h"
#include "object/value.h"

static bool is_of_word(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') || character == '_';
}

/* The bytes of the lines from `first` to `last`, as far as the file has them. */
static const char *lines_of(const struct source_file *source, int64_t first, int64_t last, size_t *ret_length)
{
	const int64_t count = (int64_t)source->lines.count;
	if (first < 1 || first > count || last < first)
		return NULL;
	const size_t begin = source->lines.items[first - 1];
	*ret_length = (last < count ? source->lines.items[last] : source->size) - begin;
	return source->bytes + begin;
}

/* Whether a piece of text can begin or end there. Of a line that is not plain ASCII the columns may be those of another
 * encoding, or behind a mark at the file's beginning. */
static bool can_part(const struct source_file *source, int64_t number, int32_t column)
{
	size_t length;
	const char *line = lines_of(source, number, number, &length);
	if (line == NULL)
		return false;
	for (size_t i = 0; i < length; i++)
		if (line[i] & 0x80)
			return true;
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	if (column < 0 || (size_t)column > length)
		return column < 0;
	return column == 0 || (size_t)column == length || !is_of_word(line[column - 1]) || !is_of_word(line[column]);
}

static bool places_fit(struct decoder *decoder, uint64_t code, const struct source_file *source)
{
	struct line_spans spans;
	struct line_span span;
	bool fits = true;
	if (!line_spans_open(&spans, decoder, code))
		return true;
	while (fits && line_spans_next(&spans, &span)) {
		/* An empty one is the compiler's own, as that of the first instruction. */
		if (!span.has_line || (span.column == span.end_column && span.line == span.end_line))
			continue;
		fits = can_part(source, span.line, span.column) && can_part(source, span.end_line, span.end_column);
	}
	line_spans_close(&spans);
	return fits;
}

static bool has_name(const char *text, size_t length, const char *name, size_t size)
{
	const char *end = text + length;
	for (const char *at = text; (at = memmem(at, (size_t)(end - at), name, size)) != NULL; at++)
		if ((at == text || !is_of_word(at[-1])) && (at + size == end || !is_of_word(at[size])))
			return true;
	return false;
}

/* Whether the compiler takes it from the text as it is. Of its own are ".0", "__class__", "AssertionError" of a plain
 * assert, and private names with their class before them; a plug-in's have characters that no name has. */
static bool is_written(const char *name, size_t length)
{
	if (length == 0 || strstr(name, "__") != NULL || strcmp(name, "AssertionError") == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_of_word(name[i]))
			return false;
	return true;
}

static bool names_fit(struct decoder *decoder, uint64_t code, enum layout_field field, const char *lines, size_t length)
{
	enum { MOST = 4096 };
	struct text name = { .bytes = NULL };
	uint64_t tuple, count, items, word;
	bool fits = true;
	if (!value_field(&decoder->objects, code, field, &tuple) ||
	    !value_items(&decoder->objects, tuple, &count, &items))
		return true;
	for (uint64_t i = 0; fits && i < count && i < MOST; i++) {
		text_reset(&name);
		if (!reader_u64(&decoder->reader, items + 8 * i, &word) ||
		    value_str(&decoder->objects, word, LIMIT_TYPE_NAME_BYTES, &name) <= 0)
			continue;
		fits = !is_written(text_string(&name), name.length) ||
		       has_name(lines, length, text_string(&name), name.length);
	}
	text_free(&name);
	return fits;
}

bool source_fits(struct decoder *decoder, uint64_t code, const struct source_file *source)
{
	enum { LINES_BEHIND = 10 }; /* of a statement whose last instruction begins above its last line */
	struct text own = { .bytes = NULL };
	uint64_t first, name;
	size_t length;
	if (!places_fit(decoder, code, source))
		return false;
	/* What a module is made of is all of the file, and its names are hundreds; annotations have names of their own.
	 */
	const bool is_function = value_field(&decoder->objects, code, FIELD_PyCodeObject_co_name, &name) &&
	                         value_str(&decoder->objects, name, LIMIT_TYPE_NAME_BYTES, &own) > 0 &&
	                         strcmp(text_string(&own), "<module>") != 0 &&
	                         strncmp(text_string(&own), "__annot", 7) != 0;
	text_free(&own);
	if (!is_function || !value_field(&decoder->objects, code, FIELD_PyCodeObject_co_firstlineno, &first))
		return true;
	const int64_t begin = (int32_t)first;
	const char *lines = lines_of(source, begin, line_last_of_code(decoder, code) + LINES_BEHIND, &length);
	return lines == NULL || (names_fit(decoder, code, FIELD_PyCodeObject_co_names, lines, length) &&
	                         names_fit(decoder, code, FIELD_PyCodeObject_co_varnames, lines, length) &&
	                         names_fit(decoder, code, FIELD_PyCodeObject_co_localsplusnames, lines, length));
}
