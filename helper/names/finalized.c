/* SPDX-License-Identifier: MIT
 * Objects/object.c: PyObject_CallFinalizerFromDealloc() gives an object that nobody refers to one reference while its
 * tp_finalize runs; that may make more of them. */
#include "names/finalized.h"

#include "decode/reference_count.h"
#include "names/locals.h"
#include "object/type_flags.h"
#include "object/value.h"

enum { ARGUMENTS_LOOKED_AT = 3 };

/* Of files: set before they are closed, also by iobase_finalize() of classes that derive from them (Modules/_io). */
static bool file_flag(struct object_reader *objects, uint64_t object, uint64_t type, uint64_t *ret_flag)
{
	static const struct {
		const char *type;
		enum layout_field field;
	} files[] = {
		{ "_io.FileIO", FIELD_fileio_finalizing },
		{ "_io.TextIOWrapper", FIELD_textio_finalizing },
		{ "_io.BufferedReader", FIELD_buffered_finalizing },
		{ "_io.BufferedWriter", FIELD_buffered_finalizing },
		{ "_io.BufferedRandom", FIELD_buffered_finalizing },
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (value_type_derives(objects, type, -1, files[i].type))
			return value_field(objects, object, files[i].field, ret_flag);
	return false;
}

static bool runs(struct decoder *decoder, const struct python_frame *callee, uint64_t function)
{
	uint64_t code;
	return callee != NULL && value_field(&decoder->objects, function, FIELD_PyFunctionObject_func_code, &code) &&
	       code == callee->code;
}

static bool is_given(struct decoder *decoder, const struct python_frame *callee, uint64_t object)
{
	uint64_t count, items, item;
	for (uint64_t i = 0; callee != NULL && i < ARGUMENTS_LOOKED_AT; i++) {
		const uint64_t argument = local_value(decoder, callee, i);
		if (argument == object)
			return true;
		/* *arguments */
		for (uint64_t k = 0; argument != 0 && k < ARGUMENTS_LOOKED_AT; k++)
			if (value_is(&decoder->objects, argument, TPFLAGS_TUPLE_SUBCLASS) &&
			    value_items(&decoder->objects, argument, &count, &items) && k < count &&
			    reader_u64(&decoder->reader, items + 8 * k, &item) && item == object)
				return true;
	}
	return false;
}

/* Types whose tp_finalize makes no reference that lasts while something waits, but for one that it gives to a function
 * as its argument. */
static bool has_plain_finalizer(struct object_reader *objects, uint64_t type)
{
	static const char *const types[] = { "generator", "coroutine", "async_generator", "_socket.socket" };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (value_type_derives(objects, type, -1, types[i]))
			return true;
	return false;
}

bool finalized_maybe(struct decoder *decoder, uint64_t object, bool is_counted, const struct python_frame *callee)
{
	struct object_reader *objects = &decoder->objects;
	struct reference_count count;
	uint64_t finalizer, flag;
	if (!reference_count_read(decoder, object, &count) || count.is_immortal || !count.is_known)
		return false;
	if (count.count <= 0 || !is_counted)
		return count.count <= 0;
	const uint64_t type = value_type(objects, object, NULL);
	if (type == 0 || !value_field(objects, type, FIELD_PyTypeObject_tp_finalize, &finalizer))
		return true;
	if (finalizer == 0)
		return false;
	const uint64_t method = value_class_attribute(objects, type, "__del__");
	const uint64_t kind = method != 0 ? value_type(objects, method, NULL) : 0;
	if (kind != 0 && value_type_derives(objects, kind, -1, "function"))
		return runs(decoder, callee, method);
	if (file_flag(objects, object, type, &flag))
		return flag != 0;
	return !has_plain_finalizer(objects, type) || count.count == 1 || is_given(decoder, callee, object);
}

bool finalized_by(struct decoder *decoder, const struct python_frame *callee, uint64_t argument)
{
	struct object_reader *objects = &decoder->objects;
	const uint64_t type = value_type(objects, argument, NULL);
	const uint64_t finalizer = type != 0 ? value_class_attribute(objects, type, "__del__") : 0;
	/* What a finalizer warns of, and what it raises: warnings.showwarning(), sys.unraisablehook() */
	return (finalizer != 0 && runs(decoder, callee, finalizer)) ||
	       (type != 0 && (value_type_derives(objects, type, -1, "WarningMessage") ||
	                      value_type_derives(objects, type, -1, "UnraisableHookArgs")));
}
