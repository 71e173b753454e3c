/* SPDX-License-Identifier: MIT */
#include "query/findings/record_keys.h"

#include "base/limits.h"
#include "object/value.h"
#include "query/findings/leaf_value.h"
#include "query/findings/value_table.h"

enum { MOST_KEYS = 64, KEYS_SAID = 4 };

static bool keys_hash(struct rule_run *run, uint64_t dict, uint64_t *ret_hash, uint64_t *ret_count)
{
	struct dict_cursor cursor;
	uint64_t key, value, hashes[MOST_KEYS];
	bool is_interned;
	*ret_count = 0;
	if (!dict_cursor_open(&cursor, &run->decoder->objects, dict))
		return false;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (*ret_count == MOST_KEYS || !value_is(&run->decoder->objects, key, TPFLAGS_UNICODE_SUBCLASS) ||
		    !str_value_hash(run, key, &hashes[*ret_count], &is_interned))
			return false;
		(*ret_count)++;
	}
	/* whatever the low bits: address_hash() drops them */
	*ret_hash = value_hash((const uint8_t *)hashes, 8 * *ret_count, 'k') | 16;
	return *ret_count >= 2;
}

bool record_keys_hash(struct rule_run *run, const struct looked *looked, uint64_t *ret_hash, uint64_t *ret_count)
{
	struct record_memo *memo = &run->record;
	if (memo->dict != looked->address) {
		*memo = (struct record_memo){ .dict = looked->address };
		memo->is_record = !rule_is_namespace(run, looked->node) &&
		                  keys_hash(run, looked->address, &memo->hash, &memo->keys);
	}
	*ret_hash = memo->hash;
	*ret_count = memo->keys;
	return memo->is_record;
}

void record_keys_say(struct rule_run *run, uint64_t dict, struct text *text)
{
	struct dict_cursor cursor;
	uint64_t key, value;
	text_add(text, "(");
	if (dict_cursor_open(&cursor, &run->decoder->objects, dict))
		for (uint32_t said = 0; dict_cursor_next(&cursor, &key, &value); said++) {
			struct text name = { .bytes = NULL };
			text_add(text, said > 0 ? ", " : "");
			if (said == KEYS_SAID) {
				text_add(text, "...");
				break;
			}
			(void)value_str(&run->decoder->objects, key, LIMIT_STRING_SHOWN, &name);
			if (names_key_is_shown(&run->query->names, text_string(&name), name.length))
				names_escape(text, text_string(&name), name.length, false);
			else
				text_add(text, "...");
			text_free(&name);
		}
	text_add(text, ")");
}
