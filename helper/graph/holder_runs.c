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
	struct form_runs *form; /* where the runs are noted for the next frames of the form */
	bool is_apart; /* some run lies elsewhere */
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
		from->form->runs[from->form->count] = *added;
		from->form->runs[from->form->count++].address = address - from->frame->address;
	} else {
		added->slots = reader_at(&runs->decoder->reader, address, 8 * run->count);
		from->is_apart = true;
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

/* Where the references end that a frame has in its own memory, from its address on. */
static uint64_t bytes_of(const struct python_frame *frame)
{
	const uint64_t depth = frame->stack_depth > 0 ? (uint64_t)frame->stack_depth : 0;
	return frame->localsplus - frame->address + 8 * ((uint64_t)frame->slot_count + depth);
}

/* What is remembered of frames like this one; NULL: nothing. */
static inline const struct form_runs *find_form(struct holder_runs *runs, const struct holder_stretch *stretch,
                                                uint32_t depth, const uint8_t **ret_bytes)
{
	const struct frame_place *place = &stretch->frames->places[depth];
	const struct form_runs *form = &runs->forms[place->form % FORMS_REMEMBERED];
	if (form->form != frame_list_form(stretch->frames, depth) || form->stack_depth != place->stack_depth)
		return NULL;
	*ret_bytes = reader_at(&runs->decoder->reader, place->address, form->bytes);
	return *ret_bytes != NULL ? form : NULL;
}

/* The runs of a frame of 3.11 and later, which are remembered as well. */
static void make_runs(struct holder_runs *runs, const struct holder_stretch *stretch, uint32_t depth)
{
	const struct frame_place *place = &stretch->frames->places[depth];
	const struct python_frame frame = frame_list_at(stretch->frames, depth);
	struct form_runs *form = &runs->forms[place->form % FORMS_REMEMBERED];
	struct frame_source from = { .runs = runs, .layout = runs->decoder->layout, .frame = &frame, .form = form };
	*form = (struct form_runs){ .stack_depth = place->stack_depth, .bytes = bytes_of(&frame) };
	from.end = frame.address + form->bytes;
	from.bytes = reader_at(&runs->decoder->reader, frame.address, form->bytes);
	/* Locals first: what a frame is in the middle of using lies on its stack as well, where it has no name. */
	add(&from, &(struct run){ .address = frame.localsplus,
	                          .count = frame.slot_count,
	                          .label = LABEL_LOCAL,
	                          .flags = holder_runs_slot_flags(from.layout),
	                          .argument = frame.code });
	add_stack(&from);
	form->own_count = form->count;
	const uint32_t made = runs->made_count;
	add_fields(&from);
	form->common_count = runs->made_count - made;
	if (from.bytes != NULL && !from.is_apart)
		form->form = frame_list_form(stretch->frames, depth);
}

static void make_frame(struct holder_runs *runs, const struct holder_stretch *stretch, uint32_t depth)
{
	const uint8_t *bytes;
	const struct form_runs *form = find_form(runs, stretch, depth, &bytes);
	runs->made = runs->made_count = 0;
	if (form != NULL) {
		for (uint32_t i = 0; i < form->count; i++) {
			struct run *added = &runs->frame[runs->made_count];
			*added = form_run(form, i, bytes);
			added->address += stretch->frames->places[depth].address;
			runs->made_count += added->count > 1 || load_u64(added->slots) != 0;
		}
		return;
	}
	if (!layout_feature(runs->decoder->layout, FEATURE_INTERPRETER_FRAMES)) {
		const struct python_frame frame = frame_list_at(stretch->frames, depth);
		struct frame_source from = { .runs = runs, .layout = runs->decoder->layout, .frame = &frame };
		add_frame_object(&from, stretch, depth);
	} else if (frame_list_form(stretch->frames, depth)->owner != FRAME_OWNED_BY_GENERATOR) {
		make_runs(runs, stretch, depth);
	}
	/* A generator's frame is the generator's. */
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

/* Whether a run of a frame's own has the object. */
static bool has_object(const struct run *run, uint64_t object, uint64_t *ret_slot)
{
	for (uint64_t slot = 0; slot < run->count; slot++)
		if (run_target(run, slot) == object) {
			*ret_slot = run->first_index + slot;
			return true;
		}
	return false;
}

bool holder_runs_find_local(struct holder_runs *runs, uint32_t frame, uint64_t object, uint64_t *ret_code,
                            uint64_t *ret_slot)
{
	if (frame - runs->stretch->first >= runs->stretch->end - runs->stretch->first)
		runs->stretch = holders_stretch(&runs->roots->holders, frame);
	const uint32_t depth = frame - runs->stretch->first;
	const uint8_t *bytes;
	const struct form_runs *form = find_form(runs, runs->stretch, depth, &bytes);
	if (form == NULL)
		make_frame(runs, runs->stretch, depth);
	const uint32_t count = form != NULL ? form->own_count : runs->made_count;
	for (uint32_t i = 0; i < count; i++) {
		const struct run run = form != NULL ? form_run(form, i, bytes) : runs->frame[i];
		if (run.label == LABEL_FIELD)
			break;
		if (has_object(&run, object, ret_slot)) {
			*ret_code = run.argument;
			return run.label == LABEL_LOCAL;
		}
	}
	return false;
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

/* How many frames from one on, which is remembered, are like it, at equal distances and in its piece of memory; at most
 * `most`. */
static uint32_t count_alike(const struct holder_runs *runs, const struct frame_place *first, uint64_t bytes,
                            uint32_t most)
{
	const struct segment *segment = runs->decoder->reader.last; /* of the first */
	const uint64_t size = segment->end - segment->start;
	uint32_t count = 1;
	/* Of a lazy one each frame has to be asked for. */
	if (segment->lazy != NULL || most < 2)
		return count;
	const uint64_t distance = first[1].address - first->address;
	if (distance + INT32_MAX > 2 * (uint64_t)INT32_MAX)
		return count;
	while (count < most && first[count].form == first->form && first[count].stack_depth == first->stack_depth &&
	       first[count].address - first[count - 1].address == distance &&
	       first[count].address - segment->start <= size - bytes)
		count++;
	return count;
}

bool holder_runs_next_alike(struct holder_runs *runs, struct alike_frames *ret_alike)
{
	const struct roots *roots = runs->roots;
	const struct holder_stretch *stretch = runs->stretch;
	const struct holder_run *kept = runs->kept < roots->runs.count ? &roots->runs.items[runs->kept] : NULL;
	if (stretch->frames == NULL || runs->made < runs->made_count || runs->upcoming < stretch->first ||
	    runs->upcoming >= stretch->end || runs->upcoming >= runs->end ||
	    (kept != NULL && kept->holder < runs->upcoming))
		return false;
	const uint32_t depth = runs->upcoming - stretch->first;
	const uint8_t *bytes;
	const struct form_runs *form = find_form(runs, stretch, depth, &bytes);
	if (form == NULL)
		return false;
	/* What is kept of a frame comes right behind the frame. */
	uint32_t end = stretch->end < runs->end ? stretch->end : runs->end;
	end = kept != NULL && kept->holder < end ? kept->holder + 1 : end;
	const uint32_t left = end - runs->upcoming;
	const struct frame_place *places = &stretch->frames->places[depth];
	const uint32_t count = count_alike(runs, places, form->bytes, left < FRAMES_TOGETHER ? left : FRAMES_TOGETHER);
	const int64_t distance = count > 1 ? (int64_t)(places[1].address - places[0].address) : 0;
	*ret_alike = (struct alike_frames){ form, bytes, distance, count };
	runs->holder = runs->upcoming;
	runs->upcoming += count;
	return true;
}
