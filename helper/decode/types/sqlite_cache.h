/* SPDX-License-Identifier: MIT
 * sqlite_cache: the pages of databases that a connection of SQLite keeps in memory: all of an in-memory database, the
 * cache of one in a file. */
#ifndef PYDS_DECODE_SQLITE_CACHE_H
#define PYDS_DECODE_SQLITE_CACHE_H

#include "decode/emit.h"

/* Emits a block for each page, and for each piece that pages were cut from. connection: the sqlite3 *; what is not
 * built as known is left alone. */
void emit_sqlite_cache(struct decoder *decoder, uint64_t connection);

#endif
