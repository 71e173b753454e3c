/* SPDX-License-Identifier: MIT
 * info: which Python, which build, where every layout came from, what the dump lacks, which self-checks passed, and
 * whether decoded sizes are what the allocators wrote down. */
#include "query/info.h"

#include <inttypes.h>
#include <string.h>

#include "report/collector.h"
#include "report/report.h"
#include "report/self_check.h"
#include "render/table.h"
#include "render/units.h"

static const char *const found_by[] = {
	[RUNTIME_BY_SYMBOL] = "symbol",
	[RUNTIME_BY_SECTION] = "section",
	[RUNTIME_BY_COOKIE] = "debug offsets cookie",
	[RUNTIME_BY_STRUCTURE] = "its structure",
};

static const char *const kinds[] = {
	[SPACE_CORE] = "core file",
	[SPACE_PROCESS] = "live process",
	[SPACE_CALLBACKS] = "debugger",
	[SPACE_BUFFER] = "buffer",
};

/* The parts of struct memory_coverage, for text and JSON alike. */
struct coverage_row {
	const char *key, *name;
	uint64_t bytes;
	bool always; /* shown in text even when 0 */
};

enum { COVERAGE_ROWS = 9 };

static void coverage_rows(const struct memory_coverage *coverage, struct coverage_row rows[COVERAGE_ROWS])
{
	const struct coverage_row all[COVERAGE_ROWS] = {
		{ "mapped", "mapped by the process", coverage->mapped, true },
		{ "present", "at hand", coverage->present, true },
		{ "from_files", "of it from files of the same build-id", coverage->from_files, false },
		{ "absent_not_dumped", "not dumped, or not copied", coverage->absent_not_dumped, false },
		{ "absent_truncated", "lost: the file is truncated", coverage->absent_truncated, false },
		{ "absent_no_file", "in files that are not here", coverage->absent_no_file, false },
		{ "absent_other_file", "in files that differ here", coverage->absent_other_file, false },
		{ "absent_unreadable", "refused by the target", coverage->absent_unreadable, false },
		{ "writable_absent", "lacking that can hold objects", coverage->writable_absent, true },
	};
	memcpy(rows, all, sizeof all);
}

static void json_string_or_null(struct json *json, const char *key, const char *string)
{
	if (string != NULL)
		json_string(json, key, string);
	else
		json_null(json, key);
}

static void json_python(struct json *json, const struct runtime *runtime)
{
	json_object(json, "python");
	json_string(json, "version", runtime->version_text);
	json_string(json, "build", runtime->build_text);
	json_address(json, "runtime", runtime->address);
	json_string(json, "found_by", found_by[runtime->found_by]);
	json_string_or_null(json, "file", runtime->file != NULL ? runtime->file->path : NULL);
	json_object_end(json);
}

static void json_target(struct json *json, const struct info_answer *answer)
{
	const struct address_space *space = answer->space;
	const struct runtime *runtime = answer->runtime;
	json_object(json, "target");
	json_string(json, "kind", kinds[space->kind]);
	json_string(json, "path", space->target_path != NULL ? space->target_path : "");
	json_string(json, "command", space->command != NULL ? space->command : "");
	json_signed(json, "pid", space->pid);
	json_signed(json, "signal", space->signal);
	json_number(json, "threads", space->threads.count);
	json_number(json, "python_threads", runtime->threads.count);
	json_number(json, "interpreters", runtime->interpreters.count);
	json_bool(json, "collecting", runtime->is_collecting);
	json_bool(json, "finalizing", runtime->is_finalizing);
	json_object_end(json);
}

static void json_layouts(struct json *json, const struct layout *layout)
{
	json_array(json, "layouts");
	for (int i = 0; i < STRUCT_COUNT; i++) {
		json_object(json, NULL);
		json_string(json, "struct", layout_struct_name((enum layout_struct)i));
		json_string(json, "source", layout_source_name((enum layout_source)layout->struct_sources[i]));
		json_number(json, "bytes", layout->struct_bytes[i]);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_memory(struct json *json, const struct memory_coverage *coverage)
{
	struct coverage_row rows[COVERAGE_ROWS];
	coverage_rows(coverage, rows);
	json_object(json, "coverage");
	for (size_t i = 0; i < COVERAGE_ROWS; i++)
		json_number(json, rows[i].key, rows[i].bytes);
	json_number(json, "file_size", coverage->file_size);
	json_number(json, "file_expected_size", coverage->file_expected_size);
	json_object_end(json);
}

static void json_sentences(struct json *json, char *const *sentences, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_string(json, NULL, sentences[i]);
}

static void show_json(struct report *report, const struct info_answer *answer)
{
	struct json *json = &report->json;
	const struct address_space *space = answer->space;
	const struct runtime *runtime = answer->runtime;
	report_json_begin(report);
	json_python(json, runtime);
	json_target(json, answer);
	collector_json(json, answer);
	json_layouts(json, &runtime->layout);
	json_memory(json, &space->coverage);
	json_array(json, "checks");
	json_sentences(json, runtime->checks.items, runtime->checks.count);
	json_array_end(json);
	self_check_json(report, &answer->check, &answer->sums);
	json_array(json, "warnings");
	json_sentences(json, space->warnings.items, space->warnings.count);
	json_sentences(json, runtime->warnings.items, runtime->warnings.count);
	json_array_end(json);
	report_json_end(report);
}

static void add_escaped(struct text *text, const char *string)
{
	names_escape(text, string, strlen(string), false);
}

static void show_python(struct report *report, const struct runtime *runtime)
{
	struct text *text = report->text;
	const struct address_space *space = runtime->space;
	text_format(text, "CPython %s   %s", runtime->version_text, runtime->build_text);
	if (space->command != NULL) {
		text_add(text, "   ");
		add_escaped(text, space->command);
	}
	if (space->pid != 0)
		text_format(text, "   pid %" PRId32, space->pid);
	if (space->signal != 0)
		text_format(text, "   signal %" PRId32, space->signal);
	text_format(text, "\n  target        %s", kinds[space->kind]);
	if (space->target_path != NULL) {
		text_add(text, " ");
		add_escaped(text, space->target_path);
	}
	text_format(text, "\n  runtime       0x%" PRIx64 ", found by %s", runtime->address,
	            found_by[runtime->found_by]);
	if (runtime->file != NULL) {
		text_add(text, " in ");
		add_escaped(text, runtime->file->path);
	}
	text_add(text, "\n  threads       ");
	units_count(text, space->threads.count);
	text_add(text, ", of Python ");
	units_count(text, runtime->threads.count);
	text_add(text, "\n  interpreters  ");
	units_count(text, runtime->interpreters.count);
	text_add(text, "\n");
	if (runtime->is_collecting)
		text_add(text, "  a garbage collection was under way\n");
	if (runtime->is_finalizing)
		text_add(text, "  the interpreter was shutting down\n");
}

/* "Layouts" by source: the sources are few, the structs many. */
static void show_layouts(struct text *text, const struct info_answer *answer)
{
	const char *row_name = answer->runtime->layout.row_name;
	text_add(text, "\nLayouts\n");
	for (int i = LAYOUT_SOURCE_TABLE; i <= LAYOUT_SOURCE_INFERRED; i++) {
		const struct info_source *source = &answer->sources[i];
		if (source->count == 0)
			continue;
		text_add(text, "  ");
		units_noun(text, source->count, "struct");
		text_format(text, " from %s", layout_source_name((enum layout_source)i));
		if (i == LAYOUT_SOURCE_TABLE && row_name[0] != '\0')
			text_format(text, " %s", row_name);
		text_format(text, " (%s%s)\n", layout_struct_name(source->first), source->count > 1 ? ", ..." : "");
	}
}

static int show_coverage(struct report *report, const struct memory_coverage *coverage)
{
	static const struct table_column columns[] = { { "", 0 }, { "", TABLE_RIGHT } };
	struct coverage_row rows[COVERAGE_ROWS];
	struct table *table = table_create(columns, 2, report->style.width, false);
	if (table == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory while making a table");
	coverage_rows(coverage, rows);
	struct text cell = { .bytes = NULL };
	for (size_t i = 0; i < COVERAGE_ROWS; i++) {
		if (rows[i].bytes == 0 && !rows[i].always)
			continue;
		struct table_row *line = table_add_row(table, NULL);
		text_format(&cell, "  %s", rows[i].name);
		table_take(table, line, 0, &cell);
		report_bytes(report, &cell, rows[i].bytes);
		table_take(table, line, 1, &cell);
	}
	text_add(report->text, "\nMemory\n");
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	if (coverage->file_size < coverage->file_expected_size) {
		text_add(report->text, "  PARTIAL: the file ends at ");
		report_bytes(report, &cell, coverage->file_size);
		text_add(&cell, " of ");
		report_bytes(report, &cell, coverage->file_expected_size);
		text_format(report->text, "%s; counts are lower bounds\n", text_string(&cell));
	}
	text_free(&cell);
	return status;
}

static void show_sentences(struct text *text, char *const *sentences, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		text_add(text, "  ");
		add_escaped(text, sentences[i]);
		text_add(text, "\n");
	}
}

static int show_text(struct report *report, const struct info_answer *answer)
{
	const struct runtime *runtime = answer->runtime;
	const struct address_space *space = answer->space;
	struct text *text = report->text;
	const char *prefix = style_prefix(&report->style);
	show_python(report, runtime);
	show_layouts(text, answer);
	int status = show_coverage(report, &space->coverage);
	collector_show(text, answer);
	text_add(text, "\nChecks that passed\n");
	show_sentences(text, runtime->checks.items, runtime->checks.count);
	if (runtime->checks.count == 0)
		text_add(text, "  none\n");
	self_check_show(report, &answer->check, &answer->sums);
	text_add(text, "\nWarnings\n");
	show_sentences(text, space->warnings.items, space->warnings.count);
	show_sentences(text, runtime->warnings.items, runtime->warnings.count);
	if (space->warnings.count + runtime->warnings.count == 0)
		text_add(text, "  none\n");
	text_format(text, "Next: %sdeepsize sys.modules, %ssizeof X\n", prefix, prefix);
	return status;
}

int info_report(struct report *report)
{
	const struct info_question question = { .checks_all = request_has(report->request, OPTION_SELF_CHECK) };
	struct info_answer answer;
	int status = query_info(&report->query, &question, &answer);
	if (status >= 0 && (answer.is_truncated || answer.coverage.tracked_unknown))
		report->exit_status = EXIT_PARTIAL;
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	info_answer_clear(&answer);
	return status;
}
