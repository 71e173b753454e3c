/* SPDX-License-Identifier: MIT
 * code: all its references are hidden, since code objects are not traversed (free-threaded builds visit the constants).
 * Up to 3.10 a fixed struct and an opcode cache, since 3.11 the instructions are inline (Objects/codeobject.c
 * code_sizeof). */
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/emit.h"

enum {
	OPCACHE_ENTRY_BYTES = 32, /* struct _PyOpcache (Include/internal/pycore_code.h), 3.8 to 3.10 */
	CODE_UNIT_BYTES = 2,
	LIMIT_CODE_EXTRAS = 256, /* MAX_CO_EXTRA_USERS is 255 */
	CACHED_WORDS = 4, /* struct _PyCoCached: code, varnames, cellvars, freevars */
};

static void decode_extras(struct decoder *decoder, struct body body)
{
	uint64_t extra = body_u64(decoder, FIELD_PyCodeObject_co_extra, body), count;
	if (extra == 0)
		return;
	uint32_t head = layout_offset(decoder->layout, FIELD__PyCodeObjectExtra_ce_extras);
	if (!reader_u64(&decoder->reader, extra, &count) || count > LIMIT_CODE_EXTRAS) {
		flag_object(decoder, DECODED_CORRUPT, "impossible extra slots");
		return;
	}
	decoder->out.shallow += head + 8 * count;
	emit_block(decoder, extra, head + 8 * count, "extra slots", BLOCK_COUNTED);
}

/* 3.8 to 3.10. */
static void decode_opcache(struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	uint32_t size = layout_offset(layout, FIELD_PyVarObject_ob_size);
	uint64_t cellvars = body_u64(decoder, FIELD_PyCodeObject_co_cellvars, body);
	uint64_t cells = body_u64(decoder, FIELD_PyCodeObject_co_cell2arg, body);
	uint64_t count;
	if (cells != 0 && cellvars != 0 && reader_u64(&decoder->reader, cellvars + size, &count) &&
	    count < UINT32_MAX) {
		decoder->out.shallow += 8 * count;
		emit_block(decoder, cells, 8 * count, "cell arguments", BLOCK_COUNTED);
	}
	uint64_t map = body_u64(decoder, FIELD_PyCodeObject_co_opcache_map, body);
	uint64_t code = body_u64(decoder, FIELD_PyCodeObject_co_code, body);
	if (map != 0 && reader_u64(&decoder->reader, code + size, &count)) {
		decoder->out.shallow += count / CODE_UNIT_BYTES;
		emit_block(decoder, map, count / CODE_UNIT_BYTES, "opcode cache map", BLOCK_COUNTED);
	}
	uint64_t opcache = body_u64(decoder, FIELD_PyCodeObject_co_opcache, body);
	if (opcache != 0) {
		count = body_u64(decoder, FIELD_PyCodeObject_co_opcache_size, body) & UINT8_MAX;
		decoder->out.shallow += OPCACHE_ENTRY_BYTES * count;
		emit_block(decoder, opcache, OPCACHE_ENTRY_BYTES * count, "opcode cache", BLOCK_COUNTED);
	}
}

/* The frame object that the next call will reuse. Its refcount is 0 and its pointers are stale: memory, no object. */
static void decode_zombie_frame(struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	uint64_t frame = body_u64(decoder, FIELD_PyCodeObject_co_zombieframe, body), slots;
	if (frame == 0 ||
	    !reader_u64(&decoder->reader, frame + layout_offset(layout, FIELD_PyVarObject_ob_size), &slots) ||
	    slots > UINT32_MAX)
		return;
	uint32_t gc_head = layout->struct_bytes[STRUCT_PyGC_Head];
	emit_block(decoder, frame - gc_head, gc_head + layout->struct_bytes[STRUCT_PyFrameObject] + 8 * slots,
	           "cached frame", 0);
}

/* 3.11+: what is made on demand and kept. */
static void decode_caches(struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	uint64_t cached = body_u64(decoder, FIELD_PyCodeObject__co_cached, body);
	if (cached != 0) {
		emit_block(decoder, cached, 8 * CACHED_WORDS, "cached attributes", 0);
		emit_run(decoder, cached, CACHED_WORDS,
		         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
	}
	uint64_t lines = body_u64(decoder, FIELD_PyCodeObject__co_linearray, body);
	int64_t entry = body_i64(decoder, FIELD_PyCodeObject__co_linearray_entry_size, body);
	int64_t units = body_ob_size(decoder, body);
	if (lines != 0 && entry > 0 && entry <= 8 && units > 0 && units < INT32_MAX)
		emit_block(decoder, lines, (uint64_t)(entry * units), "line table for tracing", 0);
	uint64_t executors = body_u64(decoder, FIELD_PyCodeObject_co_executors, body);
	uint32_t first = layout_offset(layout, FIELD__PyExecutorArray_executors);
	const struct body head = body_at(&decoder->reader, executors, first);
	if (head.bytes != NULL) {
		int64_t used = body_i64(decoder, FIELD__PyExecutorArray_size, head);
		int64_t capacity = body_i64(decoder, FIELD__PyExecutorArray_capacity, head);
		if (used >= 0 && capacity >= used && capacity < INT32_MAX) {
			emit_block(decoder, executors, first + 8 * (uint64_t)capacity, "executors", 0);
			emit_run(decoder, executors + first, (uint64_t)used,
			         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
		}
	}
}

/* Free-threaded builds since 3.14: room for a copy of the bytecode for each thread; the first entry is the code's own
 * (Objects/codeobject.c create_tlbc_lock_held). */
static void decode_copies(struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	const uint64_t array = body_u64(decoder, FIELD_PyCodeObject_co_tlbc, body);
	const uint32_t first = layout_offset(layout, FIELD__PyCodeArray_entries);
	const int64_t units = body_ob_size(decoder, body);
	uint64_t count;
	if (array == 0 || first == 0 || units <= 0 || units > INT32_MAX ||
	    !reader_u64(&decoder->reader, array, &count) || count > LIMIT_THREADS)
		return;
	emit_block(decoder, array, first + 8 * count, "table of copies", 0);
	for (uint64_t i = 1; i < count; i++) {
		uint64_t copy;
		if (reader_u64(&decoder->reader, array + first + 8 * i, &copy) && copy != 0)
			emit_block(decoder, copy, CODE_UNIT_BYTES * (uint64_t)units, "bytecode of a thread", 0);
	}
}

void decode_code(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	if (layout_has(decoder->layout, FIELD_PyCodeObject_co_code_adaptive)) {
		/* _PyObject_VAR_SIZE rounds up to a word. */
		decoder->out.shallow = round_up(decoder->out.shallow & INT64_MAX, 8);
		decode_caches(decoder, body);
		if (!decoder->skip_blocks && layout_has(decoder->layout, FIELD_PyCodeObject_co_tlbc))
			decode_copies(decoder, body);
	} else {
		decode_opcache(decoder, body);
		decode_zombie_frame(decoder, body);
	}
	decode_extras(decoder, body);
}
