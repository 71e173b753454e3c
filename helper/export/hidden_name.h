/* SPDX-License-Identifier: MIT
 * hidden_name: what stands for a name of the program with --hide-names: "name-3f2a90c1", the same for the same name
 * within one file, another one in every other file. */
#ifndef PYDS_EXPORT_HIDDEN_NAME_H
#define PYDS_EXPORT_HIDDEN_NAME_H

#include "base/text.h"
#include "query/tables/open_tables.h"

/* Appends it. */
void hidden_name(const struct tables *tables, const char *bytes, size_t length, struct text *text);
/* Appends what a holder is called: "thread 4243", "render() report.py:88"; hidden where is_hidden: "frame
 * name-3f2a90c1".
 */
void hidden_holder(struct tables *tables, uint32_t holder, bool is_hidden, struct text *text);

#endif
