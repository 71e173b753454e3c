/* SPDX-License-Identifier: MIT */
#include "names/code_depths.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/run.h"
#include "names/exception_table.h"
#include "names/line_table.h"
#include "object/value.h"

enum {
	UNIT_BYTES = 2,
	PASSES = 64, /* through the exception table; a handler mostly stands behind what it is for */
};

/* Ways that are still to be gone. */
struct walk {
	struct code_depths *depths;
	uint32_t unit_of_jumps; /* layout_opcode_unit() */
	uint16_t *open; /* of each unit: how many regions of unknown depth it is in (3.8) */
	uint32_t *waiting;
	uint32_t waiting_count;
	uint32_t barrier; /* no way is gone on from this unit; UINT32_MAX: none */
};

/* The bytes of the instructions, as they are run. */
static bool read_code(struct code_depths *depths, struct decoder *decoder)
{
	uint64_t address, units;
	if (layout_has(decoder->layout, FIELD_PyCodeObject_co_code)) {
		if (!value_field(&decoder->objects, depths->code, FIELD_PyCodeObject_co_code, &address) ||
		    value_bytes(&decoder->objects, address, LIMIT_CODE_UNITS * UNIT_BYTES + 1, &depths->bytes) < 0)
			return false;
		units = depths->bytes.length / UNIT_BYTES;
	} else {
		if (!layout_has(decoder->layout, FIELD_PyCodeObject_co_code_adaptive) ||
		    !value_field(&decoder->objects, depths->code, FIELD_PyVarObject_ob_size, &units) ||
		    units > LIMIT_CODE_UNITS)
			return false;
		const uint8_t *bytes =
		        reader_at(&decoder->reader,
		                  depths->code + layout_offset(decoder->layout, FIELD_PyCodeObject_co_code_adaptive),
		                  units * UNIT_BYTES);
		if (bytes == NULL)
			return false;
		text_append(&depths->bytes, (const char *)bytes, units * UNIT_BYTES);
	}
	depths->count = (uint32_t)units;
	return units > 0 && units <= LIMIT_CODE_UNITS && !depths->bytes.failed;
}

/* A way leads to the unit with that depth. False: it cannot be so. */
static bool reach(struct walk *walk, uint64_t unit, int64_t depth, uint32_t open)
{
	struct code_depths *depths = walk->depths;
	if (unit >= depths->count || depth < 0 || depth > LIMIT_FRAME_SLOTS || open > UINT16_MAX)
		return false;
	if (unit == walk->barrier)
		return true;
	if (depths->depth[unit] != DEPTH_UNKNOWN) {
		if (walk->open[unit] < open)
			walk->open[unit] = (uint16_t)open;
		return depths->depth[unit] == depth;
	}
	depths->depth[unit] = (int32_t)depth;
	walk->open[unit] = (uint16_t)open;
	walk->waiting[walk->waiting_count++] = (uint32_t)unit;
	return true;
}

static bool jump(struct walk *walk, const struct opcode_facts *facts, uint64_t next, uint32_t argument, int64_t depth,
                 uint32_t open)
{
	const uint64_t units = (uint64_t)argument * walk->unit_of_jumps / UNIT_BYTES;
	const uint32_t unknown = open + ((facts->flags & OPCODE_JUMPS_UNKNOWN) != 0);
	if (facts->flags & OPCODE_JUMPS)
		return reach(walk, next + units, depth, unknown);
	if (facts->flags & OPCODE_JUMPS_BACK)
		return units <= next && reach(walk, next - units, depth, unknown);
	return !(facts->flags & OPCODE_JUMPS_TO) || reach(walk, units, depth, unknown);
}

/* From one instruction on to the end, or to where somebody was. */
static bool follow(struct walk *walk, uint32_t unit)
{
	struct code_depths *depths = walk->depths;
	uint32_t extended = 0;
	for (;;) {
		const struct opcode_facts *facts = code_depths_opcode(depths, unit);
		const uint32_t argument = extended | (uint8_t)depths->bytes.bytes[2 * (size_t)unit + 1];
		const uint64_t next = (uint64_t)unit + 1 + facts->caches;
		uint32_t open = walk->open[unit];
		if (!facts->is_known)
			return false;
		depths->argument[unit] = argument;
		extended = facts->flags & OPCODE_EXTENDS ? argument << 8 : 0;
		if (!jump(walk, facts, next, argument, depths->depth[unit] + opcode_effect(facts, argument, true),
		          open))
			return false;
		if (facts->flags & OPCODE_ENDS)
			return true;
		open += (facts->flags & OPCODE_OPENS_UNKNOWN) != 0;
		open -= open > 0 && (facts->flags & OPCODE_CLOSES_UNKNOWN) != 0;
		const uint32_t waiting = walk->waiting_count;
		if (!reach(walk, next, depths->depth[unit] + opcode_effect(facts, argument, false), open))
			return false;
		if (walk->waiting_count == waiting)
			return true;
		unit = walk->waiting[--walk->waiting_count];
	}
}

static bool drain(struct walk *walk)
{
	while (walk->waiting_count > 0)
		if (!follow(walk, walk->waiting[--walk->waiting_count]))
			return false;
	return true;
}

static bool is_reached(const struct code_depths *depths, const struct exception_entry *entry)
{
	for (uint64_t i = 0; i < entry->length && entry->begin + i < depths->count; i++)
		if (depths->depth[entry->begin + i] != DEPTH_UNKNOWN)
			return true;
	return false;
}

/* The handlers of what is reached. *ret_count: of how many entries it is. */
static bool reach_handlers(struct walk *walk, struct decoder *decoder, uint32_t *ret_count)
{
	struct exception_table table;
	struct exception_entry entry;
	bool agrees = true;
	*ret_count = 0;
	if (exception_table_open(&table, decoder, walk->depths->code))
		while (agrees && exception_table_next(&table, &entry)) {
			if (!is_reached(walk->depths, &entry))
				continue;
			++*ret_count;
			agrees = reach(walk, entry.target,
			               (int64_t)(entry.depth < LIMIT_FRAME_SLOTS ? entry.depth : LIMIT_FRAME_SLOTS) +
			                       entry.pushes_instruction + 1,
			               0) &&
			         drain(walk);
		}
	exception_table_clear(&table);
	return agrees;
}

static bool walk_all(struct walk *walk, struct decoder *decoder)
{
	struct code_depths *depths = walk->depths;
	uint32_t before = 0, count = 0;
	if (!reach(walk, 0, (code_depths_opcode(depths, 0)->flags & OPCODE_STARTS_WITH_ONE) != 0, 0) || !drain(walk))
		return false;
	if (!layout_has(decoder->layout, FIELD_PyCodeObject_co_exceptiontable))
		return true;
	for (int pass = 0; pass < PASSES; pass++) {
		if (!reach_handlers(walk, decoder, &count))
			return false;
		if (count == before)
			return true;
		before = count;
	}
	return false;
}

/* walk->depths->depth is allocated and filled. */
static bool walk_code(struct walk *walk, struct decoder *decoder)
{
	struct code_depths *depths = walk->depths;
	const size_t count = depths->count;
	walk->unit_of_jumps = layout_opcode_unit(decoder->layout);
	depths->depth = malloc(count * sizeof *depths->depth);
	walk->open = calloc(count, sizeof *walk->open);
	walk->waiting = malloc(count * sizeof *walk->waiting);
	bool is_done = depths->depth != NULL && walk->open != NULL && walk->waiting != NULL;
	if (is_done) {
		memset(depths->depth, 0xff, count * sizeof *depths->depth);
		is_done = walk_all(walk, decoder);
	}
	free(walk->waiting);
	return is_done;
}

bool code_depths_find(struct code_depths *ret_depths, struct decoder *decoder, uint64_t code)
{
	*ret_depths = (struct code_depths){ .code = code, .opcodes = layout_opcodes(decoder->layout) };
	if (ret_depths->opcodes == NULL || !read_code(ret_depths, decoder))
		return false;
	struct walk walk = { .depths = ret_depths, .barrier = UINT32_MAX };
	ret_depths->argument = calloc(ret_depths->count, sizeof *ret_depths->argument);
	ret_depths->is_found = ret_depths->argument != NULL && walk_code(&walk, decoder);
	for (uint32_t unit = 0; ret_depths->is_found && unit < ret_depths->count; unit++)
		if (walk.open[unit] > 0)
			ret_depths->depth[unit] = DEPTH_UNKNOWN;
	free(walk.open);
	return ret_depths->is_found;
}

bool code_depths_leads_through(const struct code_depths *depths, struct decoder *decoder, uint32_t through,
                               uint32_t unit)
{
	struct code_depths without = *depths;
	struct walk walk = { .depths = &without, .barrier = through };
	const bool is_known = walk_code(&walk, decoder);
	const bool leads = is_known && without.depth[unit] == DEPTH_UNKNOWN;
	free(walk.open);
	free(without.depth);
	return leads;
}

bool code_depths_unit(const struct code_depths *depths, struct decoder *decoder, const struct python_frame *frame,
                      uint32_t *ret_unit)
{
	int64_t offset = (int64_t)frame->last_instruction;
	if (frame->last_instruction == UINT64_MAX || frame->stack == 0 ||
	    (frame->last_instruction_is_address &&
	     !instruction_offset(decoder, frame->code, frame->last_instruction, &offset)) ||
	    offset < 0 || offset / UNIT_BYTES >= depths->count)
		return false;
	uint32_t unit = (uint32_t)(offset / UNIT_BYTES);
	/* Up to 3.10 f_lasti stays at what extends the argument. */
	while (unit + 1 < depths->count && code_depths_opcode(depths, unit)->flags & OPCODE_EXTENDS)
		unit++;
	*ret_unit = unit;
	return true;
}

bool code_depths_stack_word(struct decoder *decoder, const struct python_frame *frame, uint64_t slot,
                            uint64_t *ret_word)
{
	if (!reader_u64(&decoder->reader, frame->stack + 8 * slot, ret_word))
		return false;
	if (layout_feature(decoder->layout, FEATURE_TAGGED_STACK_REFS))
		*ret_word = stack_reference_target(*ret_word);
	return true;
}

bool code_depths_keep(struct code_depths *depths, struct decoder *decoder, uint64_t code)
{
	if (depths->code == code)
		return depths->is_found;
	code_depths_clear(depths);
	return code_depths_find(depths, decoder, code);
}

void code_depths_clear(struct code_depths *depths)
{
	text_free(&depths->bytes);
	free(depths->depth);
	free(depths->argument);
	*depths = (struct code_depths){ .code = 0 };
}
