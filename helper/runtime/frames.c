/* SPDX-License-Identifier: MIT
 * The Python frames of a thread, most recent first, in every form CPython had: a chain of frame objects, a chain behind
 * a C-level record, a chain of interpreter frames with entries of its own that are no Python frames. */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/data_stack.h"
#include "runtime/find/opening.h"

/* Include/internal/pycore_frame.h, enum _frameowner: 3 and 4 are entries that the interpreter or C code put between
 * Python frames; they have no code of a user's. Which of the two has which number changed in 3.14. */
enum { FIRST_OWNER_WITHOUT_CODE = 3 };

/* FRAME_OWNED_BY_CSTACK of 3.12 and 3.13, FRAME_OWNED_BY_INTERPRETER since 3.14: what _PyEval_EvalFrameDefault puts
 * before the first frame that a call of it runs. */
enum { OWNER_OF_ENTRY = 3 };

/* The tag bits of a _PyStackRef (3.14+); objects are aligned to more than that. */
static const uint64_t stack_ref_tags = 3;

enum frame_kind {
	FRAME_UNREADABLE, /* of the frame itself nothing can be had: the chain ends */
	FRAME_SHIM,
	FRAME_WITHOUT_CODE, /* a Python frame whose code object cannot be read: its slots are not known */
	FRAME_PYTHON,
};

enum { CODES_REMEMBERED = 8, FRAMES_AHEAD = 16 };

/* What frames have of their code; a recursion runs the same few. */
struct code_facts {
	uint64_t code; /* 0: none is here yet */
	enum frame_kind kind;
	uint32_t slot_count, stack_size;
};

/* A frame that was read: in a recursion the next one of the code is as it is but for its place. */
struct model {
	struct python_frame frame;
	const uint8_t *bytes; /* of it, up to its locals; NULL: there is none */
	uint32_t form; /* in the list; UINT32_MAX: not put there */
};

struct frame_reader {
	const struct runtime *runtime;
	const struct layout *layout;
	struct reader *reader;
	uint64_t at; /* the frame at hand; 0: none */
	const uint8_t *bytes; /* of it, up to its locals */
	uint64_t size;
	uint64_t before; /* address of the frame that was read last */
	struct code_facts codes[CODES_REMEMBERED];
	struct model models[CODES_REMEMBERED]; /* interpreter frames, by their code alike */
	struct model *model; /* of the frame that was read last; NULL: it has none */
	int32_t code_offset, previous_offset, stack_pointer_offset; /* -1: there is no such word */
};

static int32_t word_offset(const struct layout *layout, enum layout_field field)
{
	return layout_has(layout, field) ? (int32_t)layout_offset(layout, field) : -1;
}

static void frame_reader_init(struct frame_reader *from, const struct runtime *runtime, struct reader *reader)
{
	*from = (struct frame_reader){ .runtime = runtime, .layout = &runtime->layout, .reader = reader };
	from->code_offset = word_offset(from->layout, FIELD__PyInterpreterFrame_f_executable);
	from->previous_offset = word_offset(from->layout, FIELD__PyInterpreterFrame_previous);
	from->stack_pointer_offset = word_offset(from->layout, FIELD__PyInterpreterFrame_stackpointer);
}

static bool field(const struct frame_reader *from, uint64_t address, enum layout_field which, uint64_t *ret_value)
{
	const struct layout_place *place = &from->layout->fields[which];
	if (address == from->at && place->bit_width == 0 && place->size == 8 &&
	    (uint64_t)place->offset + 8 <= from->size) {
		*ret_value = load_u64(from->bytes + place->offset);
		return true;
	}
	return read_field(from->reader, from->layout, address, which, ret_value);
}

/* False only if the type can be read and is another one. */
static bool may_be(const struct frame_reader *from, uint64_t object, enum known_symbol type_symbol)
{
	const uint64_t known = from->runtime->symbols[type_symbol];
	uint64_t type;
	return known == 0 || !field(from, object, FIELD_PyObject_ob_type, &type) || type == known;
}

static bool tuple_size(const struct frame_reader *from, uint64_t code, enum layout_field which, uint64_t *ret_size)
{
	uint64_t tuple;
	if (!field(from, code, which, &tuple) || !field(from, tuple, FIELD_PyVarObject_ob_size, ret_size))
		return false;
	return *ret_size <= LIMIT_FRAME_SLOTS;
}

/* How many of the words at localsplus have a name. */
static bool count_slots(const struct frame_reader *from, uint64_t code, uint32_t *ret_count)
{
	uint64_t count, cells, free_variables;
	if (layout_has(from->layout, FIELD_PyCodeObject_co_nlocalsplus)) {
		if (!field(from, code, FIELD_PyCodeObject_co_nlocalsplus, &count))
			return false;
	} else {
		if (!field(from, code, FIELD_PyCodeObject_co_nlocals, &count) ||
		    !tuple_size(from, code, FIELD_PyCodeObject_co_cellvars, &cells) ||
		    !tuple_size(from, code, FIELD_PyCodeObject_co_freevars, &free_variables) ||
		    count > LIMIT_FRAME_SLOTS)
			return false;
		count += cells + free_variables;
	}
	if (count > LIMIT_FRAME_SLOTS)
		return false;
	*ret_count = (uint32_t)count;
	return true;
}

/* Where the evaluation stack is and how much of it is in use, once code and localsplus are known. What lies above its
 * top are words of values that are no longer there. */
static void read_stack(const struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	uint64_t top;
	frame->stack_depth = -1;
	if (frame->stack_size == 0)
		return;
	frame->stack = frame->localsplus + 8 * (uint64_t)frame->slot_count;
	int64_t depth = -1;
	if (field(from, address, FIELD__PyInterpreterFrame_stackpointer, &top)) {
		if (!runtime_frame_is_running(from->runtime, address) && top >= frame->stack &&
		    (top - frame->stack) % 8 == 0)
			depth = (int64_t)((top - frame->stack) / 8);
	} else if (field(from, address, FIELD__PyInterpreterFrame_stacktop, &top)) {
		depth = (int64_t)(int32_t)top - frame->slot_count;
	} else if (field(from, address, FIELD_PyFrameObject_f_valuestack, &frame->stack)) {
		if (field(from, address, FIELD_PyFrameObject_f_stackdepth, &top))
			depth = (int32_t)top;
		else if (field(from, address, FIELD_PyFrameObject_f_stacktop, &top) && top >= frame->stack)
			depth = (int64_t)((top - frame->stack) / 8);
	}
	if (depth >= 0 && depth <= (int64_t)frame->stack_size)
		frame->stack_depth = (int32_t)depth;
}

/* A code object made by CPython itself for an entry of its own: the first instruction that may be traced lies behind
 * the end of its code (_Py_InitCleanup, 3.12+), so that such a frame always counts as incomplete. */
static bool is_shim_code(const struct frame_reader *from, uint64_t code)
{
	uint64_t first_traceable, units;
	return field(from, code, FIELD_PyCodeObject__co_firsttraceable, &first_traceable) &&
	       field(from, code, FIELD_PyVarObject_ob_size, &units) && first_traceable >= units;
}

/* The same when the code itself is not in the dump: CPython's own is const, every other lives in writable memory. */
static bool is_constant(const struct frame_reader *from, uint64_t code)
{
	const struct segment *segment = address_space_find(from->runtime->space, code);
	return segment != NULL && (segment->protection & PROT_WRITE) == 0;
}

static void find_facts(const struct frame_reader *from, uint64_t code, struct code_facts *facts)
{
	const bool may_be_shim = layout_feature(from->layout, FEATURE_INTERPRETER_FRAMES);
	uint64_t size;
	*facts = (struct code_facts){ .code = code, .kind = FRAME_PYTHON };
	if (!may_be(from, code, SYMBOL_PyCode_Type) || !count_slots(from, code, &facts->slot_count))
		facts->kind = may_be_shim && is_constant(from, code) ? FRAME_SHIM : FRAME_WITHOUT_CODE;
	else if (may_be_shim && is_shim_code(from, code))
		facts->kind = FRAME_SHIM;
	else if (field(from, code, FIELD_PyCodeObject_co_stacksize, &size) && size <= LIMIT_FRAME_SLOTS)
		facts->stack_size = (uint32_t)size;
}

/* Takes over what the code says of each frame of it. */
static enum frame_kind read_code(struct frame_reader *from, struct python_frame *frame)
{
	struct code_facts *facts = &from->codes[frame->code / 16 % CODES_REMEMBERED];
	if (facts->code != frame->code)
		find_facts(from, frame->code, facts);
	frame->slot_count = facts->slot_count;
	frame->stack_size = facts->stack_size;
	return facts->kind;
}

/* Up to 3.10. */
static enum frame_kind read_frame_object(struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	const struct layout *layout = from->layout;
	uint64_t last;
	if (!may_be(from, address, SYMBOL_PyFrame_Type) ||
	    !field(from, address, FIELD_PyFrameObject_f_code, &frame->code) ||
	    !field(from, address, FIELD_PyFrameObject_f_globals, &frame->globals) ||
	    !field(from, address, FIELD_PyFrameObject_f_builtins, &frame->builtins) ||
	    !field(from, address, FIELD_PyFrameObject_f_locals, &frame->locals) ||
	    !field(from, address, FIELD_PyFrameObject_f_lasti, &last))
		return FRAME_UNREADABLE;
	frame->frame_object = address;
	frame->ends_call = true;
	frame->localsplus = address + layout_offset(layout, FIELD_PyFrameObject_f_localsplus);
	frame->last_instruction = UINT64_MAX;
	const int32_t index = (int32_t)last;
	/* f_lasti counts bytes up to 3.9 and instructions of 2 bytes in 3.10 (bpo-27129), which also brought
	 * f_stackdepth. */
	if (index >= 0)
		frame->last_instruction =
		        (uint64_t)index * (layout_has(layout, FIELD_PyFrameObject_f_stackdepth) ? 2 : 1);
	const enum frame_kind kind = read_code(from, frame);
	if (kind == FRAME_PYTHON)
		read_stack(from, address, frame);
	return kind;
}

/* A free-threaded build runs a copy of the code for each thread (co_tlbc, 3.14+): the same instruction in the code
 * object itself. */
static uint64_t instruction_in_code(const struct frame_reader *from, uint64_t address, uint64_t code,
                                    uint64_t instruction)
{
	const struct layout *layout = from->layout;
	uint64_t index, array, size, copy;
	if (!layout_has(layout, FIELD_PyCodeObject_co_tlbc) || !layout_has(layout, FIELD__PyCodeArray_entries) ||
	    !field(from, address, FIELD__PyInterpreterFrame_tlbc_index, &index) || index == 0 ||
	    !field(from, code, FIELD_PyCodeObject_co_tlbc, &array) ||
	    !field(from, array, FIELD__PyCodeArray_size, &size) || index >= size || index >= LIMIT_THREADS)
		return instruction;
	const uint64_t entries = array + layout_offset(layout, FIELD__PyCodeArray_entries);
	if (!reader_u64(from->reader, entries + 8 * index, &copy) || copy == 0 || instruction < copy)
		return instruction;
	return code + layout_offset(layout, FIELD_PyCodeObject_co_code_adaptive) + (instruction - copy);
}

static void read_instruction(const struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	const struct layout *layout = from->layout;
	uint64_t instruction;
	frame->last_instruction = UINT64_MAX;
	frame->last_instruction_is_address = true;
	/* 3.13+: instr_ptr, the one that runs or is about to. Before: prev_instr, the last begun, which is in front of
	 * the code before the first. */
	if (field(from, address, FIELD__PyInterpreterFrame_instr_ptr, &instruction)) {
		frame->last_instruction = instruction_in_code(from, address, frame->code, instruction);
	} else if (field(from, address, FIELD__PyInterpreterFrame_prev_instr, &instruction)) {
		if (instruction >= frame->code + layout_offset(layout, FIELD_PyCodeObject_co_code_adaptive))
			frame->last_instruction = instruction;
	}
}

/* 3.11 and later. */
static enum frame_kind read_interpreter_frame(struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	const struct layout *layout = from->layout;
	uint64_t owner;
	if (!field(from, address, FIELD__PyInterpreterFrame_f_executable, &frame->code) ||
	    !field(from, address, FIELD__PyInterpreterFrame_owner, &owner) ||
	    !field(from, address, FIELD__PyInterpreterFrame_f_globals, &frame->globals) ||
	    !field(from, address, FIELD__PyInterpreterFrame_f_builtins, &frame->builtins) ||
	    !field(from, address, FIELD__PyInterpreterFrame_f_locals, &frame->locals) ||
	    !field(from, address, FIELD__PyInterpreterFrame_frame_obj, &frame->frame_object))
		return FRAME_UNREADABLE;
	frame->owner = (uint8_t)owner;
	uint64_t is_entry; /* 3.11 */
	frame->ends_call =
	        field(from, address, FIELD__PyInterpreterFrame_is_entry, &is_entry) && (is_entry & 0xff) != 0;
	/* No entry is without: those of the interpreter have None, or code of its own. But cores written by gdb have
	 * zeros where it could not read, and a chain through them only seems to end. */
	if (frame->code == 0)
		return FRAME_UNREADABLE;
	if (owner >= FIRST_OWNER_WITHOUT_CODE)
		return FRAME_SHIM;
	if (!field(from, address, FIELD__PyInterpreterFrame_f_funcobj, &frame->function) &&
	    !field(from, address, FIELD__PyInterpreterFrame_f_func, &frame->function))
		return FRAME_UNREADABLE;
	if (layout_feature(layout, FEATURE_TAGGED_STACK_REFS)) {
		frame->code &= ~stack_ref_tags;
		frame->function &= ~stack_ref_tags;
	}
	frame->localsplus = address + layout_offset(layout, FIELD__PyInterpreterFrame_localsplus);
	if (layout_feature(layout, FEATURE_FRAME_EXECUTABLE) && !may_be(from, frame->code, SYMBOL_PyCode_Type))
		return FRAME_SHIM;
	read_instruction(from, address, frame);
	const enum frame_kind kind = read_code(from, frame);
	if (kind == FRAME_PYTHON)
		read_stack(from, address, frame);
	return kind;
}

/* Whether the interpreter frame at hand has the words of the model, but for where it and its caller are. */
static inline bool is_as_model(const struct frame_reader *from, const struct model *model)
{
	const uint8_t *bytes = from->bytes;
	for (int32_t at = 0; at + 8 <= (int32_t)from->size; at += 8)
		if (load_u64(bytes + at) != load_u64(model->bytes + at) && at != from->previous_offset &&
		    at != from->stack_pointer_offset)
			return false;
	return true;
}

static void move_model(const struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	const struct python_frame *model = &from->model->frame;
	*frame = *model;
	frame->address = address;
	frame->localsplus += address - model->address;
	frame->stack += frame->stack != 0 ? address - model->address : 0;
	if (from->stack_pointer_offset >= 0)
		read_stack(from, address, frame);
}

static struct model *model_of(struct frame_reader *from)
{
	if (from->bytes == NULL || from->code_offset < 0 || (uint64_t)from->code_offset + 8 > from->size)
		return NULL;
	return &from->models[load_u64(from->bytes + from->code_offset) / 16 % CODES_REMEMBERED];
}

/* The frames of a recursion lie at equal distances, and where the next one is stands in the one before it. A number,
 * since nothing need be there. */
static inline void look_ahead(struct frame_reader *from, uint64_t address)
{
	const uintptr_t ahead = (uintptr_t)from->bytes + (uintptr_t)(FRAMES_AHEAD * (address - from->before));
	__builtin_prefetch((const void *)ahead);
	__builtin_prefetch((const void *)(ahead + from->size - 8));
	from->before = address;
}

static enum frame_kind read_frame(struct frame_reader *from, uint64_t address, struct python_frame *frame)
{
	const bool is_object = !layout_feature(from->layout, FEATURE_INTERPRETER_FRAMES);
	from->model = NULL;
	if (address == 0 || address % 8 != 0)
		return FRAME_UNREADABLE;
	from->size = layout_offset(from->layout,
	                           is_object ? FIELD_PyFrameObject_f_localsplus : FIELD__PyInterpreterFrame_localsplus);
	from->bytes = from->size > 0 ? reader_at(from->reader, address, from->size) : NULL;
	from->at = from->bytes != NULL ? address : 0;
	struct model *model = is_object ? NULL : model_of(from);
	look_ahead(from, address);
	if (model != NULL && model->bytes != NULL && is_as_model(from, model)) {
		from->model = model;
		move_model(from, address, frame);
		return FRAME_PYTHON;
	}
	*frame = (struct python_frame){ .address = address };
	if (is_object)
		return read_frame_object(from, address, frame);
	const enum frame_kind kind = read_interpreter_frame(from, address, frame);
	if (kind == FRAME_PYTHON && model != NULL) {
		*model = (struct model){ .frame = *frame, .bytes = from->bytes, .form = UINT32_MAX };
		from->model = model;
	}
	return kind;
}

bool runtime_read_frame(const struct runtime *runtime, struct reader *reader, uint64_t address,
                        struct python_frame *ret_frame)
{
	struct frame_reader from;
	frame_reader_init(&from, runtime, reader);
	return read_frame(&from, address, ret_frame) == FRAME_PYTHON;
}

/* The list ends with frames of a loop, the last of them repeated `period` frames ago: each is kept once. */
static void cut_repetition(struct frame_list *frames, size_t begin, size_t period)
{
	for (size_t i = begin; period != 0 && i + period < frames->count; i++) {
		if (frames->places[i].address == frames->places[i + period].address) {
			frames->count = i + period;
			return;
		}
	}
}

/* Appends the frame that was read last. */
static bool push_frame(struct frame_reader *from, struct frame_list *frames, const struct python_frame *frame)
{
	if (frames->count == frames->capacity && !frame_list_reserve(frames, frames->count + 8))
		return false;
	if (from->model != NULL && from->model->form != UINT32_MAX) {
		frame_list_push_alike(frames, from->model->form, frame->address, frame->stack_depth);
		return true;
	}
	if (!frame_list_push(frames, frame))
		return false;
	if (from->model != NULL)
		from->model->form = frames->places[frames->count - 1].form;
	return true;
}

/* The chain is broken: what the thread's own stack has below the frames that were found. */
static bool add_from_data_stack(struct frame_reader *from, const struct python_thread *thread,
                                struct frame_list *frames, size_t begin)
{
	frame_addresses found = { .items = NULL };
	uint64_t end = 0;
	/* Generators have their frames themselves. */
	for (size_t i = frames->count; i-- > begin && end == 0;)
		if (frame_list_form(frames, i)->owner == FRAME_OWNED_BY_THREAD)
			end = frames->places[i].address;
	bool done = end == 0 && frames->count > begin
	                    ? true
	                    : data_stack_read(from->runtime, thread, from->reader, end, &found);
	if (done && found.count > 0 && frames->count > begin)
		frames->places[frames->count - 1].ends_call = true;
	for (size_t i = found.count; done && i-- > 0;) {
		struct python_frame frame;
		if (read_frame(from, found.items[i], &frame) == FRAME_PYTHON)
			done = push_frame(from, frames, &frame);
	}
	array_free(&found);
	return done;
}

int runtime_frames(const struct runtime *runtime, const struct python_thread *thread, struct frame_list *frames,
                   bool *ret_truncated, struct error *error)
{
	struct reader reader;
	struct frame_reader from;
	reader_init(&reader, runtime->space);
	frame_reader_init(&from, runtime, &reader);
	const enum layout_field back = layout_feature(&runtime->layout, FEATURE_INTERPRETER_FRAMES)
	                                       ? FIELD__PyInterpreterFrame_previous
	                                       : FIELD_PyFrameObject_f_back;
	const size_t begin = frames->count;
	uint64_t at;
	*ret_truncated = !runtime_first_frame(runtime, &reader, thread->address, &at);
	if (*ret_truncated)
		at = 0;
	bool is_broken = *ret_truncated;
	/* Brent's cycle finding: a mark that is moved up to where we are after 1, 2, 4, ... steps. */
	uint64_t mark = 0, steps = 0, next_mark = 1;
	size_t mark_count = begin;
	for (uint64_t count = 0; at != 0; count++) {
		if (at == mark || count == LIMIT_FRAMES) {
			*ret_truncated = true;
			if (at == mark)
				cut_repetition(frames, begin, frames->count - mark_count);
			break;
		}
		if (++steps == next_mark) {
			mark = at;
			mark_count = frames->count;
			next_mark *= 2;
			steps = 0;
		}
		struct python_frame frame;
		const enum frame_kind kind = read_frame(&from, at, &frame);
		if (kind == FRAME_UNREADABLE || !field(&from, at, back, &at)) {
			*ret_truncated = is_broken = true;
			break;
		}
		*ret_truncated |= kind == FRAME_WITHOUT_CODE;
		if (kind == FRAME_SHIM && frame.owner == OWNER_OF_ENTRY && frames->count > begin)
			frames->places[frames->count - 1].ends_call = true;
		if (kind != FRAME_SHIM && !push_frame(&from, frames, &frame))
			return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	if (is_broken && back == FIELD__PyInterpreterFrame_previous &&
	    !add_from_data_stack(&from, thread, frames, begin))
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	return OK;
}

int runtime_thread_frames(const struct runtime *runtime, const struct python_thread *thread,
                          const struct thread_frames **ret_frames, struct error *error)
{
	struct thread_frames *frames = &runtime->frames[thread - runtime->threads.items];
	*ret_frames = frames;
	if (frames->is_read)
		return OK;
	TRY(runtime_frames(runtime, thread, &frames->list, &frames->is_truncated, error));
	frames->is_read = true;
	return OK;
}
