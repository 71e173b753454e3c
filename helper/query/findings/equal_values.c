/* SPDX-License-Identifier: MIT
 * Dates, times, decimals, UUIDs, time zones and frozensets of equal value that are different objects: a column of a
 * table that was read row by row. */
#include <string.h>

#include "object/value.h"
#include "query/findings/equal_sum.h"
#include "query/findings/leaf_value.h"
#include "query/findings/request.h"

enum { MOST_ITEMS = 64 /* of a frozenset, attributes of a time zone */ };

static bool is_zone(const struct type_info *type)
{
	return strcmp(type->entry->id, "tzinfo") == 0 || rule_is_type(type, "timezone");
}

static bool wants(struct rule_run *run, const struct type_info *type)
{
	return leaf_kind_of(run, type) >= LEAF_DATE || rule_is_type(type, "frozenset") || is_zone(type) ||
	       strcmp(type->name, "uuid.UUID") == 0;
}

/* The same whatever the order; 0: too many, or none. */
static uint64_t frozenset_hash(struct rule_run *run, struct body body)
{
	const struct layout *layout = run->decoder->layout;
	const uint64_t used = body_field(layout, FIELD_PySetObject_used, body);
	const uint64_t slots = body_field(layout, FIELD_PySetObject_mask, body) + 1;
	const uint64_t table = body_field(layout, FIELD_PySetObject_table, body);
	const uint32_t stride = layout->struct_bytes[STRUCT_setentry];
	uint64_t found = 0, hash = 'z';
	if (used == 0 || used > MOST_ITEMS || slots > 16 * MOST_ITEMS)
		return 0;
	const uint8_t *entries = reader_at(&run->decoder->reader, table, slots * stride);
	for (uint64_t i = 0; entries != NULL && i < slots && found < used; i++) {
		const uint64_t key = load_u64(entries + i * stride + layout_offset(layout, FIELD_setentry_key));
		if (key == 0)
			continue;
		hash += item_value_hash(run, key);
		found++;
	}
	return found == used ? hash : 0;
}

/* Attributes that are leaves; others follow from them. */
static uint64_t zone_value(struct rule_run *run, const struct looked *looked)
{
	struct dict_cursor cursor;
	uint64_t key, value, leaf, hash = looked->type->address, leaves = 0, count = 0;
	if (rule_is_type(looked->type, "timezone")) {
		const struct layout *layout = run->decoder->layout;
		const uint64_t name = body_field(layout, FIELD_PyDateTime_TimeZone_name, looked->body);
		hash += item_value_hash(run, body_field(layout, FIELD_PyDateTime_TimeZone_offset, looked->body));
		return name != 0 ? hash * 31 + item_value_hash(run, name) : hash;
	}
	if (!value_attribute_cursor(&cursor, &run->decoder->objects, looked->address))
		return 0;
	while (dict_cursor_next(&cursor, &key, &value) && count++ < MOST_ITEMS) {
		const struct type_info *type = rule_type(run, value);
		const enum leaf_kind kind = type != NULL ? leaf_kind_of(run, type) : LEAF_NONE;
		if (kind == LEAF_NONE || !leaf_value_hash(run, kind, value, &leaf))
			continue;
		leaves += kind != LEAF_SINGLE;
		hash = hash * 31 + leaf;
	}
	return leaves > 0 ? hash : 0;
}

static uint64_t uuid_value(struct rule_run *run, uint64_t address)
{
	const uint64_t number = value_attribute(&run->decoder->objects, address, "int");
	return number != 0 ? item_value_hash(run, number) : 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const enum leaf_kind kind = leaf_kind_of(run, looked->type);
	uint64_t hash = 0;
	if (kind != LEAF_NONE)
		hash = leaf_value_hash(run, kind, looked->address, &hash) ? hash : 0;
	else if (rule_is_type(looked->type, "frozenset"))
		hash = frozenset_hash(run, looked->body);
	else
		hash = is_zone(looked->type) ? zone_value(run, looked) : uuid_value(run, looked->address);
	if (hash == 0)
		return OK;
	hash ^= value_hash((const uint8_t *)&looked->type->address, 8, 'v');
	return equal_sum_add(run, state, hash, looked, request_of_subtree(run, looked->number))
	               ? OK
	               : query_no_memory(run->query, "the values of objects");
}

static const struct sum_words words = {
	.noun = "object",
	.one = " of datetime, decimal, uuid or frozenset equals another one; one of each would do",
	.many = " of datetime, decimal, uuid or frozenset equal another one; one of each would do",
	.advice = " saved. Keep each value once where it is read: KNOWN.setdefault(value, value); of time zones one "
	          "for each name.",
	.next = "object path",
	.factor = 2,
};

static int end(struct rule_run *run, void *state)
{
	return equal_sum_say(run, state, &words);
}

const struct rule equal_values_rule = {
	.state_bytes = sizeof(struct equal_sum), .wants = wants, .look = look, .end = end, .clear = equal_sum_clear
};
