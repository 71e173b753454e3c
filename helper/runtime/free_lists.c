/* SPDX-License-Identifier: MIT */
#include "runtime/free_lists.h"

#include "base/limits.h"

enum { WORD = 8 };

/* A list: its head is a word, or all its entries are an array of words; then how many there are. */
struct list_place {
	const char *name;
	enum layout_field items, count;
	enum layout_field link; /* of an entry, to the next one; FIELD_COUNT: its first word */
};

/* Of PyInterpreterState, 3.10 to 3.12; MemoryErrors since. */
static const struct list_place interpreter_lists[] = {
	{ "float", FIELD_PyInterpreterState_float_state_free_list, FIELD_PyInterpreterState_float_state_numfree,
	  FIELD_PyObject_ob_type },
	{ "list", FIELD_PyInterpreterState_list_free_list, FIELD_PyInterpreterState_list_numfree, FIELD_COUNT },
	{ "dict", FIELD_PyInterpreterState_dict_state_free_list, FIELD_PyInterpreterState_dict_state_numfree,
	  FIELD_COUNT },
	{ "dict keys", FIELD_PyInterpreterState_dict_state_keys_free_list,
	  FIELD_PyInterpreterState_dict_state_keys_numfree, FIELD_COUNT },
	{ "slice", FIELD_PyInterpreterState_slice_cache, FIELD_COUNT, FIELD_COUNT },
	{ "frame", FIELD_PyInterpreterState_frame_free_list, FIELD_PyInterpreterState_frame_numfree,
	  FIELD_PyFrameObject_f_back },
	{ "async_generator_wrapped_value", FIELD_PyInterpreterState_async_gen_value_freelist,
	  FIELD_PyInterpreterState_async_gen_value_numfree, FIELD_COUNT },
	{ "async_generator_asend", FIELD_PyInterpreterState_async_gen_asend_freelist,
	  FIELD_PyInterpreterState_async_gen_asend_numfree, FIELD_COUNT },
	{ "Context", FIELD_PyInterpreterState_context_freelist, FIELD_PyInterpreterState_context_numfree,
	  FIELD_PyContext_ctx_weakreflist },
	{ "MemoryError", FIELD_PyInterpreterState_exc_state_memerrors_freelist,
	  FIELD_PyInterpreterState_exc_state_memerrors_numfree, FIELD_PyBaseExceptionObject_dict },
};

#define KEPT(name, field, link)                                                                                        \
	{                                                                                                              \
		name, FIELD__Py_object_freelists_##field##_items, FIELD__Py_object_freelists_##field##_numfree,        \
		        FIELD_##link                                                                                   \
	}

/* Of _Py_object_freelists (3.13) and _Py_freelists, where every entry links to the next by its first word. */
static const struct list_place kept_lists[] = {
	KEPT("float", floats, PyObject_ob_type),
	KEPT("complex", complexes, COUNT),
	KEPT("int", ints, COUNT),
	KEPT("list", lists, COUNT),
	KEPT("list_iterator", list_iters, COUNT),
	KEPT("tuple_iterator", tuple_iters, COUNT),
	KEPT("dict", dicts, COUNT),
	KEPT("dict keys", dictkeys, COUNT),
	KEPT("slice", slices, COUNT),
	KEPT("range", ranges, COUNT),
	KEPT("range_iterator", range_iters, COUNT),
	KEPT("Context", contexts, PyContext_ctx_weakreflist),
	KEPT("async_generator_wrapped_value", async_gens, COUNT),
	KEPT("async_generator_asend", async_gen_asends, COUNT),
	KEPT("FutureIter", futureiters, COUNT),
	KEPT("object stacks", object_stacks, COUNT),
	KEPT("object stacks", object_stack_chunks, COUNT),
	KEPT("str writers", unicode_writers, COUNT),
	KEPT("bytes writers", bytes_writers, COUNT),
	KEPT("builtin_function_or_method", pycfunctionobject, COUNT),
	KEPT("builtin_method", pycmethodobject, COUNT),
	KEPT("method", pymethodobjects, COUNT),
};

struct reading {
	struct free_lists *lists;
	const struct runtime *runtime;
	const struct layout *layout;
	struct reader reader;
	bool no_memory;
};

static void push(struct reading *reading, uint64_t entry)
{
	reading->no_memory |= !array_push(&reading->lists->entries, entry);
}

/* The list that begins with the entries from `first` on, of which there are said to be `count`. */
static void add_list(struct reading *reading, const char *name, size_t first, uint64_t count)
{
	const size_t found = reading->lists->entries.count - first;
	const struct free_list list = { name, first, found, found < count };
	if (count > 0)
		reading->no_memory |= !array_push(&reading->lists->lists, list);
}

static void follow(struct reading *reading, const char *name, uint64_t head, uint64_t count, uint32_t link_offset)
{
	const size_t first = reading->lists->entries.count;
	uint64_t at = head;
	for (uint64_t i = 0; i < count && i < LIMIT_FREE_LIST && at != 0; i++) {
		push(reading, at);
		if (!reader_u64(&reading->reader, at + link_offset, &at))
			break;
	}
	add_list(reading, name, first, count);
}

static bool read_word(struct reading *reading, uint64_t base, enum layout_field field, uint64_t *ret_value)
{
	uint8_t word[WORD] = { 0 };
	const struct layout_place *place = &reading->layout->fields[field];
	if (place->size > WORD || !reader_copy(&reading->reader, base + place->offset, word, place->size))
		return false;
	*ret_value = load_u64(word);
	/* The finalized lists of 3.14 have the size -1. */
	if (place->size == 4)
		*ret_value = (uint64_t)(int64_t)(int32_t)*ret_value;
	return true;
}

static void read_list(struct reading *reading, uint64_t base, const struct list_place *place, uint32_t link_offset)
{
	const struct layout *layout = reading->layout;
	uint64_t count = 1, head = 0;
	if (!layout_has(layout, place->items))
		return;
	const bool has_count = place->count != FIELD_COUNT && layout_has(layout, place->count);
	if (has_count && (!read_word(reading, base, place->count, &count) || (int64_t)count <= 0))
		return;
	const uint32_t bytes = layout->fields[place->items].size;
	const uint64_t items = base + layout_offset(layout, place->items);
	if (bytes == WORD) {
		if (reader_u64(&reading->reader, items, &head) && (head != 0 || has_count))
			follow(reading, place->name, head, count, link_offset);
		return;
	}
	const size_t first = reading->lists->entries.count;
	for (uint64_t i = 0; i < count && i < bytes / WORD; i++)
		if (reader_u64(&reading->reader, items + i * WORD, &head))
			push(reading, head);
	add_list(reading, place->name, first, count);
}

/* A list for each length; up to 3.13 the heads are one array and the counts another. */
static void read_tuples(struct reading *reading, uint64_t base, enum layout_field items, enum layout_field counts)
{
	const struct layout *layout = reading->layout;
	if (!layout_has(layout, items) || !layout_has(layout, counts))
		return;
	for (uint32_t i = 0; i < layout->fields[items].size / WORD; i++) {
		uint64_t head;
		uint32_t count;
		if (reader_u64(&reading->reader, base + layout_offset(layout, items) + i * WORD, &head) &&
		    reader_u32(&reading->reader, base + layout_offset(layout, counts) + i * 4, &count) &&
		    (int32_t)count > 0)
			follow(reading, "tuple", head, count, layout_offset(layout, FIELD_PyTupleObject_ob_item));
	}
}

/* Since 3.14 each is such a struct as floats have. */
static void read_tuple_structs(struct reading *reading, uint64_t base)
{
	const struct layout *layout = reading->layout;
	const struct layout_place *head_place = &layout->fields[FIELD__Py_object_freelists_floats_items];
	const struct layout_place *count_place = &layout->fields[FIELD__Py_object_freelists_floats_numfree];
	const uint32_t stride = head_place->size + count_place->size;
	const uint64_t start = base + layout_offset(layout, FIELD__Py_object_freelists_tuples);
	if (head_place->size != WORD || count_place->size != WORD || count_place->offset != head_place->offset + WORD)
		return;
	for (uint32_t at = 0; at < layout->fields[FIELD__Py_object_freelists_tuples].size; at += stride) {
		uint64_t head, count;
		if (reader_u64(&reading->reader, start + at, &head) &&
		    reader_u64(&reading->reader, start + at + WORD, &count) && (int64_t)count > 0)
			follow(reading, "tuple", head, count, 0);
	}
}

static void read_kept(struct reading *reading, uint64_t base)
{
	const struct layout *layout = reading->layout;
	const bool are_arrays = layout_has(layout, FIELD__Py_object_freelists_tuples_items);
	for (size_t i = 0; i < sizeof kept_lists / sizeof *kept_lists; i++) {
		const struct list_place *place = &kept_lists[i];
		const bool has_link = are_arrays && place->link != FIELD_COUNT;
		read_list(reading, base, place, has_link ? layout_offset(layout, place->link) : 0);
	}
	if (are_arrays)
		read_tuples(reading, base, FIELD__Py_object_freelists_tuples_items,
		            FIELD__Py_object_freelists_tuples_numfree);
	else if (layout_has(layout, FIELD__Py_object_freelists_tuples))
		read_tuple_structs(reading, base);
	reading->lists->are_known |= layout_has(layout, FIELD__Py_object_freelists_floats_items);
}

static void read_interpreter(struct reading *reading, uint64_t interpreter)
{
	const struct layout *layout = reading->layout;
	for (size_t i = 0; i < sizeof interpreter_lists / sizeof *interpreter_lists; i++) {
		const struct list_place *place = &interpreter_lists[i];
		read_list(reading, interpreter, place,
		          place->link != FIELD_COUNT ? layout_offset(layout, place->link) : 0);
	}
	read_tuples(reading, interpreter, FIELD_PyInterpreterState_tuple_free_list,
	            FIELD_PyInterpreterState_tuple_numfree);
	reading->lists->are_known |= layout_has(layout, FIELD_PyInterpreterState_float_state_free_list);
	if (layout_has(layout, FIELD_PyInterpreterState_object_state_freelists))
		read_kept(reading,
		          interpreter + layout_offset(layout, FIELD_PyInterpreterState_object_state_freelists));
}

int free_lists_read(struct free_lists *lists, const struct runtime *runtime, struct error *error)
{
	struct reading reading = { .lists = lists, .runtime = runtime, .layout = &runtime->layout };
	*lists = (struct free_lists){ .are_known = false };
	reader_init(&reading.reader, runtime->space);
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		read_interpreter(&reading, runtime->interpreters.items[i].address);
	if (layout_has(reading.layout, FIELD__PyThreadStateImpl_freelists))
		for (size_t i = 0; i < runtime->threads.count; i++)
			read_kept(&reading, runtime->threads.items[i].address +
			                            layout_offset(reading.layout, FIELD__PyThreadStateImpl_freelists));
	if (!reading.no_memory)
		return OK;
	free_lists_clear(lists);
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the free lists");
}

void free_lists_clear(struct free_lists *lists)
{
	array_free(&lists->lists);
	array_free(&lists->entries);
}
