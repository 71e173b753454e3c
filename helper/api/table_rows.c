/* SPDX-License-Identifier: MIT
 * table_rows: makes the tables of a session when they are first asked for, and hands their rows out. */
#include "api/row_array.h"
#include "api/session.h"
#include "query/frames/frames.h"
#include "query/histogram.h"
#include "query/modules.h"

static struct query query_of(struct pyds_session *session)
{
	return (struct query){
		.target = session->target, .names = session->names, .measure = SIZE_SHALLOW, .error = &session->error
	};
}

static int no_memory(struct pyds_session *session)
{
	return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for a table");
}

/* ---- Frames and their locals ---- */

static int add_locals(struct pyds_session *session, struct frame_row *found, uint64_t frame)
{
	struct session_tables *tables = &session->tables;
	for (size_t i = 0; i < found->locals.count; i++) {
		struct frame_local *local = &found->locals.items[i];
		const struct pyds_local_row row = {
			.struct_size = sizeof row,
			.frame = frame,
			.address = local->address,
			.type = local->type != NULL ? local->type->address : 0,
			.name = tables_keep(tables, &local->name),
			.type_name = local->type != NULL ? local->type->name : NULL,
		};
		if (row.name == NULL || !array_push(&tables->locals, row))
			return no_memory(session);
	}
	return OK;
}

static int add_frame(struct pyds_session *session, struct frame_row *found, struct pyds_frame_row row)
{
	struct session_tables *tables = &session->tables;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line = 0;
	if (found->frame.code != 0)
		names_frame(&session->target->naming, &found->frame, &function, &file, &line);
	row.address = found->frame.address;
	row.code = found->frame.code;
	row.depth = found->depth;
	row.line = line > 0 ? (uint64_t)line : 0;
	row.function = tables_keep(tables, &function);
	row.file = tables_keep(tables, &file);
	text_free(&function);
	text_free(&file);
	if (row.function == NULL || row.file == NULL || !array_push(&tables->frames, row))
		return no_memory(session);
	return add_locals(session, found, tables->frames.count - 1);
}

static int add_stack(struct pyds_session *session, struct frame_stack *stack)
{
	const struct python_thread *thread = &session->target->runtime->threads.items[stack->thread];
	struct pyds_frame_row row = { .struct_size = sizeof row,
		                      .flags = thread->is_selected ? PYDS_FRAME_SELECTED : 0,
		                      .thread = thread->native_id,
		                      .thread_state = thread->address,
		                      .thread_name = tables_keep(&session->tables, &stack->name) };
	if (row.thread_name == NULL)
		return no_memory(session);
	for (size_t i = 0; i < stack->rows.count; i++) {
		if (stack->is_truncated && i + 1 == stack->rows.count)
			row.flags |= PYDS_FRAME_CUT;
		TRY(add_frame(session, &stack->rows.items[i], row));
	}
	return OK;
}

static int find_frames(struct pyds_session *session)
{
	const struct query query = query_of(session);
	const struct frames_question question = { .limit = UINT64_MAX };
	struct frames_answer answer;
	int status = query_frames(&query, &question, &answer);
	for (size_t i = 0; status >= 0 && i < answer.stacks.count; i++)
		status = add_stack(session, &answer.stacks.items[i]);
	frames_answer_clear(&answer);
	session->tables.has_frames = status >= 0;
	return status;
}

/* ---- Types and modules ---- */

static int find_types(struct pyds_session *session)
{
	const struct query query = query_of(session);
	const struct histogram_question question = { .by = GROUP_BY_TYPE };
	struct histogram_answer answer;
	int status = query_histogram(&query, &question, &answer);
	for (size_t i = 0; status >= 0 && i < answer.rows.count; i++) {
		const struct histogram_row *found = &answer.rows.items[i];
		const struct pyds_type_row row = { .struct_size = sizeof row,
			                           .address = found->type->address,
			                           .count = found->reached.count,
			                           .shallow = found->reached.shallow,
			                           .unreachable_count = found->unreachable.count,
			                           .unreachable_shallow = found->unreachable.shallow,
			                           .name = found->type->name };
		if (!array_push(&session->tables.types, row))
			status = no_memory(session);
	}
	histogram_answer_clear(&answer);
	session->tables.has_types = status >= 0;
	return status;
}

static int find_modules(struct pyds_session *session)
{
	const struct query query = query_of(session);
	const struct modules_question question = { .limit = UINT64_MAX, .skip_shared = true, .only_retained = true };
	struct modules_answer answer;
	struct session_tables *tables = &session->tables;
	int status = query_modules(&query, &question, &answer);
	for (size_t i = 0; status >= 0 && i < answer.rows.count; i++) {
		struct module_row *found = &answer.rows.items[i];
		const struct pyds_module_row row = { .struct_size = sizeof row,
			                             .address = found->address,
			                             .dict = found->dict,
			                             .retained = found->retained,
			                             .largest = found->largest,
			                             .largest_retained = found->largest_retained,
			                             .name = tables_keep(tables, &found->name),
			                             .largest_name = tables_keep(tables, &found->largest_name) };
		if (row.name == NULL || row.largest_name == NULL || !array_push(&tables->modules, row))
			status = no_memory(session);
	}
	modules_answer_clear(&answer);
	tables->has_modules = status >= 0;
	return status;
}

/* ---- Handing out ---- */

enum table { TABLE_FRAMES, TABLE_LOCALS, TABLE_TYPES, TABLE_MODULES };

struct stored { /* rows of a table */
	const uint8_t *rows;
	uint64_t count;
	uint32_t row_bytes;
};

static int find(struct pyds_session *session, enum table table, struct stored *ret_stored)
{
	struct session_tables *tables = &session->tables;
	const bool of_heap = table == TABLE_TYPES || table == TABLE_MODULES;
	if (of_heap && session->target->heap == NULL)
		return error_set(&session->error, ERROR_STATE, "the heap was not built: pyds_heap_build() comes first");
	if (table == TABLE_TYPES && !tables->has_types)
		TRY(find_types(session));
	else if (table == TABLE_MODULES && !tables->has_modules)
		TRY(find_modules(session));
	else if (!of_heap && !tables->has_frames)
		TRY(find_frames(session));
	const struct stored all[] = {
		[TABLE_FRAMES] = { (const uint8_t *)tables->frames.items, tables->frames.count,
		                   sizeof(struct pyds_frame_row) },
		[TABLE_LOCALS] = { (const uint8_t *)tables->locals.items, tables->locals.count,
		                   sizeof(struct pyds_local_row) },
		[TABLE_TYPES] = { (const uint8_t *)tables->types.items, tables->types.count,
		                  sizeof(struct pyds_type_row) },
		[TABLE_MODULES] = { (const uint8_t *)tables->modules.items, tables->modules.count,
		                    sizeof(struct pyds_module_row) },
	};
	*ret_stored = all[table];
	return OK;
}

static int fill(struct pyds_session *session, enum table table, uint64_t first, struct row_array *array)
{
	struct stored stored = { .rows = NULL };
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	TRY(row_array_begin(array, array->rows, array->capacity, &session->error));
	TRY(find(session, table, &stored));
	for (uint64_t i = first; i < stored.count && array->count < array->capacity; i++)
		TRY(row_array_add(array, stored.rows + i * stored.row_bytes, stored.row_bytes, &session->error));
	return OK;
}

static int32_t give(pyds_session *session, enum table table, uint64_t first, struct row_array *array,
                    uint64_t *ret_count)
{
	if (session == NULL || array->rows == NULL || ret_count == NULL)
		return ERROR_ARGUMENT;
	*ret_count = 0;
	if (!session_enter(session))
		return ERROR_STATE;
	int status = fill(session, table, first, array);
	*ret_count = status >= 0 ? array->count : 0;
	return session_leave(session, status);
}

PYDS_PUBLIC int32_t pyds_frames(pyds_session *session, uint64_t first, struct pyds_frame_row *rows, uint64_t capacity,
                                uint64_t *ret_count)
{
	struct row_array array = { .rows = (uint8_t *)rows, .capacity = capacity };
	return give(session, TABLE_FRAMES, first, &array, ret_count);
}

PYDS_PUBLIC int32_t pyds_locals(pyds_session *session, uint64_t first, struct pyds_local_row *rows, uint64_t capacity,
                                uint64_t *ret_count)
{
	struct row_array array = { .rows = (uint8_t *)rows, .capacity = capacity };
	return give(session, TABLE_LOCALS, first, &array, ret_count);
}

PYDS_PUBLIC int32_t pyds_types(pyds_session *session, uint64_t first, struct pyds_type_row *rows, uint64_t capacity,
                               uint64_t *ret_count)
{
	struct row_array array = { .rows = (uint8_t *)rows, .capacity = capacity };
	return give(session, TABLE_TYPES, first, &array, ret_count);
}

PYDS_PUBLIC int32_t pyds_modules(pyds_session *session, uint64_t first, struct pyds_module_row *rows, uint64_t capacity,
                                 uint64_t *ret_count)
{
	struct row_array array = { .rows = (uint8_t *)rows, .capacity = capacity };
	return give(session, TABLE_MODULES, first, &array, ret_count);
}
