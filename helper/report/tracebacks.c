/* SPDX-License-Identifier: MIT
 * tracebacks: exceptions that nobody handles and that keep their frames alive. */
#include "query/tracebacks.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/naming.h"
#include "render/units.h"
#include "report/report.h"

struct traceback_report {
	struct report *report;
	struct tracebacks_answer found;
};

/* ---- Words ---- */

static void local_words(struct traceback_report *tracebacks, const struct traceback_place *place, struct text *text)
{
	struct text name = { .bytes = NULL };
	(void)value_str(&tracebacks->report->naming->objects, place->local_name, LIMIT_STRING_SHOWN, &name);
	names_escape(text, text_string(&name), name.length, false);
	text_free(&name);
}

static const char *advice(const struct traceback_group *group)
{
	/* with_traceback() is of one exception, and not of those that it leads to (Objects/exceptions.c). */
	if (group->keeper == KEEPER_CONTAINER && (group->cause != NULL || group->context != NULL || group->members > 0))
		return "keep str(error) instead of the exception; error.with_traceback(None) leaves those that it is "
		       "chained with, or a group of";
	static const char *const words[] = {
		[KEEPER_UNKNOWN] = "see who refers to it: referrers",
		[KEEPER_TASK] = "await the task or future, or ask for its exception(), and let go of it",
		[KEEPER_EXCEPTION] =
		        ("it is the cause or context of another one: let go of that, or set its __cause__ and "
		         "__context__ to None (raise ... from None only hides it)"),
		[KEEPER_GROUP] = "it is in a group of exceptions: let go of that",
		[KEEPER_CONTAINER] = "keep str(error), or error.with_traceback(None), instead of the exception",
		[KEEPER_FRAME] = "del the local when it is done with, or let the function end",
		[KEEPER_SYS] =
		        "it is the last one that nobody caught: del sys.last_exc, sys.last_value, sys.last_traceback",
		[KEEPER_RECORD] = "the log record keeps exc_info: let the handler format it and set it to None",
	};
	return words[group->keeper];
}

/* ---- Text ---- */

static void show_places(struct traceback_report *tracebacks, const struct traceback_group *group)
{
	enum { PLACES_SHOWN = 12 };
	struct report *report = tracebacks->report;
	const size_t count = group->places.count;
	const size_t skip = count > PLACES_SHOWN && report->request->limit != UINT64_MAX ? count - PLACES_SHOWN : 0;
	if (skip > 0) {
		text_add(report->text, "      ... ");
		units_count(report->text, skip);
		text_add(report->text, " outer frames\n");
	}
	for (size_t i = skip; i < count; i++) {
		const struct traceback_place *place = &group->places.items[i];
		text_add(report->text, "      ");
		names_place_at(report->naming, &place->frame, place->line, report->text);
		if (place->local != 0) {
			text_add(report->text, "   ");
			local_words(tracebacks, place, report->text);
			text_add(report->text, " retains ");
			report_bytes(report, report->text, place->local_retained);
			text_format(report->text, " 0x%" PRIx64, place->local);
		}
		text_add(report->text, "\n");
	}
}

static void show_group(struct traceback_report *tracebacks, const struct traceback_group *group)
{
	struct report *report = tracebacks->report;
	struct text *text = report->text;
	text_add(text, "\n");
	units_count(text, group->count);
	text_add(text, " ");
	names_type(text, group->type);
	text_add(text, "   retained ");
	report_bytes(report, text, group->retained);
	text_format(text, "   first 0x%" PRIx64 "\n", group->first);
	if (group->members > 0) {
		text_add(text, "   a group of ");
		units_noun(text, group->members, "exception");
		text_add(text, "\n");
	}
	if (group->cause != NULL || group->context != NULL) {
		text_add(text, group->cause != NULL ? "   caused by " : "   while handling ");
		names_type(text, group->cause != NULL ? group->cause : group->context);
		text_add(text, "\n");
	}
	show_places(tracebacks, group);
	if (group->kept_by.length > 0)
		text_format(text, "   kept by %s\n", text_string(&group->kept_by));
	text_format(text, "   advice: %s\n", advice(group));
}

static bool passes(const struct traceback_report *tracebacks, const struct traceback_group *group)
{
	return group->retained >= tracebacks->report->request->min_bytes;
}

static int show_text(struct traceback_report *tracebacks)
{
	struct report *report = tracebacks->report;
	const struct traceback_group *first = NULL;
	uint64_t rows = 0, folded = 0, kept = 0;
	for (size_t i = 0; i < tracebacks->found.groups.count; i++)
		kept += tracebacks->found.groups.items[i].count;
	units_noun(report->text, kept, "exception");
	text_add(report->text, " with a traceback that nobody handles, of ");
	units_count(report->text, tracebacks->found.exceptions);
	text_add(report->text, " alive");
	if (tracebacks->found.handled > 0) {
		text_add(report->text, " (");
		units_count(report->text, tracebacks->found.handled);
		text_add(report->text, " in a handler now)");
	}
	text_add(report->text, "\n");
	for (size_t i = 0; i < tracebacks->found.groups.count; i++) {
		const struct traceback_group *group = &tracebacks->found.groups.items[i];
		if (!passes(tracebacks, group))
			continue;
		if (rows++ >= report->request->limit) {
			folded++;
			continue;
		}
		first = first != NULL ? first : group;
		show_group(tracebacks, group);
		TRY(report_deliver(report));
	}
	report_more(report, folded);
	text_add(report->text, "\n");
	report_measure_line(report);
	report_coverage(report, &tracebacks->found.coverage);
	if (first != NULL)
		report_next(report, "path object referrers", first->first);
	return OK;
}

/* ---- JSON ---- */

static void json_frame(struct traceback_report *tracebacks, const struct traceback_place *place)
{
	struct json *json = &tracebacks->report->json;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL }, local = { .bytes = NULL };
	int64_t line;
	names_frame(tracebacks->report->naming, &place->frame, &function, &file, &line);
	json_object(json, NULL);
	json_text(json, "function", &function);
	json_text(json, "file", &file);
	if (place->line > 0)
		json_signed(json, "line", place->line);
	else
		json_null(json, "line");
	json_number(json, "retained", place->retained);
	if (place->local != 0) {
		(void)value_str(&tracebacks->report->naming->objects, place->local_name, LIMIT_STRING_SHOWN, &local);
		json_object(json, "local");
		json_text(json, "name", &local);
		json_address(json, "address", place->local);
		json_number(json, "retained", place->local_retained);
		json_object_end(json);
	} else {
		json_null(json, "local");
	}
	json_object_end(json);
	tracebacks->report->text->failed |= function.failed | file.failed | local.failed;
	text_free(&function);
	text_free(&file);
	text_free(&local);
}

static void json_group(struct traceback_report *tracebacks, const struct traceback_group *group)
{
	struct json *json = &tracebacks->report->json;
	json_object(json, NULL);
	json_address(json, "address", group->first);
	json_string(json, "type", group->type->name);
	json_number(json, "count", group->count);
	json_number(json, "retained", group->retained);
	if (group->kept_by.length > 0)
		json_text(json, "kept_by", &group->kept_by);
	else
		json_null(json, "kept_by");
	if (group->cause != NULL)
		json_string(json, "cause", group->cause->name);
	else
		json_null(json, "cause");
	if (group->context != NULL)
		json_string(json, "context", group->context->name);
	else
		json_null(json, "context");
	json_number(json, "members", group->members);
	json_string(json, "advice", advice(group));
	json_array(json, "frames");
	for (size_t i = 0; i < group->places.count; i++)
		json_frame(tracebacks, &group->places.items[i]);
	json_array_end(json);
	json_object_end(json);
}

static int show_json(struct traceback_report *tracebacks)
{
	struct report *report = tracebacks->report;
	uint64_t rows = 0;
	report_json_begin(report);
	json_number(&report->json, "alive", tracebacks->found.exceptions);
	json_number(&report->json, "handled", tracebacks->found.handled);
	json_array(&report->json, "exceptions");
	for (size_t i = 0; i < tracebacks->found.groups.count && rows < report->request->limit; i++)
		if (passes(tracebacks, &tracebacks->found.groups.items[i])) {
			json_group(tracebacks, &tracebacks->found.groups.items[i]);
			rows++;
		}
	json_array_end(&report->json);
	report_coverage_json(report, &tracebacks->found.coverage);
	report_json_end(report);
	return OK;
}

int tracebacks_report(struct report *report)
{
	struct traceback_report tracebacks = { .report = report };
	/* With --min others than the first ones may be shown. */
	const uint64_t with_words = report->request->min_bytes > 0 ? UINT64_MAX : report->request->limit;
	int status = query_tracebacks(&report->query, with_words, &tracebacks.found);
	if (status >= 0)
		status = report_is_json(report) ? show_json(&tracebacks) : show_text(&tracebacks);
	tracebacks_answer_clear(&tracebacks.found);
	return status;
}
