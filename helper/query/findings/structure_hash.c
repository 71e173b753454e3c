/* SPDX-License-Identifier: MIT */
#include "query/findings/structure_hash.h"

#include "object/value.h"
#include "query/findings/leaf_value.h"
#include "query/findings/value_table.h"

enum { LIMIT_LEVELS = 64 /* of structures in one another: a cycle ends here */ };

struct level {
	bool is_dict;
	struct dict_cursor cursor; /* is_dict */
	uint64_t value; /* of the entry whose key was taken last; 0: its turn is over */
	uint64_t items, left; /* else: the address of the next item, and how many there are */
};

static bool open_level(struct rule_run *run, const struct type_info *type, uint64_t address, struct level *level)
{
	*level = (struct level){ .is_dict = rule_is_type(type, "dict") };
	if (level->is_dict)
		return dict_cursor_open(&level->cursor, &run->decoder->objects, address);
	return value_items(&run->decoder->objects, address, &level->left, &level->items);
}

/* Keys and values in turn; 0: that was all. */
static uint64_t next_item(struct rule_run *run, struct level *level)
{
	uint64_t item = level->value;
	if (level->is_dict) {
		level->value = 0;
		return item != 0 || dict_cursor_next(&level->cursor, &item, &level->value) ? item : 0;
	}
	if (level->left == 0 || !reader_u64(&run->decoder->reader, level->items, &item))
		return 0;
	level->items += 8;
	level->left--;
	return item;
}

bool structure_hash(struct rule_run *run, uint64_t address, uint64_t most, uint64_t *ret_hash, uint64_t *objects)
{
	struct level levels[LIMIT_LEVELS];
	const struct type_info *type = rule_type(run, address);
	uint32_t depth = 1;
	uint64_t looked = 1, hash = 's', item;
	if (type == NULL || !open_level(run, type, address, &levels[0]))
		return false;
	for (; depth > 0 && looked <= most; looked++) {
		item = next_item(run, &levels[depth - 1]);
		if (item == 0) {
			hash = value_hash((const uint8_t *)&hash, sizeof hash, ')');
			depth--;
			continue;
		}
		type = rule_type(run, item);
		if (type == NULL)
			return false;
		if (rule_is_type(type, "dict") || rule_is_type(type, "list") || rule_is_type(type, "tuple")) {
			if (depth == LIMIT_LEVELS || !open_level(run, type, item, &levels[depth]))
				return false;
			depth++;
			hash = value_hash((const uint8_t *)&hash, sizeof hash, (uint8_t)type->entry->id[0]);
			continue;
		}
		const uint64_t value = item_value_hash(run, item);
		hash = value_hash((const uint8_t *)&value, sizeof value, hash);
	}
	*objects += looked;
	*ret_hash = hash;
	return true;
}
