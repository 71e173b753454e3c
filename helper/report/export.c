/* SPDX-License-Identifier: MIT
 * export: the heap as a file that another program opens. */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#include "render/units.h"
#include "report/markdown.h"
#include "report/page.h"
#include "report/report.h"

static int list_formats(struct report *report)
{
	const struct export_format *format;
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "formats");
		for (uint32_t i = 0; (format = export_format_at(i)) != NULL; i++) {
			json_object(&report->json, NULL);
			json_string(&report->json, "name", format->name);
			json_string(&report->json, "endings", format->endings);
			json_string(&report->json, "doc", format->doc);
			json_object_end(&report->json);
		}
		json_array_end(&report->json);
		json_object_end(&report->json);
		json_end(&report->json);
		return OK;
	}
	for (uint32_t i = 0; (format = export_format_at(i)) != NULL; i++)
		text_format(report->text, "%-13s %-26s %s\n", format->name, format->endings, format->doc);
	text_format(report->text, "Next: %sexport heap.heapsnapshot\n", style_prefix(&report->style));
	return OK;
}

static int find_format(struct report *report, const char *path, const struct export_format **ret_format)
{
	const char *name = request_word(report->request, OPTION_TO);
	*ret_format = export_format_find(name, path);
	if (*ret_format != NULL)
		return OK;
	if (name != NULL)
		return error_set(report->error, ERROR_ARGUMENT,
		                 "there is no format %s; `export` without a file lists them", name);
	return error_set(report->error, ERROR_ARGUMENT,
	                 "the name %s does not say a format; name it with --to, `export` without a file lists them",
	                 path);
}

static int find_tree(struct report *report, enum export_tree *ret_tree)
{
	const char *word = request_word(report->request, OPTION_ALONG);
	*ret_tree = EXPORT_TREE_DOMINATOR;
	if (word == NULL || strcmp(word, "dominator") == 0)
		return OK;
	*ret_tree = EXPORT_TREE_PATH;
	if (strcmp(word, "path") == 0)
		return OK;
	return error_set(report->error, ERROR_ARGUMENT, "--along takes dominator or path, not '%s'", word);
}

static void say_written(struct report *report, const struct export_format *format, const char *path, uint64_t bytes)
{
	if (report_is_json(report)) {
		report_json_begin(report);
		json_string(&report->json, "file", path);
		json_string(&report->json, "format", format->name);
		json_number(&report->json, "bytes", bytes);
		json_object_end(&report->json);
		json_end(&report->json);
		return;
	}
	text_format(report->text, "%s: ", path);
	report_bytes(report, report->text, bytes);
	text_format(report->text, ", %s, for %s\n", format->name, format->doc);
}

static int find_shown(struct report *report, enum export_shown *ret_shown)
{
	static const char *const names[] = { "path", "referrers", "reached" };
	const char *word = request_word(report->request, OPTION_SHOW);
	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
		*ret_shown = (enum export_shown)i;
		if (word == NULL || strcmp(word, names[i]) == 0)
			return OK;
	}
	return error_set(report->error, ERROR_ARGUMENT, "--show takes path, referrers or reached, not '%s'", word);
}

/* What is named after the file, as the format takes it. *ret_targets: the caller's to free. */
static int find_operands(struct report *report, const struct export_format *format, struct export_options *options,
                         uint64_t **ret_targets)
{
	char *const *operands = report->request->operands.items + 1;
	const size_t count = report->request->operands.count - 1;
	if (format->operands == EXPORT_OF_COMMANDS || count == 0 || (format->operands == EXPORT_OF_LATER && count == 1))
		return OK;
	if (format->operands == EXPORT_OF_STATEMENT && count == 1) {
		options->statement = operands[0];
		return OK;
	}
	if (format->operands != EXPORT_OF_TARGETS)
		return error_set(report->error, ERROR_ARGUMENT, "export to %s takes the name of one file%s",
		                 format->name,
		                 format->operands == EXPORT_OF_STATEMENT ? ", and one SQL statement in quotes" : "");
	*ret_targets = calloc(count, sizeof **ret_targets);
	if (*ret_targets == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for targets");
	for (size_t i = 0; i < count; i++)
		TRY(names_resolve(report->naming, operands[i], &report->names, &(*ret_targets)[i], report->error));
	options->targets = *ret_targets;
	options->target_count = count;
	return OK;
}

static int write_file(struct report *report, const struct export_format *format, const struct export_options *options,
                      uint64_t *ret_bytes)
{
	struct tables *tables;
	if (format->write == NULL && options->hide_names)
		return error_set(report->error, ERROR_ARGUMENT,
		                 "--hide-names: a report for people is made of names; heapsnapshot, perfetto, the "
		                 "profiles and the tables can hide them");
	if (format->operands == EXPORT_OF_COMMANDS)
		return markdown_write(report, (const char *const *)report->request->operands.items + 1,
		                      report->request->operands.count - 1, options, ret_bytes);
	if (format->operands == EXPORT_OF_LATER)
		return page_write(report,
		                  report->request->operands.count > 1 ? report->request->operands.items[1] : NULL,
		                  options, ret_bytes);
	TRY(tables_open(&tables, &report->query));
	int status = export_run(format, tables, options, ret_bytes, report->error);
	tables_close(tables);
	return status;
}

int export_report(struct report *report)
{
	const struct request *request = report->request;
	const struct export_format *format;
	uint64_t bytes, *targets = NULL;
	if (request->operands.count == 0)
		return list_formats(report);
	struct export_options options = { .path = request->operands.items[0],
		                          .force = request_has(request, OPTION_FORCE),
		                          .hide_names = request_has(request, OPTION_HIDE_NAMES),
		                          .collapse_leaves = request_has(request, OPTION_COLLAPSE_LEAVES),
		                          .min_retained = request_number(request, OPTION_MIN_RETAINED),
		                          .table = request_word(request, OPTION_TABLE) };
	TRY(find_format(report, options.path, &format));
	TRY(find_tree(report, &options.tree));
	TRY(find_shown(report, &options.shown));
	int status = find_operands(report, format, &options, &targets);
	if (status == OK)
		status = write_file(report, format, &options, &bytes);
	free(targets);
	if (status == OK)
		say_written(report, format, options.path, bytes);
	return status;
}
