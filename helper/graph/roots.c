/* SPDX-License-Identifier: MIT
 * What each kind of holder refers to. Only strong references of the target are listed: a frame's globals and builtins
 * are borrowed (Include/internal/pycore_frame.h), the dict of interned strings does not count its entries
 * (Objects/unicodeobject.c), so neither keeps anything alive. What is missing here shows as "held from C". */
#include "graph/roots.h"

#include <sys/mman.h>

#include "base/limits.h"
#include "object/keys_table.h"
#include "decode/field_labels.h"
#include "decode/reference_count.h"
#include "decode/registry.h"
#include "object/value.h"

enum {
	SMALL_INTS = 262, /* NSMALLNEGINTS + NSMALLPOSINTS while they were pointers, 3.9 and 3.10 */
	ATEXIT_CALLBACKS = 32, /* of an array whose length is not known; more than anybody registers */
	ATEXIT_WORDS = 3, /* function, arguments, keywords */
	LIMIT_C_STACK_REFS = 1 << 16, /* of one thread: a C function has a handful, and they nest as deep as C calls */
};

static const enum layout_field interpreter_fields[] = {
	FIELD_PyInterpreterState_modules,
	FIELD_PyInterpreterState_sysdict,
	FIELD_PyInterpreterState_builtins,
	FIELD_PyInterpreterState_importlib,
	FIELD_PyInterpreterState_builtins_copy,
	FIELD_PyInterpreterState_sysdict_copy,
	FIELD_PyInterpreterState_dict,
	FIELD_PyInterpreterState_modules_by_index,
	FIELD_PyInterpreterState_import_func,
	FIELD_PyInterpreterState_codec_search_path,
	FIELD_PyInterpreterState_codec_search_cache,
	FIELD_PyInterpreterState_codec_error_registry,
	FIELD_PyInterpreterState_before_forkers,
	FIELD_PyInterpreterState_after_forkers_parent,
	FIELD_PyInterpreterState_after_forkers_child,
	FIELD_PyInterpreterState_warnings_filters,
	FIELD_PyInterpreterState_warnings_once_registry,
	FIELD_PyInterpreterState_warnings_default_action,
	FIELD_PyInterpreterState_warnings_context,
	FIELD_PyInterpreterState_audit_hooks,
	FIELD_PyInterpreterState_exc_state_errnomap,
	FIELD_PyInterpreterState_imports_lazy_modules,
};

static const enum layout_field thread_fields[] = {
	FIELD_PyThreadState_dict,
	FIELD_PyThreadState_curexc_type,
	FIELD_PyThreadState_curexc_value,
	FIELD_PyThreadState_curexc_traceback,
	FIELD_PyThreadState_current_exception,
	FIELD_PyThreadState_async_exc,
	FIELD_PyThreadState_async_gen_firstiter,
	FIELD_PyThreadState_async_gen_finalizer,
	FIELD_PyThreadState_context,
	FIELD_PyThreadState_c_profileobj,
	FIELD_PyThreadState_c_traceobj,
	FIELD_PyThreadState_threading_local_key,
	FIELD_PyThreadState_threading_local_sentinel,
};

/* What _PyThreadStateImpl adds to a thread state that it begins with. */
static const enum layout_field thread_more_fields[] = {
	FIELD__PyThreadStateImpl_asyncio_running_loop,
	FIELD__PyThreadStateImpl_asyncio_running_task,
};

static bool add_slots(struct roots *roots, struct reader *reader, uint32_t holder, uint64_t address, uint64_t count,
                      enum label_kind label, uint32_t flags, uint64_t argument, const char *const *names)
{
	const uint8_t *slots = count > 0 ? reader_at(reader, address, count * 8) : NULL;
	if (slots == NULL)
		return true;
	struct holder_run run = { .holder = holder,
		                  .run = { .slots = slots,
		                           .address = address,
		                           .count = count,
		                           .stride = 8,
		                           .label = (uint16_t)label,
		                           .flags = (uint16_t)flags,
		                           .argument = argument,
		                           .names = names } };
	return array_push(&roots->runs, run);
}

/* Words that may be references: graph/doubtful.h. */
static bool add_doubtful(struct roots *roots, struct reader *reader, uint32_t holder, uint64_t address, uint64_t bytes,
                         uint64_t offset)
{
	const uint64_t skip = -address & 7;
	if (bytes < skip + 8)
		return true;
	const uint64_t count = (bytes - skip) / 8;
	const uint8_t *slots = reader_at(reader, address + skip, count * 8);
	if (slots == NULL)
		return true;
	const struct run run = { .slots = slots,
		                 .address = address + skip,
		                 .count = count,
		                 .stride = 8,
		                 .label = LABEL_WORD,
		                 .argument = offset + skip };
	return array_push(&roots->doubtful, (struct holder_run){ holder, run });
}

static bool add_field(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t address,
                      enum layout_field field)
{
	if (!layout_has(decoder->layout, field))
		return true;
	return add_slots(roots, &decoder->reader, holder, address + layout_offset(decoder->layout, field), 1,
	                 LABEL_FIELD, 0, 0, &field_labels[field]);
}

static bool add_collector(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t state)
{
	return add_field(roots, decoder, holder, state, FIELD__gc_runtime_state_garbage) &&
	       add_field(roots, decoder, holder, state, FIELD__gc_runtime_state_callbacks);
}

/* 3.10 to 3.12: an array of pointers to callbacks, of which the length is not known; later a list, which is a word of
 * the interpreter's like others. */
static bool add_atexit(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t interpreter)
{
	uint64_t callbacks, callback;
	if (!value_field(&decoder->objects, interpreter, FIELD_PyInterpreterState_atexit_callbacks, &callbacks))
		return true;
	for (uint64_t i = 0; i < ATEXIT_CALLBACKS; i++) {
		if (callbacks == 0 || !reader_u64(&decoder->reader, callbacks + 8 * i, &callback))
			return true;
		if (callback != 0 && callback % 8 == 0 &&
		    !add_doubtful(roots, &decoder->reader, holder, callback, 8 * (uint64_t)ATEXIT_WORDS, 0))
			return false;
	}
	return true;
}

bool roots_add_interned_dict(struct roots *roots, uint64_t address)
{
	if (roots->interned.count == 0 || address < roots->interned_low)
		roots->interned_low = address;
	if (address > roots->interned_high)
		roots->interned_high = address;
	return array_push(&roots->interned, address);
}

/* The dict of interned strings (3.12+; before, a static variable that doubtful.c finds). Strings that are never freed
 * may be known to nothing else. */
static bool add_interned(struct roots *roots, struct decoder *decoder, uint64_t interpreter)
{
	static const char *const label = ".interned_strings";
	const struct layout *layout = decoder->layout;
	uint64_t dict, keys_address;
	struct keys_table keys;
	if (!value_field(&decoder->objects, interpreter, FIELD_PyInterpreterState_interned_strings, &dict) ||
	    dict == 0 || roots_is_interned_dict(roots, dict))
		return true;
	if (!roots_add_interned_dict(roots, dict) ||
	    !add_slots(roots, &decoder->reader, roots->runtime_holder,
	               interpreter + layout_offset(layout, FIELD_PyInterpreterState_interned_strings), 1, LABEL_FIELD,
	               0, 0, &label))
		return false;
	if (!value_field(&decoder->objects, dict, FIELD_PyDictObject_ma_keys, &keys_address) ||
	    !keys_table_read(&decoder->objects, keys_address, &keys))
		return true;
	for (uint64_t i = 0, begin = 0; i <= keys.entry_count; i++) {
		const uint64_t slot = keys.entries + i * keys.entry_bytes + keys.key_offset;
		struct reference_count count;
		uint64_t key;
		if (i < keys.entry_count && reader_u64(&decoder->reader, slot, &key) && key != 0 &&
		    reference_count_read(decoder, key, &count) && count.is_immortal)
			continue;
		const uint64_t first = keys.entries + begin * keys.entry_bytes + keys.key_offset;
		const uint64_t bytes = i > begin ? (i - begin - 1) * keys.entry_bytes + 8 : 0;
		const uint8_t *slots = bytes > 0 ? reader_at(&decoder->reader, first, bytes) : NULL;
		const struct run run = { .slots = slots,
			                 .address = first,
			                 .count = i - begin,
			                 .first_index = begin,
			                 .stride = keys.entry_bytes,
			                 .label = LABEL_DICT_KEY };
		if (slots != NULL && !array_push(&roots->runs, (struct holder_run){ roots->runtime_holder, run }))
			return false;
		begin = i + 1;
	}
	return true;
}

/* What an interpreter other than the main one keeps of the static types that all share (3.12+; the main one's is
 * decoded with the type): one run for each word, across all types. */
static bool add_static_types(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t interpreter,
                             enum layout_field table)
{
	static const struct {
		enum layout_field field;
		const char *label;
	} words[] = {
		{ FIELD_managed_static_type_state_tp_dict, ".__dict__" },
		{ FIELD_managed_static_type_state_tp_subclasses, ".__subclasses__" },
	};
	const struct layout *layout = decoder->layout;
	const uint32_t stride = layout->struct_bytes[STRUCT_managed_static_type_state];
	if (!layout_has(layout, table) || stride == 0)
		return true;
	const uint64_t first = interpreter + layout_offset(layout, table);
	const uint64_t count = layout->fields[table].size / stride;
	for (size_t i = 0; i < sizeof words / sizeof words[0] && count > 0; i++) {
		const uint64_t address = first + layout_offset(layout, words[i].field);
		const uint8_t *slots = reader_at(&decoder->reader, address, (count - 1) * stride + 8);
		if (slots == NULL)
			continue;
		struct holder_run run = {
			.holder = holder,
			.run = { .slots = slots,
			         .address = address,
			         .count = count,
			         .stride = stride,
			         .label = LABEL_OF_STATIC_TYPE,
			         .argument = layout_offset(layout, words[i].field) -
			                     layout_offset(layout, FIELD_managed_static_type_state_type),
			         .names = &words[i].label },
		};
		if (!array_push(&roots->runs, run))
			return false;
	}
	return true;
}

static bool add_interpreter(struct roots *roots, struct decoder *decoder, const struct interpreter *interpreter)
{
	const struct layout *layout = decoder->layout;
	uint32_t holder = (uint32_t)roots->holders.count;
	if (!array_push(&roots->holders,
	                (struct holder){ .kind = HOLDER_INTERPRETER, .address = interpreter->address }))
		return false;
	for (size_t i = 0; i < sizeof interpreter_fields / sizeof interpreter_fields[0]; i++)
		if (!add_field(roots, decoder, holder, interpreter->address, interpreter_fields[i]))
			return false;
	if (!add_atexit(roots, decoder, holder, interpreter->address) ||
	    !add_doubtful(roots, &decoder->reader, holder, interpreter->address,
	                  layout->struct_bytes[STRUCT_PyInterpreterState], 0))
		return false;
	if (interpreter != decoder->context->runtime->interpreters.items &&
	    (!add_static_types(roots, decoder, holder, interpreter->address, FIELD_PyInterpreterState_types_builtins) ||
	     !add_static_types(roots, decoder, holder, interpreter->address,
	                       FIELD_PyInterpreterState_types_for_extensions)))
		return false;
	if (layout_has(layout, FIELD_PyInterpreterState_small_ints) &&
	    !add_slots(roots, &decoder->reader, holder,
	               interpreter->address + layout_offset(layout, FIELD_PyInterpreterState_small_ints), SMALL_INTS,
	               LABEL_ITEM, 0, 0, NULL))
		return false;
	if (layout_has(layout, FIELD_PyInterpreterState_gc))
		return add_collector(roots, decoder, holder,
		                     interpreter->address + layout_offset(layout, FIELD_PyInterpreterState_gc));
	if (holder > roots->c_holder + 1 || !layout_has(layout, FIELD__PyRuntimeState_gc))
		return true;
	return add_collector(roots, decoder, holder,
	                     decoder->context->runtime->address + layout_offset(layout, FIELD__PyRuntimeState_gc));
}

/* The exceptions being handled: exc_info points at the innermost _PyErr_StackItem, usually exc_state of the thread;
 * those of generators are decoded with the generators. */
static bool add_handled_exception(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t thread)
{
	const struct layout *layout = decoder->layout;
	if (!layout_has(layout, FIELD_PyThreadState_exc_state))
		return true;
	uint64_t item = thread + layout_offset(layout, FIELD_PyThreadState_exc_state);
	return add_field(roots, decoder, holder, item, FIELD__PyErr_StackItem_exc_type) &&
	       add_field(roots, decoder, holder, item, FIELD__PyErr_StackItem_exc_value) &&
	       add_field(roots, decoder, holder, item, FIELD__PyErr_StackItem_exc_traceback);
}

enum { OWNED_BY_GENERATOR = 1 }; /* enum _frameowner */

/* Evaluation stacks whose depth is not known. */
struct frame_stacks {
	struct holder_run *items;
	size_t count, capacity;
};

/* Up to 3.10: the frame object, which PyEval_EvalFrame() holds a reference to while it runs; a generator's frame is the
 * generator's own. The word that says where it is stands for that reference. */
static bool add_frame_object(struct roots *roots, struct decoder *decoder, uint32_t holder,
                             const struct python_frame *frame, uint64_t slot)
{
	static const char *const label = ".frame";
	uint64_t generator = 0;
	if (value_field(&decoder->objects, frame->address, FIELD_PyFrameObject_f_gen, &generator) && generator != 0)
		return true;
	return add_slots(roots, &decoder->reader, holder, slot, 1, LABEL_FIELD, 0, 0, &label);
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
static bool add_stack(struct roots *roots, struct frame_stacks *stacks, struct decoder *decoder, uint32_t holder,
                      const struct python_frame *frame)
{
	const struct layout *layout = decoder->layout;
	const bool is_known = frame->stack_depth >= 0;
	const uint32_t flags = slot_flags(layout);
	if (frame->stack == 0 ||
	    (is_known && (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES) || frame->owner == OWNED_BY_GENERATOR)))
		return true;
	const uint64_t count = is_known ? (uint64_t)frame->stack_depth : frame->stack_size;
	if (is_known)
		return add_slots(roots, &decoder->reader, holder, frame->stack, count, LABEL_STACK, flags, 0, NULL);
	const uint8_t *slots = count > 0 ? reader_at(&decoder->reader, frame->stack, count * 8) : NULL;
	const struct run run = { .slots = slots,
		                 .address = frame->stack,
		                 .count = count,
		                 .stride = 8,
		                 .label = LABEL_STACK,
		                 .flags = (uint16_t)flags };
	return slots == NULL || array_push(stacks, (struct holder_run){ holder, run });
}

/* A frame of 3.11 and later lies in the thread's data stack and owns what is in it; a frame object of 3.10 and before
 * is an object like others, held by the C function that runs it. A generator's frame is the generator's. */
static bool add_frame(struct roots *roots, struct frame_stacks *stacks, struct decoder *decoder, uint32_t thread_holder,
                      uint32_t thread, uint32_t depth, const struct python_frame *frame, uint64_t slot)
{
	const struct layout *layout = decoder->layout;
	uint32_t holder = (uint32_t)roots->holders.count;
	if (!array_push(&roots->holders, (struct holder){ .kind = HOLDER_FRAME,
	                                                  .parent = thread_holder,
	                                                  .address = frame->address,
	                                                  .thread = thread,
	                                                  .depth = depth,
	                                                  .frame = *frame }))
		return false;
	if (!add_stack(roots, stacks, decoder, holder, frame))
		return false;
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return add_frame_object(roots, decoder, holder, frame, slot);
	if (frame->owner == OWNED_BY_GENERATOR)
		return true;
	uint32_t tagged = layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0;
	if (!add_slots(roots, &decoder->reader, holder, frame->localsplus, frame->slot_count, LABEL_LOCAL,
	               slot_flags(layout), frame->code, NULL))
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
		if (!add_slots(roots, &decoder->reader, holder, frame->address + layout_offset(layout, fields[i]), 1,
		               LABEL_FIELD, is_reference ? tagged : 0, 0, &field_labels[fields[i]]))
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

/* 3.14 and later, free-threaded: references that C functions keep on their stacks, a list through these. */
static bool add_c_stack_refs(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t thread)
{
	enum { REFERENCE = 0, NEXT = 8 }; /* struct _PyCStackRef, Include/internal/pycore_structs.h */
	static const char *const label = ".c_stack_refs";
	uint64_t at;
	if (!value_field(&decoder->objects, thread, FIELD__PyThreadStateImpl_c_stack_refs, &at))
		return true;
	for (uint32_t i = 0; at != 0 && at % 8 == 0 && i < LIMIT_C_STACK_REFS; i++) {
		if (!add_slots(roots, &decoder->reader, holder, at + REFERENCE, 1, LABEL_FIELD, RUN_TAGGED, 0, &label))
			return false;
		if (!reader_u64(&decoder->reader, at + NEXT, &at))
			break;
	}
	return true;
}

/* What a thread state says beside its frames. */
static bool add_thread_state(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t thread)
{
	const struct layout *layout = decoder->layout;
	const bool has_more = layout->struct_bytes[STRUCT__PyThreadStateImpl] > 0;
	for (size_t i = 0; i < sizeof thread_fields / sizeof thread_fields[0]; i++)
		if (!add_field(roots, decoder, holder, thread, thread_fields[i]))
			return false;
	for (size_t i = 0; i < sizeof thread_more_fields / sizeof thread_more_fields[0]; i++)
		if (!add_field(roots, decoder, holder, thread, thread_more_fields[i]))
			return false;
	return add_handled_exception(roots, decoder, holder, thread) &&
	       add_c_stack_refs(roots, decoder, holder, thread) &&
	       add_doubtful(roots, &decoder->reader, holder, thread,
	                    layout->struct_bytes[has_more ? STRUCT__PyThreadStateImpl : STRUCT_PyThreadState], 0);
}

static bool add_thread(struct roots *roots, struct frame_stacks *stacks, struct decoder *decoder, uint32_t thread,
                       struct error *error)
{
	const struct runtime *runtime = decoder->context->runtime;
	const struct python_thread *state = &runtime->threads.items[thread];
	uint32_t holder = (uint32_t)roots->holders.count;
	uint32_t parent = 0;
	for (uint32_t i = 0; i < holder; i++)
		if (roots->holders.items[i].kind == HOLDER_INTERPRETER &&
		    roots->holders.items[i].address == state->interpreter)
			parent = i;
	if (!array_push(&roots->holders,
	                (struct holder){
	                        .kind = HOLDER_THREAD, .parent = parent, .address = state->address, .thread = thread }))
		return false;
	if (!add_thread_state(roots, decoder, holder, state->address))
		return false;
	struct frame_list frames = { 0 };
	bool truncated = false;
	bool added = true;
	if (runtime_frames(runtime, state, &frames, &truncated, error) == OK)
		for (size_t i = 0; added && i < frames.count; i++)
			added = add_frame(roots, stacks, decoder, holder, thread, (uint32_t)i, &frames.items[i],
			                  frame_slot(decoder, state->address, i > 0 ? &frames.items[i - 1] : NULL));
	else
		truncated = true;
	roots->frames_truncated |= truncated;
	free(frames.items);
	return added;
}

/* Writable memory of ELF files, .bss included: what C code keeps in static variables. */
static bool add_static_memory(struct roots *roots, struct decoder *decoder)
{
	const struct address_space *space = decoder->reader.space;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		const uint32_t holder = (uint32_t)roots->holders.count;
		uint64_t left = LIMIT_BSS_BYTES;
		if (!file->is_elf || file->end <= file->start)
			continue;
		if (!array_push(&roots->holders,
		                (struct holder){ .kind = HOLDER_STATIC, .address = file->start, .file = (uint32_t)i }))
			return false;
		for (uint64_t at = file->start; at < file->end && left > 0;) {
			const struct segment *segment = reader_segment(&decoder->reader, at);
			if (segment == NULL) {
				at = (at | 4095) + 1; /* not mapped: the next page */
				continue;
			}
			uint64_t end = segment->end < file->end ? segment->end : file->end;
			uint64_t bytes = end - at < left ? end - at : left;
			if (segment->protection & PROT_WRITE && segment->data != NULL) {
				if (!add_doubtful(roots, &decoder->reader, holder, at, bytes, at - file->start))
					return false;
				left -= bytes;
			}
			at = end;
		}
	}
	return true;
}

static bool append_stacks(struct roots *roots, const struct frame_stacks *stacks)
{
	for (size_t i = 0; i < stacks->count; i++)
		if (!array_push(&roots->doubtful, stacks->items[i]))
			return false;
	return true;
}

int roots_collect(struct roots *ret_roots, struct decoder *decoder, struct error *error)
{
	struct roots *roots = ret_roots;
	const struct runtime *runtime = decoder->context->runtime;
	struct frame_stacks stacks = { 0 };
	*roots = (struct roots){ .runtime_holder = 1, .c_holder = 2 };
	bool added = array_push(&roots->holders, (struct holder){ .kind = HOLDER_PROCESS }) &&
	             array_push(&roots->holders, (struct holder){ .kind = HOLDER_RUNTIME }) &&
	             array_push(&roots->holders, (struct holder){ .kind = HOLDER_C });
	for (size_t i = 0; added && i < runtime->interpreters.count; i++)
		added = add_interned(roots, decoder, runtime->interpreters.items[i].address);
	for (size_t i = 0; added && i < runtime->interpreters.count; i++)
		added = add_interpreter(roots, decoder, &runtime->interpreters.items[i]);
	for (uint32_t i = 0; added && i < runtime->threads.count; i++)
		added = add_thread(roots, &stacks, decoder, i, error);
	added = added && add_static_memory(roots, decoder) && append_stacks(roots, &stacks);
	free(stacks.items);
	if (!added) {
		roots_clear(roots);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the roots");
	}
	return OK;
}

void roots_clear(struct roots *roots)
{
	array_free(&roots->holders);
	array_free(&roots->runs);
	array_free(&roots->doubtful);
	array_free(&roots->accepted);
	array_free(&roots->interned);
}
