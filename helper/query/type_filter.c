/* SPDX-License-Identifier: MIT */
#include "query/type_filter.h"

#include <fnmatch.h>
#include <string.h>

bool type_filter_passes(const struct type_filter *filter, const char *type_name)
{
	if (filter->type != NULL && fnmatch(filter->type, type_name, 0) != 0)
		return false;
	if (filter->module == NULL)
		return true;
	/* Types of builtins are named without it. */
	if (strcmp(filter->module, "builtins") == 0)
		return strchr(type_name, '.') == NULL;
	const size_t length = strlen(filter->module);
	return strncmp(type_name, filter->module, length) == 0 && type_name[length] == '.';
}
