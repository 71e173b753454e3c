/* SPDX-License-Identifier: MIT
 * The driver: head, type, generic size, the registry line's fields, the type's own logic, instance parts. */
#include "decode/decoder.h"

#include "decode/instance.h"
#include "decode/registry.h"
#include "decode/type_flags.h"

void decoder_init(struct decoder *decoder, struct decode_context *context)
{
	*decoder = (struct decoder){ .context = context, .layout = context->layout };
	reader_init(&decoder->reader, context->space);
}

void decoder_clear(struct decoder *decoder)
{
	array_free(&decoder->out.runs);
	array_free(&decoder->out.blocks);
	free(decoder->types.slots);
	decoder->types = (struct met_types){ .mask = 0 };
}

void flag_object(struct decoder *decoder, uint32_t flags, const char *reason)
{
	decoder->out.flags |= flags;
	if (decoder->out.reason == NULL)
		decoder->out.reason = reason;
}

static inline void append_run(struct decoder *decoder, const struct run *run)
{
	struct run_sink *sink = decoder->sink;
	if (sink != NULL) {
		struct pending_run pending = { run->slots, run->count, run->stride, run->flags };
		if (run_passes(sink, run->flags) && __builtin_expect(!array_push(sink, pending), 0))
			decoder->out_of_memory = true;
		return;
	}
	if (__builtin_expect(!array_push(&decoder->out.runs, *run), 0))
		decoder->out_of_memory = true;
}

void emit_whole_block(struct decoder *decoder, const struct block *block)
{
	if (!decoder->skip_blocks && __builtin_expect(!array_push(&decoder->out.blocks, *block), 0))
		decoder->out_of_memory = true;
}

void emit_block(struct decoder *decoder, uint64_t address, uint64_t bytes, const char *role, uint32_t flags)
{
	const struct block block = { .address = address, .bytes = bytes, .most = bytes, .role = role, .flags = flags };
	emit_whole_block(decoder, &block);
}

void emit_opaque_block(struct decoder *decoder, const struct type_info *type, const uint8_t *body,
                       enum layout_field field, const char *role)
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
			append_run(decoder, &run);
		else
			flag_object(decoder, DECODED_UNREADABLE, "references lie in memory that is not in the dump");
		index += fitting;
	}
}

void emit_run(struct decoder *decoder, uint64_t address, uint64_t count, uint32_t stride, enum label_kind label,
              uint32_t flags, uint64_t argument)
{
	if (count == 0 || (decoder->sink != NULL && !run_passes(decoder->sink, flags)))
		return;
	struct run run = { .address = address,
		           .count = count,
		           .stride = stride,
		           .label = (uint16_t)label,
		           .flags = (uint16_t)flags,
		           .argument = argument };
	uint64_t bytes;
	if (!checked_multiply(count - 1, stride, &bytes) || bytes > UINT64_MAX - 8 ||
	    address > UINT64_MAX - bytes - 8) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of references");
		return;
	}
	run.slots = reader_at(&decoder->reader, address, bytes + 8);
	if (__builtin_expect(run.slots != NULL, 1))
		append_run(decoder, &run);
	else
		emit_run_in_parts(decoder, run);
}

void emit_slot(struct decoder *decoder, uint64_t address, const uint8_t *slot, const char *const *name, uint32_t flags)
{
	struct run run = { .slots = slot,
		           .address = address,
		           .count = 1,
		           .stride = 8,
		           .label = LABEL_FIELD,
		           .flags = (uint16_t)flags,
		           .names = name };
	append_run(decoder, &run);
}

void emit_field(struct decoder *decoder, uint64_t address, const uint8_t *body, enum layout_field field, uint32_t flags)
{
	if (!layout_has(decoder->layout, field) || (decoder->sink != NULL && !run_passes(decoder->sink, flags)))
		return;
	uint32_t offset = layout_offset(decoder->layout, field);
	emit_slot(decoder, address + offset, body + offset, &registry_field_labels[field], flags);
}

/* tp_basicsize + tp_itemsize * ob_size, as object.__sizeof__ has it; ob_size is signed and raw. */
static inline uint64_t generic_size(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                    const uint8_t *body, uint64_t available)
{
	uint64_t size = (uint64_t)type->tp_basicsize;
	if (type->tp_itemsize == 0 || type->flags & TYPE_SIZES_ITSELF)
		return size;
	int64_t count = body_ob_size(decoder, body);
	uint64_t items, total;
	if (count < 0 || !checked_multiply((uint64_t)count, (uint64_t)type->tp_itemsize, &items) ||
	    !checked_add(size, items, &total)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible ob_size");
		return size;
	}
	/* Without items it is the struct, of which a static type has less than `type` says. */
	if (__builtin_expect(total > available, 0) && count > 0 &&
	    address_space_state(decoder->reader.space, address + total - 1) == MEMORY_UNMAPPED) {
		flag_object(decoder, DECODED_CORRUPT, "ob_size reaches beyond the mapped memory");
		return size;
	}
	return total;
}

static void emit_registry_fields(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                 const uint8_t *body)
{
	for (uint32_t i = 0; i < type->visible_count; i++)
		emit_field(decoder, address, body, (enum layout_field)type->fields[i], 0);
	for (uint32_t i = type->visible_count; i < (uint32_t)type->visible_count + type->hidden_count; i++)
		emit_field(decoder, address, body, (enum layout_field)type->fields[i], RUN_HIDDEN);
}

/* Type objects are the one kind whose GC-ness is decided by the instance: static ones are not GC objects, whatever
 * `type` says (Objects/typeobject.c type_is_gc). Up to 3.10 getsizeof asks the object, in 3.11 and 3.12 only its type,
 * since 3.13 it leaves out static types again. */
static void adjust_static_type(struct decoder *decoder, const struct type_info *type, const uint8_t *body)
{
	uint64_t flags = load_u64(body + layout_offset(decoder->layout, FIELD_PyTypeObject_tp_flags));
	if (flags & TPFLAGS_HEAPTYPE)
		return;
	if (layout_feature(decoder->layout, FEATURE_GC_PRESIZE_BY_OBJECT) ||
	    (layout_feature(decoder->layout, FEATURE_PRESIZE_SKIPS_STATIC_TYPES) &&
	     type->address == decoder->context->type_type))
		decoder->out.presize = 0;
}

static void reset(struct decoded *out, uint64_t address)
{
	out->address = address;
	out->type = NULL;
	out->shallow = out->presize = out->body = 0;
	out->flags = 0;
	out->reason = NULL;
	out->runs.count = 0;
	out->blocks.count = 0;
}

/* Why an address is no object. */
static bool reject(struct decoder *decoder, const struct object_head *head)
{
	if (head->bytes != NULL)
		flag_object(decoder, DECODED_CORRUPT, "ob_type is not a type object");
	else if ((head->address & 7) == 0 && address_space_state(decoder->reader.space, head->address) == MEMORY_ABSENT)
		flag_object(decoder, DECODED_UNREADABLE, "not in the dump");
	else
		flag_object(decoder, DECODED_CORRUPT, "not an address of an object");
	return false;
}

struct object_head decode_head(struct decoder *decoder, uint64_t address)
{
	const struct segment *segment = reader_segment(&decoder->reader, address);
	if (segment == NULL)
		return (struct object_head){ .address = address };
	return decode_head_in(decoder, segment, address);
}

bool decode_object(struct decoder *decoder, uint64_t address)
{
	struct object_head head = decode_head(decoder, address);
	return decode_typed_object(decoder, &head, head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL);
}

static void emit_class(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *head)
{
	uint32_t offset = layout_offset(decoder->layout, FIELD_PyObject_ob_type);
	uint32_t hidden = type->flags & TYPE_VISITS_TYPE ? 0 : RUN_HIDDEN;
	struct run run = { .slots = head + offset,
		           .address = address + offset,
		           .count = 1,
		           .stride = 8,
		           .label = LABEL_TYPE,
		           .flags = (uint16_t)(RUN_CLASS | hidden) };
	append_run(decoder, &run);
}

bool decode_typed_object(struct decoder *decoder, const struct object_head *head, const struct type_info *type)
{
	struct decoded *out = &decoder->out;
	const uint64_t address = head->address;
	reset(out, address);
	if (__builtin_expect(type == NULL, 0))
		return reject(decoder, head);
	out->type = type;
	const uint8_t *body = head->bytes;
	if (__builtin_expect(type->body_bytes > head->available, 0))
		body = reader_at(&decoder->reader, address, type->body_bytes);
	if (__builtin_expect(body == NULL, 0)) {
		flag_object(decoder, DECODED_UNREADABLE, "only the head is in the dump");
		out->shallow = (uint64_t)type->tp_basicsize + type->presize;
		return true;
	}
	out->presize = type->presize;
	if (type->flags & TYPE_IS_LEAF && (decoder->skip_class || !(type->flags & TYPE_OWNS_TYPE))) {
		/* Half of most heaps: numbers and strings. A leaf has no fields and no instance parts. */
		out->shallow = out->body = generic_size(decoder, type, address, body, head->available);
		if (type->decode != NULL)
			type->decode(decoder, type, address, body);
		out->shallow += out->presize;
		return true;
	}
	if (__builtin_expect(type->flags & (TYPE_IS_METATYPE | TYPE_IS_APPROXIMATE), 0)) {
		if (type->flags & TYPE_IS_METATYPE)
			adjust_static_type(decoder, type, body);
		if (type->flags & TYPE_IS_APPROXIMATE)
			flag_object(decoder, DECODED_APPROXIMATE, type->approximate);
	}
	out->shallow = out->body = generic_size(decoder, type, address, body, head->available);
	if (type->visible_count + type->hidden_count != 0)
		emit_registry_fields(decoder, type, address, body);
	if (type->decode != NULL)
		type->decode(decoder, type, address, body);
	if (type->flags & TYPE_HAS_INSTANCE_PARTS)
		decode_instance_parts(decoder, type, address, body);
	if (type->flags & TYPE_OWNS_TYPE && !decoder->skip_class)
		emit_class(decoder, type, address, body);
	out->shallow += out->presize;
	return true;
}
