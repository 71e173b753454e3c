/* SPDX-License-Identifier: MIT
 * line_table: which source line an instruction belongs to. Tables come from the target: every step consumes at least
 * one byte of a table of bounded length. */
#include "names/line_table.h"

#include "base/limits.h"
#include "object/value.h"

static void raise_to(int64_t *highest, int64_t line)
{
	if (line > *highest)
		*highest = line;
}

/* Pairs of (bytes of code, lines up or down); a pair applies from its address on. *highest: raised to the highest line
 * on the way, here and below. */
static int64_t lnotab_line(const uint8_t *table, size_t length, int64_t line, int64_t offset, int64_t *highest)
{
	int64_t address = 0;

	for (size_t i = 0; i + 1 < length; i += 2) {
		address += table[i];
		if (address > offset)
			break;
		line += (int8_t)table[i + 1];
		raise_to(highest, line);
	}
	return line;
}

/* Pairs of (bytes of code, lines up or down); a pair is a range of its own; -128: a range without a line. */
static int64_t deltas_line(const uint8_t *table, size_t length, int64_t line, int64_t offset, int64_t *highest)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < length; i += 2) {
		int8_t delta = (int8_t)table[i + 1];
		end += table[i];
		if (delta != -128)
			line += delta;
		raise_to(highest, line);
		if (offset < end)
			return delta == -128 ? 0 : line;
	}
	return 0;
}

/* Little-endian groups of six bits, bit 6 says that more follow. Steps over them. */
static uint64_t read_varint(const uint8_t *table, size_t length, size_t *position)
{
	uint64_t value = 0;
	unsigned shift = 0;

	while (*position < length) {
		uint8_t byte = table[(*position)++];
		if (shift < 60)
			value |= (uint64_t)(byte & 0x3f) << shift;
		shift += 6;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

/* An entry begins with a byte whose bit 7 is set: kind << 3 | (code units - 1); its other bytes have bit 7 clear. Steps
 * over one; *line: of the entry before, then of this. Returns its bytes of bytecode. */
static int64_t read_location(const uint8_t *table, size_t length, size_t *at, int64_t *line, struct line_span *span)
{
	enum { KIND_ONE_LINE = 10, KIND_NO_COLUMNS = 13, KIND_LONG = 14, KIND_NONE = 15, UNIT_BYTES = 2 };
	const uint8_t first = table[(*at)++];
	const unsigned kind = first >> 3 & 15;
	const uint8_t second = *at < length ? table[*at] : 0, third = *at + 1 < length ? table[*at + 1] : 0;
	int64_t more_lines = 0;
	*span = (struct line_span){ .column = -1, .end_column = -1, .has_line = kind != KIND_NONE };
	if (kind == KIND_NO_COLUMNS || kind == KIND_LONG) {
		const uint64_t delta = read_varint(table, length, at);
		const int64_t magnitude = (int64_t)(delta >> 1 & INT32_MAX);
		*line += delta & 1 ? -magnitude : magnitude;
	} else if (kind >= KIND_ONE_LINE && kind < KIND_NO_COLUMNS) {
		*line += kind - KIND_ONE_LINE;
		span->column = second;
		span->end_column = third;
	} else if (kind < KIND_ONE_LINE) {
		span->column = (int32_t)(kind << 3 | (second >> 4 & 7));
		span->end_column = span->column + (second & 15);
	}
	if (kind == KIND_LONG) {
		more_lines = (int64_t)(read_varint(table, length, at) & INT32_MAX);
		span->column = (int32_t)(read_varint(table, length, at) & INT32_MAX) - 1;
		span->end_column = (int32_t)(read_varint(table, length, at) & INT32_MAX) - 1;
	}
	span->line = *line;
	span->end_line = *line + more_lines;
	while (*at < length && !(table[*at] & 0x80))
		(*at)++;
	return ((first & 7) + 1) * UNIT_BYTES;
}

static int64_t locations_line(const uint8_t *table, size_t length, int64_t line, int64_t offset, int64_t *highest)
{
	int64_t end = 0;
	struct line_span span;

	for (size_t i = 0; i < length;) {
		end += read_location(table, length, &i, &line, &span);
		if (span.has_line)
			raise_to(highest, line);
		if (offset < end)
			return span.has_line ? line : 0;
	}
	return 0;
}

static int64_t look_up(enum line_encoding encoding, const uint8_t *table, size_t length, int64_t first_line,
                       int64_t offset, int64_t *highest)
{
	return encoding == LINE_LNOTAB   ? lnotab_line(table, length, first_line, offset, highest)
	       : encoding == LINE_DELTAS ? deltas_line(table, length, first_line, offset, highest)
	                                 : locations_line(table, length, first_line, offset, highest);
}

int64_t line_table_line(enum line_encoding encoding, const uint8_t *table, size_t length, int64_t first_line,
                        int64_t offset)
{
	int64_t highest = first_line;
	if (offset < 0)
		return first_line;
	int64_t line = look_up(encoding, table, length, first_line, offset, &highest);
	return line < 0 ? 0 : line;
}

int64_t line_table_last(enum line_encoding encoding, const uint8_t *table, size_t length, int64_t first_line)
{
	int64_t highest = first_line;
	(void)look_up(encoding, table, length, first_line, INT64_MAX, &highest);
	return highest;
}

static bool code_signed_field(struct decoder *decoder, uint64_t code, enum layout_field field, int64_t *ret_value)
{
	uint64_t word;

	if (!value_field(&decoder->objects, code, field, &word))
		return false;
	*ret_value = decoder->layout->fields[field].size == 4 ? (int32_t)word : (int64_t)word;
	return true;
}

/* Free-threaded 3.14+ executes copies of the bytecode, one for each thread that ran it: co_tlbc is an array of them,
 * the first is co_code_adaptive. Sets *ret_start to the copy that holds instruction. */
static bool find_thread_copy(struct decoder *decoder, uint64_t code, uint64_t instruction, uint64_t code_bytes,
                             uint64_t *ret_start)
{
	uint64_t array, count, start;

	if (!value_field(&decoder->objects, code, FIELD_PyCodeObject_co_tlbc, &array) ||
	    !value_field(&decoder->objects, array, FIELD__PyCodeArray_size, &count) ||
	    !layout_has(decoder->layout, FIELD__PyCodeArray_entries))
		return false;
	uint64_t entries = array + layout_offset(decoder->layout, FIELD__PyCodeArray_entries);
	for (uint64_t i = 0; i < count && i < LIMIT_THREADS; i++) {
		if (!reader_u64(&decoder->reader, entries + i * 8, &start))
			return false;
		if (start != 0 && instruction >= start && instruction - start < code_bytes) {
			*ret_start = start;
			return true;
		}
	}
	return false;
}

/* Byte offset of an instruction given by its address. */
bool instruction_offset(struct decoder *decoder, uint64_t code, uint64_t instruction, int64_t *ret_offset)
{
	int64_t units;
	uint32_t unit_offset = layout_offset(decoder->layout, FIELD_PyCodeObject_co_code_adaptive);

	if (!code_signed_field(decoder, code, FIELD_PyVarObject_ob_size, &units) || units < 0 ||
	    units > LIMIT_LINE_TABLE_BYTES)
		return false;
	uint64_t start = code + unit_offset, code_bytes = (uint64_t)units * 2;
	if (instruction == UINT64_MAX || instruction == start - 2) {
		*ret_offset = -1;
		return true;
	}
	if ((instruction < start || instruction - start >= code_bytes) &&
	    !find_thread_copy(decoder, code, instruction, code_bytes, &start))
		return false;
	*ret_offset = (int64_t)(instruction - start);
	return true;
}

/* The table of a code object and where it begins. *table is the caller's to free; false: unknown. */
static bool read_table(struct decoder *decoder, uint64_t code, enum line_encoding *ret_encoding,
                       int64_t *ret_first_line, struct text *table)
{
	const struct layout *layout = decoder->layout;
	uint64_t address;
	*ret_encoding = LINE_LNOTAB;
	if (layout_has(layout, FIELD_PyCodeObject_co_linetable))
		*ret_encoding = layout_has(layout, FIELD_PyCodeObject_co_code_adaptive) ? LINE_LOCATIONS : LINE_DELTAS;
	return code_signed_field(decoder, code, FIELD_PyCodeObject_co_firstlineno, ret_first_line) &&
	       value_field(&decoder->objects, code,
	                   *ret_encoding == LINE_LNOTAB ? FIELD_PyCodeObject_co_lnotab
	                                                : FIELD_PyCodeObject_co_linetable,
	                   &address) &&
	       value_bytes(&decoder->objects, address, LIMIT_LINE_TABLE_BYTES, table) >= 0 && !table->failed;
}

int64_t line_of_instruction(struct decoder *decoder, uint64_t code, uint64_t instruction, bool is_address)
{
	int64_t first_line, line = 0, offset = (int64_t)instruction;
	enum line_encoding encoding;
	struct text table = { 0 };
	if (read_table(decoder, code, &encoding, &first_line, &table) &&
	    (!is_address || instruction_offset(decoder, code, instruction, &offset)))
		line = line_table_line(encoding, (const uint8_t *)text_string(&table), table.length, first_line,
		                       offset);
	text_free(&table);
	return line;
}

int64_t line_last_of_code(struct decoder *decoder, uint64_t code)
{
	int64_t first_line, line = 0;
	enum line_encoding encoding;
	struct text table = { 0 };
	if (read_table(decoder, code, &encoding, &first_line, &table))
		line = line_table_last(encoding, (const uint8_t *)text_string(&table), table.length, first_line);
	text_free(&table);
	return line;
}

bool line_spans_open(struct line_spans *ret_spans, struct decoder *decoder, uint64_t code)
{
	enum line_encoding encoding;
	*ret_spans = (struct line_spans){ .at = 0 };
	if (read_table(decoder, code, &encoding, &ret_spans->line, &ret_spans->table) && encoding == LINE_LOCATIONS)
		return true;
	text_free(&ret_spans->table);
	return false;
}

bool line_spans_next(struct line_spans *spans, struct line_span *ret_span)
{
	if (spans->at >= spans->table.length)
		return false;
	(void)read_location((const uint8_t *)text_string(&spans->table), spans->table.length, &spans->at, &spans->line,
	                    ret_span);
	return true;
}

void line_spans_close(struct line_spans *spans)
{
	text_free(&spans->table);
}
