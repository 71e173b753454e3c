/* SPDX-License-Identifier: MIT
 * line_table: from an instruction to a source line, in the three encodings of 3.8 to 3.15. */
#ifndef PYDS_NAMES_LINE_TABLE_H
#define PYDS_NAMES_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decoder.h"

enum line_encoding {
	LINE_LNOTAB, /* co_lnotab, up to 3.9: Objects/lnotab_notes.txt there */
	LINE_DELTAS, /* co_linetable of 3.10: PEP 626 */
	LINE_LOCATIONS, /* co_linetable since 3.11: Objects/locations.md, InternalDocs/code_objects.md */
};

/* The line of the instruction at byte offset of the bytecode; negative offset: nothing ran yet, the first line.
 * 0: the table gives the instruction no line. */
int64_t line_table_line(enum line_encoding encoding, const uint8_t *table, size_t length, int64_t first_line,
                        int64_t offset);

/* The highest line that the table gives an instruction. */
int64_t line_table_last(enum line_encoding encoding, const uint8_t *table, size_t length, int64_t first_line);

/* The same from a code object. 0: unknown. */
int64_t line_last_of_code(struct decoder *decoder, uint64_t code);

/* The text that one instruction was made of. Columns are bytes of UTF-8 in the line, from 0; the end is behind it. */
struct line_span {
	int64_t line, end_line;
	int32_t column, end_column; /* -1: not said */
	bool has_line; /* false: it is the compiler's own */
};

/* All of a code object's, in the order of its table. Until line_spans_close() it has a copy of that. */
struct line_spans {
	struct text table;
	size_t at;
	int64_t line; /* of the one before */
};

/* False: before 3.11, whose tables have lines alone, or the table cannot be read. */
bool line_spans_open(struct line_spans *ret_spans, struct decoder *decoder, uint64_t code);
bool line_spans_next(struct line_spans *spans, struct line_span *ret_span);
void line_spans_close(struct line_spans *spans);

/* Bytes from the beginning of the bytecode to an instruction that python_frame.last_instruction is the address of, in
 * the code itself or a thread's copy of it; -1: none was begun. False: it is none of the code's. */
bool instruction_offset(struct decoder *decoder, uint64_t code, uint64_t instruction, int64_t *ret_offset);

/* A line from a code object. instruction as python_frame.last_instruction. 0: unknown. */
int64_t line_of_instruction(struct decoder *decoder, uint64_t code, uint64_t instruction, bool is_address);

#endif
