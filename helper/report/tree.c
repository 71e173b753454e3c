#include "report/tree.h"
int tree_show(struct report *report, size_t index, const struct walk_result *whole)
{
	(void)index;
	(void)whole;
	return error_set(report->error, ERROR_UNSUPPORTED, "the tree is not there yet");
}
