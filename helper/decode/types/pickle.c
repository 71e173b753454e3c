/* SPDX-License-Identifier: MIT
 * _pickle: the memo of a pickler is a hash table of objects, that of an unpickler an array
 * (Modules/_pickle.c Pickler_traverse, _pickle_Pickler___sizeof___impl and their like). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

static uint32_t memo_flags(const struct decoder *decoder)
{
	return layout_feature(decoder->layout, FEATURE_PICKLE_MEMO_VISITED) ? 0 : RUN_HIDDEN;
}

static void decode_memo_table(struct decoder *decoder, uint64_t memo)
{
	const struct layout *layout = decoder->layout;
	uint32_t row = layout->struct_bytes[STRUCT_PyMemoEntry];
	uint32_t head_bytes = layout->struct_bytes[STRUCT_PyMemoTable];
	const struct body head = body_at(&decoder->reader, memo, head_bytes);
	if (head.bytes == NULL || row == 0) {
		flag_object(decoder, DECODED_UNREADABLE, "its memo cannot be read");
		return;
	}
	uint64_t rows = body_u64(decoder, FIELD_PyMemoTable_mt_allocated, head);
	uint64_t table = body_u64(decoder, FIELD_PyMemoTable_mt_table, head);
	if (rows > chain_limit(decoder, row)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of its memo");
		return;
	}
	decoder->out.shallow += head_bytes + rows * row;
	emit_block(decoder, memo, head_bytes, "memo", BLOCK_COUNTED);
	emit_block(decoder, table, rows * row, "memo table", BLOCK_COUNTED);
	emit_run(decoder, table + layout_offset(layout, FIELD_PyMemoEntry_me_key), rows,
	         (struct run_kind){ .stride = row, .label = LABEL_ITEM, .flags = memo_flags(decoder) });
}

void decode_pickler(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t memo = body_u64(decoder, FIELD_PicklerObject_memo, body);
	if (memo != 0)
		decode_memo_table(decoder, memo);
	/* The output so far is a bytes object, and the size has sys.getsizeof of it. */
	uint64_t output = body_u64(decoder, FIELD_PicklerObject_output_buffer, body), length;
	if (output != 0 &&
	    reader_u64(&decoder->reader, output + layout_offset(layout, FIELD_PyVarObject_ob_size), &length) &&
	    length < INT64_MAX / 2)
		decoder->out.shallow += layout_offset(layout, FIELD_PyBytesObject_ob_sval) + length + 1;
}

/* A C string that is counted with its NUL. */
static void add_string(struct decoder *decoder, uint64_t address, const char *role)
{
	if (address == 0)
		return;
	uint64_t limit = chain_limit(decoder, 1), length = 0;
	for (; length < limit; length++) {
		const uint8_t *byte = reader_at(&decoder->reader, address + length, 1);
		if (byte == NULL) {
			flag_object(decoder, DECODED_UNREADABLE, "a string of it cannot be read");
			return;
		}
		if (*byte == 0)
			break;
	}
	decoder->out.shallow += length + 1;
	emit_block(decoder, address, length + 1, role, BLOCK_COUNTED);
}

void decode_unpickler(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t memo = body_u64(decoder, FIELD_UnpicklerObject_memo, body);
	uint64_t slots = body_u64(decoder, FIELD_UnpicklerObject_memo_size, body);
	uint64_t marks = body_u64(decoder, FIELD_UnpicklerObject_marks, body);
	uint64_t mark_count = body_u64(decoder, FIELD_UnpicklerObject_marks_size, body);
	if (slots > chain_limit(decoder, 8) || mark_count > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of its memo");
		return;
	}
	if (memo != 0) {
		decoder->out.shallow += 8 * slots;
		emit_block(decoder, memo, 8 * slots, "memo", BLOCK_COUNTED);
		emit_run(decoder, memo, slots,
		         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = memo_flags(decoder) });
	}
	if (marks != 0) {
		decoder->out.shallow += 8 * mark_count;
		emit_block(decoder, marks, 8 * mark_count, "marks", BLOCK_COUNTED);
	}
	add_string(decoder, body_u64(decoder, FIELD_UnpicklerObject_input_line, body), "line");
	add_string(decoder, body_u64(decoder, FIELD_UnpicklerObject_encoding, body), "encoding");
	add_string(decoder, body_u64(decoder, FIELD_UnpicklerObject_errors, body), "errors");
}

/* Objects that are being put together. */
void decode_pickle_stack(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t items = body_u64(decoder, FIELD_Pdata_data, body);
	uint64_t allocated = body_u64(decoder, FIELD_Pdata_allocated, body);
	int64_t count = body_ob_size(decoder, body);
	if (items == 0)
		return;
	if (count < 0 || (uint64_t)count > allocated || allocated > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	emit_block(decoder, items, 8 * allocated, "items", 0);
	emit_run(decoder, items, (uint64_t)count,
	         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
}
