/* SPDX-License-Identifier: MIT
 * _remote_debugging (3.14+): a profiler's readers of other processes. They keep objects in tables of C, which no
 * tp_traverse visits (Modules/_remote_debugging_module.c, since 3.15 Modules/_remote_debugging/). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

enum { CACHED_THREADS = 32 }; /* FRAME_CACHE_MAX_THREADS */

typedef void entry_function(struct decoder *decoder, uint64_t address, struct body entry);

/* Each entry of a hash table: an array of lists (Python/hashtable.c). */
static void each_entry(struct decoder *decoder, uint64_t table, entry_function *emit_entry)
{
	const struct layout *layout = decoder->layout;
	uint32_t head_bytes = layout->struct_bytes[STRUCT__Py_hashtable_t];
	uint32_t bytes = layout->struct_bytes[STRUCT__Py_hashtable_entry_t];
	if (table == 0 || head_bytes == 0 || bytes == 0)
		return;
	const struct body head = body_at(&decoder->reader, table, head_bytes);
	if (head.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "a table of it cannot be read");
		return;
	}
	emit_block(decoder, table, head_bytes, "table", 0);
	uint64_t buckets = body_u64(decoder, FIELD__Py_hashtable_t_buckets, head);
	uint64_t bucket_count = body_u64(decoder, FIELD__Py_hashtable_t_nbuckets, head);
	uint64_t left = body_u64(decoder, FIELD__Py_hashtable_t_nentries, head);
	if (bucket_count > chain_limit(decoder, 8) || left > chain_limit(decoder, bytes)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of a table");
		return;
	}
	emit_block(decoder, buckets, 8 * bucket_count, "buckets", 0);
	for (uint64_t i = 0; i < bucket_count && left > 0; i++) {
		uint64_t address = 0;
		(void)reader_u64(&decoder->reader, buckets + 8 * i, &address);
		for (; address != 0 && left > 0; left--) {
			const struct body entry = body_at(&decoder->reader, address, bytes);
			if (entry.bytes == NULL) {
				flag_object(decoder, DECODED_UNREADABLE, "a table of it cannot be read");
				return;
			}
			emit_block(decoder, address, bytes, "entry", 0);
			emit_entry(decoder, address, entry);
			address = body_word(entry, 0); /* the list's link comes first */
		}
	}
}

/* What is known of a code object of the other process. */
static void emit_code(struct decoder *decoder, uint64_t address, struct body entry)
{
	(void)address;
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_CachedCodeMetadata];
	uint64_t code = body_u64(decoder, FIELD__Py_hashtable_entry_t_value, entry);
	const struct body body = body_at(&decoder->reader, code, bytes);
	if (body.bytes == NULL)
		return;
	emit_block(decoder, code, bytes, "code", 0);
	emit_field(decoder, code, body, FIELD_CachedCodeMetadata_func_name, RUN_HIDDEN);
	emit_field(decoder, code, body, FIELD_CachedCodeMetadata_file_name, RUN_HIDDEN);
	emit_field(decoder, code, body, FIELD_CachedCodeMetadata_linetable, RUN_HIDDEN);
	emit_field(decoder, code, body, FIELD_CachedCodeMetadata_last_frame_info, RUN_HIDDEN);
}

static void emit_key(struct decoder *decoder, uint64_t address, struct body entry)
{
	emit_field(decoder, address, entry, FIELD__Py_hashtable_entry_t_key, RUN_HIDDEN);
}

void decode_remote_unwinder(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	each_entry(decoder, body_u64(decoder, FIELD_RemoteUnwinderObject_code_object_cache, body), emit_code);
	uint64_t frames = body_u64(decoder, FIELD_RemoteUnwinderObject_frame_cache, body);
	uint32_t row = layout->struct_bytes[STRUCT_FrameCacheEntry];
	if (frames == 0 || row == 0)
		return;
	emit_block(decoder, frames, (uint64_t)CACHED_THREADS * row, "frames", 0);
	emit_run(decoder, frames + layout_offset(layout, FIELD_FrameCacheEntry_thread_id_obj), CACHED_THREADS,
	         (struct run_kind){ .stride = row, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
	emit_run(decoder, frames + layout_offset(layout, FIELD_FrameCacheEntry_frame_list), CACHED_THREADS,
	         (struct run_kind){ .stride = row, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
}

void decode_profile_reader(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_BinaryReader];
	uint64_t address_of_reader = body_u64(decoder, FIELD_BinaryReaderObject_reader, body);
	const struct body reader = body_at(&decoder->reader, address_of_reader, bytes);
	if (reader.bytes == NULL)
		return;
	uint64_t strings = body_u64(decoder, FIELD_BinaryReader_strings, reader);
	uint64_t count = body_u64(decoder, FIELD_BinaryReader_strings_count, reader);
	emit_block(decoder, address_of_reader, bytes, "reader", 0);
	if (strings == 0)
		return;
	if (count > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of strings");
		return;
	}
	emit_block(decoder, strings, 8 * count, "strings", 0);
	emit_run(decoder, strings, count, (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
}

void decode_profile_writer(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_BinaryWriter];
	uint64_t address_of_writer = body_u64(decoder, FIELD_BinaryWriterObject_writer, body);
	const struct body writer = body_at(&decoder->reader, address_of_writer, bytes);
	if (writer.bytes == NULL)
		return;
	emit_block(decoder, address_of_writer, bytes, "writer", 0);
	each_entry(decoder, body_u64(decoder, FIELD_BinaryWriter_string_hash, writer), emit_key);
}
