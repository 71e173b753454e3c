/* SPDX-License-Identifier: MIT */
#include "query/findings/leaf_value.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/findings/value_table.h"

bool str_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash, bool *ret_is_interned)
{
	const struct layout *layout = run->decoder->layout;
	const uint32_t ascii_bytes = layout->struct_bytes[STRUCT_PyASCIIObject];
	const uint8_t *head = reader_at(&run->decoder->reader, address, ascii_bytes);
	if (head == NULL || layout_get(layout, FIELD_PyASCIIObject_state_compact, head) == 0)
		return false;
	const uint64_t length = layout_get(layout, FIELD_PyASCIIObject_length, head);
	const uint64_t kind = layout_get(layout, FIELD_PyASCIIObject_state_kind, head);
	const bool is_ascii = layout_get(layout, FIELD_PyASCIIObject_state_ascii, head) != 0;
	const uint32_t data = is_ascii ? ascii_bytes : layout->struct_bytes[STRUCT_PyCompactUnicodeObject];
	*ret_is_interned = layout_get(layout, FIELD_PyASCIIObject_state_interned, head) != 0;
	if ((kind != 1 && kind != 2 && kind != 4) || length > INT32_MAX)
		return false;
	const uint8_t *bytes = length > 0 ? reader_at(&run->decoder->reader, address + data, length * kind) : head;
	if (bytes == NULL)
		return false;
	*ret_hash = value_hash(bytes, length * kind, kind);
	return true;
}

static bool bytes_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash)
{
	const struct layout *layout = run->decoder->layout;
	const uint32_t data = layout_offset(layout, FIELD_PyBytesObject_ob_sval);
	const uint8_t *head = reader_at(&run->decoder->reader, address, data);
	if (head == NULL)
		return false;
	const uint64_t length = layout_get(layout, FIELD_PyVarObject_ob_size, head);
	if (length > INT32_MAX)
		return false;
	const uint8_t *bytes = length > 0 ? reader_at(&run->decoder->reader, address + data, length) : head;
	if (bytes == NULL)
		return false;
	*ret_hash = value_hash(bytes, length, 8);
	return true;
}

static bool int_value_hash(struct rule_run *run, uint64_t address, uint64_t *ret_hash)
{
	const struct layout *layout = run->decoder->layout;
	const uint32_t data = layout_offset(layout, FIELD_PyLongObject_ob_digit);
	const uint8_t *head = reader_at(&run->decoder->reader, address, data);
	if (head == NULL)
		return false;
	/* sign and number of digits are one word: Objects/longobject.c */
	const bool is_compact = layout_feature(layout, FEATURE_COMPACT_INT);
	const int64_t tag = is_compact ? (int64_t)load_u64(head + layout_offset(layout, FIELD_PyLongObject_lv_tag))
	                               : (int64_t)layout_get(layout, FIELD_PyVarObject_ob_size, head);
	const uint64_t digits = is_compact ? (uint64_t)tag >> 3 : tag < 0 ? 0 - (uint64_t)tag : (uint64_t)tag;
	if (digits > LIMIT_INT_DIGITS)
		return false;
	const uint8_t *bytes = digits > 0 ? reader_at(&run->decoder->reader, address + data, 4 * digits) : head;
	if (bytes == NULL)
		return false;
	*ret_hash = value_hash(bytes, 4 * digits, is_compact ? (uint64_t)tag & 3 : (uint64_t)(tag < 0));
	return true;
}

/* The bytes of a field, however many. */
static bool field_hash(struct rule_run *run, uint64_t address, enum layout_field field, uint64_t *hash)
{
	const struct layout_place *place = &run->decoder->layout->fields[field];
	const uint8_t *bytes =
	        place->size > 0 ? reader_at(&run->decoder->reader, address + place->offset, place->size) : NULL;
	if (bytes == NULL)
		return false;
	*hash = value_hash(bytes, place->size, *hash);
	return true;
}

static bool fields_hash(struct rule_run *run, uint64_t address, const enum layout_field *fields, size_t count,
                        uint64_t *hash)
{
	for (size_t i = 0; i < count; i++)
		if (!field_hash(run, address, fields[i], hash))
			return false;
	return true;
}

/* Time zones are few, and equal ones are what another finding is about: here one is its address. */
static bool zone_hash(struct rule_run *run, uint64_t address, enum layout_field has_zone, enum layout_field zone,
                      uint64_t *hash)
{
	uint64_t is_there;
	return value_field(&run->decoder->objects, address, has_zone, &is_there) &&
	       (is_there == 0 || field_hash(run, address, zone, hash));
}

static bool decimal_hash(struct rule_run *run, uint64_t address, uint64_t *hash)
{
	static const enum layout_field fields[] = { FIELD_PyDecObject_dec_exp, FIELD_PyDecObject_dec_digits,
		                                    FIELD_PyDecObject_dec_len };
	struct object_reader *objects = &run->decoder->objects;
	uint64_t flags, words, data;
	if (!fields_hash(run, address, fields, 3, hash) ||
	    !value_field(objects, address, FIELD_PyDecObject_dec_flags, &flags) ||
	    !value_field(objects, address, FIELD_PyDecObject_dec_len, &words) ||
	    !value_field(objects, address, FIELD_PyDecObject_dec_data, &data) || words > LIMIT_INT_DIGITS)
		return false;
	const uint8_t *bytes = words > 0 ? reader_at(&run->decoder->reader, data, 8 * words) : (const uint8_t *)&flags;
	if (bytes == NULL)
		return false;
	/* sign, infinity, NaN: mpdecimal.h; the other flags say who owns the digits */
	*hash = value_hash(bytes, 8 * words, *hash ^ (flags & 15));
	return true;
}

static enum leaf_kind find_kind(const struct type_info *type)
{
	static const char *const ids[LEAF_KIND_COUNT] = {
		[LEAF_STR] = "str",         [LEAF_BYTES] = "bytes",       [LEAF_INT] = "int",
		[LEAF_FLOAT] = "float",     [LEAF_SINGLE] = "none",       [LEAF_DATE] = "date",
		[LEAF_TIME] = "time",       [LEAF_DATETIME] = "datetime", [LEAF_DELTA] = "timedelta",
		[LEAF_DECIMAL] = "decimal",
	};
	for (int kind = 1; kind < LEAF_KIND_COUNT; kind++)
		if (rule_is_type(type, ids[kind]))
			return (enum leaf_kind)kind;
	return rule_is_type(type, "bool") ? LEAF_SINGLE : LEAF_NONE;
}

enum leaf_kind leaf_kind_of(struct rule_run *run, const struct type_info *type)
{
	while (run->leaf_kinds.count <= type->index)
		if (!array_push(&run->leaf_kinds, 0))
			return LEAF_NONE;
	uint8_t *kind = &run->leaf_kinds.items[type->index];
	if (*kind == 0)
		*kind = (uint8_t)(find_kind(type) + 1);
	return (enum leaf_kind)(*kind - 1);
}

bool leaf_value_hash(struct rule_run *run, enum leaf_kind kind, uint64_t address, uint64_t *ret_hash)
{
	static const enum layout_field of_delta[] = { FIELD_PyDateTime_Delta_days, FIELD_PyDateTime_Delta_seconds,
		                                      FIELD_PyDateTime_Delta_microseconds };
	static const enum layout_field of_datetime[] = { FIELD_PyDateTime_DateTime_data,
		                                         FIELD_PyDateTime_DateTime_fold };
	static const enum layout_field of_time[] = { FIELD_PyDateTime_Time_data, FIELD_PyDateTime_Time_fold };
	bool is_interned;
	*ret_hash = (uint64_t)kind;
	switch (kind) {
	case LEAF_STR:
		return str_value_hash(run, address, ret_hash, &is_interned);
	case LEAF_BYTES:
		return bytes_value_hash(run, address, ret_hash);
	case LEAF_INT:
		return int_value_hash(run, address, ret_hash);
	case LEAF_FLOAT:
		return field_hash(run, address, FIELD_PyFloatObject_ob_fval, ret_hash);
	case LEAF_DATE:
		return field_hash(run, address, FIELD_PyDateTime_Date_data, ret_hash);
	case LEAF_DATETIME:
		return fields_hash(run, address, of_datetime, 2, ret_hash) &&
		       zone_hash(run, address, FIELD_PyDateTime_DateTime_hastzinfo, FIELD_PyDateTime_DateTime_tzinfo,
		                 ret_hash);
	case LEAF_TIME:
		return fields_hash(run, address, of_time, 2, ret_hash) &&
		       zone_hash(run, address, FIELD_PyDateTime_Time_hastzinfo, FIELD_PyDateTime_Time_tzinfo, ret_hash);
	case LEAF_DELTA:
		return fields_hash(run, address, of_delta, 3, ret_hash);
	case LEAF_DECIMAL:
		return decimal_hash(run, address, ret_hash);
	case LEAF_SINGLE:
		*ret_hash = value_hash((const uint8_t *)&address, sizeof address, LEAF_SINGLE);
		return true;
	default:
		return false;
	}
}

uint64_t item_value_hash(struct rule_run *run, uint64_t address)
{
	uint64_t hash;
	const struct type_info *type = rule_type(run, address);
	const enum leaf_kind kind = type != NULL ? leaf_kind_of(run, type) : LEAF_NONE;
	return kind != LEAF_NONE && leaf_value_hash(run, kind, address, &hash)
	               ? hash
	               : value_hash((const uint8_t *)&address, sizeof address, 'o');
}
