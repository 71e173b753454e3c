/* SPDX-License-Identifier: MIT */
#include "base/progress.h"

int progress_cancelled(struct error *error)
{
	return error_set(error, ERROR_CANCELLED, "cancelled");
}

int progress_check(const struct progress *progress, struct error *error)
{
	return progress_is_cancelled(progress) ? progress_cancelled(error) : OK;
}
