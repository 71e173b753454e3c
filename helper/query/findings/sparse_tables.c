/* SPDX-License-Identifier: MIT
 * Dicts and sets whose table has four times the slots that their entries need: neither shrinks when entries go. */
#include "object/keys_table.h"
#include "query/findings/request.h"

enum { FEWEST_SLOTS = 8, TIMES = 4 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "dict") || rule_is_type(type, "set");
}

/* Bytes of a keys table of that many slots (Objects/dictobject.c: an index, and entries for two thirds of them). */
static uint64_t keys_bytes(const struct rule_run *run, const struct keys_table *keys, uint64_t slots)
{
	const uint64_t index = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;
	return layout_offset(run->decoder->layout, FIELD_PyDictKeysObject_dk_indices) + index * slots +
	       slots * 2 / 3 * keys->entry_bytes;
}

static uint64_t dict_waste(struct rule_run *run, struct body body)
{
	const struct layout *layout = run->decoder->layout;
	const uint64_t used = body_field(layout, FIELD_PyDictObject_ma_used, body);
	struct keys_table keys;
	uint64_t slots = FEWEST_SLOTS;
	if (body_field(layout, FIELD_PyDictObject_ma_values, body) != 0 ||
	    !keys_table_read(&run->decoder->objects, body_field(layout, FIELD_PyDictObject_ma_keys, body), &keys) ||
	    keys.reference_count != 1)
		return 0;
	while (slots * 2 / 3 < used)
		slots *= 2;
	const uint64_t needed = keys_bytes(run, &keys, slots);
	return keys.bytes >= keys_bytes(run, &keys, slots * TIMES)
	               ? request_taken(run, keys.bytes) - request_taken(run, needed)
	               : 0;
}

static uint64_t set_waste(struct rule_run *run, struct body body)
{
	const struct layout *layout = run->decoder->layout;
	const uint64_t used = body_field(layout, FIELD_PySetObject_used, body);
	const uint64_t now = body_field(layout, FIELD_PySetObject_mask, body) + 1;
	uint64_t slots = FEWEST_SLOTS;
	while (used * 5 >= (slots - 1) * 3)
		slots *= 2;
	if (now < slots * TIMES)
		return 0;
	/* the smallest table is part of the object */
	const uint64_t entry = layout->struct_bytes[STRUCT_setentry];
	return request_taken(run, now * entry) - request_taken(run, slots == FEWEST_SLOTS ? 0 : slots * entry);
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const uint64_t waste =
	        looked->type->entry->id[0] == 'd' ? dict_waste(run, looked->body) : set_waste(run, looked->body);
	if (waste > 0)
		sum_add(state, looked->node, waste);
	return OK;
}

static const struct sum_words words = {
	.noun = "table",
	.one = " of a dict or set has room for four times the entries that are left",
	.many = " of dicts and sets have room for four times the entries that are left",
	.advice = ". They never shrink when entries are deleted: replace them by a copy, d = dict(d), s = set(s).",
	.next = "object path",
};

const struct rule sparse_tables_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
