/* SPDX-License-Identifier: MIT
 * path_merge: the shortest paths to all objects of a type, as one tree: paths are one as long as they go over
 * references of the same name between objects of the same types. */
#include "report/path_merge.h"
#include <stdlib.h>
int path_merge(struct report *report, const struct retained *heap, struct naming *naming, const struct origins *origins)
{
	(void)heap;
	(void)naming;
	(void)origins;
	return error_set(report->error, ERROR_UNSUPPORTED, "not yet");
}
