/* SPDX-License-Identifier: MIT
 * Does a layout hold in this target? Pointers that must lead back, types that must be right, numbers that are known. A
 * check that the dump lacks memory for counts neither way; that the interpreters can be read is the least. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/find/confirm_places.h"
#include "runtime/find/opening.h"

struct self_check {
	struct opening *opening;
	const struct layout *layout;
	sentence_list *checks;
	char *failure;
	enum layout_struct failing; /* whose places do not hold */
	uint64_t main_interpreter;
	uint64_t gc; /* _gc_runtime_state */
};

/* How many links of a chain are followed here: enough to see that it is one. */
enum { CHECKED_THREADS = 1000, CHECKED_INTERPRETERS = 1000 };

static void passed(struct self_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void passed(struct self_check *check, const char *format, ...)
{
	char *sentence = NULL;
	va_list arguments;
	va_start(arguments, format);
	const int length = vasprintf(&sentence, format, arguments);
	va_end(arguments);
	/* A check that is not listed for want of memory has still passed. */
	if (length >= 0 && !array_push(check->checks, sentence))
		free(sentence);
}

static bool failed(struct self_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool failed(struct self_check *check, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(check->failure, FAILURE_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static bool field(const struct self_check *check, uint64_t address, enum layout_field which, uint64_t *ret_value)
{
	return read_field(&check->opening->reader, check->layout, address, which, ret_value);
}

static bool check_interpreters(struct self_check *check)
{
	const uint64_t runtime = check->opening->runtime->address;
	uint64_t head, main_interpreter, id;
	if (!field(check, runtime, FIELD__PyRuntimeState_interpreters_head, &head) ||
	    !field(check, runtime, FIELD__PyRuntimeState_interpreters_main, &main_interpreter))
		return failed(check, "interpreters.head and .main of _PyRuntime (0x%" PRIx64 ") cannot be read",
		              runtime);
	if (head == 0 || main_interpreter == 0) {
		check->opening->has_no_interpreters = true;
		return failed(check, "_PyRuntime (0x%" PRIx64 ") has no interpreters", runtime);
	}
	if (!field(check, main_interpreter, FIELD_PyInterpreterState_id, &id))
		return failed(check, "the main interpreter (0x%" PRIx64 ") cannot be read", main_interpreter);
	if (id != 0)
		return failed(check, "the main interpreter (0x%" PRIx64 ") has id %" PRId64 ", not 0", main_interpreter,
		              (int64_t)id);
	bool is_linked = false;
	unsigned count = 0;
	for (uint64_t at = head; at != 0; count++) {
		is_linked |= at == main_interpreter;
		if (count == CHECKED_INTERPRETERS)
			break;
		if (at % 8 != 0 || !field(check, at, FIELD_PyInterpreterState_next, &at))
			return failed(check, "the chain of interpreters breaks after %u", count);
	}
	if (!is_linked && count < CHECKED_INTERPRETERS)
		return failed(check, "the main interpreter is not in the chain of interpreters");
	check->main_interpreter = main_interpreter;
	passed(check, "%u interpreter%s in the chain, the main one with id 0", count, count == 1 ? "" : "s");
	return true;
}

static bool check_threads(struct self_check *check)
{
	uint64_t thread, interpreter;
	if (!field(check, check->main_interpreter, FIELD_PyInterpreterState_threads_head, &thread))
		return failed(check, "the main interpreter's thread states cannot be found");
	if (thread != 0 && address_space_state(check->opening->runtime->space, thread) == MEMORY_ABSENT)
		return true;
	unsigned count = 0;
	for (; thread != 0 && count < CHECKED_THREADS; count++) {
		if (!field(check, thread, FIELD_PyThreadState_interp, &interpreter))
			return failed(check, "thread state 0x%" PRIx64 " cannot be read", thread);
		if (interpreter != check->main_interpreter)
			return failed(check, "thread state 0x%" PRIx64 " points at interpreter 0x%" PRIx64, thread,
			              interpreter);
		/* Later links are find_threads()'s business: one broken state is no reason to doubt the layout. */
		if (!field(check, thread, FIELD_PyThreadState_next, &thread))
			break;
	}
	if (count != 0)
		passed(check, "%u thread state%s point%s back at the main interpreter", count, count == 1 ? "" : "s",
		       count == 1 ? "s" : "");
	return true;
}

/* Modules/gcmodule.c, Python/gc.c: generation0 is the address of generations[0], set once. It is all that tells
 * Debian's 3.13 from others: there PyGC_Head is aligned to 4 bytes, so generations begins 4 bytes earlier and nothing
 * else moves. */
static bool check_generations(struct self_check *check)
{
	const struct layout *layout = check->layout;
	uint64_t first;
	/* Free-threaded builds have the fields and do not use them. */
	if (layout_feature(layout, FEATURE_FREE_THREADED) || !layout_has(layout, FIELD__gc_runtime_state_generation0) ||
	    !layout_has(layout, FIELD__gc_runtime_state_generations))
		return true;
	if (layout_has(layout, FIELD_PyInterpreterState_gc))
		check->gc = check->main_interpreter + layout_offset(layout, FIELD_PyInterpreterState_gc);
	else if (layout_has(layout, FIELD__PyRuntimeState_gc))
		check->gc = check->opening->runtime->address + layout_offset(layout, FIELD__PyRuntimeState_gc);
	else
		return true;
	if (!field(check, check->gc, FIELD__gc_runtime_state_generation0, &first))
		return true;
	const uint64_t expected = check->gc + layout_offset(layout, FIELD__gc_runtime_state_generations);
	if (first == expected) {
		passed(check, "gc.generation0 points at gc.generations[0]");
		return true;
	}
	return failed(check, "gc.generation0 (0x%" PRIx64 ") does not point at gc.generations (0x%" PRIx64 ")", first,
	              expected);
}

/* Without symbols: the type of a type is `type`, whose type is itself. */
static bool is_dict_type(const struct self_check *check, uint64_t type)
{
	const uint64_t known = check->opening->runtime->symbols[SYMBOL_PyDict_Type];
	uint64_t name_address, meta, metameta, basicsize;
	if (known != 0)
		return type == known;
	char name[8];
	if (field(check, type, FIELD_PyTypeObject_tp_name, &name_address) &&
	    reader_string(&check->opening->reader, name_address, name, sizeof name))
		return strcmp(name, "dict") == 0;
	return field(check, type, FIELD_PyObject_ob_type, &meta) &&
	       field(check, meta, FIELD_PyObject_ob_type, &metameta) && meta == metameta && meta != type &&
	       field(check, type, FIELD_PyTypeObject_tp_basicsize, &basicsize) &&
	       basicsize == check->layout->struct_bytes[STRUCT_PyDictObject];
}

static bool check_dicts(struct self_check *check)
{
	static const enum layout_field dicts[] = { FIELD_PyInterpreterState_modules, FIELD_PyInterpreterState_sysdict,
		                                   FIELD_PyInterpreterState_builtins };
	unsigned count = 0;
	for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++) {
		uint64_t object, type;
		/* Null before they are set up, and again at the end; or not in the dump. */
		if (!field(check, check->main_interpreter, dicts[i], &object) || object == 0 ||
		    address_space_state(check->opening->runtime->space, object) == MEMORY_ABSENT)
			continue;
		if (object % 8 != 0 || !field(check, object, FIELD_PyObject_ob_type, &type) ||
		    !is_dict_type(check, type))
			return failed(check, "%s of the main interpreter (0x%" PRIx64 ") is not a dict",
			              layout_field_name(dicts[i]), object);
		count++;
	}
	if (count != 0)
		passed(check, "%u of sys.modules, sys.__dict__ and builtins.__dict__ are dicts", count);
	return true;
}

/* The place of the int 0, the sixth of the small ints (they begin with -5); 0: this layout does not tell. */
static uint64_t small_zero(const struct self_check *check)
{
	enum { NEGATIVE_SMALL_INTS = 5 }; /* _PY_NSMALLNEGINTS */
	const struct layout *layout = check->layout;
	uint64_t pointer;
	if (layout_has(layout, FIELD__PyRuntimeState_small_ints) && layout->struct_bytes[STRUCT_PyLongObject] != 0)
		return check->opening->runtime->address + layout_offset(layout, FIELD__PyRuntimeState_small_ints) +
		       NEGATIVE_SMALL_INTS * (uint64_t)layout->struct_bytes[STRUCT_PyLongObject];
	if (!layout_has(layout, FIELD_PyInterpreterState_small_ints) ||
	    !reader_u64(&check->opening->reader,
	                check->main_interpreter + layout_offset(layout, FIELD_PyInterpreterState_small_ints) +
	                        NEGATIVE_SMALL_INTS * 8,
	                &pointer))
		return 0;
	return pointer;
}

static bool check_small_int(struct self_check *check)
{
	const struct layout *layout = check->layout;
	const uint64_t zero = small_zero(check);
	const uint64_t known = check->opening->runtime->symbols[SYMBOL_PyLong_Type];
	uint64_t type, size, digit;
	if (zero == 0 || !field(check, zero, FIELD_PyObject_ob_type, &type))
		return true;
	if (known != 0 && type != known)
		return failed(check, "where the int 0 should be (0x%" PRIx64 ") is no int", zero);
	/* lv_tag: digit count << 3, and 1 in the low two bits for zero (3.12+, and a flag above them since 3.14). */
	if (layout_has(layout, FIELD_PyLongObject_lv_tag) && field(check, zero, FIELD_PyLongObject_lv_tag, &size))
		size = (size & 3) == 1 ? size >> 3 > 1 : 1;
	else if (!field(check, zero, FIELD_PyVarObject_ob_size, &size))
		return true;
	if (size != 0 || (field(check, zero, FIELD_PyLongObject_ob_digit, &digit) && (uint32_t)digit != 0 &&
	                  layout_has(layout, FIELD_PyLongObject_lv_tag)))
		return failed(check, "the int where 0 should be (0x%" PRIx64 ") is not 0", zero);
	passed(check, "the sixth small int is 0");
	return true;
}

/* A word that is damaged makes one field wrong; another layout, all that lie behind what was added or taken away. */
enum { WRONG_OF_ANOTHER_LAYOUT = 2 };

static bool check_places(struct self_check *check, enum layout_struct which, uint64_t address)
{
	const struct places_checked places = confirm_places(check->opening, check->layout, which, address);
	check->failing = which;
	if (places.wrong >= WRONG_OF_ANOTHER_LAYOUT || (places.wrong != 0 && places.held == 0))
		return failed(check, "%s and %u more of %u fields do not hold what they must",
		              layout_field_name(places.example), places.wrong - 1, places.held + places.wrong);
	if (places.wrong != 0)
		passed(check, "%s alone does not hold what it must, %u other fields of that struct do",
		       layout_field_name(places.example), places.held);
	else if (places.held != 0)
		passed(check, "%u field%s of %s hold%s what they must", places.held, places.held == 1 ? "" : "s",
		       layout_struct_name(which), places.held == 1 ? "s" : "");
	return true;
}

static bool check_thread_part(struct self_check *check)
{
	uint64_t thread;
	return !field(check, check->main_interpreter, FIELD_PyInterpreterState_threads_head, &thread) || thread == 0 ||
	       check_places(check, STRUCT__PyThreadStateImpl, thread);
}

static bool holds(struct self_check *check)
{
	const uint64_t runtime = check->opening->runtime->address;
	check->failing = STRUCT_PyThreadState;
	if (!check_threads(check))
		return false;
	check->failing = STRUCT__gc_runtime_state;
	if (!check_generations(check))
		return false;
	check->failing = STRUCT_PyInterpreterState;
	if (!check_dicts(check) || !check_places(check, STRUCT_PyInterpreterState, check->main_interpreter))
		return false;
	check->failing = STRUCT__PyRuntimeState;
	return check_small_int(check) && check_places(check, STRUCT__PyRuntimeState, runtime) &&
	       check_thread_part(check);
}

enum confirmation layout_confirm(struct opening *opening, const struct layout *layout, sentence_list *checks,
                                 char *failure, enum layout_struct *ret_failing)
{
	struct self_check check = { .opening = opening, .layout = layout, .checks = checks, .failure = failure };
	failure[0] = '\0';
	check.failing = STRUCT__PyRuntimeState;
	const bool has_interpreters = check_interpreters(&check);
	const bool is_confirmed = has_interpreters && holds(&check);
	if (ret_failing != NULL)
		*ret_failing = check.failing;
	if (!has_interpreters)
		return LAYOUT_REFUTED;
	return is_confirmed ? LAYOUT_CONFIRMED : LAYOUT_DOUBTFUL;
}
