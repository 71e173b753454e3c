/* SPDX-License-Identifier: MIT
 * modules: what every module of sys.modules keeps alive. A module is the object and its dict: functions of it that
 * others hold keep the dict alive, never the module object, so the retained size is that of both together. */
#ifndef PYDS_QUERY_MODULES_H
#define PYDS_QUERY_MODULES_H

#include "base/array.h"
#include "query/query.h"

enum modules_order { MODULES_BY_RETAINED, MODULES_BY_DEEP, MODULES_BY_NAME }; /* as the sort keys of commands.def */

struct modules_question {
	const char *module; /* only this one and its submodules; NULL: any */
	uint64_t min_bytes; /* only those that retain as much */
	uint64_t limit; /* rows; UINT64_MAX: all */
	enum modules_order order;
};

struct module_row {
	struct text name; /* key in sys.modules; not escaped */
	uint64_t address, dict; /* dict 0: a module object without one */
	uint64_t retained, deep; /* bytes */
	bool has_deep; /* a walk each: found for rows of the answer */
	struct text largest_name; /* of the global that retains most; not escaped */
	uint64_t largest, largest_retained; /* largest 0: it has none that retains anything */
};

struct modules_answer {
	ARRAY(struct module_row) rows; /* those asked for, in their order */
	uint64_t module_count; /* in sys.modules, of all interpreters */
	uint64_t matching; /* modules that passed the filters, with a row or not */
	uint64_t heap_bytes; /* of all objects that are reachable */
	struct coverage coverage;
};

int query_modules(const struct query *query, const struct modules_question *question,
                  struct modules_answer *ret_answer);
void modules_answer_clear(struct modules_answer *answer);

#endif
