/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/limits.h"
#include "report/live.h"
#include "report/losses.h"
#include "render/units.h"

int report_cancelled(struct report *report)
{
	return error_set(report->error, ERROR_CANCELLED, "interrupted; what is shown is a part of the answer");
}

int report_deliver(struct report *report)
{
	return report->deliver != NULL ? report->deliver(report) : OK;
}

void report_json_begin(struct report *report)
{
	char schema[64];
	(void)snprintf(schema, sizeof schema, "pydeepsize/%s/1", report->request->command->name);
	json_begin(&report->json, report->text);
	json_object(&report->json, NULL);
	json_string(&report->json, "schema", schema);
	if ((report->request->command->options & option_bit(OPTION_POLICY)) != 0)
		json_string(&report->json, "policy", policy_name(report->request->policy));
	if ((report->request->command->options & option_bit(OPTION_ALLOCATED)) != 0)
		json_string(&report->json, "measure", size_measure_name(request_measure(report->request)));
	live_json(report);
}

/* "notes": what text has in front of its answer. */
static void json_notes(struct report *report)
{
	struct text line = { .bytes = NULL };
	if (report->notes == NULL || report->notes->length == 0)
		return;
	json_array(&report->json, "notes");
	for (const char *at = text_string(report->notes); *at != '\0';) {
		const char *end = strchrnul(at, '\n');
		text_reset(&line);
		text_append(&line, at, (size_t)(end - at));
		json_text(&report->json, NULL, &line);
		at = *end != '\0' ? end + 1 : end;
	}
	json_array_end(&report->json);
	report->text->failed |= line.failed;
	text_free(&line);
}

void report_json_end(struct report *report)
{
	json_notes(report);
	json_object_end(&report->json);
	json_end(&report->json);
}

void report_measure_line(struct report *report)
{
	if (request_measure(report->request) == SIZE_NATIVE)
		text_add(report->text,
		         "~ Sizes are those of blocks that C code has from malloc and that hang on these objects: an "
		         "estimate.\n");
	if (request_measure(report->request) != SIZE_ALLOCATED)
		return;
	text_add(report->text, "Sizes are what the allocators took (--allocated), not sys.getsizeof().\n");
	const struct allocators *allocators = &report->target->context->allocators;
	if (allocators->glibc.count > 0 || allocators->jemalloc.file != NULL)
		return;
	/* pymalloc's blocks are known all the same. */
	text_format(report->text,
	            "~ Blocks that malloc gave out are taken for as large as was asked for: %s%s cannot be gone "
	            "through.\n",
	            allocators->other != NULL ? allocators->other : "the malloc of this process",
	            allocators->other != NULL ? ", which stands in for malloc," : "");
}

const char *report_measure_heading(const struct report *report)
{
	static const char *const headings[] = {
		[SIZE_SHALLOW] = "Shallow", [SIZE_ALLOCATED] = "Allocated", [SIZE_NATIVE] = "~Native"
	};
	return headings[report->query.measure];
}

const char *report_retained_heading(const struct report *report)
{
	return report->query.measure == SIZE_NATIVE ? "~Retained" : "Retained";
}

int report_walk(struct report *report, struct walk **ret_walk)
{
	return target_walk(report->target, request_measure(report->request), ret_walk, report->error);
}

/* "0x1f" and the like: the address itself says as much. */
static bool is_address(const char *expression)
{
	return expression[0] == '0' && (expression[1] == 'x' || expression[1] == 'X');
}

bool report_found_target(struct report *report, size_t index)
{
	const char *reason = report->refusals[index], *expression = report->request->targets.items[index];
	if (reason == NULL)
		return true;
	report->failed_targets++;
	if (report_is_json(report)) {
		json_object(&report->json, NULL);
		json_string(&report->json, "target", expression);
		json_string(&report->json, "error", reason);
		json_object_end(&report->json);
		return false;
	}
	text_escape(report->text, expression, strlen(expression), false);
	text_format(report->text, ": %s\n", reason);
	return false;
}

bool report_decode_target(struct report *report, size_t index)
{
	const uint64_t address = report->targets[index];
	if (!report_found_target(report, index))
		return false;
	if (decode_object(report->decoder, address))
		return true;
	const struct decoded *out = &report->decoder->out;
	const char *reason = out->reason != NULL ? out->reason : "no object head is there";
	report->failed_targets++;
	if ((out->flags & DECODED_UNREADABLE) != 0)
		report->exit_status = EXIT_PARTIAL;
	if (report_is_json(report)) {
		json_object(&report->json, NULL);
		json_address(&report->json, "address", address);
		json_string(&report->json, "error", reason);
		json_object_end(&report->json);
		return false;
	}
	text_format(report->text, "0x%" PRIx64 " is not an object: %s", address, reason);
	if (address_space_state(report->target->space, address) != MEMORY_UNMAPPED)
		text_format(report->text, "; %sobject 0x%" PRIx64 " says what is there", style_prefix(&report->style),
		            address);
	text_add(report->text, "\n");
	return false;
}

static int show_target(struct report *report, const struct report_targets *targets, size_t index)
{
	if (report_is_cancelled(report))
		return report_cancelled(report);
	if (targets->show_bad == NULL)
		return report_decode_target(report, index) ? targets->show(report, index, targets->context) : OK;
	if (!report_found_target(report, index))
		return OK;
	return decode_object(report->decoder, report->targets[index])
	               ? targets->show(report, index, targets->context)
	               : targets->show_bad(report, index, targets->context);
}

bool report_is_other_memory(struct report *report, size_t index)
{
	return report->refusals[index] == NULL && !decode_object(report->decoder, report->targets[index]);
}

int report_each_target(struct report *report, const struct report_targets *targets)
{
	const bool is_json = report_is_json(report);
	int status = OK;
	if (is_json) {
		report_json_begin(report);
		json_array(&report->json, "objects");
	}
	for (size_t i = 0; i < report->request->targets.count && status >= 0; i++)
		status = show_target(report, targets, i);
	if (targets->end != NULL) {
		int ended = targets->end(report, targets->context);
		status = status < 0 ? status : ended;
	}
	if (is_json)
		json_array_end(&report->json);
	if (is_json && targets->coverage != NULL)
		report_coverage_json(report, targets->coverage);
	if (is_json)
		report_json_end(report);
	else if (targets->is_said)
		report_gaps(report, targets->coverage);
	return status;
}

void report_title(struct report *report, size_t index, const struct text *description, int64_t refcount)
{
	const char *expression = report->request->targets.items[index];
	style_bold(&report->style, report->text);
	text_add(report->text, text_string(description));
	style_plain(&report->style, report->text);
	text_format(report->text, "   0x%" PRIx64, report->targets[index]);
	if (refcount == REFCOUNT_IMMORTAL)
		text_add(report->text, "   immortal");
	else if (refcount >= 0)
		text_format(report->text, "   refcount %" PRId64, refcount);
	if (!is_address(expression)) {
		text_add(report->text, "   ");
		text_escape(report->text, expression, strlen(expression), false);
	}
	text_add(report->text, "\n");
}

void report_bytes(const struct report *report, struct text *text, uint64_t bytes)
{
	units_bytes(text, bytes, request_has(report->request, OPTION_BYTES));
}

void report_size_line(struct report *report, const char *name, uint64_t bytes, const char *note)
{
	struct text size = { .bytes = NULL };
	report_bytes(report, &size, bytes);
	text_format(report->text, "  %-9s %12s", name, text_string(&size));
	if (note != NULL && note[0] != '\0')
		text_format(report->text, "   %s", note);
	text_add(report->text, "\n");
	report->text->failed |= size.failed;
	text_free(&size);
}

void report_flags(struct report *report, const struct object_state *state)
{
	const char *reason = state->reason != NULL ? state->reason : "impossible values";
	if ((state->flags & DECODED_UNREADABLE) != 0) {
		report->exit_status = EXIT_PARTIAL;
		text_format(report->text, "Not complete: %s.\n",
		            state->reason != NULL ? state->reason : "a part of it is not in the dump");
	}
	if ((state->flags & DECODED_CORRUPT) != 0)
		text_format(report->text, "Not trustworthy: %s.\n", reason);
	if ((state->flags & DECODED_IN_FLUX) != 0)
		text_format(report->text, "Caught half way through a change: %s.\n", reason);
	if ((state->flags & DECODED_APPROXIMATE) != 0)
		text_format(report->text, "Approximate: %s.\n",
		            state->type != NULL && state->type->approximate != NULL ? state->type->approximate
		                                                                    : reason);
}

void report_next(struct report *report, const char *names, uint64_t address)
{
	text_add(report->text, "Next:");
	for (const char *at = names; *at != '\0';) {
		size_t length = strcspn(at, " ");
		size_t name = strcspn(at, " :");
		text_format(report->text, "%s %s%.*s", at == names ? "" : ",", style_prefix(&report->style), (int)name,
		            at);
		if (address != 0)
			text_format(report->text, " 0x%" PRIx64, address);
		if (name < length)
			text_format(report->text, " %.*s", (int)(length - name - 1), at + name + 1);
		at += length + (at[length] == ' ');
	}
	text_add(report->text, "\n");
}

static void gap_line(struct text *text, uint64_t count, const char *noun, const char *what)
{
	if (count == 0)
		return;
	text_add(text, "  ");
	units_noun(text, count, noun);
	text_format(text, " %s\n", what);
}

static void note_coverage(struct report *report, const struct coverage *coverage)
{
	if (coverage_is_partial(coverage))
		report->exit_status = EXIT_PARTIAL;
}

void report_coverage(struct report *report, const struct coverage *coverage)
{
	struct text *text = report->text;
	note_coverage(report, coverage);
	if (coverage_is_exact(coverage)) {
		text_add(text, "Everything reached was readable and decoded exactly.\n");
		return;
	}
	text_add(text, "Not covered:\n");
	gap_line(text, coverage->unreadable, "reference", "to memory that the dump lacks, or objects partly lacking");
	gap_line(text, coverage->corrupt, "reference", "to what is no sane object (freed, torn or overwritten)");
	gap_line(text, coverage->in_flux, "object", "caught half way through a change");
	gap_line(text, coverage->approximate, "object",
	         "of C types without a decoder: size and references as far as their type says");
	if (coverage->tracked_unknown)
		text_add(text,
		         "  objects that only the garbage collector knows: its lists are at a place of this build that "
		         "no table has; with its debug symbols they are found (info)\n");
	if (coverage->gc_list_broken)
		text_add(text, "  objects behind the place where a list of the garbage collector was torn\n");
	if (coverage->frames_truncated)
		text_add(text, "  Python frames behind the place where a stack could not be followed\n");
	for (uint32_t i = 0; i < coverage->example_count; i++)
		text_format(text, "  e.g. 0x%" PRIx64 ": %s\n", coverage->examples[i].address,
		            coverage->examples[i].reason != NULL ? coverage->examples[i].reason : "unknown reason");
}

void report_gaps(struct report *report, const struct coverage *coverage)
{
	if (!coverage_is_exact(coverage))
		report_coverage(report, coverage);
}

void report_coverage_keys(struct report *report, const struct coverage *coverage)
{
	struct json *json = &report->json;
	note_coverage(report, coverage);
	json_number(json, "unreadable", coverage->unreadable);
	json_number(json, "approximate", coverage->approximate);
	json_number(json, "corrupt", coverage->corrupt);
	json_number(json, "in_flux", coverage->in_flux);
	json_bool(json, "tracked_unknown", coverage->tracked_unknown);
	json_bool(json, "gc_list_broken", coverage->gc_list_broken);
	json_bool(json, "frames_truncated", coverage->frames_truncated);
	json_array(json, "examples");
	for (uint32_t i = 0; i < coverage->example_count; i++) {
		json_object(json, NULL);
		json_address(json, "address", coverage->examples[i].address);
		json_string(json, "reason", coverage->examples[i].reason != NULL ? coverage->examples[i].reason : "");
		json_object_end(json);
	}
	json_array_end(json);
}

void report_coverage_json(struct report *report, const struct coverage *coverage)
{
	json_object(&report->json, "coverage");
	report_coverage_keys(report, coverage);
	json_object_end(&report->json);
}

void report_more(struct report *report, uint64_t more)
{
	if (more == 0)
		return;
	text_add(report->text, "... ");
	units_count(report->text, more);
	text_add(report->text, " more (-n 0 shows all)\n");
}

int report_compare_bytes(uint64_t left_bytes, uint64_t left_address, uint64_t right_bytes, uint64_t right_address)
{
	if (left_bytes != right_bytes)
		return left_bytes > right_bytes ? -1 : 1;
	return left_address < right_address ? -1 : left_address > right_address;
}

static int show_help(struct report *report)
{
	const struct command *command = report->request->command;
	const char *prefix = style_prefix(&report->style);
	text_format(report->text, "%s%s: %s\n\nUsage: %s%s\n\n%s", prefix, command->name, command->summary, prefix,
	            command->usage, command->help);
	return OK;
}

/* How far --values opens containers, for the commands that have options for it. */
static void set_contents(struct report *report)
{
	enum { DEPTH = 2, LENGTH = 8 };
	const struct request *request = report->request;
	if ((request->command->options & option_bit(OPTION_DEPTH)) == 0)
		return;
	const uint64_t depth = request_has(request, OPTION_DEPTH) ? request_number(request, OPTION_DEPTH) : DEPTH;
	const uint64_t length = request_has(request, OPTION_LENGTH) ? request_number(request, OPTION_LENGTH) : LENGTH;
	report->names.depth = (uint32_t)(depth < LIMIT_CONTENTS_DEPTH ? depth : LIMIT_CONTENTS_DEPTH);
	report->names.length = (uint32_t)(length < LIMIT_CONTENTS_LENGTH ? length : LIMIT_CONTENTS_LENGTH);
}

static uint64_t native_most(const struct request *request)
{
	if (!request_has(request, OPTION_NATIVE_MOST))
		return 0;
	const uint64_t most = request_number(request, OPTION_NATIVE_MOST);
	return most > 0 ? most : 1;
}

int report_run(struct report *report)
{
	const struct request *request = report->request;
	if (request_has(request, OPTION_HELP))
		return show_help(report);
	report->names.show_values = request_has(request, OPTION_VALUES);
	report->names.hide_keys = request_has(request, OPTION_HIDE_KEYS);
	set_contents(report);
	report->query = (struct query){ .target = report->target,
		                        .names = report->names,
		                        .measure = request_measure(request),
		                        .no_native = request_has(request, OPTION_NO_NATIVE),
		                        .native_most = native_most(request),
		                        .progress = report->progress,
		                        .error = report->error };
	int status = request->command->run(report);
	/* Whoever reads lines of CSV has the exit status. */
	if (!report_is_json(report) && !request_has(request, OPTION_CSV)) {
		losses_lines(report);
		live_line(report);
	}
	if (losses_are_there(report) && report->exit_status == EXIT_ANSWERED)
		report->exit_status = EXIT_PARTIAL;
	if (status >= 0 && report->failed_targets > 0 && report->exit_status == EXIT_ANSWERED)
		report->exit_status = report->failed_targets == request->targets.count ? EXIT_USAGE : EXIT_PARTIAL;
	if (report->decoder->out_of_memory || report->naming->out_of_memory) {
		report->decoder->out_of_memory = report->naming->out_of_memory = false;
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while decoding");
	}
	if (report->text->failed)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for the text of the answer");
	return status;
}

int report_fail_over(struct report *report, uint64_t part, uint64_t whole)
{
	const char *word = request_word(report->request, OPTION_FAIL_OVER);
	uint64_t bytes;
	char *end;
	if (word == NULL)
		return OK;
	const double percent = strtod(word, &end);
	bool is_over;
	if (end != word && strcmp(end, "%") == 0 && percent >= 0)
		is_over = (double)part * 100 > percent * (double)whole;
	else if (units_parse_bytes(word, &bytes))
		is_over = part > bytes;
	else
		return error_set(report->error, ERROR_ARGUMENT,
		                 "--fail-over takes a percentage such as 5%% or a size such as 10M, not '%s'", word);
	if (is_over)
		report->exit_status = EXIT_OVER;
	return OK;
}
