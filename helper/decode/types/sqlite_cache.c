/* SPDX-License-Identifier: MIT
 * SQLite's structs have no version and options of the build move their fields, so each step is checked by a pointer
 * that leads back: a B-tree knows its connection (src/btreeInt.h), a page cache its pager (src/pcache.c pStress), a
 * page its cache (src/pcache1.c PgHdr1), and the cache how many pages it has. */
#include "decode/types/sqlite_cache.h"

#include "allocator/allocators.h"
#include "decode/chain.h"

enum {
	DATABASES = 32, /* of sqlite3: aDb, and behind it their number */
	DATABASES_MOST = 127, /* SQLITE_MAX_ATTACHED + 2 */
	DATABASE_BYTES = 32, /* Db */
	DATABASE_TREE = 8,
	TREE_SHARED = 8, /* Btree: the connection, BtShared */
	PAGER_WORDS = 64, /* of a Pager, among which its page cache is */
	CACHE_WORDS = 14, /* of a PCache, among which the pager is, and behind it the cache */
	STORE_WORDS = 16, /* of a PCache1, among which its hash table is */
	PAGE_HEAD_BYTES = 56, /* PgHdr1 */
	PAGE_IS_CUT = 20, /* isBulkLocal */
	PAGE_NEXT = 24,
	PAGE_CACHE = 32,
	SIZE_WORD = 8, /* SQLite's own before each block (src/mem1.c), unless the malloc tells sizes */
	HASH_MOST = 1 << 28,
};

/* A PCache1 with its hash table. */
struct page_store {
	uint64_t address, slots, bulk;
	uint32_t page_count, slot_count;
};

/* The block of SQLite's whose memory begins at address. */
static void emit_memory(struct decoder *decoder, uint64_t address, const char *role)
{
	struct allocator_block block;
	uint64_t inside;
	for (uint64_t start = address - SIZE_WORD; start <= address; start += SIZE_WORD)
		if (allocators_block_at(&decoder->context->allocators, &decoder->reader, start, &block, &inside) &&
		    inside == 0 && block.address == start && block.taken > GLIBC_CHUNK_HEADER) {
			emit_block(decoder, start, block.taken - GLIBC_CHUNK_HEADER, role, 0);
			return;
		}
}

/* Whether the words at `at` of a PCache1 are its numbers of pages and slots, and its table. */
static bool read_store(struct decoder *decoder, uint64_t cache, uint32_t at, struct page_store *ret_store)
{
	uint64_t slots, bulk;
	uint32_t pages, count, shift = 4;
	if (!reader_u64(&decoder->reader, cache + at, &slots) || slots == 0 || slots % 8 != 0 ||
	    !reader_u64(&decoder->reader, cache + at + 16, &bulk))
		return false;
	/* An odd number of counters leaves a hole before the pointer. */
	for (; shift <= 8; shift += 4) {
		if (!reader_u32(&decoder->reader, cache + at - shift, &count) ||
		    !reader_u32(&decoder->reader, cache + at - shift - 4, &pages))
			return false;
		if (count >= 256 && count <= HASH_MOST && (count & (count - 1)) == 0 && pages > 0 &&
		    pages <= chain_limit(decoder, PAGE_HEAD_BYTES) &&
		    reader_at(&decoder->reader, slots, 8 * (uint64_t)count) != NULL) {
			*ret_store = (struct page_store){ cache, slots, bulk, pages, count };
			return true;
		}
	}
	return false;
}

/* Goes through all pages; with `emits` false only to see that each is one of this cache and that they are as many as it
 * says. */
static bool walk_pages(struct decoder *decoder, const struct page_store *store, bool emits)
{
	uint32_t met = 0;
	bool has_cut = false;
	for (uint32_t i = 0; i < store->slot_count; i++) {
		uint64_t page;
		if (!reader_u64(&decoder->reader, store->slots + 8 * (uint64_t)i, &page))
			return false;
		while (page != 0) {
			const struct body head = body_at(&decoder->reader, page, PAGE_HEAD_BYTES);
			if (head.bytes == NULL || body_word(head, PAGE_CACHE) != store->address ||
			    ++met > store->page_count)
				return false;
			if (load_u32(head.bytes + PAGE_IS_CUT) % (1 << 16) != 0)
				has_cut = true;
			else if (emits)
				emit_memory(decoder, body_word(head, 0), "page of SQLite");
			page = body_word(head, PAGE_NEXT);
		}
	}
	if (emits && has_cut)
		emit_memory(decoder, store->bulk, "pages of SQLite");
	return met == store->page_count;
}

static void emit_store(struct decoder *decoder, uint64_t cache)
{
	struct page_store store;
	for (uint32_t at = 8; at < 8 * STORE_WORDS; at += 8)
		if (read_store(decoder, cache, at, &store) && walk_pages(decoder, &store, false)) {
			(void)walk_pages(decoder, &store, true);
			return;
		}
}

/* The page cache of a pager is told by that it knows the pager. */
static void emit_pager(struct decoder *decoder, uint64_t pager)
{
	uint64_t cache, word, store;
	for (uint32_t at = 0; at < 8 * PAGER_WORDS; at += 8) {
		if (!reader_u64(&decoder->reader, pager + at, &cache))
			return;
		for (uint32_t i = 3; cache != 0 && cache % 8 == 0 && i < CACHE_WORDS; i++) {
			if (!reader_u64(&decoder->reader, cache + 8 * (uint64_t)i, &word))
				break;
			if (word == pager && reader_u64(&decoder->reader, cache + 8 * (uint64_t)i + 8, &store)) {
				emit_store(decoder, store);
				return;
			}
		}
	}
}

void emit_sqlite_cache(struct decoder *decoder, uint64_t connection)
{
	struct reader *reader = &decoder->reader;
	uint64_t databases, tree, owner, shared, pager;
	uint32_t count;
	if (decoder->skip_blocks || connection == 0 || !reader_u64(reader, connection + DATABASES, &databases) ||
	    !reader_u32(reader, connection + DATABASES + 8, &count) || count > DATABASES_MOST)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (reader_u64(reader, databases + DATABASE_BYTES * (uint64_t)i + DATABASE_TREE, &tree) && tree != 0 &&
		    reader_u64(reader, tree, &owner) && owner == connection &&
		    reader_u64(reader, tree + TREE_SHARED, &shared) && reader_u64(reader, shared, &pager))
			emit_pager(decoder, pager);
}
