/* SPDX-License-Identifier: MIT
 * relative_file: where a file lies that a code object names without its folders: up to 3.8 the script that Python was
 * started with has the path of the command line, in later ones what was compiled under such a name. */
#ifndef PYDS_QUERY_FRAMES_RELATIVE_FILE_H
#define PYDS_QUERY_FRAMES_RELATIVE_FILE_H

#include "query/query.h"

/* Whether a co_filename is that of a file below a folder that it does not say; <string> and the like are none. */
static inline bool relative_file_is(const char *path)
{
	return path[0] != '\0' && path[0] != '/' && path[0] != '<';
}

/* Sets *ret_path (empty) to the file's full path, from the folders of sys.path, the one that a live process stands in,
 * and the one it was started in (PWD of its environment): the first in which there is such a file. Without one it stays
 * empty. False: out of memory. */
bool relative_file_find(const struct query *query, const char *path, struct text *ret_path);

#endif
