/* SPDX-License-Identifier: MIT
 * The hash tables behind pandas' indexes, in memory of their own (pandas/_libs/include/pandas/vendored/klib/khash.h):
 * a bit a bucket, keys, and positions. What holds the table shows it as `allocated`. */
#include "decode/decode_functions.h"
#include "decode/body_words.h"
#include "decode/foreign.h"

enum {
	/* khash: four 32-bit numbers (buckets first), then flags, keys, vals. */
	TABLE_BYTES = 40,
	FLAGS = 16,
	KEYS = 24,
	POSITIONS = 32,
	POSITION_BYTES = 8,
	BUCKETS_PER_WORD = 32,
};

/* Bit is set where a bucket is empty (khash: one bit a bucket, 1 until it is used). */
static bool is_used(const uint8_t *flags, uint64_t bucket)
{
	return (load_u32(flags + bucket / BUCKETS_PER_WORD * 4) >> bucket % BUCKETS_PER_WORD & 1) == 0;
}

static void emit_keys(struct decoder *decoder, uint64_t keys, const uint8_t *flags, uint64_t buckets)
{
	for (uint64_t i = 0; i < buckets;) {
		uint64_t from = i;
		while (i < buckets && is_used(flags, i))
			i++;
		emit_run(decoder, keys + 8 * from, i - from,
		         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN | RUN_ITEM });
		i++;
	}
}

static void decode_table(struct decoder *decoder, const struct type_info *type, struct body body, bool of_objects)
{
	uint64_t address = foreign_u64(decoder, type->foreign, PLACE_pandas_table_table, body);
	uint64_t key_bytes = type->foreign->places[PLACE_pandas_table_key].size;
	const uint8_t *table = address != 0 ? reader_at(&decoder->reader, address, TABLE_BYTES) : NULL;
	if (table == NULL)
		return;
	uint64_t buckets = load_u32(table);
	if ((buckets & (buckets - 1)) != 0) {
		flag_object(decoder, DECODED_APPROXIMATE, "its table is not where it was expected");
		return;
	}
	emit_block(decoder, address, TABLE_BYTES, "table", 0);
	if (buckets == 0)
		return;
	uint64_t flag_bytes = (buckets < BUCKETS_PER_WORD ? 1 : buckets / BUCKETS_PER_WORD) * 4;
	emit_block(decoder, load_u64(table + FLAGS), flag_bytes, "flags", 0);
	emit_block(decoder, load_u64(table + KEYS), buckets * key_bytes, "keys", 0);
	emit_block(decoder, load_u64(table + POSITIONS), buckets * POSITION_BYTES, "positions", 0);
	const uint8_t *flags = of_objects ? reader_at(&decoder->reader, load_u64(table + FLAGS), flag_bytes) : NULL;
	if (flags != NULL)
		emit_keys(decoder, load_u64(table + KEYS), flags, buckets);
}

void decode_pandas_table(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	emit_body_words(decoder, type, address, body);
	decode_table(decoder, type, body, false);
}

void decode_pandas_object_table(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                struct body body)
{
	emit_body_words(decoder, type, address, body);
	decode_table(decoder, type, body, true);
}
