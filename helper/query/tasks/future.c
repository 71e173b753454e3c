/* SPDX-License-Identifier: MIT */
#include "query/tasks/future.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"

/* ---- Reading ---- */

static uint64_t not_none(const struct decoder *decoder, uint64_t object)
{
	return object == decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct] ? 0 : object;
}

/* fut_state of C: 0 pending, 1 cancelled, 2 finished (FutureObj.fut_state, 3.8 to 3.15). */
static enum future_state c_state(uint64_t state)
{
	return state <= 2 ? (enum future_state)(FUTURE_PENDING + state) : FUTURE_UNKNOWN;
}

static bool read_c_future(struct decoder *decoder, uint64_t object, struct future *future)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *body = reader_at(&decoder->reader, object, layout->struct_bytes[STRUCT_FutureObj]);
	if (body == NULL || layout->struct_bytes[STRUCT_FutureObj] == 0)
		return false;
	future->state = c_state(layout_get(layout, FIELD_FutureObj_fut_state, body));
	future->not_retrieved = (layout_get(layout, FIELD_FutureObj_fut_log_tb, body) & 0xff) != 0;
	future->loop = layout_get(layout, FIELD_FutureObj_fut_loop, body);
	future->result = layout_get(layout, FIELD_FutureObj_fut_result, body);
	future->exception = layout_get(layout, FIELD_FutureObj_fut_exception, body);
	future->first_callback = layout_get(layout, FIELD_FutureObj_fut_callback0, body);
	future->callbacks = layout_get(layout, FIELD_FutureObj_fut_callbacks, body);
	return true;
}

static bool read_c_task(struct decoder *decoder, uint64_t object, struct future *future)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *body = reader_at(&decoder->reader, object, layout->struct_bytes[STRUCT_TaskObj]);
	if (body == NULL || layout->struct_bytes[STRUCT_TaskObj] == 0)
		return false;
	future->state = c_state(layout_get(layout, FIELD_TaskObj_task_state, body));
	future->not_retrieved = (layout_get(layout, FIELD_TaskObj_task_log_tb, body) & 0xff) != 0;
	future->must_cancel = (layout_get(layout, FIELD_TaskObj_task_must_cancel, body) & 0xff) != 0;
	future->loop = layout_get(layout, FIELD_TaskObj_task_loop, body);
	future->result = layout_get(layout, FIELD_TaskObj_task_result, body);
	future->exception = layout_get(layout, FIELD_TaskObj_task_exception, body);
	future->first_callback = layout_get(layout, FIELD_TaskObj_task_callback0, body);
	future->callbacks = layout_get(layout, FIELD_TaskObj_task_callbacks, body);
	future->coroutine = layout_get(layout, FIELD_TaskObj_task_coro, body);
	future->waiter = layout_get(layout, FIELD_TaskObj_task_fut_waiter, body);
	future->name = layout_get(layout, FIELD_TaskObj_task_name, body);
	return true;
}

static bool is_true(const struct decoder *decoder, uint64_t object)
{
	return object != 0 && object == decoder->context->runtime->symbols[SYMBOL__Py_TrueStruct];
}

/* Attributes of asyncio.futures.Future and asyncio.tasks.Task written in Python. */
enum python_attribute {
	ATTRIBUTE_STATE,
	ATTRIBUTE_LOG_TRACEBACK,
	ATTRIBUTE_LOOP,
	ATTRIBUTE_RESULT,
	ATTRIBUTE_EXCEPTION,
	ATTRIBUTE_CALLBACKS,
	ATTRIBUTE_MUST_CANCEL,
	ATTRIBUTE_COROUTINE,
	ATTRIBUTE_WAITER,
	ATTRIBUTE_NAME,
	ATTRIBUTE_COUNT
};

static const char *const attribute_names[ATTRIBUTE_COUNT] = {
	[ATTRIBUTE_STATE] = "_state",
	[ATTRIBUTE_LOG_TRACEBACK] = "_Future__log_traceback",
	[ATTRIBUTE_LOOP] = "_loop",
	[ATTRIBUTE_RESULT] = "_result",
	[ATTRIBUTE_EXCEPTION] = "_exception",
	[ATTRIBUTE_CALLBACKS] = "_callbacks",
	[ATTRIBUTE_MUST_CANCEL] = "_must_cancel",
	[ATTRIBUTE_COROUTINE] = "_coro",
	[ATTRIBUTE_WAITER] = "_fut_waiter",
	[ATTRIBUTE_NAME] = "_name",
};

/* ATTRIBUTE_COUNT: another name. */
static enum python_attribute attribute_of(struct decoder *decoder, uint64_t key)
{
	struct value_content content;
	int found = ATTRIBUTE_COUNT;
	if (!value_content(&decoder->objects, key, &content) || content.unit != 1 || content.length > 32)
		return ATTRIBUTE_COUNT;
	const uint8_t *name = reader_at(&decoder->reader, content.data, content.length);
	for (int i = 0; name != NULL && found == ATTRIBUTE_COUNT && i < ATTRIBUTE_COUNT; i++)
		if (strlen(attribute_names[i]) == content.length &&
		    memcmp(attribute_names[i], name, content.length) == 0)
			found = i;
	return (enum python_attribute)found;
}

/* In one pass: there may be a hundred thousand tasks. Values that nobody set are attributes of the class, and 0. */
static void read_attributes(struct decoder *decoder, uint64_t object, uint64_t values[ATTRIBUTE_COUNT])
{
	struct dict_cursor cursor;
	uint64_t key, value;
	memset(values, 0, ATTRIBUTE_COUNT * sizeof *values);
	if (!value_attribute_cursor(&cursor, &decoder->objects, object))
		return;
	for (uint64_t i = 0; i < LIMIT_NAMESPACE && dict_cursor_next(&cursor, &key, &value); i++) {
		const enum python_attribute attribute = attribute_of(decoder, key);
		if (attribute != ATTRIBUTE_COUNT)
			values[attribute] = value;
	}
}

static void read_python_future(struct decoder *decoder, uint64_t object, struct future *future)
{
	uint64_t values[ATTRIBUTE_COUNT];
	read_attributes(decoder, object, values);
	const uint64_t state = values[ATTRIBUTE_STATE];
	if (state == 0 || value_str_equals(&decoder->objects, state, "PENDING"))
		future->state = FUTURE_PENDING;
	else if (value_str_equals(&decoder->objects, state, "CANCELLED"))
		future->state = FUTURE_CANCELLED;
	else if (value_str_equals(&decoder->objects, state, "FINISHED"))
		future->state = FUTURE_FINISHED;
	future->not_retrieved = is_true(decoder, values[ATTRIBUTE_LOG_TRACEBACK]);
	future->loop = values[ATTRIBUTE_LOOP];
	future->result = values[ATTRIBUTE_RESULT];
	future->exception = values[ATTRIBUTE_EXCEPTION];
	future->callbacks = values[ATTRIBUTE_CALLBACKS];
	future->must_cancel = is_true(decoder, values[ATTRIBUTE_MUST_CANCEL]);
	future->coroutine = values[ATTRIBUTE_COROUTINE];
	future->waiter = values[ATTRIBUTE_WAITER];
	future->name = values[ATTRIBUTE_NAME];
}

/* trio and curio have no future behind a task: it is done when its coroutine has ended. */
static void read_foreign_task(struct decoder *decoder, uint64_t object, struct future *future)
{
	struct python_frame frame;
	future->coroutine = value_attribute(&decoder->objects, object, "coro");
	future->name = value_attribute(&decoder->objects, object, "name");
	future->state = FUTURE_PENDING;
	if (future->coroutine != 0 && awaitable_frame(decoder, future->coroutine, &frame) == AWAITABLE_ENDED)
		future->state = FUTURE_FINISHED;
}

bool future_read(struct decoder *decoder, uint64_t object, enum awaitable_kind kind, struct future *ret_future)
{
	*ret_future = (struct future){ .address = object, .kind = kind };
	switch (kind) {
	case AWAITABLE_FUTURE:
		if (!read_c_future(decoder, object, ret_future))
			return false;
		break;
	case AWAITABLE_TASK:
		if (!read_c_task(decoder, object, ret_future))
			return false;
		break;
	case AWAITABLE_PYTHON_FUTURE:
	case AWAITABLE_PYTHON_TASK:
		read_python_future(decoder, object, ret_future);
		break;
	case AWAITABLE_FOREIGN_TASK:
		read_foreign_task(decoder, object, ret_future);
		break;
	default:
		return false;
	}
	uint64_t *const objects[] = { &ret_future->loop,           &ret_future->result,   &ret_future->exception,
		                      &ret_future->coroutine,      &ret_future->waiter,   &ret_future->name,
		                      &ret_future->first_callback, &ret_future->callbacks };
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
		*objects[i] = not_none(decoder, *objects[i]);
	return true;
}

bool future_add_name(struct object_reader *objects, uint64_t name, struct text *text)
{
	int64_t number;
	if (name == 0)
		return false;
	if (value_str(objects, name, LIMIT_STRING_SHOWN, text) >= 0)
		return true;
	if (!value_int(objects, name, &number))
		return false;
	text_format(text, "Task-%" PRId64, number);
	return true;
}

/* ---- Callbacks ---- */

void callback_cursor_init(struct callback_cursor *cursor, struct decoder *decoder, const struct future *future)
{
	*cursor = (struct callback_cursor){ .decoder = decoder, .first = future->first_callback };
	if (future->callbacks == 0 ||
	    !value_items(&decoder->objects, future->callbacks, &cursor->count, &cursor->items))
		cursor->count = 0;
	if (cursor->count > LIMIT_CALLBACKS)
		cursor->count = LIMIT_CALLBACKS;
}

uint64_t callback_cursor_next(struct callback_cursor *cursor)
{
	uint64_t pair, count, items, callback;
	if (cursor->first != 0) {
		callback = cursor->first;
		cursor->first = 0;
		return callback;
	}
	while (cursor->next < cursor->count) {
		if (!reader_u64(&cursor->decoder->reader, cursor->items + 8 * cursor->next++, &pair))
			return 0;
		if (value_items(&cursor->decoder->objects, pair, &count, &items) && count > 0 &&
		    reader_u64(&cursor->decoder->reader, items, &callback) && callback != 0)
			return callback;
	}
	return 0;
}

/* The function of a bound method, or the object itself. */
static uint64_t plain_function(struct decoder *decoder, uint64_t object)
{
	uint64_t function;
	const uint64_t type = value_type(&decoder->objects, object, NULL);
	if (type != 0 && value_type_derives(&decoder->objects, type, SYMBOL_PyMethod_Type, "method") &&
	    value_field(&decoder->objects, object, FIELD_PyMethodObject_im_func, &function))
		return function;
	return object;
}

bool function_is_named(struct decoder *decoder, uint64_t object, const char *name)
{
	uint64_t text;
	const uint64_t function = plain_function(decoder, object);
	const uint64_t type = value_type(&decoder->objects, function, NULL);
	return type != 0 && value_type_derives(&decoder->objects, type, SYMBOL_PyFunction_Type, "function") &&
	       value_field(&decoder->objects, function, FIELD_PyFunctionObject_func_name, &text) &&
	       value_str_equals(&decoder->objects, text, name);
}

uint64_t callback_task(struct decoder *decoder, uint64_t callback)
{
	uint64_t task = 0, type;
	if (!value_field(&decoder->objects, callback, FIELD_PyObject_ob_type, &type))
		return 0;
	const struct type_info *info = decode_type(decoder, type);
	if (info == NULL)
		return 0;
	if (strcmp(info->name, "TaskWakeupMethWrapper") == 0 ||
	    strcmp(info->name, "_asyncio.TaskWakeupMethWrapper") == 0)
		(void)value_field(&decoder->objects, callback, FIELD_TaskWakeupMethWrapper_ww_task, &task);
	else if (strcmp(info->name, "builtin_function_or_method") == 0)
		(void)value_field(&decoder->objects, callback, FIELD_PyCFunctionObject_m_self, &task);
	else if (strcmp(info->name, "method") == 0)
		(void)value_field(&decoder->objects, callback, FIELD_PyMethodObject_im_self, &task);
	return awaitable_is_task(awaitable_kind(decoder, task)) ? task : 0;
}

uint64_t function_free_variable(struct decoder *decoder, uint64_t function, const char *name)
{
	const struct layout *layout = decoder->layout;
	uint64_t code, names, closure, count, cells, first = 0, name_count, name_items, text, cell, value;
	function = plain_function(decoder, function);
	if (!value_field(&decoder->objects, function, FIELD_PyFunctionObject_func_closure, &closure) ||
	    !value_items(&decoder->objects, closure, &count, &cells) ||
	    !value_field(&decoder->objects, function, FIELD_PyFunctionObject_func_code, &code))
		return 0;
	/* Up to 3.10 a tuple of their own, since then the last of all names. */
	if (!value_field(&decoder->objects, code,
	                 layout_has(layout, FIELD_PyCodeObject_co_localsplusnames)
	                         ? FIELD_PyCodeObject_co_localsplusnames
	                         : FIELD_PyCodeObject_co_freevars,
	                 &names) ||
	    !value_items(&decoder->objects, names, &name_count, &name_items) || name_count < count)
		return 0;
	first = name_count - count;
	for (uint64_t i = 0; i < count && i < LIMIT_FRAME_SLOTS; i++)
		if (reader_u64(&decoder->reader, name_items + 8 * (first + i), &text) &&
		    value_str_equals(&decoder->objects, text, name))
			return reader_u64(&decoder->reader, cells + 8 * i, &cell) &&
			                       value_field(&decoder->objects, cell, FIELD_PyCellObject_ob_ref, &value)
			               ? value
			               : 0;
	return 0;
}

enum future_role future_role(struct decoder *decoder, const struct future *future, uint64_t *ret_inner)
{
	struct callback_cursor cursor;
	*ret_inner = 0;
	if (awaitable_is_task(future->kind))
		return FUTURE_PLAIN;
	*ret_inner = value_attribute(&decoder->objects, future->address, "_children");
	if (*ret_inner != 0)
		return FUTURE_GATHER;
	callback_cursor_init(&cursor, decoder, future);
	for (uint64_t callback; (callback = callback_cursor_next(&cursor)) != 0;) {
		if (function_is_named(decoder, callback, "_outer_done_callback")) {
			*ret_inner = function_free_variable(decoder, callback, "inner");
			if (*ret_inner != 0)
				return FUTURE_SHIELD;
		}
		if (function_is_named(decoder, callback, "_call_check_cancel")) {
			*ret_inner = function_free_variable(decoder, callback, "source");
			if (*ret_inner != 0)
				return FUTURE_EXECUTOR;
		}
	}
	return FUTURE_PLAIN;
}
