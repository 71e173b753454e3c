/* SPDX-License-Identifier: MIT
 * type_filter: which types rows are wanted of. */
#ifndef PYDS_QUERY_TYPE_FILTER_H
#define PYDS_QUERY_TYPE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed strings. */
struct type_filter {
	const char *type; /* a pattern of fnmatch() for "module.qualname", "dict"; NULL: any */
	const char *module; /* the module before the name, or one above it; NULL: any */
};

static inline bool type_filter_is_open(const struct type_filter *filter)
{
	return filter->type == NULL && filter->module == NULL;
}

bool type_filter_passes(const struct type_filter *filter, const char *type_name);

#endif
