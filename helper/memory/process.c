/* SPDX-License-Identifier: MIT
 * process: live targets. */
#include "memory/space_source.h"
int address_space_open_process(struct address_space **ret_space, int32_t pid, bool already_stopped,
                               const struct memory_options *options, struct error *error)
{
	(void)already_stopped;
	(void)options;
	*ret_space = NULL;
	return error_set(error, ERROR_UNSUPPORTED, "process %d: live processes cannot be read yet", pid);
}
