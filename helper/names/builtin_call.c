/* SPDX-License-Identifier: MIT
 * Python/ceval.c, Python/bytecodes.c: CALL and what it was before. */
#include "names/builtin_call.h"

#include <string.h>

#include "base/limits.h"
#include "names/code_depths.h"
#include "names/finalized.h"
#include "names/locals.h"
#include "names/names.h"
#include "object/type_flags.h"
#include "object/value.h"

enum { NAME_BYTES = 256 };

/* opcode_facts.words of calls with all arguments in one tuple. */
enum { WORDS_WITHOUT_NULL = 2, WORDS_WITH_KEYWORDS = 4 };

struct call {
	struct decoder *decoder;
	const struct python_frame *frame, *callee;
	const struct code_depths *depths;
	uint32_t unit; /* of the instruction */
	uint64_t slot; /* of the callable, in the evaluation stack */
	uint64_t callable;
	uint64_t self; /* of a method that is not bound; 0: it is no such */
	bool may_be_over; /* builtin_call_say() */
};

static bool stack_word(const struct call *call, uint64_t slot, uint64_t *ret_word)
{
	return code_depths_stack_word(call->decoder, call->frame, slot, ret_word);
}

static bool takes_all(const struct opcode_facts *facts)
{
	return facts->role == OPCODE_CALL_ALL || facts->role == OPCODE_CALL_ALL_NULL_FIRST;
}

static bool is_exactly(const struct call *call, uint64_t object, const char *tp_name)
{
	struct object_reader *objects = &call->decoder->objects;
	const uint64_t type = value_type(objects, object, NULL);
	uint64_t base;
	return type != 0 && value_type_derives(objects, type, -1, tp_name) &&
	       value_field(objects, type, FIELD_PyTypeObject_tp_base, &base) &&
	       !value_type_derives(objects, base, -1, tp_name);
}

/* f(*arguments, **keywords): what is no tuple and no dict is made one by the instruction itself, by iteration that may
 * run Python code, before the call; where the new one is put the stack does not say. */
static bool has_arguments_ready(const struct call *call, const struct opcode_facts *facts, uint32_t argument)
{
	const uint64_t slot = call->slot + (facts->words > WORDS_WITHOUT_NULL ? 2 : 1);
	const bool has_keywords = facts->words == WORDS_WITH_KEYWORDS || (argument & 1) != 0;
	uint64_t arguments, keywords = 0;
	return stack_word(call, slot, &arguments) && arguments != 0 && is_exactly(call, arguments, "tuple") &&
	       (!has_keywords ||
	        (stack_word(call, slot + 1, &keywords) && (keywords == 0 || is_exactly(call, keywords, "dict"))));
}

/* Words that were loaded of variables may be tagged as not counted (3.14+). */
static bool is_counted(const struct call *call, uint64_t slot)
{
	uint64_t word;
	return !layout_feature(call->decoder->layout, FEATURE_TAGGED_STACK_REFS) ||
	       !reader_u64(&call->decoder->reader, call->frame->stack + 8 * slot, &word) || (word & 1) == 0;
}

/* A call that is over lets go of what it was given: a word is NULL by then (3.14+, mostly), or its object goes. */
static bool is_letting_go(const struct call *call, const struct opcode_facts *facts)
{
	const uint64_t depth = (uint64_t)call->depths->depth[call->unit];
	const bool has_all = takes_all(facts);
	const bool has_null = has_all ? facts->words > WORDS_WITHOUT_NULL : facts->role == OPCODE_CALL_NULL_SECOND;
	uint64_t word;
	for (uint64_t slot = call->slot; slot < depth; slot++) {
		const bool may_be_null = (has_null && slot == call->slot + 1) ||
		                         (has_all && facts->words == WORDS_WITH_KEYWORDS && slot + 1 == depth);
		if (!stack_word(call, slot, &word) || (word == 0 && !may_be_null))
			return true;
		if (word != 0 && finalized_maybe(call->decoder, word, is_counted(call, slot), call->callee))
			return true;
	}
	return false;
}

/* Takes the callable from the stack. */
static bool take_callable(struct call *call)
{
	const struct opcode_facts *facts = code_depths_opcode(call->depths, call->unit);
	const uint32_t argument = call->depths->argument[call->unit];
	const int64_t depth = call->depths->depth[call->unit];
	const int64_t count = (int64_t)argument + facts->words;
	int64_t slot = -1;
	uint64_t beside = 0;
	if (depth < 0 || depth > call->frame->stack_size ||
	    (call->frame->stack_depth >= 0 && call->frame->stack_depth != depth))
		return false;
	if (facts->role == OPCODE_CALL_ONE)
		slot = depth - count - 1;
	else if (facts->role == OPCODE_CALL_NULL_FIRST || facts->role == OPCODE_CALL_NULL_SECOND)
		slot = depth - count - 2;
	else if (takes_all(facts))
		slot = depth - facts->words - (facts->bits[0] != 0 && (argument & 1) != 0);
	if (slot < 0 || !stack_word(call, (uint64_t)slot, &call->callable))
		return false;
	call->slot = (uint64_t)slot;
	if (facts->role == OPCODE_CALL_ALL_NULL_FIRST)
		return slot > 0 && stack_word(call, call->slot - 1, &beside) && beside == 0 && call->callable != 0;
	if (facts->role != OPCODE_CALL_NULL_FIRST && facts->role != OPCODE_CALL_NULL_SECOND)
		return call->callable != 0;
	if (!stack_word(call, call->slot + 1, &beside))
		return false;
	if (facts->role == OPCODE_CALL_NULL_FIRST && call->callable == 0) {
		call->slot++;
		call->callable = beside;
		beside = 0;
	}
	call->self = beside;
	return call->callable != 0;
}

/* Neither before the call, as its arguments are made ready, nor behind it. */
static bool is_under_way(const struct call *call)
{
	const struct opcode_facts *facts = code_depths_opcode(call->depths, call->unit);
	return (!takes_all(facts) || has_arguments_ready(call, facts, call->depths->argument[call->unit])) &&
	       !is_letting_go(call, facts);
}

/* ---- What it is ---- */

static bool c_name(struct decoder *decoder, uint64_t object, enum layout_field field, char *name)
{
	uint64_t address;
	return value_field(&decoder->objects, object, field, &address) &&
	       reader_string(&decoder->reader, address, name, NAME_BYTES);
}

/* Of a type: the last part of tp_name. */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL ? dot + 1 : name;
}

static void say(struct text *text, const char *kind, const char *name, const char *type)
{
	text_add(text, "<built-in ");
	text_add(text, kind);
	names_escape(text, name, strlen(name), false);
	if (type != NULL) {
		text_add(text, " of ");
		names_escape(text, type, strlen(type), false);
	}
	text_add(text, ">");
}

static bool say_method_of(struct call *call, uint64_t type, const char *name, struct text *text)
{
	char type_name[NAME_BYTES];
	if (type == 0 || !c_name(call->decoder, type, FIELD_PyTypeObject_tp_name, type_name))
		return false;
	say(text, "method ", name, type_name);
	return true;
}

static bool say_bound(struct call *call, char *name, struct text *text)
{
	struct object_reader *objects = &call->decoder->objects;
	uint64_t method, self;
	if (!value_field(objects, call->callable, FIELD_PyCFunctionObject_m_ml, &method) ||
	    !c_name(call->decoder, method, FIELD_PyMethodDef_ml_name, name) ||
	    !value_field(objects, call->callable, FIELD_PyCFunctionObject_m_self, &self))
		return false;
	if (self != 0 && !value_is_module(objects, self))
		return say_method_of(
		        call, value_is(objects, self, TPFLAGS_TYPE_SUBCLASS) ? self : value_type(objects, self, NULL),
		        name, text);
	say(text, "function ", name, NULL);
	return true;
}

static bool is_instance(struct object_reader *objects, uint64_t object, uint64_t wanted)
{
	const uint64_t type = value_type(objects, object, NULL);
	uint64_t order, count, items, each;
	if (type == 0 || !value_field(objects, type, FIELD_PyTypeObject_tp_mro, &order) ||
	    !value_items(objects, order, &count, &items) || count > LIMIT_TYPE_CHAIN)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (reader_u64(objects->reader, items + 8 * i, &each) && each == wanted)
			return true;
	return false;
}

/* list.sort needs a list behind it: else it is a result that stands where the callable was. */
static bool has_its_self(struct call *call, uint64_t type)
{
	const struct opcode_facts *facts = code_depths_opcode(call->depths, call->unit);
	uint64_t self = call->self;
	if (takes_all(facts))
		return true;
	const uint64_t first = call->slot + (facts->role == OPCODE_CALL_NULL_SECOND ? 2 : 1);
	if (self == 0 && (call->depths->argument[call->unit] == 0 || !stack_word(call, first, &self)))
		return false;
	return is_instance(&call->decoder->objects, self, type);
}

static bool say_method(struct call *call, char *name, struct text *text)
{
	struct object_reader *objects = &call->decoder->objects;
	uint64_t method, type;
	return value_field(objects, call->callable, FIELD_PyMethodDescrObject_d_method, &method) &&
	       c_name(call->decoder, method, FIELD_PyMethodDef_ml_name, name) &&
	       value_field(objects, call->callable, FIELD_PyDescrObject_d_type, &type) && has_its_self(call, type) &&
	       say_method_of(call, type, name, text);
}

/* Says the callable; *name becomes what code calls it by. */
static bool say_callable(struct call *call, char *name, struct text *text)
{
	struct object_reader *objects = &call->decoder->objects;
	const uint64_t type = value_type(objects, call->callable, NULL);
	uint64_t flags;
	if (type == 0)
		return false;
	if (value_type_derives(objects, type, SYMBOL_PyCFunction_Type, "builtin_function_or_method"))
		return call->self == 0 && say_bound(call, name, text);
	if (value_type_derives(objects, type, -1, "method_descriptor"))
		return say_method(call, name, text);
	/* A class that Python code made may have its __init__() called, which is no call of C. */
	if (call->self != 0 || !value_is(objects, call->callable, TPFLAGS_TYPE_SUBCLASS) ||
	    !value_field(objects, call->callable, FIELD_PyTypeObject_tp_flags, &flags) || flags & TPFLAGS_HEAPTYPE ||
	    !c_name(call->decoder, call->callable, FIELD_PyTypeObject_tp_name, name))
		return false;
	memmove(name, last_part(name), strlen(last_part(name)) + 1);
	say(text, "class ", name, NULL);
	return true;
}

/* ---- Where it was loaded from ---- */

static uint64_t code_name(const struct call *call, uint32_t unit)
{
	struct decoder *decoder = call->decoder;
	const uint32_t argument = call->depths->argument[unit];
	const bool is_upper = code_depths_opcode(call->depths, unit)->flags & OPCODE_NAME_IN_UPPER_BITS;
	uint64_t names, count, items, name;
	const uint32_t index = is_upper ? argument >> 1 : argument;
	return value_field(&decoder->objects, call->frame->code, FIELD_PyCodeObject_co_names, &names) &&
	                       value_items(&decoder->objects, names, &count, &items) && index < count &&
	                       reader_u64(&decoder->reader, items + 8 * (uint64_t)index, &name)
	               ? name
	               : 0;
}

static bool is_in(struct call *call, uint64_t dict, const char *name)
{
	return dict != 0 && dict_get_str(&call->decoder->objects, dict, name) == call->callable;
}

static bool is_global(struct call *call, uint32_t unit, bool has_locals)
{
	const struct python_frame *frame = call->frame;
	struct text name = { .bytes = NULL };
	bool is_found = false;
	if (value_str(&call->decoder->objects, code_name(call, unit), NAME_BYTES, &name) >= 0) {
		const char *string = text_string(&name);
		const bool is_there = dict_get_str(&call->decoder->objects, frame->globals, string) != 0;
		is_found = (has_locals && is_in(call, frame->locals, string)) ||
		           is_in(call, is_there ? frame->globals : frame->builtins, string);
	}
	text_free(&name);
	return is_found;
}

static bool is_local(struct call *call, uint64_t index)
{
	return local_value(call->decoder, call->frame, index) == call->callable;
}

/* Cells have numbers of their own up to 3.10: those of the code's own first, behind its locals. */
static bool is_cell(struct call *call, uint64_t index)
{
	uint64_t locals = 0;
	if (!layout_has(call->decoder->layout, FIELD_PyCodeObject_co_nlocalsplus) &&
	    !value_field(&call->decoder->objects, call->frame->code, FIELD_PyCodeObject_co_nlocals, &locals))
		return false;
	return is_local(call, locals + index);
}

static bool is_loaded_by(struct call *call, uint32_t unit, const char *name)
{
	const uint32_t argument = call->depths->argument[unit];
	const uint64_t below = call->slot - (uint64_t)call->depths->depth[unit];
	switch (code_depths_opcode(call->depths, unit)->role) {
	case OPCODE_LOAD_GLOBAL:
		return is_global(call, unit, false);
	case OPCODE_LOAD_NAME:
		return is_global(call, unit, true);
	case OPCODE_LOAD_FAST:
		return is_local(call, argument);
	case OPCODE_LOAD_FAST_PAIR:
		return is_local(call, below == 0 ? argument >> 4 : argument & 15);
	case OPCODE_LOAD_DEREF:
		return is_cell(call, argument);
	case OPCODE_LOAD_ATTR:
		return value_str_equals(&call->decoder->objects, code_name(call, unit), name);
	default:
		return false;
	}
}

/* Whether the instruction that put something into the callable's word put this there; no other one does. */
static bool is_what_was_loaded(struct call *call, const char *name)
{
	for (uint32_t unit = call->unit; unit-- > 0;) {
		const struct opcode_facts *facts = code_depths_opcode(call->depths, unit);
		const int64_t depth = call->depths->depth[unit], slot = (int64_t)call->slot;
		if (depth == DEPTH_UNKNOWN)
			continue;
		if (depth <= slot || (depth == slot + 1 && facts->role == OPCODE_LOAD_ATTR))
			return is_loaded_by(call, unit, name) &&
			       code_depths_leads_through(call->depths, call->decoder, unit, call->unit);
	}
	return false;
}

/* ---- Whether it is over ---- */

/* Where the depth of the stack is not known, a function that gave itself back looks as if it were still called. These
 * never give a function back: what threads mostly are in when they wait for the GIL, or run without it. */
static bool gives_no_function(const char *name)
{
	static const char *const names[] = {
		"acquire",   "acquire_lock", "sleep",    "wait",       "waitpid",  "sigwait",     "pause",
		"select",    "poll",         "control",  "accept",     "_accept",  "connect",     "connect_ex",
		"recv",      "recv_into",    "recvfrom", "recvmsg",    "send",     "sendall",     "sendto",
		"sendmsg",   "sendfile",     "read",     "read1",      "readinto", "readinto1",   "readline",
		"readlines", "readall",      "write",    "writelines", "flush",    "close",       "open",
		"fsync",     "stat",         "lstat",    "listdir",    "scandir",  "getaddrinfo", "do_handshake",
		"shutdown",  "update",       "digest",   "hexdigest",  "compress", "decompress",  "pbkdf2_hmac",
		"collect",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_surely_called(const struct call *call, const char *name)
{
	return !call->may_be_over || call->frame->stack_depth >= 0 || gives_no_function(name);
}

bool builtin_call_say(struct decoder *decoder, const struct python_frame *frame, const struct python_frame *callee,
                      bool may_be_over, struct code_depths *kept, struct text *text)
{
	if (!code_depths_keep(kept, decoder, frame->code))
		return false;
	struct call call = {
		.decoder = decoder, .frame = frame, .callee = callee, .depths = kept, .may_be_over = may_be_over
	};
	struct text said = { .bytes = NULL };
	char name[NAME_BYTES];
	const bool is_known = code_depths_unit(kept, decoder, frame, &call.unit) && take_callable(&call) &&
	                      is_under_way(&call) && say_callable(&call, name, &said) &&
	                      is_surely_called(&call, name) && is_what_was_loaded(&call, name) && !said.failed;
	if (is_known)
		text_add(text, text_string(&said));
	text_free(&said);
	return is_known;
}
