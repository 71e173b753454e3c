/* SPDX-License-Identifier: MIT */
#include "report/page.h"

#include <stdlib.h>
#include <string.h>

#include "export/tree_summary.h"
#include "report/inner_answer.h"
#include "report/other_target.h"
#include "report/page_parts.h"

enum { MOST_ARGUMENTS = 6, LARGEST_ANSWER = 1 << 20 };

/* The answers that a page shows, as somebody would type the commands; those that this build lacks are left out. Each
 * has at most some hundred rows: a page is to be looked at. */
static const char *const answers[][MOST_ARGUMENTS] = {
	{ "info", "--json" },
	{ "findings", "--json" },
	{ "memory", "--json" },
	{ "top", "--json", "-n", "300" },
	{ "heap", "--json", "-n", "2000" },
	{ "modules", "--json", "-n", "300" },
	{ "frames", "--json" },
	{ "threads", "--json" },
	{ "tasks", "--json", "-n", "300" },
	{ "garbage", "--json", "-n", "300" },
	{ "native", "--json", "-n", "300" },
};

enum { ANSWERS = sizeof answers / sizeof *answers };

/* Adds `, "info": {...}` to data. */
static int add_answer(struct report *report, const char *const *words, struct text *data)
{
	uint32_t count = 0;
	while (count < MOST_ARGUMENTS && words[count] != NULL)
		count++;
	struct text text = { .bytes = NULL };
	struct error error = { .status = OK };
	int status = inner_answer(report, words, count, report->style.width, &text, &error);
	if (status == ERROR_CANCELLED || status == ERROR_NO_MEMORY) {
		text_free(&text);
		return error_set(report->error, status, "%s", error.message);
	}
	if (status == OK && text.length > LARGEST_ANSWER)
		status = error_set(&error, ERROR_LIMIT, "too long for a page; see: %s", words[0]);
	text_format(data, ",\n\"%s\":", words[0]);
	if (status < 0) {
		struct json json;
		json_begin(&json, data);
		json_object(&json, NULL);
		json_string(&json, "error", error.message);
		json_object_end(&json);
	} else {
		text_append(data, text_string(&text), text.length);
	}
	text_free(&text);
	return OK;
}

/* What grew from before to the target of the page, which other_target_open() knows by `word`. */
static int add_growth(struct report *before, const char *word, struct text *data)
{
	const char *const words[MOST_ARGUMENTS] = { "diff", word, "--json", "-n", "300" };
	return add_answer(before, words, data);
}

static int collect(struct report *report, struct export *export, struct text *data)
{
	struct json json;
	json_begin(&json, data);
	json_object(&json, NULL);
	json_string(&json, "schema", "pydeepsize/page/1");
	for (uint32_t i = 0; i < ANSWERS; i++)
		if (command_find(answers[i][0]) != NULL)
			TRY(add_answer(report, answers[i], data));
	TRY(tree_summary_json(&json, "tree", export));
	json_object_end(&json);
	return data->failed ? error_set(report->error, ERROR_NO_MEMORY, "out of memory for the page") : OK;
}

/* JSON within a script element: nothing in it may end the element. */
static void put_data(struct writer *writer, const struct text *data)
{
	const char *at = text_string(data), *next;
	for (; (next = strchr(at, '<')) != NULL; at = next + 1) {
		writer_append(writer, at, (size_t)(next - at));
		writer_add(writer, "\\u003c");
	}
	writer_add(writer, at);
}

static void put_page(struct writer *writer, const struct text *data)
{
	const char *at = page_html, *mark;
	while ((mark = strchr(at, '@')) != NULL) {
		writer_append(writer, at, (size_t)(mark - at));
		const char *end = strchr(mark + 1, '@');
		if (end == NULL)
			break;
		if (strncmp(mark, "@CSS@", 5) == 0)
			writer_add(writer, page_css);
		else if (strncmp(mark, "@LIBRARY@", 9) == 0)
			writer_add(writer, page_library);
		else if (strncmp(mark, "@SCRIPT@", 8) == 0)
			writer_add(writer, page_js);
		else
			put_data(writer, data);
		at = end + 1;
	}
	writer_add(writer, at);
}

static int write_one(struct report *report, struct export *export, struct text *data)
{
	TRY(tables_open(&export->tables, &report->query));
	int status = collect(report, export, data);
	tables_close(export->tables);
	return status;
}

/* The page of the other target, with what grew from the one at hand to it. */
static int write_growth(struct report *report, struct export *export, const char *other, struct text *data)
{
	struct report later = *report;
	TRY(other_target_open(report, other, 0, &later.target));
	later.decoder = &later.target->decoder;
	later.naming = &later.target->naming;
	later.query.target = later.target;
	int status = write_one(&later, export, data);
	target_close(later.target);
	return status;
}

int page_write(struct report *report, const char *other, const struct export_options *options, uint64_t *ret_bytes)
{
	struct export export = { .options = options, .error = report->error };
	struct text data = { .bytes = NULL }, growth = { .bytes = NULL };
	TRY(writer_open(&export.writer, options->path, options->force, report->error));
	int status = other != NULL ? write_growth(report, &export, other, &data) : write_one(report, &export, &data);
	if (status == OK && other != NULL)
		status = add_growth(report, other, &growth);
	if (status == OK && growth.length > 0 && data.length > 0) {
		data.length--; /* the brace that ends it, which then ends what grew */
		text_append(&data, text_string(&growth), growth.length);
		text_append(&data, "}", 1);
	}
	if (status == OK && (data.failed || growth.failed))
		status = error_set(report->error, ERROR_NO_MEMORY, "out of memory for the page");
	if (status == OK)
		put_page(&export.writer, &data);
	text_free(&data);
	text_free(&growth);
	return writer_end(&export.writer, status, ret_bytes);
}
