/* SPDX-License-Identifier: MIT
 * resolve: which object of the target a typed expression means. What the frame means by it, as Python would: locals,
 * globals, builtins; then Python paths, longest prefix in sys.modules. Where both were tried and failed, the error
 * tells both stories. */
#include "base/limits.h"
#include "object/value.h"
#include "names/locals.h"
#include "names/steps.h"

struct resolver {
	struct decoder *decoder;
	const struct runtime *runtime;
	const struct name_options *options;
	const char *source;
	struct expression expression;
};

/* A typed part of the expression, made fit for a message. */
static void append_source(const struct resolver *resolver, size_t start, size_t end, struct text *text)
{
	names_escape(text, resolver->source + start, end - start, false);
}

/* Steps from first_step on, from object on. */
static int walk_steps(const struct resolver *resolver, uint64_t object, size_t first_step, uint64_t *ret_object,
                      struct error *error)
{
	const struct expression *expression = &resolver->expression;
	struct text path = { 0 }, typed = { 0 };
	int status = 0;

	for (size_t i = first_step; i < expression->steps.count && status == 0; i++) {
		const struct expression_step *step = &expression->steps.items[i];
		size_t before = i == 0 ? expression->address_end : expression->steps.items[i - 1].source_end;
		text_reset(&path);
		text_reset(&typed);
		append_source(resolver, expression->source_start, before, &path);
		append_source(resolver, before, step->source_end, &typed);
		struct path_place place = { resolver->decoder, resolver->options, object, text_string(&path) };
		if (path.failed || typed.failed)
			status = error_set(error, ERROR_NO_MEMORY, "out of memory while following a path");
		else if (step->is_subscript)
			status = path_subscript(&place, expression, step->key, text_string(&typed), &object, error);
		else
			status = path_attribute(&place, expression_name(expression, step), &object, error);
	}
	text_free(&path);
	text_free(&typed);
	if (status == 0)
		*ret_object = object;
	return status;
}

static int resolve_address(const struct resolver *resolver, uint64_t *ret_object, struct error *error)
{
	struct decoder *decoder = resolver->decoder;
	uint64_t address = resolver->expression.address, type_word;
	const char *hint = "";

	if (address % 8 == 0 && value_type(&decoder->objects, address, NULL) != 0)
		return walk_steps(resolver, address, 0, ret_object, error);
	enum memory_state state = address_space_state(decoder->reader.space, address);
	if (state == MEMORY_UNMAPPED)
		hint = "the process has no memory there";
	else if (state == MEMORY_ABSENT)
		hint = "that memory is not in the dump";
	else if (address % 8 != 0)
		hint = "objects are aligned to 8 bytes";
	else if (!value_field(&decoder->objects, address, FIELD_PyObject_ob_type, &type_word))
		hint = "the dump ends inside it";
	else
		hint = "the word where its type should be points to no type object";
	return error_set(error, ERROR_NOT_FOUND, "%#llx is no Python object: %s", (unsigned long long)address, hint);
}

/* ---- sys.modules ---- */

static bool searches_interpreter(const struct resolver *resolver, const struct interpreter *interpreter)
{
	return !resolver->expression.has_interpreter || (uint64_t)interpreter->id == resolver->expression.interpreter;
}

/* The module named by the first count steps; main interpreter first. 0: in no sys.modules, or None there. */
static uint64_t find_module(const struct resolver *resolver, size_t count)
{
	const struct runtime *runtime = resolver->runtime;
	struct text name = { 0 };
	uint64_t module = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			text_add(&name, ".");
		text_add(&name, expression_name(&resolver->expression, &resolver->expression.steps.items[i]));
	}
	for (size_t i = 0; i < runtime->interpreters.count && module == 0 && !name.failed; i++) {
		const struct interpreter *interpreter = &runtime->interpreters.items[i];
		if (searches_interpreter(resolver, interpreter) && interpreter->modules != 0)
			module = dict_get_str(&resolver->decoder->objects, interpreter->modules, text_string(&name));
		if (module != 0 && module == runtime->symbols[SYMBOL__Py_NoneStruct])
			module = 0;
	}
	text_free(&name);
	return module;
}

static void offer_modules(const struct resolver *resolver, struct suggestion *suggestion)
{
	const struct runtime *runtime = resolver->runtime;
	struct dict_cursor cursor;
	uint64_t key, value;

	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		const struct interpreter *interpreter = &runtime->interpreters.items[i];
		if (!searches_interpreter(resolver, interpreter) ||
		    !dict_cursor_open(&cursor, &resolver->decoder->objects, interpreter->modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &value)) {
			if (!suggestion_offer_str(suggestion, resolver->decoder, key))
				return;
		}
	}
}

/* ERROR_NOT_FOUND with *ret_is_module: a module was found, and a later step failed. */
static int resolve_in_modules(const struct resolver *resolver, uint64_t *ret_object, bool *ret_is_module,
                              struct error *error)
{
	const struct expression *expression = &resolver->expression;
	struct error shorter = { 0 };
	size_t names = 0;

	*ret_is_module = false;
	while (names < expression->steps.count && !expression->steps.items[names].is_subscript &&
	       names < LIMIT_MODULE_DOTS)
		names++;
	for (size_t count = names; count > 0; count--) {
		uint64_t module = find_module(resolver, count);
		if (module == 0)
			continue;
		/* A package may have an attribute of the same name as its submodule: then the shorter prefix holds.
		 * The error that is kept is that of the longest. */
		if (walk_steps(resolver, module, count, ret_object, *ret_is_module ? &shorter : error) == 0) {
			error_clear(error);
			return 0;
		}
		*ret_is_module = true;
	}
	if (!*ret_is_module)
		error_set(error, ERROR_NOT_FOUND, "no module '%s' in sys.modules",
		          expression_name(expression, &expression->steps.items[0]));
	return ERROR_NOT_FOUND;
}

/* ---- Frames ---- */

/* A thread state of the interpreter that was named; one native thread may have several, each in another interpreter. */
static bool is_in_interpreter(const struct resolver *resolver, const struct python_thread *thread)
{
	const struct runtime *runtime = resolver->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		if (runtime->interpreters.items[i].address == thread->interpreter)
			return searches_interpreter(resolver, &runtime->interpreters.items[i]);
	return !resolver->expression.has_interpreter;
}

static bool is_meant_thread(const struct resolver *resolver, const struct python_thread *thread)
{
	const struct expression *expression = &resolver->expression;
	if (expression->has_thread)
		return thread->native_id == expression->thread;
	/* The first of that interpreter, unless it is the selected one's. */
	if (expression->has_interpreter)
		return true;
	return resolver->options->selected_thread != 0 ? thread->address == resolver->options->selected_thread
	                                               : thread->is_selected;
}

static const struct python_thread *find_thread(const struct resolver *resolver, struct error *error)
{
	const struct runtime *runtime = resolver->runtime;
	const struct expression *expression = &resolver->expression;
	const struct python_thread *found = NULL;
	struct text list = { 0 };

	for (size_t i = 0; i < runtime->threads.count; i++) {
		const struct python_thread *thread = &runtime->threads.items[i];
		if (is_in_interpreter(resolver, thread) && is_meant_thread(resolver, thread)) {
			found = thread;
			break;
		}
		if (i < 16)
			text_format(&list, "%s%llu", i == 0 ? "" : ", ", (unsigned long long)thread->native_id);
	}
	if (found == NULL && expression->has_thread)
		error_set(error, ERROR_NOT_FOUND, "no Python thread %llu (threads: %s)",
		          (unsigned long long)expression->thread, text_string(&list));
	else if (found == NULL)
		error_set(error, ERROR_NOT_FOUND, "no Python thread is selected (threads: %s); say thread:TID.name",
		          text_string(&list));
	text_free(&list);
	return found;
}

/* The frame that is meant; place: "frame 2 of thread 4243" for messages. */
static int find_frame(const struct resolver *resolver, struct python_frame *ret_frame, struct text *place,
                      struct error *error)
{
	const struct expression *expression = &resolver->expression;
	const struct python_thread *thread = find_thread(resolver, error);
	const struct thread_frames *frames;

	if (thread == NULL)
		return ERROR_NOT_FOUND;
	bool is_selected = !expression->has_thread || (resolver->options->selected_thread == 0
	                                                       ? thread->is_selected
	                                                       : thread->address == resolver->options->selected_thread);
	uint64_t number = expression->has_frame ? expression->frame
	                  : is_selected         ? resolver->options->selected_frame
	                                        : 0;
	TRY(runtime_thread_frames(resolver->runtime, thread, &frames, error));
	const char *unread = frames->is_truncated ? ", what is below cannot be read" : "";
	const uint64_t count = frames->list.count;
	if (count == 0)
		return error_set(error, ERROR_NOT_FOUND, "thread %llu has no Python frame%s",
		                 (unsigned long long)thread->native_id,
		                 frames->is_truncated ? " that can be read" : "");
	if (number >= count)
		return error_set(error, ERROR_NOT_FOUND,
		                 "thread %llu has no frame %llu: its Python frames are 0 to %llu%s",
		                 (unsigned long long)thread->native_id, (unsigned long long)number,
		                 (unsigned long long)count - 1, unread);
	*ret_frame = frame_list_at(&frames->list, number);
	text_format(place, "frame %llu of thread %llu", (unsigned long long)number,
	            (unsigned long long)thread->native_id);
	return OK;
}

/* Offers and compares the names of the slots. *ret_is_unset: there is such a name and nothing in it. */
static uint64_t find_local(struct decoder *decoder, const struct python_frame *frame, const char *name,
                           bool *ret_is_unset)
{
	*ret_is_unset = false;
	for (uint64_t i = 0; i < frame->slot_count && i < LIMIT_FRAME_SLOTS; i++) {
		uint64_t slot_name = local_name(decoder, frame->code, i);
		if (slot_name == 0 || !value_str_equals(&decoder->objects, slot_name, name))
			continue;
		uint64_t value = local_value(decoder, frame, i);
		if (value != 0)
			return value;
		*ret_is_unset = true;
	}
	return 0;
}

/* Locals, the namespace of a module or class body, globals, builtins. */
static uint64_t find_in_frame(const struct resolver *resolver, const struct python_frame *frame, const char *name,
                              bool *ret_is_unset)
{
	struct decoder *decoder = resolver->decoder;
	uint64_t dicts[] = { frame->locals, frame->globals, frame->builtins };

	uint64_t value = find_local(decoder, frame, name, ret_is_unset);
	for (size_t i = 0; i < sizeof dicts / sizeof dicts[0] && value == 0; i++) {
		/* Locals of an optimised function are its slots; f_locals is then a stale copy of them. */
		if (dicts[i] != 0 && !(i == 0 && frame->slot_count > 0 && *ret_is_unset))
			value = dict_get_str(&decoder->objects, dicts[i], name);
	}
	return value;
}

static int no_such_local(const struct resolver *resolver, const struct python_frame *frame, const char *place,
                         const char *name, bool is_unset, struct error *error)
{
	struct decoder *decoder = resolver->decoder;
	struct suggestion suggestion;
	struct dict_cursor cursor;
	uint64_t key, value;

	if (is_unset)
		return error_set(error, ERROR_NOT_FOUND, "local '%s' of %s is not set (not assigned yet, or deleted)",
		                 name, place);
	error_set(error, ERROR_NOT_FOUND, "%s has no local '%s'", place, name);
	suggestion_init(&suggestion, resolver->options, name);
	for (uint64_t i = 0; i < frame->slot_count && i < LIMIT_NAMES_COMPARED; i++) {
		if (local_value(decoder, frame, i) != 0 &&
		    !suggestion_offer_str(&suggestion, decoder, local_name(decoder, frame->code, i)))
			break;
	}
	if (frame->locals != 0 && dict_cursor_open(&cursor, &decoder->objects, frame->locals)) {
		while (dict_cursor_next(&cursor, &key, &value)) {
			if (!suggestion_offer_str(&suggestion, decoder, key))
				break;
		}
	}
	suggestion_note(&suggestion, error);
	suggestion_clear(&suggestion);
	error_note(error, "nor a global or builtin of that name");
	return ERROR_NOT_FOUND;
}

/* Which other frame of the thread has it, the innermost; callers of what is meant have what a person saw in frames. */
static void note_other_frame(const struct resolver *resolver, const char *name, struct error *error)
{
	enum { FRAMES_LOOKED_AT = 256 };
	struct decoder *decoder = resolver->decoder;
	const struct expression *expression = &resolver->expression;
	const struct thread_frames *frames;
	struct error ignored = { .status = OK };
	bool is_unset;
	const struct python_thread *thread = find_thread(resolver, &ignored);
	if (thread != NULL && runtime_thread_frames(resolver->runtime, thread, &frames, &ignored) == OK) {
		for (size_t i = 0; i < frames->list.count && i < FRAMES_LOOKED_AT; i++) {
			const struct python_frame frame = frame_list_at(&frames->list, i);
			if (find_local(decoder, &frame, name, &is_unset) == 0 &&
			    (frame.locals == 0 || frame.locals == frame.globals ||
			     dict_get_str(&decoder->objects, frame.locals, name) == 0))
				continue;
			if (expression->has_thread || expression->has_interpreter)
				error_note(error, "frame %zu has one: thread:%llu.frame:%zu.%s", i,
				           (unsigned long long)thread->native_id, i, name);
			else
				error_note(error, "frame %zu has one: frame:%zu.%s", i, i, name);
			break;
		}
	}
	error_clear(&ignored);
}

/* *ret_is_name: the first name was found, and a later step failed. */
static int resolve_in_frame(const struct resolver *resolver, uint64_t *ret_object, bool *ret_is_name,
                            struct error *error)
{
	const struct expression *expression = &resolver->expression;
	const char *name = expression_name(expression, &expression->steps.items[0]);
	struct python_frame frame;
	struct text place = { 0 };
	bool is_unset;

	*ret_is_name = false;
	int status = find_frame(resolver, &frame, &place, error);
	if (status == 0) {
		uint64_t object = find_in_frame(resolver, &frame, name, &is_unset);
		*ret_is_name = object != 0;
		status = object != 0 ? walk_steps(resolver, object, 1, ret_object, error)
		                     : no_such_local(resolver, &frame, text_string(&place), name, is_unset, error);
		if (object == 0 && !is_unset && !expression->has_frame)
			note_other_frame(resolver, name, error);
	}
	text_free(&place);
	return status;
}

/* A builtin, for a process none of whose threads runs Python code. */
static uint64_t find_builtin(const struct resolver *resolver)
{
	const struct expression *expression = &resolver->expression;

	for (size_t i = 0; i < resolver->runtime->interpreters.count; i++) {
		const struct interpreter *interpreter = &resolver->runtime->interpreters.items[i];
		uint64_t object = !searches_interpreter(resolver, interpreter) || interpreter->builtins == 0
		                          ? 0
		                          : dict_get_str(&resolver->decoder->objects, interpreter->builtins,
		                                         expression_name(expression, &expression->steps.items[0]));
		if (object != 0)
			return object;
	}
	return 0;
}

static bool has_interpreter(const struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->runtime->interpreters.count; i++) {
		if (searches_interpreter(resolver, &resolver->runtime->interpreters.items[i]))
			return true;
	}
	return false;
}

/* One sentence where a module of the same name is something else. */
static void note_shadowed(const struct resolver *resolver, uint64_t object, struct text *note)
{
	uint64_t module_object;
	bool is_module;
	struct error ignored = { 0 };
	if (note == NULL || resolve_in_modules(resolver, &module_object, &is_module, &ignored) != 0 ||
	    module_object == object)
		return;
	struct text typed = { 0 };
	append_source(resolver, resolver->expression.source_start, strlen(resolver->source), &typed);
	text_format(note, "%s: what the selected frame means by it is taken; module:%s is the module's\n",
	            text_string(&typed), text_string(&typed));
	text_free(&typed);
}

static int no_such_name(const struct resolver *resolver, const struct error *module_error,
                        const struct error *frame_error, struct error *error)
{
	struct suggestion suggestion;
	error_set(error, ERROR_NOT_FOUND, "%s", module_error->message);
	suggestion_init(&suggestion, resolver->options,
	                expression_name(&resolver->expression, &resolver->expression.steps.items[0]));
	offer_modules(resolver, &suggestion);
	if (suggestion.best[0] != '\0')
		suggestion_note(&suggestion, error);
	suggestion_clear(&suggestion);
	if (frame_error->status != 0)
		error_note(error, "%s", frame_error->message);
	return ERROR_NOT_FOUND;
}

/* What was found of which a later step failed, or nothing. */
static int refuse_path(const struct resolver *resolver, bool is_name, bool is_module, const struct error *frame_error,
                       const struct error *module_error, struct error *error)
{
	if (is_module) {
		error_set(error, module_error->status, "%s", module_error->message);
		if (is_name)
			error_note(error, "as a name in the frame: %s", frame_error->message);
		return module_error->status;
	}
	if (is_name)
		return error_set(error, frame_error->status, "%s", frame_error->message);
	return no_such_name(resolver, module_error, frame_error, error);
}

static int resolve_path(const struct resolver *resolver, uint64_t *ret_object, struct error *error)
{
	const struct expression *expression = &resolver->expression;
	const bool only_frame = expression->has_frame || expression->has_thread;
	struct error module_error = { 0 }, frame_error = { 0 };
	bool is_module = false, is_name = false;

	if (!has_interpreter(resolver))
		return error_set(error, ERROR_NOT_FOUND, "there is no interpreter %llu",
		                 (unsigned long long)expression->interpreter);
	if (only_frame)
		return resolve_in_frame(resolver, ret_object, &is_name, error);
	if (!expression->has_interpreter && !expression->has_module &&
	    resolve_in_frame(resolver, ret_object, &is_name, &frame_error) == 0) {
		note_shadowed(resolver, *ret_object, resolver->options->note);
		return 0;
	}
	if (resolve_in_modules(resolver, ret_object, &is_module, &module_error) == 0)
		return 0;
	const uint64_t builtin = is_name || is_module || expression->has_module ? 0 : find_builtin(resolver);
	if (builtin != 0)
		return walk_steps(resolver, builtin, 1, ret_object, error);
	return refuse_path(resolver, is_name, is_module, &frame_error, &module_error, error);
}

/* Whose namespaces of static types are meant; the main interpreter's if none was named. */
static uint32_t interpreter_index(const struct resolver *resolver)
{
	for (uint32_t i = 0; i < resolver->runtime->interpreters.count && resolver->expression.has_interpreter; i++)
		if (searches_interpreter(resolver, &resolver->runtime->interpreters.items[i]))
			return i;
	return 0;
}

int names_resolve(struct decoder *decoder, const char *expression, const struct name_options *options,
                  uint64_t *ret_object, struct error *error)
{
	struct name_options own = *options;
	struct resolver resolver = { decoder, decoder->context->runtime, &own, expression, { 0 } };

	own.is_quiet = error == NULL;

	int status = expression_parse(&resolver.expression, expression, error);
	decoder->objects.interpreter = interpreter_index(&resolver);
	if (status == 0)
		status = resolver.expression.has_address ? resolve_address(&resolver, ret_object, error)
		                                         : resolve_path(&resolver, ret_object, error);
	decoder->objects.interpreter = 0;
	expression_clear(&resolver.expression);
	return status;
}
