/* SPDX-License-Identifier: MIT */
#include "decode/emit.h"

#include "decode/field_labels.h"

void flag_object(struct decoder *decoder, uint32_t flags, const char *reason)
{
	decoder->out.flags |= flags;
	if (decoder->out.reason == NULL)
		decoder->out.reason = reason;
}

/* A run that is known to pass where there is a sink. */
static inline void append_passed(struct decoder *decoder, const struct run *run)
{
	struct run_sink *sink = decoder->sink;
	if (sink != NULL) {
		const struct pending_run pending = { run->slots, run->count, run->stride, run->flags };
		if (__builtin_expect(!array_push(sink, pending), 0))
			decoder->out_of_memory = true;
	} else if (__builtin_expect(!array_push(&decoder->out.runs, *run), 0)) {
		decoder->out_of_memory = true;
	}
}

static inline bool passes(const struct decoder *decoder, uint32_t flags)
{
	return decoder->sink == NULL || run_passes(decoder->sink, flags);
}

void emit_whole_run(struct decoder *decoder, const struct run *run)
{
	if (passes(decoder, run->flags))
		append_passed(decoder, run);
}

void emit_whole_block(struct decoder *decoder, const struct block *block)
{
	if (block->bytes > LARGE_BYTES && decoder->large_count < LARGE_BLOCKS &&
	    (block->flags & (BLOCK_INTERIOR | BLOCK_OPAQUE | BLOCK_PAGES)) == 0)
		decoder->large[decoder->large_count++] = (struct large_block){ block->address, block->bytes };
	if (!decoder->skip_blocks && __builtin_expect(!array_push(&decoder->out.blocks, *block), 0))
		decoder->out_of_memory = true;
}

void emit_opaque_block(struct decoder *decoder, const struct type_info *type, struct body body, enum layout_field field,
                       const char *role)
{
	const struct layout_place *place = &decoder->layout->fields[field];
	/* In some versions a state of that name lies in the body itself. */
	if (decoder->skip_blocks || place->size != sizeof(uint64_t) || place->offset + place->size > type->body_bytes)
		return;
	const struct block block = { .address = body_u64(decoder, field, body),
		                     .bytes = 1,
		                     .most = INT64_MAX,
		                     .role = role,
		                     .flags = BLOCK_OPAQUE };
	if (block.address != 0)
		emit_whole_block(decoder, &block);
}

/* A run that is not present in one piece: the parts that are, one run each. */
static void emit_run_in_parts(struct decoder *decoder, struct run run)
{
	uint64_t first = run.first_index;
	uint64_t end_index = first + run.count;
	uint64_t base = run.address - first * run.stride;
	for (uint64_t index = first; index < end_index;) {
		uint64_t address = base + index * run.stride;
		const struct segment *segment = address_space_find(decoder->reader.space, address);
		uint64_t fitting = 0;
		if (segment != NULL && segment->end - address >= 8)
			fitting = (segment->end - address - 8) / run.stride + 1;
		if (fitting > end_index - index)
			fitting = end_index - index;
		if (fitting == 0) {
			flag_object(decoder, segment == NULL ? DECODED_CORRUPT : DECODED_UNREADABLE,
			            "references lie outside the mapped memory");
			if (segment == NULL) /* nothing mapped follows that a sane object could own */
				return;
			index++;
			continue;
		}
		run.address = address;
		run.count = fitting;
		run.first_index = index;
		run.slots = reader_at(&decoder->reader, address, (fitting - 1) * run.stride + 8);
		if (run.slots != NULL)
			append_passed(decoder, &run);
		else
			flag_object(decoder, DECODED_UNREADABLE, "references lie in memory that is not in the dump");
		index += fitting;
	}
}

void emit_run(struct decoder *decoder, uint64_t address, uint64_t count, struct run_kind kind)
{
	if (count == 0 || !passes(decoder, kind.flags))
		return;
	struct run run = { .address = address,
		           .count = count,
		           .stride = kind.stride,
		           .label = kind.label,
		           .flags = kind.flags,
		           .argument = kind.argument };
	uint64_t bytes;
	if (!checked_multiply(count - 1, kind.stride, &bytes) || bytes > UINT64_MAX - 8 ||
	    address > UINT64_MAX - bytes - 8) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of references");
		return;
	}
	run.slots = reader_at(&decoder->reader, address, bytes + 8);
	if (__builtin_expect(run.slots != NULL, 1))
		append_passed(decoder, &run);
	else
		emit_run_in_parts(decoder, run);
}

static inline void append_slot(struct decoder *decoder, uint64_t address, const uint8_t *slot, const char *const *name,
                               uint32_t flags)
{
	const struct run run = { .slots = slot,
		                 .address = address,
		                 .count = 1,
		                 .stride = 8,
		                 .label = LABEL_FIELD,
		                 .flags = (uint16_t)flags,
		                 .names = name };
	append_passed(decoder, &run);
}

void emit_slot(struct decoder *decoder, uint64_t address, const uint8_t *slot, const char *const *name, uint32_t flags)
{
	if (passes(decoder, flags))
		append_slot(decoder, address, slot, name, flags);
}

void emit_field(struct decoder *decoder, uint64_t address, struct body body, enum layout_field field, uint32_t flags)
{
	if (!layout_has(decoder->layout, field) || !passes(decoder, flags))
		return;
	const uint32_t offset = layout_offset(decoder->layout, field);
	if (body_has(body, offset, 8))
		append_slot(decoder, address + offset, body.bytes + offset, &field_labels[field], flags);
}
