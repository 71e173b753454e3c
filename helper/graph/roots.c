/* SPDX-License-Identifier: MIT
 * What each kind of holder refers to. Only strong references of the target are listed: a frame's globals and builtins
 * are borrowed (Include/internal/pycore_frame.h), the dict of interned strings does not count its entries
 * (Objects/unicodeobject.c), so neither keeps anything alive. What is missing here shows as "held from C". */
#include "graph/roots.h"

#include "decode/registry.h"
#include "decode/value.h"

enum { SMALL_INTS = 262 }; /* NSMALLNEGINTS + NSMALLPOSINTS while they were pointers, 3.9 and 3.10 */

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

static bool add_field(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t address,
                      enum layout_field field)
{
	if (!layout_has(decoder->layout, field))
		return true;
	return add_slots(roots, &decoder->reader, holder, address + layout_offset(decoder->layout, field), 1,
	                 LABEL_FIELD, 0, 0, &registry_field_labels[field]);
}

static bool add_collector(struct roots *roots, struct decoder *decoder, uint32_t holder, uint64_t state)
{
	return add_field(roots, decoder, holder, state, FIELD__gc_runtime_state_garbage) &&
	       add_field(roots, decoder, holder, state, FIELD__gc_runtime_state_callbacks);
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

/* Up to 3.10: the frame object, which PyEval_EvalFrame() holds a reference to while it runs; a generator's frame is the
 * generator's own. The word that says where it is stands for that reference. */
static bool add_frame_object(struct roots *roots, struct decoder *decoder, uint32_t holder,
                             const struct python_frame *frame, uint64_t slot)
{
	static const char *const label = ".frame";
	uint64_t generator = 0;
	if (value_field(decoder, frame->address, FIELD_PyFrameObject_f_gen, &generator) && generator != 0)
		return true;
	return add_slots(roots, &decoder->reader, holder, slot, 1, LABEL_FIELD, 0, 0, &label);
}

/* A frame of 3.11 and later lies in the thread's data stack and owns what is in it; a frame object of 3.10 and before
 * is an object like others, held by the C function that runs it. A generator's frame is the generator's. */
static bool add_frame(struct roots *roots, struct decoder *decoder, uint32_t thread_holder, uint32_t thread,
                      uint32_t depth, const struct python_frame *frame, uint64_t slot)
{
	enum { OWNED_BY_GENERATOR = 1 };
	const struct layout *layout = decoder->layout;
	uint32_t holder = (uint32_t)roots->holders.count;
	if (!array_push(&roots->holders, (struct holder){ .kind = HOLDER_FRAME,
	                                                  .parent = thread_holder,
	                                                  .address = frame->address,
	                                                  .thread = thread,
	                                                  .depth = depth,
	                                                  .frame = *frame }))
		return false;
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return add_frame_object(roots, decoder, holder, frame, slot);
	if (frame->owner == OWNED_BY_GENERATOR)
		return true;
	uint32_t tagged = layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0;
	if (!add_slots(roots, &decoder->reader, holder, frame->localsplus, frame->slot_count, LABEL_LOCAL, tagged,
	               frame->code, NULL))
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
		               LABEL_FIELD, is_reference ? tagged : 0, 0, &registry_field_labels[fields[i]]))
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

static bool add_thread(struct roots *roots, struct decoder *decoder, uint32_t thread, struct error *error)
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
	for (size_t i = 0; i < sizeof thread_fields / sizeof thread_fields[0]; i++)
		if (!add_field(roots, decoder, holder, state->address, thread_fields[i]))
			return false;
	if (!add_handled_exception(roots, decoder, holder, state->address))
		return false;
	struct frame_list frames = { 0 };
	bool truncated = false;
	bool added = true;
	if (runtime_frames(runtime, state, &frames, &truncated, error) == OK)
		for (size_t i = 0; added && i < frames.count; i++)
			added = add_frame(roots, decoder, holder, thread, (uint32_t)i, &frames.items[i],
			                  frame_slot(decoder, state->address, i > 0 ? &frames.items[i - 1] : NULL));
	else
		truncated = true;
	roots->frames_truncated |= truncated;
	free(frames.items);
	return added;
}

int roots_collect(struct roots *ret_roots, struct decoder *decoder, struct error *error)
{
	struct roots *roots = ret_roots;
	const struct runtime *runtime = decoder->context->runtime;
	*roots = (struct roots){ .runtime_holder = 1, .c_holder = 2 };
	bool added = array_push(&roots->holders, (struct holder){ .kind = HOLDER_PROCESS }) &&
	             array_push(&roots->holders, (struct holder){ .kind = HOLDER_RUNTIME }) &&
	             array_push(&roots->holders, (struct holder){ .kind = HOLDER_C });
	for (size_t i = 0; added && i < runtime->interpreters.count; i++)
		added = add_interpreter(roots, decoder, &runtime->interpreters.items[i]);
	for (uint32_t i = 0; added && i < runtime->threads.count; i++)
		added = add_thread(roots, decoder, i, error);
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
}
