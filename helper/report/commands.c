/* SPDX-License-Identifier: MIT */
#include "report/commands.h"

#include <stddef.h>
#include <string.h>

#include "report/report.h"

const struct option option_table[OPTION_COUNT] = {
	[OPTION_LIMIT] = { "limit", 'n', ARGUMENT_NUMBER },
	[OPTION_SORT] = { "sort", 0, ARGUMENT_SORT },
	[OPTION_TYPE] = { "type", 0, ARGUMENT_WORD },
	[OPTION_MODULE] = { "module", 0, ARGUMENT_WORD },
	[OPTION_MIN] = { "min", 0, ARGUMENT_SIZE },
	[OPTION_POLICY] = { "policy", 0, ARGUMENT_POLICY },
	[OPTION_TREE] = { "tree", 't', ARGUMENT_NONE },
	[OPTION_BY] = { "by", 0, ARGUMENT_GROUPING },
	[OPTION_RETAINED] = { "retained", 0, ARGUMENT_NONE },
	[OPTION_NO_RETAINED] = { "no-retained", 0, ARGUMENT_NONE },
	[OPTION_PATHS] = { "paths", 'k', ARGUMENT_COUNT },
	[OPTION_THROUGH] = { "through", 0, ARGUMENT_WORD },
	[OPTION_MERGE] = { "merge", 0, ARGUMENT_WORD },
	[OPTION_BYTES] = { "bytes", 0, ARGUMENT_NONE },
	[OPTION_ALLOCATED] = { "allocated", 0, ARGUMENT_NONE },
	[OPTION_VALUES] = { "values", 0, ARGUMENT_NONE },
	[OPTION_SELF_CHECK] = { "self-check", 0, ARGUMENT_NONE },
	[OPTION_JSON] = { "json", 0, ARGUMENT_NONE },
	[OPTION_HELP] = { "help", 'h', ARGUMENT_NONE },
};

/* The same options for people: spelling for completion, lines of help. */
#define SPELLING_LIMIT "--limit"
#define SPELLING_SORT "--sort"
#define SPELLING_TYPE "--type"
#define SPELLING_MODULE "--module"
#define SPELLING_MIN "--min"
#define SPELLING_POLICY "--policy"
#define SPELLING_TREE "--tree"
#define SPELLING_BY "--by"
#define SPELLING_RETAINED "--retained"
#define SPELLING_NO_RETAINED "--no-retained"
#define SPELLING_PATHS "--paths"
#define SPELLING_THROUGH "--through"
#define SPELLING_MERGE "--merge"
#define SPELLING_BYTES "--bytes"
#define SPELLING_ALLOCATED "--allocated"
#define SPELLING_VALUES "--values"
#define SPELLING_SELF_CHECK "--self-check"
#define SPELLING_JSON "--json"
#define SPELLING_HELP "--help"

#define LINES_LIMIT "  -n, --limit N    at most N rows (default 20, with --json all; 0: all)\n"
#define LINES_SORT "  --sort KEY       order of the rows\n"
#define LINES_TYPE "  --type NAME      only rows of this type; * and ? match any characters, any one\n"
#define LINES_MODULE "  --module NAME    only rows of types of this module and its submodules\n"
#define LINES_MIN "  --min SIZE       only rows of at least this size: 4096, 10M, 1.5GiB\n"
#define LINES_POLICY                                                                                                   \
	"  --policy POLICY  which references are followed:\n"                                                          \
	"                     data        all, but not into classes, modules and code,\n"                              \
	"                                 nor from functions to their globals (default)\n"                             \
	"                     gc          as data, only what gc.get_referents() gives\n"                               \
	"                     all         all, without a boundary\n"                                                   \
	"                     containers  keys, values, items of dict, list, tuple, sets\n"                            \
	"                     asizeof     as pympler.asizeof.asizeof() does by default\n"
#define LINES_TREE "  -t, --tree       the first levels of references as a tree, instead of types\n"
#define LINES_BY "  --by GROUPING    a row for each: type (default), module, size, generation\n"
#define LINES_RETAINED "  --retained       also what each row as a whole keeps alive\n"
#define LINES_NO_RETAINED "  --no-retained    leave out what needs the graph of the whole heap\n"
#define LINES_PATHS "  -k, --paths N    the N shortest paths (default 1, at most 100)\n"
#define LINES_THROUGH "  --through X      only paths through this object\n"
#define LINES_MERGE "  --merge TYPE     no X: the paths of all objects of a type as one tree; * and ?\n"
#define LINES_BYTES "  --bytes          exact numbers of bytes\n"
#define LINES_ALLOCATED "  --allocated      measure by what the allocators took, not by sys.getsizeof()\n"
#define LINES_VALUES "  --values         show contents of strings and numbers (a core holds secrets)\n"
#define LINES_SELF_CHECK "  --self-check     compare the sizes of all objects, not of a sample\n"
#define LINES_JSON "  --json           one JSON document for programs\n"
#define LINES_HELP "  -h, --help       this text\n"

#define TARGETS_TEXT                                                                                                   \
	"X is an address (0x7f31c02a8e40), a Python path from a module\n"                                              \
	"(app.cache.SESSIONS['u:1'].items[3].name), a name in the selected Python frame,\n"                            \
	"frame:2.NAME, thread:4243.frame:0.NAME, interp:1.app.NAME for a path of another\n"                            \
	"interpreter than the main one, in a debugger also an expression of the\n"                                     \
	"debugger; - reads several from standard input, one a line (not in a debugger).\n"

#define INFO_OPTIONS(OPTION) OPTION(SELF_CHECK) OPTION(BYTES) OPTION(JSON) OPTION(HELP)
#define INFO_TEXT                                                                                                      \
	"Says which Python the target runs and how it was built, from which source every\n"                            \
	"layout of its structures was taken and which checks confirmed it, and which part\n"                           \
	"of its memory is not at hand. Sizes are compared with what the allocators of the\n"                           \
	"process wrote down about their blocks: those of a sample of objects, with\n"                                  \
	"--self-check of all, which reads the whole heap.\n"

#define SIZEOF_OPTIONS(OPTION)                                                                                         \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define SIZEOF_TEXT                                                                                                    \
	"Shallow is exactly what sys.getsizeof(X) would have returned in the process.\n"                               \
	"Allocated is what the allocators gave for it: the object with what precedes it,\n"                            \
	"all memory that it owns, each block rounded as its allocator rounds, and the\n"                               \
	"header of malloc. Sort keys: given (default), shallow, allocated, type.\n"                                    \
	"\n" TARGETS_TEXT

#define DEEPSIZE_OPTIONS(OPTION)                                                                                       \
	OPTION(POLICY)                                                                                                 \
	OPTION(TREE)                                                                                                   \
	OPTION(NO_RETAINED)                                                                                            \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define DEEPSIZE_TEXT                                                                                                  \
	"Deep is the sum of the shallow sizes of all objects that are reached from X, X\n"                             \
	"included, each once, however many paths lead to it; so it counts what X shares\n"                             \
	"with others. Retained is the part of the heap that only X keeps alive: what\n"                                \
	"would be freed if X went. Shared is the part of deep that others keep alive as\n"                             \
	"well. The rows say which types it consists of; with -t, through which\n"                                      \
	"references it is reached: an object stands under the first row that reached it.\n"                            \
	"With --allocated all is in bytes that the allocators took, and so with buffers\n"                             \
	"that no Python size counts; not with --policy asizeof.\n"                                                     \
	"Sort keys: shallow (default; the measure), count, type.\n"                                                    \
	"\n" TARGETS_TEXT

#define OBJECT_OPTIONS(OPTION)                                                                                         \
	OPTION(LIMIT)                                                                                                  \
	OPTION(NO_RETAINED)                                                                                            \
	OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define OBJECT_TEXT                                                                                                    \
	"Shows one object: its type, reference count, sizes, what it retains, what leads\n"                            \
	"to it (the shortest way from a module, a frame or a class), and the references\n"                             \
	"that it holds, first ones first.\n"                                                                           \
	"\n" TARGETS_TEXT

#define REFERENTS_OPTIONS(OPTION)                                                                                      \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT) OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define REFERENTS_TEXT                                                                                                 \
	"Lists every strong reference that X owns, with its name. Hidden are those that\n"                             \
	"the garbage collector is not told of, so that gc.get_referents(X) lacks them.\n"                              \
	"Sort keys: order (default), shallow, type.\n"                                                                 \
	"\n" TARGETS_TEXT

#define REFERRERS_OPTIONS(OPTION)                                                                                      \
	OPTION(LIMIT)                                                                                                  \
	OPTION(TYPE) OPTION(MODULE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define REFERRERS_TEXT                                                                                                 \
	"Lists who holds X: objects, frames of Python, threads, interpreters, each with\n"                             \
	"its name and with that of its reference; weak references hold nothing and are\n"                              \
	"not listed. Then compares with the reference count in X: what it counts beyond\n"                             \
	"the references found is held by C code, or by memory that could not be read.\n"                               \
	"With --json, names are given where at most 1000 rows are asked for.\n"                                        \
	"\n" TARGETS_TEXT

#define PATH_OPTIONS(OPTION)                                                                                           \
	OPTION(PATHS)                                                                                                  \
	OPTION(THROUGH)                                                                                                \
	OPTION(MERGE)                                                                                                  \
	OPTION(LIMIT)                                                                                                  \
	OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define PATH_TEXT                                                                                                      \
	"Shows the references that lead to X from a root: from a module's globals, a\n"                                \
	"frame that runs, the state of a thread or interpreter; only where none of these\n"                            \
	"leads to it, from an object that C code holds or that is never freed. Weak\n"                                 \
	"references keep nothing alive and are no part of a path.\n"                                                   \
	"\n"                                                                                                           \
	"Paths are ordered by their references, counted from the module's dict; one more\n"                            \
	"is counted for a frame, three for a thread or interpreter, so that a global\n"                                \
	"comes before what is on its way through the program. No path visits an object\n"                              \
	"twice or passes through a second module or frame. The marked step dominates X:\n"                             \
	"every path passes it; of several such steps the one below which the memory\n"                                 \
	"spreads. -n limits the steps shown of one path.\n"                                                            \
	"\n" TARGETS_TEXT

#define OBJECTS_OPTIONS(OPTION)                                                                                        \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT) OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(JSON) OPTION(HELP)
#define OBJECTS_TEXT                                                                                                   \
	"Every object of the heap: what roots reach, what only the garbage collector\n"                                \
	"knows (unreachable), what it does not track. With --json one JSON object a line,\n"                           \
	"written while the heap is gone through. Sort keys: address (default), shallow,\n"                             \
	"type.\n"

#define HEAP_OPTIONS(OPTION)                                                                                           \
	OPTION(BY)                                                                                                     \
	OPTION(RETAINED)                                                                                               \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT) OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(JSON) OPTION(HELP)
#define HEAP_TEXT                                                                                                      \
	"Every object that a root reaches (interpreters, modules, threads and their\n"                                 \
	"frames, static types, what is held from C), by type. Unreachable objects, which\n"                            \
	"only the garbage collector knows, are counted apart. With --retained also what\n"                             \
	"would be freed if all objects of a row went at once: exact, not a sum, so an\n"                               \
	"object counts once in a row, and in every row that it needs to be alive. Sort\n"                              \
	"keys: shallow (default; the measure), count, type, retained. --allocated is the\n"                            \
	"measure of retained sizes too.\n"

#define TOP_OPTIONS(OPTION)                                                                                            \
	OPTION(TREE)                                                                                                   \
	OPTION(LIMIT)                                                                                                  \
	OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define TOP_TEXT                                                                                                       \
	"The dominator tree from the top: who keeps the memory alive. Each branch is\n"                                \
	"followed down while one object below holds at least 70% of it, to where the\n"                                \
	"memory fans out. Objects below 1% of the heap are one row for each type. With -t\n"                           \
	"also the levels below. With --json at most 1000 rows, where -n does not say.\n"

#define MODULES_OPTIONS(OPTION)                                                                                        \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define MODULES_TEXT                                                                                                   \
	"Every module of sys.modules. Retained is what would be freed if the module and\n"                             \
	"its dict went; deep is all that is reached from it, but not through classes,\n"                               \
	"code and other modules. Of its globals the one is named that retains most. Sort\n"                            \
	"keys: retained (default), deep, module.\n"

#define FRAMES_OPTIONS(OPTION)                                                                                         \
	OPTION(LIMIT)                                                                                                  \
	OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define FRAMES_TEXT                                                                                                    \
	"The Python stack of every thread, innermost frame first. Of each frame what is\n"                             \
	"reached from its locals (deep), and what it alone keeps alive (only here); of\n"                              \
	"each local deep and retained bytes, those that retain most first.\n"

#define OPTION_BIT(id) | 1u << OPTION_##id
#define OPTION_SPELLING(id) SPELLING_##id " "
#define OPTION_LINES(id) LINES_##id

static const struct command commands[] = {
#define COMMAND(id, ID, command_flags, keys, usage_text, summary_text)                                                 \
	{                                                                                                              \
		.name = #id,                                                                                           \
		.summary = summary_text,                                                                               \
		.usage = usage_text,                                                                                   \
		.help = ID##_TEXT "\nOptions:\n" ID##_OPTIONS(OPTION_LINES),                                           \
		.option_names = ID##_OPTIONS(OPTION_SPELLING),                                                         \
		.sort_keys = keys,                                                                                     \
		.options = 0 ID##_OPTIONS(OPTION_BIT),                                                                 \
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
