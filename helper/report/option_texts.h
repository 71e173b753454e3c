/* SPDX-License-Identifier: MIT
 * Options for people, for commands.c: SPELLING_ID for completion, LINES_ID for help. */
#ifndef PYDS_REPORT_OPTION_TEXTS_H
#define PYDS_REPORT_OPTION_TEXTS_H

#define SPELLING_LIMIT "--limit"
#define SPELLING_SORT "--sort"
#define SPELLING_TYPE "--type"
#define SPELLING_MODULE "--module"
#define SPELLING_MIN "--min"
#define SPELLING_POLICY "--policy"
#define SPELLING_TREE "--tree"
#define SPELLING_AWAITS "--tree"
#define SPELLING_BY "--by"
#define SPELLING_RETAINED "--retained"
#define SPELLING_NO_RETAINED "--no-retained"
#define SPELLING_PATHS "--paths"
#define SPELLING_THROUGH "--through"
#define SPELLING_MERGE "--merge"
#define SPELLING_CSV "--csv"
#define SPELLING_TO "--to"
#define SPELLING_FORCE "--force"
#define SPELLING_TABLE "--table"
#define SPELLING_ALONG "--along"
#define SPELLING_SHOW "--show"
#define SPELLING_COLLAPSE_LEAVES "--collapse-leaves"
#define SPELLING_MIN_RETAINED "--min-retained"
#define SPELLING_HIDE_NAMES "--hide-names"
#define SPELLING_GARBAGE "--garbage"
#define SPELLING_BYTES "--bytes"
#define SPELLING_ALLOCATED "--allocated"
#define SPELLING_MEASURE "--measure"
#define SPELLING_OWN_MEASURE "--measure"
#define SPELLING_NO_NATIVE "--no-native"
#define SPELLING_NATIVE_MOST "--native-most"
#define SPELLING_VALUES "--values"
#define SPELLING_DEPTH "--depth"
#define SPELLING_LENGTH "--length"
#define SPELLING_FULL_PATHS "--full-paths"
#define SPELLING_NATIVE "--native"
#define SPELLING_LEADS "--native"
#define SPELLING_LOCALS "--locals"
#define SPELLING_HIDE_KEYS "--hide-keys"
#define SPELLING_HELD_FROM_C "--held-from-c"
#define SPELLING_FROM_C "--from-c"
#define SPELLING_SELF_CHECK "--self-check"
#define SPELLING_TRACED_BY "--by"
#define SPELLING_INCLUDE "--include"
#define SPELLING_EXCLUDE "--exclude"
#define SPELLING_TRACEBACK "--traceback"
#define SPELLING_OBJECTS "--objects"
#define SPELLING_ARENAS "--arenas"
#define SPELLING_POOLS "--pools"
#define SPELLING_REGIONS "--regions"
#define SPELLING_STACKS "--stacks"
#define SPELLING_FAIL_OVER "--fail-over"
#define SPELLING_EXE "--exe"
#define SPELLING_SYSROOT "--sysroot"
#define SPELLING_ONLY "--only"
#define SPELLING_JSON "--json"
#define SPELLING_MAX_MEMORY "--max-memory"
#define SPELLING_SPILL "--spill"
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
#define LINES_AWAITS "  -t, --tree       tasks that wait for one another as a tree, instead of groups\n"
#define LINES_BY                                                                                                       \
	"  --by GROUPING    a row for each type (default), module, size,\n"                                            \
	"                   generation, or line where tracemalloc was on\n"
#define LINES_RETAINED "  --retained       also what each row as a whole keeps alive\n"
#define LINES_NO_RETAINED "  --no-retained    leave out what needs the graph of the whole heap\n"
#define LINES_PATHS "  -k, --paths N    the N shortest paths (default 1, at most 100)\n"
#define LINES_THROUGH "  --through X      only paths through this object\n"
#define LINES_MERGE "  --merge TYPE     no X: the paths of all objects of a type as one tree; * and ?\n"
#define LINES_CSV "  --csv            comma-separated values instead of a table\n"
#define LINES_TO "  --to FORMAT      the format, where the file's name does not say\n"
#define LINES_FORCE "  --force          overwrite a file that exists\n"
#define LINES_TABLE "  --table NAME     of csv and jsonl: which table (default object)\n"
#define LINES_ALONG                                                                                                    \
	"  --along TREE     of profiles: dominator (default: bytes of a frame are what it\n"                           \
	"                   retains) or path (the shortest way from a root)\n"
#define LINES_SHOW                                                                                                     \
	"  --show WHAT      of dot: path (default: the shortest ways from a root),\n"                                  \
	"                   referrers or reached\n"
#define LINES_COLLAPSE_LEAVES                                                                                          \
	"  --collapse-leaves  of heapsnapshot: strings and numbers that one object alone\n"                            \
	"                   refers to are counted as a part of it\n"
#define LINES_MIN_RETAINED "  --min-retained SIZE  of heapsnapshot: what retains less is summed up\n"
#define LINES_HIDE_NAMES "  --hide-names     names of the program become numbers that mean nothing\n"
#define LINES_GARBAGE "  --garbage        the tree of what no root reaches\n"
#define LINES_BYTES "  --bytes          exact numbers of bytes\n"
#define LINES_MEASURE "  --measure NAME   sort and sum by shallow, allocated or native (of C code)\n"
#define LINES_OWN_MEASURE "  --measure NAME   sort and sum by shallow or allocated\n"
#define LINES_ALLOCATED "  --allocated      --measure allocated: what the allocators took\n"
#define LINES_NO_NATIVE "  --no-native      leave out the blocks of C code that hang on objects: faster\n"
#define LINES_NATIVE_MOST                                                                                              \
	"  --native-most N  so many blocks of C code are looked at unasked (default:\n"                                \
	"                   8,388,608, or half as many as objects)\n"
#define LINES_VALUES "  --values         show contents of strings and numbers (a core holds secrets)\n"
#define LINES_DEPTH "  --depth N        with --values: containers in containers to open (default 2)\n"
#define LINES_LENGTH "  --length N       with --values: items shown of each of them (default 8)\n"
#define LINES_FULL_PATHS "  --full-paths     files with their folders, not only where names are ambiguous\n"
#define LINES_LEADS "  --native         also what leads to the blocks of C code: an estimate, slower\n"
#define LINES_NATIVE "  --native         also the frames of C code, as far as files are at hand\n"
#define LINES_LOCALS "  --locals         below each step the locals of one of the group\n"
#define LINES_HELD_FROM_C "  --held-from-c    instead: what C code holds, by type and one by one\n"
#define LINES_FROM_C "  --from-c         no X: all objects that C code holds, as heap --held-from-c\n"
#define LINES_SELF_CHECK "  --self-check     compare the sizes of all objects, not of a sample\n"
#define LINES_TRACED_BY "  --by GROUPING    a row for each: line (default), file, traceback\n"
#define LINES_INCLUDE "  --include GLOB   only what a file of that name asked for; GLOB:LINE, one line\n"
#define LINES_EXCLUDE "  --exclude GLOB   not what it asked for; both may be given several times\n"
#define LINES_TRACEBACK "  --traceback      a row for each traceback, with all its frames\n"
#define LINES_OBJECTS "  --objects        how much of it objects have; the rest is C code's\n"
#define LINES_ARENAS "  --arenas         a row for each arena of malloc, pymalloc's by what is in use\n"
#define LINES_POOLS "  --pools          pymalloc's pools by the size of their blocks, and free lists\n"
#define LINES_REGIONS "  --regions        every region of the address space with its owner\n"
#define LINES_STACKS "  --stacks         the stack of each thread\n"
#define LINES_FAIL_OVER "  --fail-over X    exit status 4 if it is more than that: 5%, or a size, 10M\n"
#define LINES_EXE                                                                                                      \
	"  --exe FILE       the main program of LATER, where it is not at its own path;\n"                             \
	"                   given twice: of LATER, then of EVEN_LATER, or none\n"
#define LINES_SYSROOT                                                                                                  \
	"  --sysroot DIR    the files of LATER lie under DIR (default: as for the first);\n"                           \
	"                   given twice: of LATER, then of EVEN_LATER, or none\n"
#define LINES_ONLY "  --only RULE      only this rule\n"
#define LINES_JSON "  --json           one JSON document for programs\n"
#define LINES_HIDE_KEYS "  --hide-keys      no keys of dicts: they may be people's names or numbers\n"
#define LINES_MAX_MEMORY "  --max-memory N   take no more memory than this: 512M, 4GiB\n"
#define LINES_SPILL "  --spill DIR      large arrays into files in DIR (no names, gone at the end)\n"
#define LINES_HELP "  -h, --help       this text\n"

#endif
