/* SPDX-License-Identifier: MIT
 * findings: what is wrong with this process, worst first. */
#include "query/findings/findings.h"

#include <inttypes.h>
#include <string.h>

#include "render/units.h"
#include "report/live.h"
#include "report/report.h"

enum { MARGIN = 5, NARROWEST = 40 };

/* Words filled to lines, each indented. */
static void add_filled(struct text *text, const char *words, uint32_t width)
{
	uint32_t column = 0;
	if (width < NARROWEST)
		width = NARROWEST;
	while (*words != '\0') {
		const size_t length = strcspn(words, " ");
		if (column > 0 && column + 1 + length > width) {
			text_add(text, "\n");
			column = 0;
		}
		if (column == 0) {
			text_format(text, "%*s", MARGIN, "");
			column = MARGIN;
		} else {
			text_add(text, " ");
			column++;
		}
		text_append(text, words, length);
		column += (uint32_t)length;
		words += length;
		words += strspn(words, " ");
	}
	text_add(text, "\n");
}

static void show_places(struct report *report, const struct finding *finding)
{
	struct text *text = report->text;
	for (uint32_t i = 0; i < finding->place_count; i++) {
		const struct finding_place *place = &finding->places[i];
		text_format(text, "%*s%s", MARGIN, "", i == 0 ? "see: " : "     ");
		text_format(text, "%s   0x%" PRIx64, place->name, place->address);
		if (finding->count > 1) {
			text_add(text, "   ~");
			report_bytes(report, text, place->bytes);
		}
		if (place->made_at != NULL)
			text_format(text, "   made at %s", place->made_at);
		text_add(text, "\n");
	}
}

/* Whether what to type next is about the first place: commands of one finding either all are, or none is. */
static bool takes_place(const struct finding *finding)
{
	char name[16];
	const size_t length = strcspn(finding->next, " :");
	if (finding->place_count == 0 || length >= sizeof name)
		return false;
	memcpy(name, finding->next, length);
	name[length] = '\0';
	const struct command *command = command_find(name);
	return command != NULL && (command->flags & COMMAND_TAKES_TARGETS) != 0;
}

static void show_finding(struct report *report, const struct findings_answer *answer, uint64_t row)
{
	const struct finding *finding = &answer->findings.items[row];
	struct text *text = report->text;
	text_format(text, "%3" PRIu64 ". ", row + 1);
	style_bold(&report->style, text);
	if (finding->is_urgent) {
		text_add(text, "look at this first");
	} else {
		text_add(text, finding->is_estimate ? "~" : "");
		report_bytes(report, text, finding->bytes);
		text_add(text, finding->is_saving ? " could be saved" : " held");
	}
	style_plain(&report->style, text);
	text_format(text, "   %s\n", finding_rule_name(finding->rule));
	add_filled(text, text_string(&finding->text), report->style.width);
	show_places(report, finding);
	text_format(text, "%*s", MARGIN, "");
	report_next(report, finding->next, takes_place(finding) ? finding->places[0].address : 0);
}

static void show_checked(struct report *report, const struct findings_answer *answer)
{
	struct text names = { .bytes = NULL };
	uint32_t silent = 0;
	for (uint32_t rule = 0; rule < FINDING_COUNT; rule++) {
		bool is_found = false;
		for (size_t i = 0; i < answer->findings.count; i++)
			is_found |= answer->findings.items[i].rule == rule;
		if (is_found || !answer->is_checked[rule])
			continue;
		text_format(&names, "%s%s", silent == 0 ? "" : ", ", finding_rule_name((enum finding_rule)rule));
		silent++;
	}
	if (silent > 0) {
		struct text words = { .bytes = NULL };
		text_add(&words, "Checked, and nothing above ");
		report_bytes(report, &words, answer->threshold);
		text_format(&words, ": %s", text_string(&names));
		add_filled(report->text, text_string(&words), report->style.width);
		text_free(&words);
	}
	text_free(&names);
}

static void show_text(struct report *report, const struct findings_answer *answer)
{
	struct text *text = report->text;
	units_noun(text, answer->findings.count, "finding");
	text_add(text, " in ");
	units_noun(text, answer->heap_count, "object");
	text_add(text, ", ");
	report_bytes(report, text, answer->heap_bytes);
	text_add(text, "\n");
	for (uint64_t i = 0; i < answer->findings.count && i < report->request->limit; i++)
		show_finding(report, answer, i);
	report_more(report, answer->findings.count > report->request->limit
	                            ? answer->findings.count - report->request->limit
	                            : 0);
	show_checked(report, answer);
	report_coverage(report, &answer->coverage);
	if (answer->findings.count == 0)
		report_next(report, "top heap memory", 0);
	/* What a process stands still on has no bytes. */
	if (request_word(report->request, OPTION_ONLY) == NULL) {
		text_format(report->text, "Does it stand still? Then: %sthreads, %stasks\n",
		            style_prefix(&report->style), style_prefix(&report->style));
		live_children(report);
	}
}

static void json_finding(struct report *report, const struct findings_answer *answer, const struct finding *finding)
{
	struct json *json = &report->json;
	json_object(json, NULL);
	json_string(json, "rule", finding_rule_name(finding->rule));
	json_number(json, "bytes", finding->bytes);
	json_string(json, "kind", finding->is_urgent ? "urgent" : finding->is_saving ? "saved" : "held");
	json_bool(json, "estimated", finding->is_estimate);
	/* in parts of a million: JSON that scripts compare has no fractions here */
	json_number(json, "share",
	            answer->heap_bytes > 0 ? (uint64_t)(1e6 * (double)finding->bytes / (double)answer->heap_bytes) : 0);
	json_number(json, "count", finding->count);
	json_text(json, "text", &finding->text);
	json_array(json, "places");
	for (uint32_t i = 0; i < finding->place_count; i++) {
		json_object(json, NULL);
		json_string(json, "name", finding->places[i].name);
		json_address(json, "address", finding->places[i].address);
		json_number(json, "bytes", finding->places[i].bytes);
		if (finding->places[i].made_at != NULL)
			json_string(json, "made_at", finding->places[i].made_at);
		json_object_end(json);
	}
	json_array_end(json);
	json_string(json, "next", finding->next);
	json_object_end(json);
}

static void show_json(struct report *report, const struct findings_answer *answer)
{
	struct json *json = &report->json;
	report_json_begin(report);
	json_object(json, "total");
	json_number(json, "count", answer->heap_count);
	json_number(json, size_measure_name(report->query.measure), answer->heap_bytes);
	json_object_end(json);
	json_number(json, "threshold", answer->threshold);
	json_array(json, "findings");
	for (uint64_t i = 0; i < answer->findings.count && i < report->request->limit; i++)
		json_finding(report, answer, &answer->findings.items[i]);
	json_array_end(json);
	json_array(json, "checked");
	for (uint32_t rule = 0; rule < FINDING_COUNT; rule++)
		if (answer->is_checked[rule])
			json_string(json, NULL, finding_rule_name((enum finding_rule)rule));
	json_array_end(json);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

/* What --only names; -1: nothing was named. */
static int find_only(struct report *report, int *ret_only)
{
	const char *word = request_word(report->request, OPTION_ONLY);
	struct text names = { .bytes = NULL };
	*ret_only = word != NULL ? finding_rule_find(word) : -1;
	if (word == NULL || *ret_only >= 0)
		return OK;
	for (uint32_t rule = 0; rule < FINDING_COUNT; rule++)
		text_format(&names, "%s%s", rule == 0 ? "" : ", ", finding_rule_name((enum finding_rule)rule));
	(void)error_set(report->error, ERROR_ARGUMENT, "there is no rule '%s'; there are %s", word,
	                text_string(&names));
	text_free(&names);
	return ERROR_ARGUMENT;
}

int findings_report(struct report *report)
{
	struct findings_question question;
	struct findings_answer answer;
	TRY(find_only(report, &question.only));
	int status = query_findings(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		show_text(report, &answer);
	/* Findings overlap: what one holds, another would save a part of. */
	uint64_t most = 0;
	for (size_t i = 0; i < answer.findings.count; i++) {
		const struct finding *finding = &answer.findings.items[i];
		const uint64_t bytes = finding->is_urgent ? answer.heap_bytes : finding->bytes;
		most = bytes > most ? bytes : most;
	}
	if (status >= 0)
		status = report_fail_over(report, most, answer.heap_bytes);
	findings_answer_clear(&answer);
	return status;
}
