/* SPDX-License-Identifier: MIT
 * any_object: an instance of a C type that no registry line knows (Cython and Rust make many). Size by the generic
 * rule; references by what the type declares itself, member descriptors that are objects and its __dict__, by its
 * nearest base that is known, and else every word of the body that is the address of an object. Always flagged
 * approximate. */
#include <string.h>

#include "decode/object_head.h"
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/body_words.h"
#include "object/type_flags.h"

enum {
	LIMIT_BODY_WORDS = 8192, /* of a body that are looked at; msgpack's Unpacker has 5000 */
	LIMIT_ITEM_WORDS = 1 << 20, /* of its variable part */
};

/* Words of the body that are accounted for. */
struct known_words {
	uint64_t bits[LIMIT_BODY_WORDS / 64];
};

/* As many as the type has: most have ten. */
static void clear_words(struct known_words *known, int64_t bytes)
{
	uint64_t count = (uint64_t)bytes / 512 + 1;
	memset(known->bits, 0, (count < LIMIT_BODY_WORDS / 64 ? count : LIMIT_BODY_WORDS / 64) * 8);
}

static void note_word(struct known_words *known, int64_t offset)
{
	if (offset > 0 && offset / 8 < LIMIT_BODY_WORDS)
		known->bits[offset / 8 / 64] |= UINT64_C(1) << (offset / 8 % 64);
}

static bool is_known(const struct known_words *known, uint64_t word)
{
	return known->bits[word / 64] >> (word % 64) & 1;
}

/* tp_members ends with a row without a name (Include/structmember.h). */
static void emit_members(struct decoder *decoder, const struct type_info *type, uint64_t address, uint64_t members,
                         struct known_words *known)
{
	const struct layout *layout = decoder->layout;
	uint32_t row_bytes = layout->struct_bytes[STRUCT_PyMemberDef];
	for (unsigned i = 0; members != 0 && i < LIMIT_TYPE_SLOTS; i++, members += row_bytes) {
		const uint8_t *row = reader_at(&decoder->reader, members, row_bytes);
		if (row == NULL || load_u64(row + layout_offset(layout, FIELD_PyMemberDef_name)) == 0)
			return;
		int32_t kind = load_i32(row + layout_offset(layout, FIELD_PyMemberDef_type));
		int64_t offset = load_i64(row + layout_offset(layout, FIELD_PyMemberDef_offset));
		if ((kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX) &&
		    offset >= layout->struct_bytes[STRUCT_PyObject] && offset + 8 <= type->tp_basicsize &&
		    offset % 8 == 0 && !(offset / 8 < LIMIT_BODY_WORDS && is_known(known, (uint64_t)offset / 8))) {
			emit_run(decoder, address + (uint64_t)offset, 1,
			         (struct run_kind){ .stride = 8, .label = LABEL_SLOT, .argument = members });
			note_word(known, offset);
		}
	}
}

/* What a freed block of pymalloc has where a count was: nothing, or the address of the next one of its pool, which is
 * 16 KiB at most. (What malloc writes into a freed chunk takes the type's place too.) */
static bool is_count(const struct decoder *decoder, uint64_t address, const uint8_t *head)
{
	enum { POOL_SHIFT = 14 };
	const struct layout *layout = decoder->layout;
	if (layout_feature(layout, FEATURE_FREE_THREADED))
		return true;
	uint64_t word = load_u64(head + layout_offset(layout, FIELD_PyObject_ob_refcnt));
	if ((uint32_t)word == 0 || (word >> 32 & 0xffff) != 0)
		return false;
	return (word & 7) != 0 || word >> POOL_SHIFT != address >> POOL_SHIFT;
}

static bool is_object_at(struct decoder *decoder, uint64_t address)
{
	if (address == 0 || (address & 7) != 0)
		return false;
	struct object_head head = decode_head(decoder, address);
	if (head.bytes == NULL || !is_count(decoder, address, head.bytes))
		return false;
	const struct type_info *type = decode_head_type(decoder, head.bytes);
	return type != NULL && !(type->flags & TYPE_IS_WILD);
}

static void emit_word(struct decoder *decoder, const struct type_info *type, uint64_t address, uint64_t offset,
                      const uint8_t *slot)
{
	uint64_t target = load_u64(slot);
	if (target == address || !is_object_at(decoder, target))
		return;
	emit_run(decoder, address + offset, 1,
	         (struct run_kind){ .stride = 8,
	                            .label = LABEL_WORD,
	                            .flags = type->flags & TYPE_NOT_TRAVERSED ? RUN_HIDDEN : 0,
	                            .argument = offset });
}

/* Words from `start` to the end of the struct that the type is about, then, if items are as long as an address, the
 * variable part. What a Python class added behind them has its own rules. */
static void emit_words(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body,
                       uint64_t start, const struct known_words *known)
{
	const struct type_info *owner = type->base_info;
	uint64_t end = (uint64_t)owner->tp_basicsize;
	for (uint64_t word = round_up(start, 8) / 8;
	     word < LIMIT_BODY_WORDS && 8 * word + 8 <= end && body_has(body, (uint32_t)(8 * word), 8); word++)
		if (!is_known(known, word))
			emit_word(decoder, type, address, 8 * word, body.bytes + 8 * word);
	int64_t count = owner->tp_itemsize == 8 && end % 8 == 0 && type->tp_basicsize == owner->tp_basicsize
	                        ? body_ob_size(decoder, body)
	                        : 0;
	const uint8_t *items = count > 0 && count <= LIMIT_ITEM_WORDS
	                               ? reader_at(&decoder->reader, address + end, 8 * (uint64_t)count)
	                               : NULL;
	for (int64_t i = 0; items != NULL && i < count; i++)
		emit_word(decoder, type, address, end + 8 * (uint64_t)i, items + 8 * i);
}

void emit_body_words(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	struct known_words known;
	clear_words(&known, type->tp_basicsize);
	note_word(&known, type->base_info->tp_weaklistoffset);
	emit_words(decoder, type, address, body, decoder->layout->struct_bytes[STRUCT_PyObject], &known);
}

static void emit_fields(struct decoder *decoder, const struct type_info *known_base, uint64_t address, struct body body)
{
	for (uint32_t i = 0; i < (uint32_t)known_base->visible_count + known_base->hidden_count; i++)
		emit_field(decoder, address, body, (enum layout_field)known_base->fields[i],
		           i < known_base->visible_count ? 0 : RUN_HIDDEN);
}

void decode_any_object(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	struct known_words known;
	uint64_t start = layout->struct_bytes[STRUCT_PyObject];
	clear_words(&known, type->tp_basicsize);
	note_word(&known, type->base_info->tp_dictoffset);
	note_word(&known, type->base_info->tp_weaklistoffset);
	/* The type the rule is about may be a base of the object's own. */
	const struct type_info *owner = type->base_info;
	for (unsigned i = 0; owner != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		uint64_t members = 0;
		if (owner->entry != type->base_info->entry && owner->tp_basicsize > (int64_t)start) {
			start = (uint64_t)owner->tp_basicsize;
			emit_fields(decoder, owner, address, body);
			if (owner->decode != NULL)
				owner->decode(decoder, type, address, body);
			break;
		}
		if (reader_u64(&decoder->reader, owner->address + layout_offset(layout, FIELD_PyTypeObject_tp_members),
		               &members))
			emit_members(decoder, type, address, members, &known);
		/* Nuitka's compiled_function says that function is its base, so that isinstance() is pleased: one that
		 * takes no subclasses says nothing of a struct. */
		if (owner->tp_base == 0 || owner->base == NULL || !(owner->base->tp_flags & TPFLAGS_BASETYPE))
			break;
		owner = owner->base;
	}
	emit_words(decoder, type, address, body, start, &known);
	if (type->base_info->tp_dictoffset > 0 && type->base_info->tp_dictoffset + 8 <= type->tp_basicsize)
		emit_run(decoder, address + (uint64_t)type->base_info->tp_dictoffset, 1,
		         (struct run_kind){ .stride = 8, .label = LABEL_DICT, .flags = RUN_DICT });
}
