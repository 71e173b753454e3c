/* SPDX-License-Identifier: MIT
 * report: what a command is given to answer a request, and what all answers share: the line that names an object, how
 * sizes are written, what is said at the end. One renderer for all front ends: text and JSON come from here only. */
#ifndef PYDS_REPORT_REPORT_H
#define PYDS_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "query/query.h"
#include "render/json.h"
#include "render/style.h"
#include "report/request.h"

enum exit_status { EXIT_ANSWERED = 0, EXIT_USAGE = 1, EXIT_UNREADABLE = 2, EXIT_PARTIAL = 3, EXIT_OVER = 4 };

struct report {
	const struct request *request;
	struct query query; /* how a question is asked for it */
	const uint64_t *targets; /* addresses, request->targets.count of them */
	const struct text *notes; /* which meaning of a target was taken, a line each, for JSON; NULL: none */
	const char *const *refusals; /* of each of several targets: why it leads nowhere; NULL: it does not */
	struct target *target;
	struct decoder *decoder, *naming; /* the target's */
	struct name_options names;
	struct style style;
	struct progress *progress;
	struct text *text; /* the output */
	struct json json; /* over text */
	/* Takes what is in text, and empties it, for a front end that shows an answer while it is made; NULL: none
	 * does. */
	int (*deliver)(struct report *report);
	struct error *error;
	enum exit_status exit_status;
	uint32_t failed_targets; /* that are no objects */
};

/* The handlers of commands.def: 0, or a negative status with report->error set; what is in report->text is shown in
 * both cases. */
#define COMMAND(id, ID, flags, keys, usage, summary) int id##_report(struct report *report);
#include "report/commands.def"
#undef COMMAND

/* Runs the request's command: begins and ends what is common to all. */
int report_run(struct report *report);

static inline bool report_is_json(const struct report *report)
{
	return request_has(report->request, OPTION_JSON);
}

static inline bool report_is_cancelled(const struct report *report)
{
	return progress_is_cancelled(report->progress);
}

/* ERROR_CANCELLED with a sentence. */
int report_cancelled(struct report *report);

/* Between two lines of a long answer: hands over what there is to a front end that takes it in parts. ERROR_CANCELLED
 * when nobody wants the rest. */
int report_deliver(struct report *report);

/* {"schema": "pydeepsize/<command>/1", left open. */
void report_json_begin(struct report *report);
/* Closes it. */
void report_json_end(struct report *report);

/* In text: a sentence where sizes are not sys.getsizeof()'s. */
void report_measure_line(struct report *report);
/* "Shallow", "Allocated" or "~Native": over a column of sizes. */
const char *report_measure_heading(const struct report *report);
/* "Retained", or "~Retained" where it is an estimate. */
const char *report_retained_heading(const struct report *report);
/* *ret_walk: the session's, with nothing visited, in the request's measure. */
int report_walk(struct report *report, struct walk **ret_walk);

/* Whether target `index` leads to an address; if not, that has then been said in the output. */
bool report_found_target(struct report *report, size_t index);
/* Decodes target `index` into report->decoder. False if it is no object: that has then been said in the output. */
bool report_decode_target(struct report *report, size_t index);
/* How the targets of a command are answered, one after the other. */
struct report_targets {
	/* Gets the index of one that is an object, which is decoded in report->decoder->out. */
	int (*show)(struct report *report, size_t index, void *context);
	/* Of one that is none; NULL: report_decode_target() has said so. */
	int (*show_bad)(struct report *report, size_t index, void *context);
	/* After the last one, inside of "objects"; NULL: nothing is left to show. */
	int (*end)(struct report *report, void *context);
	void *context;
	/* What all answers together do not cover, read after the last one; NULL: each says its own. */
	const struct coverage *coverage;
	bool is_said; /* coverage, in text too; else each answer has sentences of its own */
};
/* In JSON inside {"schema", "objects": [...], "coverage"}. Ends at the first failure. */
int report_each_target(struct report *report, const struct report_targets *targets);
/* "dict, 3 entries   0x7f31c02a8e40   refcount 2   app.cache.SESSIONS": of target `index` its description, its address,
 * how it was asked for; REFCOUNT_UNREADABLE: nothing of its reference count. */
void report_title(struct report *report, size_t index, const struct text *description, int64_t refcount);
/* Whether target `index` is mapped and no object: nothing has been said then. */
bool report_is_other_memory(struct report *report, size_t index);
/* A size as the request wants it. */
void report_bytes(const struct report *report, struct text *text, uint64_t bytes);
/* "  shallow     29.3 MiB": a line of the head of an answer; bytes right-aligned. note may be NULL. */
void report_size_line(struct report *report, const char *name, uint64_t bytes, const char *note);

/* A sentence for each flag of a decoded object, and a remembered exit status. */
void report_flags(struct report *report, const struct object_state *state);
/* What the answer does not cover, with a few places to look at, and the exit status that it means: sentences; a key
 * "coverage" of the open object; or its keys in the open object itself. */
void report_coverage(struct report *report, const struct coverage *coverage);
/* The first, where there is anything to say. */
void report_gaps(struct report *report, const struct coverage *coverage);
void report_coverage_json(struct report *report, const struct coverage *coverage);
void report_coverage_keys(struct report *report, const struct coverage *coverage);
/* "... 1,204 more (-n 0 shows all)"; nothing for 0. */
void report_more(struct report *report, uint64_t more);
/* "Next: sizeof 0x..., deepsize 0x... -t": names separated by spaces ("sizeof deepsize:-t"), each with the address (0:
 * none) and, after a colon, an option. */
void report_next(struct report *report, const char *names, uint64_t address);

/* What --fail-over says of `part`, compared with `whole`: more makes the exit status EXIT_OVER. ERROR_ARGUMENT: it is
 * neither a percentage nor a size. To be called last. */
int report_fail_over(struct report *report, uint64_t part, uint64_t whole);

/* The order of rows: more bytes first, then the lower address. */
int report_compare_bytes(uint64_t left_bytes, uint64_t left_address, uint64_t right_bytes, uint64_t right_address);

#endif
