/* SPDX-License-Identifier: MIT */
#include "report/losses.h"

#include <string.h>

#include "base/escape.h"
#include "render/units.h"

/* Of a core that is cut off: what the size of an object that is there does not need. */
static uint64_t cut_off(const struct report *report)
{
	const bool is_alone = strcmp(report->request->command->name, "sizeof") == 0;
	return is_alone ? 0 : report->target->space->coverage.absent_truncated;
}

bool losses_are_there(const struct report *report)
{
	if (report->target == NULL)
		return false;
	return report->target->space->losses.count + report->target->runtime->losses.count > 0 || cut_off(report) > 0;
}

static void say_cut_off(struct text *text, const struct report *report)
{
	text_add(text, "the core is cut off: ");
	units_bytes(text, cut_off(report), false);
	text_add(text, " of the process are not in it, and what refers to an object or belongs to it may be there");
}

void losses_lines(struct report *report)
{
	/* `info` has all sentences of its own. */
	if (!losses_are_there(report) || strcmp(report->request->command->name, "info") == 0)
		return;
	const struct address_space *space = report->target->space;
	const struct runtime *runtime = report->target->runtime;
	struct text sentence = { .bytes = NULL };
	if (cut_off(report) > 0)
		say_cut_off(&sentence, report);
	for (size_t i = 0; i < space->losses.count + runtime->losses.count; i++) {
		const char *loss = i < space->losses.count ? space->losses.items[i]
		                                           : runtime->losses.items[i - space->losses.count];
		text_add(&sentence, sentence.length > 0 ? "; " : "");
		text_escape(&sentence, loss, strlen(loss), false);
	}
	text_format(report->text, "Not all is known: %s.\n", text_string(&sentence));
	report->text->failed |= sentence.failed;
	text_free(&sentence);
}

void losses_json(struct json *json, const struct report *report)
{
	if (!losses_are_there(report))
		return;
	const struct address_space *space = report->target->space;
	const struct runtime *runtime = report->target->runtime;
	json_array(json, "losses");
	if (cut_off(report) > 0) {
		struct text sentence = { .bytes = NULL };
		say_cut_off(&sentence, report);
		json_string(json, NULL, text_string(&sentence));
		text_free(&sentence);
	}
	for (size_t i = 0; i < space->losses.count; i++)
		json_string(json, NULL, space->losses.items[i]);
	for (size_t i = 0; i < runtime->losses.count; i++)
		json_string(json, NULL, runtime->losses.items[i]);
	json_array_end(json);
}
