/* SPDX-License-Identifier: MIT
 * shared_keys: the keys tables that dicts of instances share. However many dicts show a key, the table alone refers to
 * it: its references are counted once, at the end. */
#ifndef PYDS_GRAPH_SHARED_KEYS_H
#define PYDS_GRAPH_SHARED_KEYS_H

#include "decode/decoder.h"

enum { SHARED_KEYS_RECENT = 256 };

struct shared_keys {
	uint64_t recent[SHARED_KEYS_RECENT]; /* instances come in crowds: most tables were just seen */
	ARRAY(uint64_t) tables; /* PyDictKeysObject; may hold one several times */
};

/* False: out of memory. */
static inline bool shared_keys_note(struct shared_keys *keys, uint64_t table)
{
	uint64_t *recent = &keys->recent[table >> 4 & (SHARED_KEYS_RECENT - 1)];
	if (__builtin_expect(*recent == table, 1))
		return true;
	*recent = table;
	return array_push(&keys->tables, table);
}

/* Those of another one too. False: out of memory. */
bool shared_keys_add(struct shared_keys *keys, const struct shared_keys *others);

/* Is called for each key. */
struct shared_keys_visitor {
	void (*count)(void *context, uint64_t key);
	void *context;
};

/* Each key of each table, once. ERROR_CANCELLED, without a sentence. */
int shared_keys_each(struct shared_keys *keys, struct decoder *decoder, const struct shared_keys_visitor *visitor,
                     const struct progress *progress);
void shared_keys_clear(struct shared_keys *keys);

#endif
