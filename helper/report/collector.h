/* SPDX-License-Identifier: MIT
 * collector: how it is shown in `info` how the garbage collector of the main interpreter is set and what it did. */
#ifndef PYDS_REPORT_COLLECTOR_H
#define PYDS_REPORT_COLLECTOR_H

#include "query/info.h"
#include "render/json.h"

void collector_show(struct text *text, const struct info_answer *answer);
/* The key "collector" of the open object. */
void collector_json(struct json *json, const struct info_answer *answer);

#endif
