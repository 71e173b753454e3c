/* SPDX-License-Identifier: MIT */
#include "graph/holder_runs.h"

#include "decode/field_labels.h"
#include "object/value.h"

enum { OWNED_BY_GENERATOR = 1 }; /* enum _frameowner */

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
	if (frame->stack == 0 || frame->stack_depth <= 0 || frame->owner == OWNED_BY_GENERATOR ||
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
static void add_frame_object(struct frame_source *from, const struct holder *holder)
{
	static const char *const label = ".frame";
	struct object_reader *objects = &from->runs->decoder->objects;
	const struct roots *roots = from->runs->roots;
	uint64_t generator = 0, slot = 0;
	if (value_field(objects, from->frame->address, FIELD_PyFrameObject_f_gen, &generator) && generator != 0)
		return;
	if (holder->depth > 0)
		slot = holder[-1].address + layout_offset(from->layout, FIELD_PyFrameObject_f_back);
	else if (layout_has(from->layout, FIELD_PyThreadState_frame))
		slot = roots->holders.items[holder->parent].address +
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
static void make_alike(struct holder_runs *runs, const struct python_frame *frame, const uint8_t *bytes)
{
	for (uint32_t i = 0; i < runs->alike_count; i++) {
		struct run *added = &runs->frame[runs->made_count];
		*added = runs->alike_runs[i];
		added->slots = bytes + added->address;
		added->address += frame->address;
		runs->made_count += added->count > 1 || load_u64(added->slots) != 0;
	}
}

static bool is_alike(const struct python_frame *left, const struct python_frame *right)
{
	return left != NULL && left->code == right->code && left->owner == right->owner &&
	       left->slot_count == right->slot_count && left->stack_depth == right->stack_depth &&
	       left->localsplus - left->address == right->localsplus - right->address &&
	       left->stack - left->address == right->stack - right->address;
}

static void make_frame(struct holder_runs *runs, const struct holder *holder)
{
	const struct python_frame *frame = holder->frame;
	struct frame_source from = { .runs = runs, .layout = runs->decoder->layout, .frame = frame };
	runs->made = runs->made_count = 0;
	if (!layout_feature(from.layout, FEATURE_INTERPRETER_FRAMES)) {
		add_frame_object(&from, holder);
		return;
	}
	if (frame->owner == OWNED_BY_GENERATOR) /* it is the generator's */
		return;
	from.end = frame->localsplus +
	           8 * ((uint64_t)frame->slot_count + (frame->stack_depth > 0 ? (uint64_t)frame->stack_depth : 0));
	from.bytes = reader_at(&runs->decoder->reader, frame->address, from.end - frame->address);
	if (from.bytes != NULL && is_alike(runs->alike, frame)) {
		make_alike(runs, frame, from.bytes);
		return;
	}
	runs->alike_count = 0;
	add_stack(&from);
	add(&from, &(struct run){ .address = frame->localsplus,
	                          .count = frame->slot_count,
	                          .label = LABEL_LOCAL,
	                          .flags = holder_runs_slot_flags(from.layout),
	                          .argument = frame->code });
	add_fields(&from);
	runs->alike = from.bytes != NULL ? frame : NULL;
}

void holder_runs_open(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder)
{
	*ret_runs = (struct holder_runs){ .roots = roots, .decoder = decoder, .end = (uint32_t)roots->holders.count };
}

void holder_runs_open_one(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder,
                          uint32_t holder)
{
	*ret_runs = (struct holder_runs){ .roots = roots,
		                          .decoder = decoder,
		                          .holder = holder,
		                          .upcoming = holder,
		                          .end = holder + 1,
		                          .kept = array_first_not_below(&roots->runs, holder, holder) };
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
		if (roots->holders.items[runs->holder].kind == HOLDER_FRAME)
			make_frame(runs, &roots->holders.items[runs->holder]);
	}
}
