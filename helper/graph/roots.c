/* SPDX-License-Identifier: MIT
 * What each kind of holder refers to. Only strong references of the target are listed: a frame's globals and builtins
 * are borrowed (Include/internal/pycore_frame.h), the dict of interned strings does not count its entries
 * (Objects/unicodeobject.c), so neither keeps anything alive. What is missing here shows as "held from C". */
#include "graph/roots_builder.h"

#include <sys/mman.h>

#include "base/large_block.h"
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

static bool add_collector(struct roots_builder *builder, uint32_t holder, uint64_t state)
{
	return roots_add_field(builder, holder, state, FIELD__gc_runtime_state_garbage) &&
	       roots_add_field(builder, holder, state, FIELD__gc_runtime_state_callbacks);
}

/* 3.10 to 3.12: an array of pointers to callbacks, of which the length is not known; later a list, which is a word of
 * the interpreter's like others. */
static bool add_atexit(struct roots_builder *builder, uint32_t holder, uint64_t interpreter)
{
	uint64_t callbacks, callback;
	if (!value_field(&builder->decoder->objects, interpreter, FIELD_PyInterpreterState_atexit_callbacks,
	                 &callbacks))
		return true;
	for (uint64_t i = 0; i < ATEXIT_CALLBACKS; i++) {
		if (callbacks == 0 || !reader_u64(&builder->decoder->reader, callbacks + 8 * i, &callback))
			return true;
		if (callback != 0 && callback % 8 == 0 &&
		    !roots_add_doubtful(builder, holder, callback, 8 * (uint64_t)ATEXIT_WORDS, 0))
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
static bool add_interned(struct roots_builder *builder, uint64_t interpreter)
{
	static const char *const label = ".interned_strings";
	const struct layout *layout = builder->decoder->layout;
	uint64_t dict, keys_address;
	struct keys_table keys;
	if (!value_field(&builder->decoder->objects, interpreter, FIELD_PyInterpreterState_interned_strings, &dict) ||
	    dict == 0 || roots_is_interned_dict(builder->roots, dict))
		return true;
	if (!roots_add_interned_dict(builder->roots, dict) ||
	    !roots_add_run(builder, builder->roots->runtime_holder,
	                   &(struct run){ .address = interpreter +
	                                             layout_offset(layout, FIELD_PyInterpreterState_interned_strings),
	                                  .count = 1,
	                                  .label = LABEL_FIELD,
	                                  .names = &label }))
		return false;
	if (!value_field(&builder->decoder->objects, dict, FIELD_PyDictObject_ma_keys, &keys_address) ||
	    !keys_table_read(&builder->decoder->objects, keys_address, &keys))
		return true;
	/* What the header claims is held against the memory that there is. */
	const struct segment *segment = reader_segment(&builder->decoder->reader, keys.entries);
	const uint64_t fitting = segment != NULL ? (segment->end - keys.entries) / keys.entry_bytes : 0;
	const uint64_t entries = keys.entry_count < fitting ? keys.entry_count : fitting;
	for (uint64_t i = 0, begin = 0; i <= entries; i++) {
		const uint64_t slot = keys.entries + i * keys.entry_bytes + keys.key_offset;
		struct reference_count count;
		uint64_t key;
		if (!roots_goes_on(builder))
			return false;
		if (i < entries && reader_u64(&builder->decoder->reader, slot, &key) && key != 0 &&
		    reference_count_read(builder->decoder, key, &count) && count.is_immortal)
			continue;
		const uint64_t first = keys.entries + begin * keys.entry_bytes + keys.key_offset;
		const uint64_t bytes = i > begin ? (i - begin - 1) * keys.entry_bytes + 8 : 0;
		const uint8_t *slots = bytes > 0 ? reader_at(&builder->decoder->reader, first, bytes) : NULL;
		const struct run run = { .slots = slots,
			                 .address = first,
			                 .count = i - begin,
			                 .first_index = begin,
			                 .stride = keys.entry_bytes,
			                 .label = LABEL_DICT_KEY };
		if (slots != NULL &&
		    !array_push(&builder->roots->runs, (struct holder_run){ builder->roots->runtime_holder, run }))
			return false;
		begin = i + 1;
	}
	return true;
}

/* What an interpreter other than the main one keeps of the static types that all share (3.12+; the main one's is
 * decoded with the type): one run for each word, across all types. */
static bool add_static_types(struct roots_builder *builder, uint32_t holder, uint64_t interpreter,
                             enum layout_field table)
{
	static const struct {
		enum layout_field field;
		const char *label;
	} words[] = {
		{ FIELD_managed_static_type_state_tp_dict, ".__dict__" },
		{ FIELD_managed_static_type_state_tp_subclasses, ".__subclasses__" },
	};
	const struct layout *layout = builder->decoder->layout;
	const uint32_t stride = layout->struct_bytes[STRUCT_managed_static_type_state];
	if (!layout_has(layout, table) || stride == 0)
		return true;
	const uint64_t first = interpreter + layout_offset(layout, table);
	const uint64_t count = layout->fields[table].size / stride;
	for (size_t i = 0; i < sizeof words / sizeof words[0] && count > 0; i++) {
		const uint64_t address = first + layout_offset(layout, words[i].field);
		const uint8_t *slots = reader_at(&builder->decoder->reader, address, (count - 1) * stride + 8);
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
		if (!array_push(&builder->roots->runs, run))
			return false;
	}
	return true;
}

static bool add_interpreter(struct roots_builder *builder, const struct interpreter *interpreter)
{
	const struct layout *layout = builder->decoder->layout;
	uint32_t holder = builder->roots->holders.count;
	if (!holders_push(&builder->roots->holders,
	                  &(struct holder){ .kind = HOLDER_INTERPRETER, .address = interpreter->address }))
		return false;
	for (size_t i = 0; i < sizeof interpreter_fields / sizeof interpreter_fields[0]; i++)
		if (!roots_add_field(builder, holder, interpreter->address, interpreter_fields[i]))
			return false;
	if (!add_atexit(builder, holder, interpreter->address) ||
	    !roots_add_doubtful(builder, holder, interpreter->address, layout->struct_bytes[STRUCT_PyInterpreterState],
	                        0))
		return false;
	if (interpreter != builder->decoder->context->runtime->interpreters.items &&
	    (!add_static_types(builder, holder, interpreter->address, FIELD_PyInterpreterState_types_builtins) ||
	     !add_static_types(builder, holder, interpreter->address, FIELD_PyInterpreterState_types_for_extensions)))
		return false;
	if (layout_has(layout, FIELD_PyInterpreterState_small_ints) &&
	    !roots_add_run(builder, holder,
	                   &(struct run){ .address = interpreter->address +
	                                             layout_offset(layout, FIELD_PyInterpreterState_small_ints),
	                                  .count = SMALL_INTS,
	                                  .label = LABEL_ITEM }))
		return false;
	if (layout_has(layout, FIELD_PyInterpreterState_gc))
		return add_collector(builder, holder,
		                     interpreter->address + layout_offset(layout, FIELD_PyInterpreterState_gc));
	if (holder > builder->roots->c_holder + 1 || !layout_has(layout, FIELD__PyRuntimeState_gc))
		return true;
	return add_collector(builder, holder,
	                     builder->decoder->context->runtime->address +
	                             layout_offset(layout, FIELD__PyRuntimeState_gc));
}

/* The exceptions being handled: exc_info points at the innermost _PyErr_StackItem, usually exc_state of the thread;
 * those of generators are decoded with the generators. */
static bool add_handled_exception(struct roots_builder *builder, uint32_t holder, uint64_t thread)
{
	const struct layout *layout = builder->decoder->layout;
	if (!layout_has(layout, FIELD_PyThreadState_exc_state))
		return true;
	uint64_t item = thread + layout_offset(layout, FIELD_PyThreadState_exc_state);
	return roots_add_field(builder, holder, item, FIELD__PyErr_StackItem_exc_type) &&
	       roots_add_field(builder, holder, item, FIELD__PyErr_StackItem_exc_value) &&
	       roots_add_field(builder, holder, item, FIELD__PyErr_StackItem_exc_traceback);
}

/* 3.14 and later, free-threaded: references that C functions keep on their stacks, a list through these. */
static bool add_c_stack_refs(struct roots_builder *builder, uint32_t holder, uint64_t thread)
{
	enum { REFERENCE = 0, NEXT = 8 }; /* struct _PyCStackRef, Include/internal/pycore_structs.h */
	static const char *const label = ".c_stack_refs";
	uint64_t at;
	if (!value_field(&builder->decoder->objects, thread, FIELD__PyThreadStateImpl_c_stack_refs, &at))
		return true;
	for (uint32_t i = 0; at != 0 && at % 8 == 0 && i < LIMIT_C_STACK_REFS; i++) {
		if (!roots_goes_on(builder) || !roots_add_run(builder, holder,
		                                              &(struct run){ .address = at + REFERENCE,
		                                                             .count = 1,
		                                                             .label = LABEL_FIELD,
		                                                             .flags = (uint16_t)RUN_TAGGED,
		                                                             .names = &label }))
			return false;
		if (!reader_u64(&builder->decoder->reader, at + NEXT, &at))
			break;
	}
	return true;
}

/* What a thread state says beside its frames. */
static bool add_thread_state(struct roots_builder *builder, uint32_t holder, uint64_t thread)
{
	const struct layout *layout = builder->decoder->layout;
	const bool has_more = layout->struct_bytes[STRUCT__PyThreadStateImpl] > 0;
	for (size_t i = 0; i < sizeof thread_fields / sizeof thread_fields[0]; i++)
		if (!roots_add_field(builder, holder, thread, thread_fields[i]))
			return false;
	for (size_t i = 0; i < sizeof thread_more_fields / sizeof thread_more_fields[0]; i++)
		if (!roots_add_field(builder, holder, thread, thread_more_fields[i]))
			return false;
	return add_handled_exception(builder, holder, thread) && add_c_stack_refs(builder, holder, thread) &&
	       roots_add_doubtful(builder, holder, thread,
	                          layout->struct_bytes[has_more ? STRUCT__PyThreadStateImpl : STRUCT_PyThreadState], 0);
}

static bool add_thread(struct roots_builder *builder, uint32_t thread)
{
	const struct runtime *runtime = builder->decoder->context->runtime;
	const struct python_thread *state = &runtime->threads.items[thread];
	uint32_t holder = builder->roots->holders.count;
	uint32_t parent = 0;
	for (uint32_t i = 0; i < runtime->interpreters.count; i++)
		if (runtime->interpreters.items[i].address == state->interpreter)
			parent = builder->roots->c_holder + 1 + i;
	const struct holder row = {
		.kind = HOLDER_THREAD, .parent = parent, .address = state->address, .thread = thread
	};
	if (!holders_push(&builder->roots->holders, &row))
		return false;
	if (!add_thread_state(builder, holder, state->address))
		return false;
	return roots_add_frames(builder, thread);
}

/* Writable memory of ELF files, .bss included: what C code keeps in static variables. */
static bool add_static_memory(struct roots_builder *builder)
{
	const struct address_space *space = builder->decoder->reader.space;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		const uint32_t holder = builder->roots->holders.count;
		uint64_t left = LIMIT_BSS_BYTES;
		if (!file->is_elf || file->end <= file->start)
			continue;
		const struct holder row = { .kind = HOLDER_STATIC, .address = file->start, .file = (uint32_t)i };
		if (!holders_push(&builder->roots->holders, &row))
			return false;
		for (uint64_t at = file->start; at < file->end && left > 0;) {
			const struct segment *segment = reader_segment(&builder->decoder->reader, at);
			if (!roots_goes_on(builder))
				return false;
			if (segment == NULL) {
				at = (at | 4095) + 1; /* not mapped: the next page */
				continue;
			}
			uint64_t end = segment->end < file->end ? segment->end : file->end;
			uint64_t bytes = end - at < left ? end - at : left;
			if (segment->protection & PROT_WRITE && segment->data != NULL) {
				if (!roots_add_doubtful(builder, holder, at, bytes, at - file->start))
					return false;
				left -= bytes;
			}
			at = end;
		}
	}
	return true;
}

static bool append_stacks(struct roots_builder *builder)
{
	for (size_t i = 0; i < builder->stacks.count; i++)
		if (!array_push(&builder->roots->doubtful, builder->stacks.items[i]))
			return false;
	return true;
}

static bool add_all(struct roots_builder *builder)
{
	const struct runtime *runtime = builder->decoder->context->runtime;
	struct holders *holders = &builder->roots->holders;
	bool added = holders_push(holders, &(struct holder){ .kind = HOLDER_PROCESS }) &&
	             holders_push(holders, &(struct holder){ .kind = HOLDER_RUNTIME }) &&
	             holders_push(holders, &(struct holder){ .kind = HOLDER_C });
	for (size_t i = 0; added && i < runtime->interpreters.count; i++)
		added = add_interned(builder, runtime->interpreters.items[i].address);
	for (size_t i = 0; added && i < runtime->interpreters.count; i++)
		added = add_interpreter(builder, &runtime->interpreters.items[i]);
	for (uint32_t i = 0; added && i < runtime->threads.count; i++)
		added = add_thread(builder, i);
	return added && add_static_memory(builder) && append_stacks(builder);
}

int roots_collect(struct roots *ret_roots, struct decoder *decoder, const struct progress *progress,
                  struct error *error)
{
	struct roots_builder builder = { .roots = ret_roots, .decoder = decoder, .progress = progress, .error = error };
	*ret_roots = (struct roots){ .runtime_holder = 1, .c_holder = 2 };
	const bool added = add_all(&builder);
	array_free(&builder.stacks);
	if (added)
		return OK;
	roots_clear(ret_roots);
	return builder.is_cancelled ? progress_cancelled(error)
	                            : error_set(error, ERROR_NO_MEMORY, "out of memory for the roots");
}

void roots_clear(struct roots *roots)
{
	holders_clear(&roots->holders);
	array_free(&roots->runs);
	array_free(&roots->doubtful);
	array_free(&roots->accepted);
	array_free(&roots->interned);
}
