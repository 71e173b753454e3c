/* SPDX-License-Identifier: MIT
 * describe: a few words about an object: what it is, what the program calls it, how much is in it. */
#include <string.h>

#include "base/limits.h"
#include "names/float_text.h"
#include "names/names.h"
#include "names/steps.h"
#include "object/value.h"

void names_type(struct text *text, const struct type_info *type)
{
	if (type == NULL || type->name == NULL)
		text_add(text, "?");
	else
		names_escape(text, type->name, strlen(type->name), false);
}

void names_type_module(struct decoder *decoder, const struct type_info *type, struct text *text)
{
	struct text module = { .bytes = NULL };
	uint64_t string =
	        dict_get_str(&decoder->objects, value_type_dict(&decoder->objects, type->address), "__module__");
	const char *dot = strrchr(type->name, '.');
	if (string != 0 && value_str(&decoder->objects, string, LIMIT_TYPE_NAME_BYTES, &module) > 0)
		names_escape(text, text_string(&module), module.length, false);
	else if (dot != NULL)
		names_escape(text, type->name, (size_t)(dot - type->name), false);
	else
		text_add(text, "builtins");
	text->failed |= module.failed;
	text_free(&module);
}

/* Appends a str of the target as a name of the program; false if it is none. */
static bool append_name_str(struct decoder *decoder, uint64_t string, struct text *text)
{
	struct text name = { 0 };
	int64_t length = string == 0 ? -1 : value_str(&decoder->objects, string, LIMIT_STRING_SHOWN, &name);

	if (length > 0 && !name.failed) {
		names_escape(text, name.bytes, name.length, false);
		if (length > LIMIT_STRING_SHOWN)
			text_add(text, "...");
	}
	text_free(&name);
	return length > 0;
}

static uint64_t field_or_zero(struct decoder *decoder, uint64_t object, enum layout_field field)
{
	uint64_t word;

	return value_field(&decoder->objects, object, field, &word) ? word : 0;
}

static void append_count(struct text *text, uint64_t count, const char *one, const char *many)
{
	text_format(text, ", %llu %s", (unsigned long long)count, count == 1 ? one : many);
}

/* "module.qualname" of a function. */
static void append_function_name(struct decoder *decoder, uint64_t function, struct text *text)
{
	uint64_t module = field_or_zero(decoder, function, FIELD_PyFunctionObject_func_module);
	uint64_t name = field_or_zero(decoder, function, FIELD_PyFunctionObject_func_qualname);

	if (append_name_str(decoder, module, text))
		text_add(text, ".");
	if (!append_name_str(decoder, name, text))
		text_add(text, "?");
}

static void append_code_name(struct decoder *decoder, uint64_t code, struct text *text)
{
	if (!append_name_str(decoder, field_or_zero(decoder, code, FIELD_PyCodeObject_co_qualname), text) &&
	    !append_name_str(decoder, field_or_zero(decoder, code, FIELD_PyCodeObject_co_name), text))
		text_add(text, "?");
}

static void describe_function(struct decoder *decoder, uint64_t object, struct text *text)
{
	text_add(text, "function ");
	append_function_name(decoder, object, text);
}

static void describe_method(struct decoder *decoder, uint64_t object, struct text *text)
{
	uint64_t function = field_or_zero(decoder, object, FIELD_PyMethodObject_im_func);
	uint64_t type = value_type(&decoder->objects, function, NULL);

	text_add(text, "method ");
	if (type != 0 && value_type_derives(&decoder->objects, type, SYMBOL_PyFunction_Type, "function"))
		append_function_name(decoder, function, text);
	else
		text_add(text, "?");
}

static void describe_module(struct decoder *decoder, uint64_t object, struct text *text)
{
	text_add(text, "module ");
	if (!append_name_str(decoder, value_attribute(&decoder->objects, object, "__name__"), text) &&
	    !append_name_str(decoder, field_or_zero(decoder, object, FIELD_PyModuleObject_md_name), text))
		text_add(text, "?");
}

static void describe_code(struct decoder *decoder, uint64_t object, struct text *text)
{
	uint64_t line;

	text_add(text, "code ");
	append_code_name(decoder, object, text);
	text_add(text, ", ");
	append_name_str(decoder, field_or_zero(decoder, object, FIELD_PyCodeObject_co_filename), text);
	if (value_field(&decoder->objects, object, FIELD_PyCodeObject_co_firstlineno, &line))
		text_format(text, ":%d", (int)(int32_t)line);
}

static void describe_builtin(struct decoder *decoder, uint64_t object, struct text *text)
{
	char name[LIMIT_TYPE_NAME_BYTES];
	uint64_t definition = field_or_zero(decoder, object, FIELD_PyCFunctionObject_m_ml);
	uint64_t name_address = field_or_zero(decoder, definition, FIELD_PyMethodDef_ml_name);
	uint64_t module = field_or_zero(decoder, object, FIELD_PyCFunctionObject_m_module);

	text_add(text, "built-in function ");
	if (append_name_str(decoder, module, text))
		text_add(text, ".");
	if (name_address != 0 && reader_string(&decoder->reader, name_address, name, sizeof name))
		names_escape(text, name, strlen(name), false);
	else
		text_add(text, "?");
}

static void describe_generator(struct decoder *decoder, uint64_t object, struct text *text)
{
	append_type_name(decoder, object, text);
	text_add(text, " ");
	if (!append_name_str(decoder, field_or_zero(decoder, object, FIELD_PyGenObject_gi_qualname), text))
		text_add(text, "?");
}

static void describe_frame(struct decoder *decoder, uint64_t object, struct text *text)
{
	text_add(text, "frame of ");
	if (!names_frame_object(decoder, object, text))
		text_add(text, "?");
}

static void describe_cell(struct decoder *decoder, uint64_t object, struct text *text)
{
	uint64_t content = field_or_zero(decoder, object, FIELD_PyCellObject_ob_ref);

	text_add(text, content == 0 ? "empty cell" : "cell of ");
	if (content != 0)
		append_type_name(decoder, content, text);
}

static void describe_set(struct decoder *decoder, uint64_t object, struct text *text)
{
	append_type_name(decoder, object, text);
	append_count(text, field_or_zero(decoder, object, FIELD_PySetObject_used), "item", "items");
}

/* Types by symbol or name; along tp_base, so that subclasses of set are found too. */
static const struct {
	int32_t symbol;
	const char *tp_name;
	void (*describe)(struct decoder *decoder, uint64_t object, struct text *text);
} describers[] = {
	{ SYMBOL_PyFunction_Type, "function", describe_function },
	{ SYMBOL_PyMethod_Type, "method", describe_method },
	{ SYMBOL_PyModule_Type, "module", describe_module },
	{ SYMBOL_PyCode_Type, "code", describe_code },
	{ SYMBOL_PyCFunction_Type, "builtin_function_or_method", describe_builtin },
	{ SYMBOL_PyGen_Type, "generator", describe_generator },
	{ SYMBOL_PyCoro_Type, "coroutine", describe_generator },
	{ SYMBOL_PyAsyncGen_Type, "async_generator", describe_generator },
	{ SYMBOL_PyCell_Type, "cell", describe_cell },
	{ SYMBOL_PyFrame_Type, "frame", describe_frame },
	{ SYMBOL_PySet_Type, "set", describe_set },
	{ SYMBOL_PyFrozenSet_Type, "frozenset", describe_set },
};

static void append_value_str(struct decoder *decoder, uint64_t object, struct text *text)
{
	struct text string = { 0 };
	int64_t length = value_str(&decoder->objects, object, LIMIT_STRING_SHOWN, &string);

	text_add(text, ", '");
	names_escape(text, text_string(&string), string.length, true);
	text_add(text, length > LIMIT_STRING_SHOWN ? "...'" : "'");
	text_free(&string);
}

/* str, bytes, int, float and their subclasses: contents only with show_values. */
static bool describe_scalar(struct decoder *decoder, uint64_t object, uint64_t type, uint64_t flags,
                            const struct name_options *options, struct text *text)
{
	int64_t number;
	double real;

	if (flags & TPFLAGS_UNICODE_SUBCLASS) {
		int64_t length = value_str(&decoder->objects, object, 0, NULL);
		append_type_name(decoder, object, text);
		if (length >= 0)
			append_count(text, (uint64_t)length, "character", "characters");
		if (length > 0 && options->show_values)
			append_value_str(decoder, object, text);
		return true;
	}
	if (flags & TPFLAGS_LONG_SUBCLASS) {
		append_type_name(decoder, object, text);
		if (!options->show_values || !value_int(&decoder->objects, object, &number))
			return true;
		if (value_type_derives(&decoder->objects, type, SYMBOL_PyBool_Type, "bool"))
			text_add(text, number != 0 ? " True" : " False");
		else
			text_format(text, " %lld", (long long)number);
		return true;
	}
	if (value_float(&decoder->objects, object, &real)) {
		append_type_name(decoder, object, text);
		if (options->show_values) {
			text_add(text, " ");
			float_text(text, real);
		}
		return true;
	}
	return false;
}

/* Containers whose size their head says. */
static bool describe_container(struct decoder *decoder, uint64_t object, uint64_t type, uint64_t flags,
                               struct text *text)
{
	bool is_dict = flags & TPFLAGS_DICT_SUBCLASS || type_has_decoder(decoder, type, "frozendict", "frozendict");
	bool is_bytes = flags & TPFLAGS_BYTES_SUBCLASS ||
	                value_type_derives(&decoder->objects, type, SYMBOL_PyByteArray_Type, "bytearray");
	bool is_sequence = flags & (TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS) ||
	                   type_has_decoder(decoder, type, "deque", "collections.deque");
	uint64_t count;

	if (!is_dict && !is_bytes && !is_sequence)
		return false;
	append_type_name(decoder, object, text);
	if (!value_field(&decoder->objects, object, is_dict ? FIELD_PyDictObject_ma_used : FIELD_PyVarObject_ob_size,
	                 &count) ||
	    count > INT64_MAX)
		return true;
	if (is_dict)
		append_count(text, count, "entry", "entries");
	else if (is_bytes)
		append_count(text, count, "byte", "bytes");
	else
		append_count(text, count, "item", "items");
	return true;
}

/* With --values: what is in a container, or the number that a scalar of numpy holds. */
static void append_contents(struct decoder *decoder, uint64_t object, const struct name_options *options,
                            struct text *text)
{
	struct text contents = { .bytes = NULL };
	if (options->show_values &&
	    (names_contents(decoder, object, options, &contents) || names_numpy_scalar(decoder, object, &contents))) {
		text_add(text, " ");
		text_add(text, text_string(&contents));
	}
	text->failed |= contents.failed;
	text_free(&contents);
}

void names_describe(struct decoder *decoder, uint64_t object, const struct name_options *options, struct text *text)
{
	uint64_t flags;
	uint64_t type = value_type(&decoder->objects, object, &flags);

	if (type == 0) {
		text_add(text, "not a readable object");
		return;
	}
	if (flags & TPFLAGS_TYPE_SUBCLASS) {
		const struct type_info *info = decode_type(decoder, object);
		text_add(text, "class ");
		if (info != NULL && info->name != NULL)
			names_escape(text, info->name, strlen(info->name), false);
		else
			text_add(text, "?");
		return;
	}
	if (object == decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct]) {
		text_add(text, "None");
		return;
	}
	if (describe_scalar(decoder, object, type, flags, options, text))
		return;
	if (describe_container(decoder, object, type, flags, text)) {
		append_contents(decoder, object, options, text);
		return;
	}
	for (size_t i = 0; i < sizeof describers / sizeof describers[0]; i++) {
		if (value_type_derives(&decoder->objects, type, describers[i].symbol, describers[i].tp_name)) {
			describers[i].describe(decoder, object, text);
			append_contents(decoder, object, options, text);
			return;
		}
	}
	append_type_name(decoder, object, text);
	append_contents(decoder, object, options, text);
}
