/* SPDX-License-Identifier: MIT
 * modules: what every module of sys.modules keeps alive. A module is the object and its dict: functions of it that
 * others hold keep the dict alive, never the module object, so the retained size is that of both together. */
#ifndef PYDS_QUERY_MODULES_H
#define PYDS_QUERY_MODULES_H

#include "analysis/owner_sets.h"
#include "base/array.h"
#include "query/memory/native_beside.h"
#include "query/query.h"

enum modules_order { MODULES_BY_RETAINED, MODULES_BY_DEEP, MODULES_BY_NAME }; /* as the sort keys of commands.def */

struct modules_question {
	const char *module; /* only this one and its submodules; NULL: any */
	uint64_t min_bytes; /* only those that retain as much */
	uint64_t limit; /* rows; UINT64_MAX: all */
	enum modules_order order;
	bool skip_shared; /* not what several modules keep alive together */
	bool only_retained; /* no deep sizes, which take a walk for each, and no names of what modules share */
};

struct module_row {
	struct text name; /* key in sys.modules; not escaped */
	uint64_t address, dict; /* dict 0: a module object without one */
	uint64_t retained, deep; /* bytes */
	uint64_t native; /* of C code, that hang on what it retains */
	bool has_deep; /* a walk each: found for rows of the answer */
	struct text largest_name; /* of the global that retains most; not escaped */
	uint64_t largest, largest_retained; /* largest 0: it has none that retains anything */
};

/* What several modules reach, each on a way that passes no other module, and nothing else does. */
struct modules_shared_row {
	char *modules[OWNERS_TOLD]; /* not escaped */
	uint32_t module_count; /* 0: more than OWNERS_TOLD */
	uint64_t count, retained; /* objects; their bytes: what all of these modules hold together */
	struct text largest_name; /* of the object that retains most by itself */
	uint64_t largest, largest_retained;
};

struct modules_answer {
	ARRAY(struct module_row) rows; /* those asked for, in their order */
	ARRAY(struct modules_shared_row) shared; /* those with a module asked for, largest first */
	uint64_t shared_matching; /* with a row or not */
	uint64_t shared_bytes; /* of all such sets of modules */
	uint64_t elsewhere; /* bytes that are reached without a module, too: from frames, threads, the interpreter */
	bool sharing_unknown; /* it took too long to find out: shared is empty, both sums are 0 */
	uint64_t garbage_count, garbage_bytes; /* objects that no root reaches, and no module */
	uint64_t module_count; /* in sys.modules, of all interpreters */
	uint64_t matching; /* modules that passed the filters, with a row or not */
	uint64_t heap_bytes; /* of all objects that are reachable */
	struct native_beside native;
	struct coverage coverage;
};

int query_modules(const struct query *query, const struct modules_question *question,
                  struct modules_answer *ret_answer);
void modules_answer_clear(struct modules_answer *answer);

#endif
