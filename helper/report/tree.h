/* SPDX-License-Identifier: MIT
 * tree: the first levels of references below an object, grouped by the name of the reference and the type of what it
 * refers to, each with the deep size it contributes. */
#ifndef PYDS_REPORT_TREE_H
#define PYDS_REPORT_TREE_H

#include "report/report.h"

/* Shows the tree of target `index`, as a tree or as "tree": {...} into the open JSON object. whole is the result of
 * its deep size, which the rows add up to. */
int tree_show(struct report *report, size_t index, const struct walk_result *whole);

#endif
