/* SPDX-License-Identifier: MIT
 * command: the table of commands as the front ends see it. */
#include "api/session.h"
#include "api/sized_struct.h"
#include "report/commands.h"

_Static_assert((int)PYDS_COMMAND_TAKES_WORDS == (int)COMMAND_TAKES_WORDS, "flags of commands are passed through");
_Static_assert((int)PYDS_COMMAND_TAKES_TARGETS == (int)COMMAND_TAKES_TARGETS, "flags of commands are passed through");
_Static_assert((int)PYDS_COMMAND_IS_BRIEF == (int)COMMAND_IS_BRIEF, "flags of commands are passed through");

PYDS_PUBLIC int32_t pyds_command(uint32_t index, struct pyds_command_info *ret_info)
{
	const struct command *command = command_at(index);
	if (command == NULL)
		return ERROR_NOT_FOUND;
	const struct pyds_command_info own = {
		.struct_size = sizeof own,
		.flags = command->flags,
		.name = command->name,
		.summary = command->summary,
		.usage = command->usage,
		.help = command->help,
		.options = command->option_names,
	};
	return sized_struct_write(ret_info, &own, sizeof own);
}
