/* SPDX-License-Identifier: MIT
 * path: names of files. */
#ifndef PYDS_BASE_PATH_H
#define PYDS_BASE_PATH_H

#include <string.h>

/* What stands behind the last slash, in path itself; all of it where there is none; "" of NULL. */
static inline const char *path_base_name(const char *path)
{
	if (path == NULL)
		return "";
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

#endif
