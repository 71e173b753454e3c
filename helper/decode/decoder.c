/* SPDX-License-Identifier: MIT
 * The driver: head, type, generic size, the registry line's fields, the type's own logic, instance parts. */
#include "decode/decoder.h"

#include "decode/instance.h"
#include "decode/size_bound.h"
#include "decode/registry.h"
#include "object/type_flags.h"

void decoder_init(struct decoder *decoder, struct decode_context *context)
{
	*decoder = (struct decoder){ .context = context, .layout = context->layout };
	reader_init(&decoder->reader, context->space);
	decode_context_objects(context, &decoder->reader, &decoder->objects);
}

void decoder_clear(struct decoder *decoder)
{
	array_free(&decoder->out.runs);
	array_free(&decoder->out.blocks);
	free(decoder->types.slots);
	decoder->types = (struct met_types){ .mask = 0 };
}

/* tp_basicsize + tp_itemsize * ob_size, as object.__sizeof__ has it; ob_size is signed and raw. */
static inline uint64_t generic_size(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                    struct body body, uint64_t available)
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
                                 struct body body)
{
	for (uint32_t i = 0; i < type->visible_count; i++)
		emit_field(decoder, address, body, (enum layout_field)type->fields[i], 0);
	for (uint32_t i = type->visible_count; i < (uint32_t)type->visible_count + type->hidden_count; i++)
		emit_field(decoder, address, body, (enum layout_field)type->fields[i], RUN_HIDDEN);
}

/* Type objects are the one kind whose GC-ness is decided by the instance: static ones are not GC objects, whatever
 * `type` says (Objects/typeobject.c type_is_gc). Up to 3.10 getsizeof asks the object, in 3.11 and 3.12 only its type,
 * since 3.13 it leaves out static types again. */
static void adjust_static_type(struct decoder *decoder, const struct type_info *type, struct body body)
{
	uint64_t flags = body_u64(decoder, FIELD_PyTypeObject_tp_flags, body);
	if (flags & TPFLAGS_HEAPTYPE)
		return;
	if (layout_feature(decoder->layout, FEATURE_GC_PRESIZE_BY_OBJECT) ||
	    (layout_feature(decoder->layout, FEATURE_PRESIZE_SKIPS_STATIC_TYPES) &&
	     type->address == decoder->context->type_type))
		decoder->out.presize = 0;
}

static void reset(struct decoder *decoder, uint64_t address)
{
	struct decoded *out = &decoder->out;
	decoder->large_count = 0;
	out->address = address;
	out->type = NULL;
	out->shallow = out->included = out->presize = out->body = 0;
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
	emit_whole_run(decoder, &run);
}

bool decode_typed_object(struct decoder *decoder, const struct object_head *head, const struct type_info *type)
{
	struct decoded *out = &decoder->out;
	const uint64_t address = head->address;
	reset(decoder, address);
	if (__builtin_expect(type == NULL, 0))
		return reject(decoder, head);
	out->type = type;
	struct body body = { head->bytes, type->body_bytes };
	if (__builtin_expect(type->body_bytes > head->available, 0))
		body = body_at(&decoder->reader, address, type->body_bytes);
	if (__builtin_expect(body.bytes == NULL, 0)) {
		flag_object(decoder, DECODED_UNREADABLE, "only the head is in the dump");
		if (type->flags & TYPE_IS_WILD)
			flag_object(decoder, DECODED_CORRUPT, type->damage);
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
		if (__builtin_expect(size_bound_is_due(decoder), 0))
			size_bound_check(decoder);
		return true;
	}
	if (__builtin_expect(type->flags & (TYPE_IS_METATYPE | TYPE_IS_APPROXIMATE | TYPE_IS_WILD), 0)) {
		if (type->flags & TYPE_IS_WILD)
			flag_object(decoder, DECODED_CORRUPT, type->damage);
		if (type->flags & TYPE_IS_METATYPE)
			adjust_static_type(decoder, type, body);
		if (type->flags & TYPE_IS_APPROXIMATE)
			flag_object(decoder, DECODED_APPROXIMATE, type->approximate);
	}
	out->shallow = out->body = generic_size(decoder, type, address, body, head->available);
	if (type->visible_count + type->hidden_count != 0 && decoder_wants_runs(decoder))
		emit_registry_fields(decoder, type, address, body);
	if (type->decode != NULL)
		type->decode(decoder, type, address, body);
	if (type->flags & TYPE_HAS_INSTANCE_PARTS)
		decode_instance_parts(decoder, type, address);
	if (type->flags & TYPE_OWNS_TYPE && !decoder->skip_class)
		emit_class(decoder, type, address, head->bytes);
	out->shallow += out->presize;
	if (__builtin_expect(size_bound_is_due(decoder), 0))
		size_bound_check(decoder);
	return true;
}
