/* SPDX-License-Identifier: MIT
 * The Python frames of a thread, and the primitives that all roots are made with. */
#include "graph/roots_builder.h"

#include "decode/field_labels.h"
#include "graph/holder_runs.h"

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

/* An evaluation stack whose depth is not known: whatever may be part of it. All else that a frame refers to is made
 * when it is asked for (graph/holder_runs.h). */
static bool add_stack(struct roots_builder *builder, uint32_t holder, const struct python_frame *frame)
{
	const uint64_t count = frame->stack_size;
	if (frame->stack == 0 || count == 0)
		return true;
	const uint8_t *slots = reader_at(&builder->decoder->reader, frame->stack, count * 8);
	const struct run run = { .slots = slots,
		                 .address = frame->stack,
		                 .count = count,
		                 .stride = 8,
		                 .label = LABEL_STACK,
		                 .flags = holder_runs_slot_flags(builder->decoder->layout) };
	return slots == NULL || array_push(&builder->stacks, ((struct holder_run){ holder, run }));
}

bool roots_add_frames(struct roots_builder *builder, uint32_t thread)
{
	const struct runtime *runtime = builder->decoder->context->runtime;
	const struct python_thread *state = &runtime->threads.items[thread];
	const struct thread_frames *frames;
	bool added;
	if (runtime_thread_frames(runtime, state, &frames, builder->error) < 0) {
		builder->roots->frames_truncated = true;
		return true;
	}
	const uint32_t first = builder->roots->holders.count;
	added = holders_push_frames(&builder->roots->holders, &frames->list);
	for (size_t i = 0; added && i < frames->list.count; i++) {
		added = roots_goes_on(builder);
		if (!added || frames->list.places[i].stack_depth >= 0)
			continue;
		const struct python_frame frame = frame_list_at(&frames->list, i);
		added = add_stack(builder, first + (uint32_t)i, &frame);
	}
	builder->roots->frames_truncated |= frames->is_truncated;
	return added;
}
