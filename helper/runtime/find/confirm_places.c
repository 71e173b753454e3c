/* SPDX-License-Identifier: MIT */
#include "runtime/find/confirm_places.h"

#include <string.h>

#include "base/bytes.h"

/* Include/object.h: the flags of a type say which built-in type it derives from, so no symbol and no name is needed. */
enum {
	FLAG_LIST = 25,
	FLAG_STR = 28,
	FLAG_DICT = 29,
	FLAG_EXCEPTION = 30,
	FLAG_TYPE = 31,
};

enum expectation {
	EXPECT_LIST, /* the field is a pointer to one, or null */
	EXPECT_DICT,
	EXPECT_STR,
	EXPECT_TYPE,
	EXPECT_EXCEPTION_INSIDE, /* the field is one */
	EXPECT_TYPE_STATES, /* managed_static_type_state[]: each begins with a pointer to its type */
	EXPECT_HASH_TABLE, /* a pointer to a _Py_hashtable_t, or null */
	EXPECT_NODE, /* struct llist_node: the next one points back */
};

/* Include/internal/pycore_interp.h (3.14: pycore_interp_structs.h), pycore_runtime.h. What a field always is, in every
 * version that has it. */
static const struct {
	enum layout_field field;
	enum expectation expected;
} places[] = {
	{ FIELD_PyInterpreterState_modules, EXPECT_DICT },
	{ FIELD_PyInterpreterState_sysdict, EXPECT_DICT },
	{ FIELD_PyInterpreterState_builtins, EXPECT_DICT },
	{ FIELD_PyInterpreterState_modules_by_index, EXPECT_LIST },
	{ FIELD_PyInterpreterState_codec_search_path, EXPECT_LIST },
	{ FIELD_PyInterpreterState_codec_search_cache, EXPECT_DICT },
	{ FIELD_PyInterpreterState_codec_error_registry, EXPECT_DICT },
	{ FIELD_PyInterpreterState_dict, EXPECT_DICT },
	{ FIELD_PyInterpreterState_sysdict_copy, EXPECT_DICT },
	{ FIELD_PyInterpreterState_builtins_copy, EXPECT_DICT },
	{ FIELD_PyInterpreterState_before_forkers, EXPECT_LIST },
	{ FIELD_PyInterpreterState_after_forkers_parent, EXPECT_LIST },
	{ FIELD_PyInterpreterState_after_forkers_child, EXPECT_LIST },
	{ FIELD_PyInterpreterState_warnings_filters, EXPECT_LIST },
	{ FIELD_PyInterpreterState_warnings_once_registry, EXPECT_DICT },
	{ FIELD_PyInterpreterState_warnings_default_action, EXPECT_STR },
	{ FIELD_PyInterpreterState_audit_hooks, EXPECT_LIST },
	{ FIELD_PyInterpreterState_asyncio_tasks_head, EXPECT_NODE },
	{ FIELD_PyInterpreterState_exc_state_errnomap, EXPECT_DICT },
	{ FIELD_PyInterpreterState_types_builtins, EXPECT_TYPE_STATES },
	{ FIELD_PyInterpreterState_common_consts, EXPECT_TYPE },
	{ FIELD_PyInterpreterState_interned_strings, EXPECT_DICT },
	{ FIELD_PyInterpreterState_static_objects_last_resort_memory_error, EXPECT_EXCEPTION_INSIDE },
	{ FIELD__PyRuntimeState_interned_strings, EXPECT_HASH_TABLE },
	{ FIELD__PyThreadStateImpl_asyncio_tasks_head, EXPECT_NODE },
};

enum verdict { VERDICT_UNKNOWN, VERDICT_HOLDS, VERDICT_WRONG };

struct place_check {
	struct opening *opening;
	const struct layout *layout;
};

static enum verdict unreadable(const struct place_check *check, uint64_t address)
{
	return address_space_state(check->opening->runtime->space, address) == MEMORY_ABSENT ? VERDICT_UNKNOWN
	                                                                                     : VERDICT_WRONG;
}

static enum verdict object_is(const struct place_check *check, uint64_t object, unsigned flag)
{
	uint64_t type, flags;
	if (object % 8 != 0)
		return VERDICT_WRONG;
	if (!read_field(&check->opening->reader, check->layout, object, FIELD_PyObject_ob_type, &type))
		return unreadable(check, object);
	if (type == 0 || type % 8 != 0)
		return VERDICT_WRONG;
	if (!read_field(&check->opening->reader, check->layout, type, FIELD_PyTypeObject_tp_flags, &flags))
		return unreadable(check, type);
	return flags >> flag & 1 ? VERDICT_HOLDS : VERDICT_WRONG;
}

/* Python/hashtable.c: a power of two buckets, 16 at least, at most half of them used before it grows; never many more
 * entries than buckets. */
static enum verdict is_hash_table(const struct place_check *check, uint64_t address)
{
	struct reader *reader = &check->opening->reader;
	uint64_t entries, buckets;
	if (address % 8 != 0)
		return VERDICT_WRONG;
	if (!read_field(reader, check->layout, address, FIELD__Py_hashtable_t_nentries, &entries) ||
	    !read_field(reader, check->layout, address, FIELD__Py_hashtable_t_nbuckets, &buckets))
		return unreadable(check, address);
	return buckets >= 16 && (buckets & (buckets - 1)) == 0 && entries <= buckets ? VERDICT_HOLDS : VERDICT_WRONG;
}

/* An empty one points at itself; before it is set up it is null. */
static enum verdict is_node(const struct place_check *check, uint64_t address)
{
	uint64_t words[2], back;
	if (!reader_copy(&check->opening->reader, address, words, sizeof words))
		return unreadable(check, address);
	if (words[0] == 0 && words[1] == 0)
		return VERDICT_UNKNOWN;
	if (words[0] == 0 || words[0] % 8 != 0)
		return VERDICT_WRONG;
	if (!reader_u64(&check->opening->reader, words[0] + 8, &back))
		return unreadable(check, words[0]);
	return back == address ? VERDICT_HOLDS : VERDICT_WRONG;
}

static enum verdict are_type_states(const struct place_check *check, uint64_t address)
{
	enum { CHECKED_STATES = 4 }; /* object, type and two more are there from the start */
	const uint32_t stride = check->layout->struct_bytes[STRUCT_managed_static_type_state];
	enum verdict verdict = VERDICT_UNKNOWN;
	for (unsigned i = 0; i < CHECKED_STATES && stride != 0; i++) {
		uint64_t type;
		if (!reader_u64(&check->opening->reader, address + i * stride, &type))
			return unreadable(check, address);
		if (type == 0)
			return verdict;
		verdict = object_is(check, type, FLAG_TYPE);
		if (verdict != VERDICT_HOLDS)
			return verdict;
	}
	return verdict;
}

static enum verdict pointer_is(const struct place_check *check, uint64_t pointer, enum expectation expected)
{
	static const unsigned flags[] = {
		[EXPECT_LIST] = FLAG_LIST, [EXPECT_DICT] = FLAG_DICT, [EXPECT_STR] = FLAG_STR, [EXPECT_TYPE] = FLAG_TYPE
	};
	if (pointer == 0)
		return VERDICT_UNKNOWN;
	return expected == EXPECT_HASH_TABLE ? is_hash_table(check, pointer)
	                                     : object_is(check, pointer, flags[expected]);
}

static enum verdict check_place(const struct place_check *check, uint64_t where, enum expectation expected)
{
	uint64_t pointer;
	switch (expected) {
	case EXPECT_EXCEPTION_INSIDE:
		if (reader_u64(&check->opening->reader, where, &pointer) && pointer == 0)
			return VERDICT_UNKNOWN;
		return object_is(check, where, FLAG_EXCEPTION);
	case EXPECT_TYPE_STATES:
		return are_type_states(check, where);
	case EXPECT_NODE:
		return is_node(check, where);
	default:
		if (!reader_u64(&check->opening->reader, where, &pointer))
			return unreadable(check, where);
		return pointer_is(check, pointer, expected);
	}
}

struct places_checked confirm_places(struct opening *opening, const struct layout *layout, enum layout_struct which,
                                     uint64_t address)
{
	const struct place_check check = { opening, layout };
	struct places_checked checked = { 0 };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (layout_field_struct(places[i].field) != which || !layout_has(layout, places[i].field))
			continue;
		switch (check_place(&check, address + layout_offset(layout, places[i].field), places[i].expected)) {
		case VERDICT_HOLDS:
			checked.held++;
			break;
		case VERDICT_WRONG:
			if (checked.wrong++ == 0)
				checked.example = places[i].field;
			break;
		case VERDICT_UNKNOWN:
			break;
		}
	}
	return checked;
}

void place_static_interpreter(struct opening *opening, struct layout *layout)
{
	const uint64_t runtime = opening->runtime->address;
	struct layout_place *inside = &layout->fields[FIELD__PyRuntimeState_main_interpreter];
	struct layout_place *interned = &layout->fields[FIELD__PyRuntimeState_interned_strings];
	const struct place_check check = { opening, layout };
	uint64_t interpreter;
	if (inside->size == 0 ||
	    !read_field(&opening->reader, layout, runtime, FIELD__PyRuntimeState_interpreters_main, &interpreter) ||
	    interpreter <= runtime || interpreter - runtime > UINT32_MAX / 2 || (interpreter - runtime) % 8 != 0 ||
	    interpreter - runtime > (uint64_t)2 * inside->offset)
		return;
	const uint32_t was = inside->offset, is = (uint32_t)(interpreter - runtime);
	inside->offset = is;
	const bool is_behind_strings = layout_has(layout, FIELD__PyRuntimeState_small_ints) &&
	                               interned->offset > layout_offset(layout, FIELD__PyRuntimeState_small_ints);
	if (interned->size == 0 || !is_behind_strings || is == was || interned->offset + is < was)
		return;
	const uint32_t moved = interned->offset + is - was;
	if (check_place(&check, runtime + moved, EXPECT_HASH_TABLE) == VERDICT_HOLDS)
		interned->offset = moved;
}
