/* SPDX-License-Identifier: MIT */
#include "report/heap.h"

int report_heap(struct report *report, const struct retained **ret_heap)
{
	TRY(target_heap(report->target, request_measure(report->request), report->progress, ret_heap, report->error));
	if ((*ret_heap)->graph->coverage.tracked_unknown)
		report->exit_status = EXIT_PARTIAL;
	return OK;
}
