/* SPDX-License-Identifier: MIT */
#include "graph/holder_runs.h"

#include "decode/field_labels.h"
#include "object/value.h"

/* A frame whose runs are made, and the bytes of it that are present in one piece. */
struct frame_source {
	struct holder_runs *runs;
	const struct layout *layout;
	const struct python_frame *frame;
	const uint8_t *bytes; /* NULL: not in one piece */
	uint64_t end; /* address behind them */
};

static void add(struct frame_source *from, const struct run *run)
{
	const uint64_t address = run->address;
	struct holder_runs *runs = from->runs;
	struct run *added = &runs->frame[runs->made_count];
	if (run->count == 0)
		return;
	*added = *run;
	added->stride = 8;
	if (from->bytes != NULL && address >= from->frame->address && address + 8 * run->count <= from->end) {
		added->slots = from->bytes + (address - from->frame->address);
		runs->alike_runs[runs->alike_count] = *added;
		runs->alike_runs[runs->alike_count++].address = address - from->frame->address;
	} else {
		added->slots = reader_at(&runs->decoder->reader, address, 8 * run->count);
	}
	/* Half the fields of a frame are empty. */
	if (added->slots != NULL && (run->count > 1 || load_u64(added->slots) != 0))
		runs->made_count++;
}

/* The evaluation stack where its depth is known. Up to 3.10 such a one is the frame object's, and in a generator the
 * generator's. */
static void add_stack(struct frame_source *from)
{
	const struct python_frame *frame = from->frame;
	if (frame->stack == 0 || frame->stack_depth <= 0 || frame->owner == FRAME_OWNED_BY_GENERATOR ||
	    !layout_feature(from->layout, FEATURE_INTERPRETER_FRAMES))
		return;
	add(from, &(struct run){ .address = frame->stack,
	                         .count = (uint64_t)frame->stack_depth,
	                         .label = LABEL_STACK,
	                         .flags = holder_runs_slot_flags(from->layout) });
}

/* Up to 3.10: the frame object, which PyEval_EvalFrame() holds a reference to while it runs; a generator's frame is the
 * generator's own. The word that says where it is stands for that reference: the thread's, or that of the frame which
 * it called. */
static void add_frame_object(struct frame_source *from, const struct holder_stretch *stretch, uint32_t depth)
{
	static const char *const label = ".frame";
	struct object_reader *objects = &from->runs->decoder->objects;
	const struct holders *holders = &from->runs->roots->holders;
	uint64_t generator = 0, slot = 0;
	if (value_field(objects, from->frame->address, FIELD_PyFrameObject_f_gen, &generator) && generator != 0)
		return;
	if (depth > 0)
		slot = stretch->frames->places[depth - 1].address +
		       layout_offset(from->layout, FIELD_PyFrameObject_f_back);
	else if (layout_has(from->layout, FIELD_PyThreadState_frame))
		slot = holders->rows.items[stretch->row].address +
		       layout_offset(from->layout, FIELD_PyThreadState_frame);
	if (slot != 0)
		add(from, &(struct run){ .address = slot, .count = 1, .label = LABEL_FIELD, .names = &label });
}

/* A frame of 3.11 and later lies in the thread's data stack and owns what is in it. */
static void add_fields(struct frame_source *from)
{
	static const struct {
		enum layout_field field;
		bool is_stack_reference;
	} fields[] = {
		{ FIELD__PyInterpreterFrame_f_executable, true }, { FIELD__PyInterpreterFrame_f_func, false },
		{ FIELD__PyInterpreterFrame_f_funcobj, true },    { FIELD__PyInterpreterFrame_f_locals, false },
		{ FIELD__PyInterpreterFrame_frame_obj, false },
	};
	const uint16_t tagged = layout_feature(from->layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (!layout_has(from->layout, fields[i].field))
			continue;
		add(from, &(struct run){ .address = from->frame->address + layout_offset(from->layout, fields[i].field),
		                         .count = 1,
		                         .label = LABEL_FIELD,
		                         .flags = fields[i].is_stack_reference ? tagged : 0,
		                         .names = &field_labels[fields[i].field] });
	}
}

/* The runs of a frame that has the code and the stack of the one made last. */
static void make_alike(struct holder_runs *runs, uint64_t address, const uint8_t *bytes)
{
	for (uint32_t i = 0; i < runs->alike_count; i++) {
		struct run *added = &runs->frame[runs->made_count];
		*added = runs->alike_runs[i];
		added->slots = bytes + added->address;
		added->address += address;
		runs->made_count += added->count > 1 || load_u64(added->slots) != 0;
	}
}

/* Where the references end that a frame has in its own memory, from its address on. */
static uint64_t bytes_of(const struct python_frame *frame)
{
	const uint64_t depth = frame->stack_depth > 0 ? (uint64_t)frame->stack_depth : 0;
	return frame->localsplus - frame->address + 8 * ((uint64_t)frame->slot_count + depth);
}

static void make_frame(struct holder_runs *runs, const struct holder_stretch *stretch, uint32_t depth)
{
	const struct frame_place *place = &stretch->frames->places[depth];
	const struct python_frame *form = frame_list_form(stretch->frames, depth);
	runs->made = runs->made_count = 0;
	if (form->owner == FRAME_OWNED_BY_GENERATOR &&
	    layout_feature(runs->decoder->layout, FEATURE_INTERPRETER_FRAMES))
		return; /* it is the generator's */
	if (runs->alike == form && runs->alike_depth == place->stack_depth) {
		const uint8_t *bytes = reader_at(&runs->decoder->reader, place->address, runs->alike_bytes);
		if (bytes != NULL) {
			make_alike(runs, place->address, bytes);
			return;
		}
	}
	const struct python_frame frame = frame_list_at(stretch->frames, depth);
	struct frame_source from = { .runs = runs, .layout = runs->decoder->layout, .frame = &frame };
	runs->alike = NULL;
	runs->alike_count = 0;
	if (!layout_feature(from.layout, FEATURE_INTERPRETER_FRAMES)) {
		add_frame_object(&from, stretch, depth);
		return;
	}
	from.end = frame.address + bytes_of(&frame);
	from.bytes = reader_at(&runs->decoder->reader, frame.address, bytes_of(&frame));
	add_stack(&from);
	add(&from, &(struct run){ .address = frame.localsplus,
	                          .count = frame.slot_count,
	                          .label = LABEL_LOCAL,
	                          .flags = holder_runs_slot_flags(from.layout),
	                          .argument = frame.code });
	add_fields(&from);
	if (from.bytes == NULL)
		return;
	runs->alike = form;
	runs->alike_depth = place->stack_depth;
	runs->alike_bytes = bytes_of(&frame);
}

void holder_runs_open(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder)
{
	*ret_runs = (struct holder_runs){ .roots = roots,
		                          .decoder = decoder,
		                          .end = roots->holders.count,
		                          .stretch = roots->holders.stretches.items };
}

void holder_runs_open_one(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder,
                          uint32_t holder)
{
	*ret_runs = (struct holder_runs){ .roots = roots,
		                          .decoder = decoder,
		                          .holder = holder,
		                          .upcoming = holder,
		                          .end = holder + 1,
		                          .stretch = holders_stretch(&roots->holders, holder),
		                          .kept = array_first_not_below(&roots->runs, holder, holder) };
}

/* The first of some runs, up to the fields, that has the object; NULL: none. Without bytes they have their slots. */
static const struct run *run_with(struct run *runs, uint32_t count, const uint8_t *bytes, uint64_t object,
                                  uint64_t *ret_slot)
{
	for (struct run *run = runs; run < runs + count && run->label != LABEL_FIELD; run++) {
		if (bytes != NULL)
			run->slots = bytes + run->address;
		for (uint64_t slot = 0; slot < run->count; slot++)
			if (run_target(run, slot) == object) {
				*ret_slot = run->first_index + slot;
				return run;
			}
	}
	return NULL;
}

bool holder_runs_find_local(struct holder_runs *runs, uint32_t frame, uint64_t object, uint64_t *ret_code,
                            uint64_t *ret_slot)
{
	if (frame - runs->stretch->first >= runs->stretch->end - runs->stretch->first)
		runs->stretch = holders_stretch(&runs->roots->holders, frame);
	const uint32_t depth = frame - runs->stretch->first;
	const struct frame_place *place = &runs->stretch->frames->places[depth];
	const uint8_t *bytes = NULL;
	const struct run *found;
	if (runs->alike == frame_list_form(runs->stretch->frames, depth) && runs->alike_depth == place->stack_depth)
		bytes = reader_at(&runs->decoder->reader, place->address, runs->alike_bytes);
	if (bytes != NULL) {
		found = run_with(runs->alike_runs, runs->alike_count, bytes, object, ret_slot);
	} else {
		make_frame(runs, runs->stretch, depth);
		found = run_with(runs->frame, runs->made_count, NULL, object, ret_slot);
	}
	*ret_code = found != NULL ? found->argument : 0;
	return found != NULL && found->label == LABEL_LOCAL;
}

const struct run *holder_runs_next(struct holder_runs *runs)
{
	const struct roots *roots = runs->roots;
	for (;;) {
		if (runs->made < runs->made_count)
			return &runs->frame[runs->made++];
		if (runs->kept < roots->runs.count && roots->runs.items[runs->kept].holder < runs->upcoming) {
			runs->holder = roots->runs.items[runs->kept].holder;
			return &roots->runs.items[runs->kept++].run;
		}
		if (runs->upcoming >= runs->end)
			return NULL;
		runs->holder = runs->upcoming++;
		runs->stretch += runs->holder == runs->stretch->end;
		if (runs->stretch->frames != NULL)
			make_frame(runs, runs->stretch, runs->holder - runs->stretch->first);
	}
}
