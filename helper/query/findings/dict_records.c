/* SPDX-License-Identifier: MIT
 * Dicts with the same keys, by the thousand: records. An object with __slots__ holds the same values in a fraction. */
#include "base/address_map.h"
#include "object/value.h"
#include "query/findings/str_value.h"
#include "query/findings/value_table.h"

enum { LEAST_RECORDS = 1000, MOST_KEYS = 64, MOST_KINDS = 1 << 14, KEYS_SAID = 4 };

struct kind {
	struct finding_sum sum; /* bytes: what the dicts take */
	uint64_t keys;
	uint64_t example; /* address */
};

struct records {
	struct address_map by_hash; /* of the keys: index of the kind */
	ARRAY(struct kind) kinds;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "dict");
}

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

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct records *records = state;
	uint64_t hash, count;
	if (rule_is_namespace(run, looked->node) || !keys_hash(run, looked->address, &hash, &count))
		return OK;
	uint32_t index = address_map_get(&records->by_hash, hash);
	if (index == ADDRESS_MAP_NONE) {
		const struct kind kind = { .keys = count, .example = looked->address };
		if (records->kinds.count == MOST_KINDS)
			return OK;
		index = (uint32_t)records->kinds.count;
		if (!array_push(&records->kinds, kind) || !address_map_set(&records->by_hash, hash, index))
			return query_no_memory(run->query, "the keys of records");
	}
	sum_add(&records->kinds.items[index].sum, looked->node, rule_allocated(run, looked->address));
	return OK;
}

/* "(id, name, tags, ...)" */
static void say_keys(struct rule_run *run, const struct kind *kind, struct text *text)
{
	struct dict_cursor cursor;
	uint64_t key, value, said = 0;
	text_add(text, "(");
	if (dict_cursor_open(&cursor, &run->decoder->objects, kind->example))
		while (said < KEYS_SAID && dict_cursor_next(&cursor, &key, &value)) {
			struct text name = { .bytes = NULL };
			(void)value_str(&run->decoder->objects, key, 40, &name);
			text_add(text, said > 0 ? ", " : "");
			if (names_key_is_shown(&run->query->names, text_string(&name), name.length))
				names_escape(text, text_string(&name), name.length, false);
			else
				text_add(text, "...");
			text_free(&name);
			said++;
		}
	text_add(text, kind->keys > KEYS_SAID ? ", ...)" : ")");
}

static int end(struct rule_run *run, void *state)
{
	struct records *records = state;
	for (size_t i = 0; i < records->kinds.count; i++) {
		const struct kind *kind = &records->kinds.items[i];
		const uint64_t slots = rule_slots_bytes(run, kind->keys);
		struct finding_sum saved = kind->sum;
		struct text *text;
		if (kind->sum.count < LEAST_RECORDS || kind->sum.bytes <= slots * kind->sum.count)
			continue;
		saved.bytes = kind->sum.bytes - slots * kind->sum.count;
		TRY(rule_found(run, &saved, true, "object path", &text));
		if (text == NULL)
			continue;
		rule_say_count(text, kind->sum.count, "dict");
		text_add(text, " with the keys ");
		say_keys(run, kind, text);
		text_format(text, " take %lu bytes each; objects with __slots__ would take %lu: ",
		            (unsigned long)(kind->sum.bytes / kind->sum.count), (unsigned long)slots);
		rule_say_share(run, text, saved.bytes);
		text_add(text, " of the heap saved. Make them instances of a @dataclass(slots=True) or a NamedTuple.");
	}
	return OK;
}

static void clear(void *state)
{
	struct records *records = state;
	address_map_clear(&records->by_hash);
	array_free(&records->kinds);
}

const struct rule dict_records_rule = {
	.state_bytes = sizeof(struct records), .wants = wants, .look = look, .end = end, .clear = clear
};
