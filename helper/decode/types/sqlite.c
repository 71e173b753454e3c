/* SPDX-License-Identifier: MIT
 * sqlite3 connections: what they refer to changed its meaning in 3.11 (Modules/_sqlite/connection.c
 * connection_traverse); up to 3.10 statements are kept in a cache with nodes of its own. */
#include "decode/decode_functions.h"
#include "decode/chain.h"
#include "decode/types/sqlite_cache.h"

/* 3.11+: callable and module of a callback, in a block of their own. */
static void emit_callback(struct decoder *decoder, struct body body, enum layout_field field)
{
	const struct layout *layout = decoder->layout;
	uint32_t bytes = layout->struct_bytes[STRUCT_callback_context];
	uint64_t context = body_u64(decoder, field, body);
	const struct body block = body_at(&decoder->reader, context, bytes);
	if (block.bytes == NULL)
		return;
	emit_block(decoder, context, bytes, "callback", 0);
	emit_field(decoder, context, block, FIELD_callback_context_callable, 0);
	emit_field(decoder, context, block, FIELD_callback_context_module, 0);
}

void decode_sqlite_connection(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	/* An object while there is the statement that begins a transaction, a C string since. */
	if (layout_has(decoder->layout, FIELD_pysqlite_Connection_begin_statement))
		emit_field(decoder, address, body, FIELD_pysqlite_Connection_isolation_level, 0);
	emit_callback(decoder, body, FIELD_pysqlite_Connection_trace_ctx);
	emit_callback(decoder, body, FIELD_pysqlite_Connection_progress_ctx);
	emit_callback(decoder, body, FIELD_pysqlite_Connection_authorizer_ctx);
	emit_sqlite_cache(decoder, body_u64(decoder, FIELD_pysqlite_Connection_db, body));
}

/* It may make its statements by the connection, which it then does not own. Its nodes form a list. */
void decode_sqlite_cache(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	if (body_u64(decoder, FIELD_pysqlite_Cache_decref_factory, body) != 0)
		emit_field(decoder, address, body, FIELD_pysqlite_Cache_factory, 0);
	uint32_t node_bytes = decoder->layout->struct_bytes[STRUCT_pysqlite_Node];
	if (node_bytes == 0)
		return;
	emit_field(decoder, address, body, FIELD_pysqlite_Cache_first, 0);
	uint64_t node = body_u64(decoder, FIELD_pysqlite_Cache_first, body);
	uint64_t limit = chain_limit(decoder, node_bytes);
	for (uint64_t i = 0; node != 0; i++) {
		const struct body bytes = body_at(&decoder->reader, i < limit ? node : 0, node_bytes);
		if (bytes.bytes == NULL) {
			flag_object(decoder, DECODED_CORRUPT, "its list of statements is broken");
			return;
		}
		emit_field(decoder, node, bytes, FIELD_pysqlite_Node_next, 0);
		node = body_u64(decoder, FIELD_pysqlite_Node_next, bytes);
	}
}
