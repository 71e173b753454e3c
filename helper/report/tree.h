/* SPDX-License-Identifier: MIT
 * tree: how the tree of references below an object is shown: `deepsize --tree`. */
#ifndef PYDS_REPORT_TREE_H
#define PYDS_REPORT_TREE_H

#include "report/report.h"

/* Shows the tree below an object, as a tree or as "tree": {...} into the open JSON object. whole is the result of its
 * deep size, which the rows add up to. */
int tree_show(struct report *report, uint64_t object, const struct walk_result *whole);

#endif
