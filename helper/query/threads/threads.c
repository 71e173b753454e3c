/* SPDX-License-Identifier: MIT */
#include "query/threads/threads.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/frames/frames.h"
#include "query/threads/thread_builder.h"
#include "query/naming.h"

/* Modules whose functions wait for their callers. */
static const char *const waiting_libraries[] = { "threading",       "queue",    "concurrent.futures",
	                                         "multiprocessing", "billiard", "importlib._bootstrap",
	                                         "filelock",        NULL };

/* ---- Rows ---- */

/* Names are threading's: a dict of Thread objects by pthread_t. */
static void read_names(struct thread_builder *builder, uint64_t modules)
{
	struct object_reader *objects = &builder->decoder->objects;
	struct dict_cursor cursor;
	uint64_t key, object;
	int64_t number;
	const uint64_t module = dict_get_str(objects, modules, "threading");
	const uint64_t active = module != 0 ? value_attribute(objects, module, "_active") : 0;
	if (active == 0 || !dict_cursor_open(&cursor, objects, active))
		return;
	while (dict_cursor_next(&cursor, &key, &object)) {
		const uint32_t index =
		        value_int(objects, key, &number) ? thread_row_of(builder, (uint64_t)number) : THREAD_NONE;
		if (index == THREAD_NONE)
			continue;
		struct thread_row *row = &builder->threads->rows.items[index];
		if (row->is_known)
			continue;
		row->is_known = true;
		(void)value_str(objects, value_attribute(objects, object, "_name"), LIMIT_STRING_SHOWN, &row->name);
		row->is_daemon = value_attribute(objects, object, "_daemonic") ==
		                 objects->runtime->symbols[SYMBOL__Py_TrueStruct];
	}
}

static int64_t interpreter_id(const struct runtime *runtime, uint64_t address)
{
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		if (runtime->interpreters.items[i].address == address)
			return runtime->interpreters.items[i].id;
	return -1;
}

/* The module that the outermost import under way is for: the argument `name` of importlib's _find_and_load(). */
static uint64_t find_importing(struct thread_builder *builder, const struct thread_row *row)
{
	for (size_t i = row->frames.count; i > 0; i--)
		if (code_is_named(builder->decoder, frame_list_code(&row->frames, i - 1), "_find_and_load")) {
			const struct python_frame frame = frame_list_at(&row->frames, i - 1);
			return frame_local(builder->decoder, &frame, "name");
		}
	return 0;
}

static bool is_in_finalizer(struct thread_builder *builder, const struct thread_row *row)
{
	enum { FRAMES_LOOKED_AT = 256 };
	for (size_t i = 0; i < row->frames.count && i < FRAMES_LOOKED_AT; i++)
		if (code_is_named(builder->decoder, frame_list_code(&row->frames, i), "__del__"))
			return true;
	return false;
}

static int add_row(struct thread_builder *builder, uint32_t index)
{
	struct runtime *runtime = builder->query->target->runtime;
	const struct python_thread *thread = &runtime->threads.items[index];
	struct thread_row row = { .index = index, .same_as = THREAD_NONE, .same_count = 1 };
	uint64_t finalizing = 0;
	row.interpreter = interpreter_id(runtime, thread->interpreter);
	row.native = native_thread_of(runtime, thread);
	row.gil = gil_state(runtime, &builder->decoder->reader, thread, row.native);
	row.wait.owner = row.wait.place = THREAD_NONE;
	(void)value_field(&builder->decoder->objects, runtime->address, FIELD__PyRuntimeState_finalizing, &finalizing);
	row.is_finalizing = finalizing == thread->address;
	builder->threads->calls_known |= row.native != NULL && row.native->call_known;
	const struct thread_frames *frames;
	TRY(runtime_thread_frames(runtime, thread, &frames, builder->query->error));
	row.frames = frames->list;
	row.truncated = frames->is_truncated;
	builder->threads->truncated += row.truncated;
	row.importing = find_importing(builder, &row);
	row.in_finalizer = is_in_finalizer(builder, &row);
	row.is_finalizing |= thread_ends_python(builder->decoder, &row);
	return array_push(&builder->threads->rows, row) ? OK : query_no_memory(builder->query, "the threads");
}

static int32_t call_of(const struct thread_row *row)
{
	return row->native != NULL && row->native->call_known ? row->native->call : -1;
}

static bool same_stack(const struct thread_row *left, const struct thread_row *right)
{
	if (call_of(left) != call_of(right))
		return false;
	if (left->frames.count != right->frames.count || left->wait.lock.kind != right->wait.lock.kind ||
	    left->wait.owner != right->wait.owner || left->holds.count + right->holds.count > 0 ||
	    left->gil != right->gil || left->interpreter != right->interpreter || left->frames.count == 0)
		return false;
	for (size_t i = 0; i < left->frames.count; i++)
		if (!frames_are_alike(&left->frames, i, &right->frames, i))
			return false;
	return true;
}

/* Thousands of idle workers have few stacks, so each row is compared with the first ones of a few kinds. */
static void merge_equal(struct threads_answer *threads)
{
	enum { KINDS_COMPARED = 256 };
	for (uint32_t i = 0; i < threads->rows.count; i++)
		for (uint32_t k = 0, kinds = 0; k < i && kinds < KINDS_COMPARED; k++) {
			struct thread_row *first = &threads->rows.items[k];
			if (first->same_as != THREAD_NONE)
				continue;
			kinds++;
			if (!same_stack(first, &threads->rows.items[i]))
				continue;
			threads->rows.items[i].same_as = k;
			first->same_count++;
			first->lock_differs |= first->wait.lock.address != threads->rows.items[i].wait.lock.address;
			first->descriptor.differs |=
			        first->descriptor.number != threads->rows.items[i].descriptor.number;
			break;
		}
}

static bool map_wait_addresses(struct thread_builder *builder)
{
	for (size_t i = 0; i < builder->locks.count; i++) {
		const struct instance *lock = &builder->locks.items[i];
		const uint64_t address = lock_wait_address(builder->decoder, lock->address, lock->role);
		if (!address_map_set(&builder->lock_objects, lock->address, (uint32_t)i))
			return false;
		if (address != 0 && !address_map_set(&builder->by_wait_address, address, (uint32_t)i))
			return false;
	}
	return true;
}

/* Files are known to frames like locks, where one is waited for. */
static bool map_files(struct thread_builder *builder)
{
	for (size_t i = 0; !builder->waits_for_file && i < builder->threads->rows.count; i++)
		builder->waits_for_file = builder->threads->rows.items[i].wait.lock.kind == LOCK_FILE;
	for (size_t i = 0; builder->waits_for_file && i < builder->files.count; i++)
		if (!address_map_set(&builder->lock_objects, builder->files.items[i].address, 0))
			return false;
	return true;
}

/* `with lock.acquire()` of filelock enters an object that has the lock. */
static uint64_t entered_lock(struct thread_builder *builder, uint64_t object)
{
	if (lock_kind_of(builder->decoder, object) != LOCK_NONE)
		return object;
	const uint64_t lock = value_attribute(&builder->decoder->objects, object, "lock");
	return lock_kind_of(builder->decoder, lock) == LOCK_FILELOCK ? lock : object;
}

static bool find_with_blocks(struct thread_builder *builder)
{
	struct threads_answer *threads = builder->threads;
	object_array objects = { .items = NULL };
	struct with_blocks blocks;
	bool done = true;
	with_blocks_open(&blocks, builder->decoder, "__exit__");
	for (uint32_t i = 0; done && i < threads->rows.count; i++)
		for (uint32_t k = 0; done && k < threads->rows.items[i].frames.count; k++) {
			const struct python_frame frame = frame_list_at(&threads->rows.items[i].frames, k);
			objects.count = 0;
			done = with_blocks_find(&blocks, &frame, &objects);
			for (size_t n = 0; done && n < objects.count; n++)
				done = array_push(&builder->withs,
				                  (struct with_row){ entered_lock(builder, objects.items[n]), i, k });
		}
	array_free(&objects);
	return done;
}

static int find(struct thread_builder *builder)
{
	const struct query *query = builder->query;
	for (uint32_t i = 0; i < query->target->runtime->threads.count; i++) {
		TRY(add_row(builder, i));
		if (query_is_cancelled(query))
			return query_cancelled(query);
	}
	for (size_t i = 0; i < query->target->runtime->interpreters.count; i++)
		read_names(builder, query->target->runtime->interpreters.items[i].modules);
	TRY(instances_find(&builder->locks, query, thread_role_of_type));
	if (!thread_files_part(builder))
		return query_no_memory(query, "the threads");
	thread_descriptors_find(builder);
	if (!thread_polls_find(builder) || !library_open(&builder->library, builder->decoder, waiting_libraries) ||
	    !map_wait_addresses(builder) || !find_with_blocks(builder))
		return query_no_memory(query, "the threads");
	thread_waits_find(builder);
	TRY(thread_collecting_find(builder));
	if (!map_files(builder) || !frame_knowledge_find(builder) || !thread_owners_find(builder) ||
	    !thread_circles_find(builder->threads) || !thread_queue_find(builder->threads))
		return query_no_memory(query, "the threads");
	merge_equal(builder->threads);
	return OK;
}

static void name_lock(const struct query *query, struct naming *naming, struct thread_lock *lock)
{
	struct text module = { .bytes = NULL };
	if (lock->kind == LOCK_NONE || lock->kind == LOCK_GIL || lock->address == 0)
		return;
	if (lock->name != 0 && value_str(&query->target->naming.objects, lock->name, LIMIT_STRING_SHOWN, &module) > 0) {
		text_add(&lock->words, "of module ");
		names_escape(&lock->words, text_string(&module), module.length, false);
	} else if (lock->kind < LOCK_MUTEX) {
		(void)naming_object(naming, lock->address, &lock->words);
	}
	text_free(&module);
}

static bool name_file(const struct thread_builder *builder, struct naming *naming, struct thread_descriptor *file)
{
	if (file->object != 0 && !naming_object(naming, file->object, &file->words))
		names_describe(builder->decoder, file->object, &builder->query->names, &file->words);
	return !file->words.failed && !file->kernel.failed;
}

static int add_words(const struct thread_builder *builder)
{
	const struct query *query = builder->query;
	struct naming *naming;
	bool failed = false;
	TRY(naming_open(&naming, query, builder->heap));
	naming_prefer_globals(naming, true);
	for (size_t i = 0; i < builder->threads->rows.count; i++) {
		struct thread_row *row = &builder->threads->rows.items[i];
		name_lock(query, naming, &row->wait.lock);
		failed |= row->wait.lock.words.failed;
		failed |= !name_file(builder, naming, &row->descriptor);
		for (size_t k = 0; k < row->polls.count && k < THREAD_POLLS_NAMED; k++)
			failed |= !name_file(builder, naming, &row->polls.items[k]);
		for (size_t k = 0; k < row->holds.count; k++) {
			name_lock(query, naming, &row->holds.items[k].lock);
			failed |= row->holds.items[k].lock.words.failed;
		}
	}
	naming_close(naming);
	return failed ? query_no_memory(query, "the names of locks") : OK;
}

int query_threads(const struct query *query, bool with_words, struct threads_answer *ret_answer)
{
	struct thread_builder builder = { .query = query, .threads = ret_answer, .decoder = &query->target->naming };
	*ret_answer = (struct threads_answer){ .behind = 0 };
	TRY(query_heap(query, &builder.heap));
	ret_answer->coverage = builder.heap->graph->coverage;
	int status = find(&builder);
	if (status == OK && with_words)
		status = add_words(&builder);
	array_free(&builder.locks);
	array_free(&builder.files);
	array_free(&builder.withs);
	array_free(&builder.known);
	address_map_clear(&builder.by_wait_address);
	address_map_clear(&builder.lock_objects);
	library_close(&builder.library);
	return status;
}

static void descriptor_clear(struct thread_descriptor *descriptor)
{
	text_free(&descriptor->words);
	text_free(&descriptor->kernel);
}

void threads_answer_clear(struct threads_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++) {
		struct thread_row *row = &answer->rows.items[i];
		text_free(&row->name);
		text_free(&row->wait.lock.words);
		for (size_t k = 0; k < row->holds.count; k++)
			text_free(&row->holds.items[k].lock.words);
		descriptor_clear(&row->descriptor);
		for (size_t k = 0; k < row->polls.count; k++)
			descriptor_clear(&row->polls.items[k]);
		array_free(&row->polls);
		array_free(&row->holds);
		array_free(&row->wait.wakers);
		array_free(&row->wait.sharing);
	}
	array_free(&answer->rows);
	array_free(&answer->deadlocks);
}
