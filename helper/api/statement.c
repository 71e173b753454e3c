/* SPDX-License-Identifier: MIT
 * statement: an SQL statement as a job of its session, whose rows are handed over as columns. */
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "base/spill.h"
#include "export/arrow.h"

struct statement {
	struct pyds_job job;
	char *text;
	uint32_t flags; /* enum pyds_statement_flag */
	struct arrow_rows *rows;
	struct arrow_stream *ret_stream; /* the caller's */
};

static int run(struct statement *statement, struct tables *tables)
{
	const struct sql_reader reader = arrow_reader(statement->rows);
	struct sqlite3 *database;
	TRY(sql_open(&database, tables));
	const int status = sql_run(database, tables, statement->text, &reader);
	sql_close(database);
	return status;
}

static int work(struct pyds_job *job)
{
	struct statement *statement = (struct statement *)job;
	struct pyds_session *session = job->session;
	struct query query = {
		.target = session->target,
		.names = session->names,
		.measure = SIZE_SHALLOW,
		.progress = &job->progress,
		.error = &job->error,
	};
	struct tables *tables;
	query.names.show_values = (statement->flags & PYDS_STATEMENT_SHOWS_VALUES) != 0;
	query.names.hide_keys = (statement->flags & PYDS_STATEMENT_HIDES_KEYS) != 0;
	spill_to(session->spill_directory);
	address_space_limit(session->target->space, session->max_memory);
	TRY(tables_open(&tables, &query));
	const int status = run(statement, tables);
	tables_close(tables);
	return status;
}

/* The caller gets all rows, or none: not those of a target that changed meanwhile. */
static void settle(struct pyds_job *job)
{
	struct statement *statement = (struct statement *)job;
	const struct target *target = job->session->target;
	if (address_space_is_lost(target->space)) {
		error_clear(&job->error);
		job->status = address_space_check(target->space, &job->error);
	}
	if (job->status < 0)
		return;
	arrow_give(statement->rows, statement->ret_stream);
	statement->rows = NULL;
}

static void clear(struct pyds_job *job)
{
	struct statement *statement = (struct statement *)job;
	arrow_destroy(statement->rows);
	free(statement->text);
}

static int start(struct pyds_session *session, const char *text, uint32_t flags, struct arrow_stream *ret_stream,
                 struct pyds_job **ret_job)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	struct statement *statement = (struct statement *)job_create(session, sizeof *statement, work, clear);
	if (statement == NULL)
		return ERROR_NO_MEMORY;
	statement->job.settle = settle;
	statement->flags = flags;
	statement->ret_stream = ret_stream;
	statement->text = strdup(text);
	statement->rows = arrow_create(&statement->job.error);
	if (statement->text == NULL || statement->rows == NULL) {
		job_destroy(&statement->job);
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for a statement");
	}
	TRY(job_start(&statement->job));
	*ret_job = &statement->job;
	return OK;
}

PYDS_PUBLIC int32_t pyds_statement_start(pyds_session *session, const char *statement, uint32_t flags, void *ret_stream,
                                         pyds_job **ret_job)
{
	if (session == NULL || statement == NULL || ret_stream == NULL || ret_job == NULL)
		return ERROR_ARGUMENT;
	*ret_job = NULL;
	memset(ret_stream, 0, sizeof(struct arrow_stream));
	return session_enter(session) ? session_leave(session, start(session, statement, flags, ret_stream, ret_job))
	                              : ERROR_STATE;
}
