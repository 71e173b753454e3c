/* SPDX-License-Identifier: MIT
 * The Python frames of a thread, and the primitives that all roots are made with. */
#include "graph/roots_builder.h"

#include "decode/field_labels.h"
#include "object/value.h"

bool roots_goes_on(struct roots_builder *builder)
{
	builder->is_cancelled |= progress_look(builder->progress, &builder->steps) != OK;
	return !builder->is_cancelled;
}

bool roots_add_run(struct roots_builder *builder, uint32_t holder, const struct run *run)
{
	struct holder_run added = { holder, *run };
	if (run->count == 0)
		return true;
	if (run->stride == 0)
		added.run.stride = 8;
	added.run.slots = reader_at(&builder->decoder->reader, run->address, (run->count - 1) * added.run.stride + 8);
	/* Half the fields of a frame are empty, and there may be a million frames. */
	if (added.run.slots == NULL || (run->count == 1 && load_u64(added.run.slots) == 0))
		return true;
	return array_push(&builder->roots->runs, added);
}

bool roots_add_doubtful(struct roots_builder *builder, uint32_t holder, uint64_t address, uint64_t bytes,
                        uint64_t offset)
{
	const uint64_t skip = -address & 7;
	if (bytes < skip + 8)
		return true;
	const uint64_t count = (bytes - skip) / 8;
	const uint8_t *slots = reader_at(&builder->decoder->reader, address + skip, count * 8);
	if (slots == NULL)
		return true;
	const struct run run = { .slots = slots,
		                 .address = address + skip,
		                 .count = count,
		                 .stride = 8,
		                 .label = LABEL_WORD,
		                 .argument = offset + skip };
	return array_push(&builder->roots->doubtful, ((struct holder_run){ holder, run }));
}

bool roots_add_field(struct roots_builder *builder, uint32_t holder, uint64_t address, enum layout_field field)
{
	const struct layout *layout = builder->decoder->layout;
	if (!layout_has(layout, field))
		return true;
	return roots_add_run(builder, holder,
	                     &(struct run){ .address = address + layout_offset(layout, field),
	                                    .count = 1,
	                                    .label = LABEL_FIELD,
	                                    .names = &field_labels[field] });
}

enum { OWNED_BY_GENERATOR = 1 }; /* enum _frameowner */

/* Up to 3.10: the frame object, which PyEval_EvalFrame() holds a reference to while it runs; a generator's frame is the
 * generator's own. The word that says where it is stands for that reference. */
static bool add_frame_object(struct roots_builder *builder, uint32_t holder, const struct python_frame *frame,
                             uint64_t slot)
{
	static const char *const label = ".frame";
	uint64_t generator = 0;
	if (value_field(&builder->decoder->objects, frame->address, FIELD_PyFrameObject_f_gen, &generator) &&
	    generator != 0)
		return true;
	return roots_add_run(builder, holder,
	                     &(struct run){ .address = slot, .count = 1, .label = LABEL_FIELD, .names = &label });
}

/* Of locals and stack of a frame on a thread's stack. An argument may be borrowed from the caller's frame. In a
 * free-threaded build the same tag says that a reference is not counted but is one. */
static uint32_t slot_flags(const struct layout *layout)
{
	if (!layout_feature(layout, FEATURE_TAGGED_STACK_REFS))
		return 0;
	return RUN_TAGGED | (layout_feature(layout, FEATURE_FREE_THREADED) ? 0 : RUN_BORROWS);
}

/* The evaluation stack: all of it where its depth is known, else whatever may be part of it. Up to 3.10 a stack of
 * known depth is the frame object's, and in a generator the generator's. */
static bool add_stack(struct roots_builder *builder, uint32_t holder, const struct python_frame *frame)
{
	const struct layout *layout = builder->decoder->layout;
	const bool is_known = frame->stack_depth >= 0;
	const uint32_t flags = slot_flags(layout);
	if (frame->stack == 0 ||
	    (is_known && (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES) || frame->owner == OWNED_BY_GENERATOR)))
		return true;
	const uint64_t count = is_known ? (uint64_t)frame->stack_depth : frame->stack_size;
	if (is_known)
		return roots_add_run(builder, holder,
		                     &(struct run){ .address = frame->stack,
		                                    .count = count,
		                                    .label = LABEL_STACK,
		                                    .flags = (uint16_t)flags });
	const uint8_t *slots = count > 0 ? reader_at(&builder->decoder->reader, frame->stack, count * 8) : NULL;
	const struct run run = { .slots = slots,
		                 .address = frame->stack,
		                 .count = count,
		                 .stride = 8,
		                 .label = LABEL_STACK,
		                 .flags = (uint16_t)flags };
	return slots == NULL || array_push(&builder->stacks, ((struct holder_run){ holder, run }));
}

/* A frame of 3.11 and later lies in the thread's data stack and owns what is in it; a frame object of 3.10 and before
 * is an object like others, held by the C function that runs it. A generator's frame is the generator's. */
static bool add_frame(struct roots_builder *builder, uint32_t thread_holder, uint32_t thread, uint32_t depth,
                      const struct python_frame *frame, uint64_t slot)
{
	const struct layout *layout = builder->decoder->layout;
	uint32_t holder = (uint32_t)builder->roots->holders.count;
	if (!array_push(&builder->roots->holders, (struct holder){ .kind = HOLDER_FRAME,
	                                                           .parent = thread_holder,
	                                                           .address = frame->address,
	                                                           .thread = thread,
	                                                           .depth = depth,
	                                                           .frame = frame }))
		return false;
	if (!add_stack(builder, holder, frame))
		return false;
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return add_frame_object(builder, holder, frame, slot);
	if (frame->owner == OWNED_BY_GENERATOR)
		return true;
	uint32_t tagged = layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0;
	if (!roots_add_run(builder, holder,
	                   &(struct run){ .address = frame->localsplus,
	                                  .count = frame->slot_count,
	                                  .label = LABEL_LOCAL,
	                                  .flags = (uint16_t)(slot_flags(layout)),
	                                  .argument = frame->code }))
		return false;
	static const enum layout_field fields[] = { FIELD__PyInterpreterFrame_f_executable,
		                                    FIELD__PyInterpreterFrame_f_func,
		                                    FIELD__PyInterpreterFrame_f_funcobj,
		                                    FIELD__PyInterpreterFrame_f_locals,
		                                    FIELD__PyInterpreterFrame_frame_obj };
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		bool is_reference = fields[i] == FIELD__PyInterpreterFrame_f_executable ||
		                    fields[i] == FIELD__PyInterpreterFrame_f_funcobj;
		if (!layout_has(layout, fields[i]))
			continue;
		if (!roots_add_run(builder, holder,
		                   &(struct run){ .address = frame->address + layout_offset(layout, fields[i]),
		                                  .count = 1,
		                                  .label = LABEL_FIELD,
		                                  .flags = (uint16_t)(is_reference ? tagged : 0),
		                                  .names = &field_labels[fields[i]] }))
			return false;
	}
	return true;
}

/* Up to 3.10: where the address of a thread's frame object stands, inner is the frame that it called; else 0. */
static uint64_t frame_slot(struct decoder *decoder, uint64_t thread, const struct python_frame *inner)
{
	const struct layout *layout = decoder->layout;
	if (layout_feature(layout, FEATURE_INTERPRETER_FRAMES) || !layout_has(layout, FIELD_PyThreadState_frame))
		return 0;
	return inner != NULL ? inner->address + layout_offset(layout, FIELD_PyFrameObject_f_back)
	                     : thread + layout_offset(layout, FIELD_PyThreadState_frame);
}

bool roots_add_frames(struct roots_builder *builder, uint32_t holder, uint32_t thread)
{
	const struct runtime *runtime = builder->decoder->context->runtime;
	const struct python_thread *state = &runtime->threads.items[thread];
	const struct thread_frames *frames;
	bool added = true;
	if (runtime_thread_frames(runtime, state, &frames, builder->error) < 0) {
		builder->roots->frames_truncated = true;
		return true;
	}
	const struct python_frame *items = frames->list.items;
	for (size_t i = 0; added && i < frames->list.count; i++)
		added = roots_goes_on(builder) &&
		        add_frame(builder, holder, thread, (uint32_t)i, &items[i],
		                  frame_slot(builder->decoder, state->address, i > 0 ? &items[i - 1] : NULL));
	builder->roots->frames_truncated |= frames->is_truncated;
	return added;
}
