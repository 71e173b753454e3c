/* SPDX-License-Identifier: MIT */
#include "report/inner_answer.h"

#include <stdlib.h>

static int resolve(const struct report *report, const struct request *request, uint64_t **ret_targets,
                   struct error *error)
{
	uint64_t *targets = calloc(request->targets.count + 1, sizeof *targets);
	*ret_targets = targets;
	if (targets == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for targets");
	for (size_t i = 0; i < request->targets.count; i++)
		TRY(names_resolve(report->naming, request->targets.items[i], &report->names, &targets[i], error));
	return OK;
}

static int answer(const struct report *report, const struct request *request, uint32_t width, struct text *text,
                  struct error *error)
{
	struct report inner = *report;
	uint64_t *targets = NULL;
	const char **refusals = calloc(request->targets.count + 1, sizeof *refusals); /* none: all were found */
	int status = refusals == NULL ? error_set(error, ERROR_NO_MEMORY, "out of memory for targets")
	                              : resolve(report, request, &targets, error);
	inner.request = request;
	inner.targets = targets;
	inner.refusals = refusals;
	inner.style = (struct style){ .width = width };
	inner.text = text;
	inner.error = error;
	inner.deliver = NULL;
	inner.exit_status = EXIT_ANSWERED;
	inner.failed_targets = 0;
	inner.json = (struct json){ .text = text };
	json_begin(&inner.json, text);
	if (status == OK)
		status = report_run(&inner);
	free(targets);
	free(refusals);
	return status;
}

int inner_answer(const struct report *report, const char *const *arguments, uint32_t count, uint32_t width,
                 struct text *text, struct error *error)
{
	const char *all[INNER_ARGUMENTS + 1];
	struct request request;
	const struct command *command = count > 0 ? command_find(arguments[0]) : NULL;
	if (count > INNER_ARGUMENTS)
		return error_set(error, ERROR_ARGUMENT, "more than %d words in one command", INNER_ARGUMENTS);
	for (uint32_t i = 0; i < count; i++)
		all[i] = arguments[i];
	if (request_has(report->request, OPTION_VALUES) && command != NULL &&
	    command->options & option_bit(OPTION_VALUES))
		all[count++] = "--values";
	TRY(request_parse(&request, count, all, error));
	int status = answer(report, &request, width, text, error);
	request_clear(&request);
	return status;
}
