/* SPDX-License-Identifier: MIT */
#include "report/commands.h"

#include <stddef.h>
#include <string.h>

#include "report/option_texts.h"
#include "report/report.h"
#include "report/texts/deepsize.h"
#include "report/texts/diff.h"
#include "report/texts/export.h"
#include "report/texts/findings.h"
#include "report/texts/frames.h"
#include "report/texts/garbage.h"
#include "report/texts/heap.h"
#include "report/texts/info.h"
#include "report/texts/memory.h"
#include "report/texts/modules.h"
#include "report/texts/native.h"
#include "report/texts/object.h"
#include "report/texts/objects.h"
#include "report/texts/path.h"
#include "report/texts/query.h"
#include "report/texts/referents.h"
#include "report/texts/referrers.h"
#include "report/texts/sizeof.h"
#include "report/texts/tasks.h"
#include "report/texts/threads.h"
#include "report/texts/top.h"
#include "report/texts/tracebacks.h"
#include "report/texts/tracemalloc.h"

const struct option option_table[OPTION_COUNT] = {
#define OPTION(ID, name, letter, argument) { name, letter, argument },
#include "report/options.def"
#undef OPTION
};

#define OPTION_BIT(id) | UINT64_C(1) << OPTION_##id
#define OPTION_SPELLING(id) SPELLING_##id " "
#define OPTION_LINES(id) LINES_##id

static const struct command commands[] = {
#define COMMAND(id, ID, command_flags, keys, usage_text, summary_text)                                                 \
	{                                                                                                              \
		.name = #id,                                                                                           \
		.summary = summary_text,                                                                               \
		.usage = usage_text,                                                                                   \
		.help = ID##_TEXT "\nOptions:\n" ID##_OPTIONS(OPTION_LINES)                                            \
		        LINES_HIDE_KEYS LINES_MAX_MEMORY LINES_SPILL,                                                  \
		.option_names = ID##_OPTIONS(OPTION_SPELLING) SPELLING_HIDE_KEYS " " SPELLING_MAX_MEMORY               \
		                                                                 " " SPELLING_SPILL " ",               \
		.sort_keys = keys,                                                                                     \
		.options = 0 ID##_OPTIONS(OPTION_BIT) OPTION_BIT(HIDE_KEYS) OPTION_BIT(MAX_MEMORY) OPTION_BIT(SPILL),  \
		.flags = command_flags,                                                                                \
		.run = id##_report,                                                                                    \
	},
#include "report/commands.def"
#undef COMMAND
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

const struct command *command_at(uint32_t index)
{
	return index < COMMAND_COUNT ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
	if (strncmp(name, "py-", 3) == 0)
		name += 3;
	for (uint32_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}
