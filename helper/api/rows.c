/* SPDX-License-Identifier: MIT
 * rows: objects, their references and types as rows of numbers, for callers that want data and not text. */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "api/job.h"
#include "api/row_array.h"
#include "api/sized_struct.h"
#include "decode/allocated.h"
#include "decode/reference_count.h"
#include "graph/heap/heap_cursor.h"
#include "names/names.h"

_Static_assert((int)PYDS_OBJECT_APPROXIMATE == (int)DECODED_APPROXIMATE, "flags of objects are passed through");
_Static_assert((int)PYDS_OBJECT_UNREADABLE == (int)DECODED_UNREADABLE, "flags of objects are passed through");
_Static_assert((int)PYDS_OBJECT_CORRUPT == (int)DECODED_CORRUPT, "flags of objects are passed through");
_Static_assert((int)PYDS_OBJECT_IN_FLUX == (int)DECODED_IN_FLUX, "flags of objects are passed through");

enum { OBJECT_FLAGS = PYDS_OBJECT_APPROXIMATE | PYDS_OBJECT_UNREADABLE | PYDS_OBJECT_CORRUPT | PYDS_OBJECT_IN_FLUX };

static int begin_rows(struct pyds_session *session, void *rows, uint64_t capacity, struct row_array *ret_array)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	return row_array_begin(ret_array, rows, capacity, &session->error);
}

/* ---- The heap ---- */

static int build(struct pyds_job *job)
{
	const struct retained *heap;
	struct target *target = job->session->target;
	address_space_limit(target->space, job->session->max_memory);
	return target_heap(target, SIZE_SHALLOW, &job->progress, &heap, &job->error);
}

static void clear_nothing(struct pyds_job *job)
{
	(void)job;
}

static int build_heap(struct pyds_session *session, struct pyds_job **ret_job)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	struct pyds_job *job = job_create(session, sizeof *job, build, clear_nothing);
	if (job == NULL)
		return ERROR_NO_MEMORY;
	TRY(job_start(job));
	*ret_job = job;
	return OK;
}

PYDS_PUBLIC int32_t pyds_heap_build(pyds_session *session, pyds_job **ret_job)
{
	if (session == NULL || ret_job == NULL)
		return ERROR_ARGUMENT;
	*ret_job = NULL;
	return session_enter(session) ? session_leave(session, build_heap(session, ret_job)) : ERROR_STATE;
}

static int require_heap(struct pyds_session *session)
{
	return session->target->heap != NULL ? OK
	                                     : error_set(&session->error, ERROR_STATE,
	                                                 "the heap was not built: pyds_heap_build() comes first");
}

static void add_retained(const struct retained *heap, uint64_t address, uint64_t *ret_retained, uint32_t *flags)
{
	const uint32_t number =
	        heap != NULL && heap->measure == SIZE_SHALLOW ? retained_number(heap, address) : UINT32_MAX;
	if (number == UINT32_MAX)
		return;
	*ret_retained = heap->bytes[number];
	*flags |= PYDS_OBJECT_HAS_RETAINED;
}

static bool passes(const struct pyds_object_filter *filter, const struct heap_cursor *cursor)
{
	return heap_cursor_shallow(cursor) >= filter->min_shallow &&
	       (filter->type == NULL || fnmatch(filter->type, cursor->type->name, 0) == 0);
}

static int fill_objects(struct pyds_session *session, uint64_t after, const struct pyds_object_filter *given,
                        struct row_array *array)
{
	struct pyds_object_filter filter;
	struct heap_cursor cursor;
	TRY(sized_struct_read(&filter, sizeof filter, given, "pyds_object_filter", &session->error));
	TRY(require_heap(session));
	const struct retained *heap = session->target->heap;
	heap_cursor_init(&cursor, heap->graph, &session->target->naming, NULL);
	if (after != 0) {
		const uint32_t node = object_index_find(&heap->graph->index, after);
		if (node == UINT32_MAX)
			return error_set(&session->error, ERROR_NOT_FOUND, "0x%" PRIx64 " is no object of the heap",
			                 after);
		object_cursor_init_at(&cursor.objects, &heap->graph->index, node);
		cursor.next_node = node;
		(void)heap_cursor_next(&cursor);
	}
	while (array->count < array->capacity && heap_cursor_next(&cursor)) {
		if (!passes(&filter, &cursor))
			continue;
		struct pyds_object_row row = { .struct_size = sizeof row,
			                       .address = cursor.address,
			                       .type = cursor.type->address,
			                       .shallow = heap_cursor_shallow(&cursor),
			                       .type_name = cursor.type->name };
		row.flags = (cursor.type->flags & TYPE_IS_APPROXIMATE) != 0 ? PYDS_OBJECT_APPROXIMATE : 0;
		add_retained(heap, cursor.address, &row.retained, &row.flags);
		TRY(row_array_add(array, &row, sizeof row, &session->error));
	}
	return OK;
}

PYDS_PUBLIC int32_t pyds_objects(pyds_session *session, uint64_t after, const struct pyds_object_filter *filter,
                                 struct pyds_object_row *rows, uint64_t capacity, uint64_t *ret_count)
{
	struct row_array array = { .count = 0 };
	if (session == NULL || rows == NULL || ret_count == NULL)
		return ERROR_ARGUMENT;
	*ret_count = 0;
	if (!session_enter(session))
		return ERROR_STATE;
	int status = begin_rows(session, rows, capacity, &array);
	if (status >= 0)
		status = fill_objects(session, after, filter, &array);
	*ret_count = array.count;
	return session_leave(session, status);
}

/* ---- One object ---- */

static int require_object(struct pyds_session *session, uint64_t address)
{
	struct decoder *decoder = &session->target->decoder;
	if (decode_object(decoder, address))
		return OK;
	return error_set(&session->error, ERROR_NOT_FOUND, "0x%" PRIx64 " is not an object: %s", address,
	                 decoder->out.reason != NULL ? decoder->out.reason : "no object head is there");
}

static int64_t refcount_of(struct decoder *decoder, uint64_t address)
{
	struct reference_count count;
	if (!reference_count_read(decoder, address, &count) || !count.is_known)
		return -2;
	return count.is_immortal ? -1 : count.count;
}

static int fill_info(struct pyds_session *session, uint64_t address, struct pyds_object_info *own)
{
	struct target *target = session->target;
	TRY(session_require_target(session));
	TRY(address_space_check(target->space, &session->error));
	TRY(require_object(session, address));
	const struct decoded *out = &target->decoder.out;
	own->address = address;
	own->type = out->type->address;
	own->type_name = out->type->name;
	own->shallow = out->shallow;
	own->flags = out->flags & (uint32_t)OBJECT_FLAGS;
	own->allocated = allocated_of_object(&target->decoder).bytes;
	own->refcount = refcount_of(&target->decoder, address);
	add_retained(target->heap, address, &own->retained, &own->flags);
	text_reset(&session->strings);
	names_describe(&target->naming, address, &session->names, &session->strings);
	if (session->strings.failed)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for a name");
	own->name = text_string(&session->strings);
	return OK;
}

PYDS_PUBLIC int32_t pyds_object_info(pyds_session *session, uint64_t address, struct pyds_object_info *ret_info)
{
	struct pyds_object_info own = { .struct_size = sizeof own };
	if (session == NULL || ret_info == NULL)
		return ERROR_ARGUMENT;
	if (!session_enter(session))
		return ERROR_STATE;
	int status = fill_info(session, address, &own);
	return session_leave(session, status < 0 ? status : sized_struct_write(ret_info, &own, sizeof own));
}

/* Offsets of labels in session->strings while it grows; then what stands there. */
static void place_labels(struct pyds_session *session, const struct row_array *array)
{
	const char *strings = text_string(&session->strings);
	if (array->stride < offsetof(struct pyds_reference_row, label) + sizeof(const char *))
		return;
	for (uint64_t i = 0; i < array->count; i++) {
		uint8_t *place = array->rows + i * array->stride + offsetof(struct pyds_reference_row, label);
		uintptr_t offset;
		memcpy(&offset, place, sizeof offset);
		const char *label = strings + offset;
		memcpy(place, &label, sizeof label);
	}
}

static int fill_references(struct pyds_session *session, uint64_t address, uint64_t first, struct row_array *array)
{
	struct target *target = session->target;
	TRY(require_object(session, address));
	const struct decoded *out = &target->decoder.out;
	uint64_t number = 0;
	text_reset(&session->strings);
	for (size_t i = 0; i < out->runs.count; i++) {
		const struct run *run = &out->runs.items[i];
		for (uint64_t slot = 0; slot < run->count && array->count < array->capacity; slot++) {
			const uint64_t object = run_target(run, slot);
			if (object == 0 || number++ < first)
				continue;
			const struct pyds_reference_row row = {
				.struct_size = sizeof row,
				.flags = (run->flags & RUN_HIDDEN) != 0 ? PYDS_REFERENCE_HIDDEN : 0,
				.address = object,
				.label = (const char *)(uintptr_t)session->strings.length,
			};
			TRY(row_array_add(array, &row, sizeof row, &session->error));
			names_label(&target->naming, run, slot, &session->names, &session->strings);
			text_append(&session->strings, "", 1);
		}
	}
	if (session->strings.failed)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for labels");
	place_labels(session, array);
	return OK;
}

PYDS_PUBLIC int32_t pyds_references(pyds_session *session, uint64_t address, uint64_t first,
                                    struct pyds_reference_row *rows, uint64_t capacity, uint64_t *ret_count)
{
	struct row_array array = { .count = 0 };
	if (session == NULL || rows == NULL || ret_count == NULL)
		return ERROR_ARGUMENT;
	*ret_count = 0;
	if (!session_enter(session))
		return ERROR_STATE;
	int status = begin_rows(session, rows, capacity, &array);
	if (status >= 0)
		status = fill_references(session, address, first, &array);
	*ret_count = status >= 0 ? array.count : 0;
	return session_leave(session, status);
}
