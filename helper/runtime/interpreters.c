/* SPDX-License-Identifier: MIT
 * The list of interpreters, the main one first, and what the runtime as a whole was doing. */
#include <inttypes.h>

#include "base/address_map.h"
#include "base/limits.h"
#include "runtime/find/opening.h"

static void read_interpreter(struct opening *opening, uint64_t address, struct interpreter *ret_interpreter)
{
	const struct layout *layout = &opening->runtime->layout;
	struct reader *reader = &opening->reader;
	uint64_t id = UINT64_MAX;
	*ret_interpreter = (struct interpreter){ .address = address };
	/* What cannot be read stays 0, as before it is set up. */
	(void)read_field(reader, layout, address, FIELD_PyInterpreterState_id, &id);
	(void)read_field(reader, layout, address, FIELD_PyInterpreterState_modules, &ret_interpreter->modules);
	(void)read_field(reader, layout, address, FIELD_PyInterpreterState_sysdict, &ret_interpreter->sysdict);
	(void)read_field(reader, layout, address, FIELD_PyInterpreterState_builtins, &ret_interpreter->builtins);
	ret_interpreter->id = (int64_t)id;
}

static bool is_collecting(struct opening *opening, uint64_t interpreter)
{
	const struct runtime *runtime = opening->runtime;
	uint64_t gc, collecting;
	if (layout_has(&runtime->layout, FIELD_PyInterpreterState_gc))
		gc = interpreter + layout_offset(&runtime->layout, FIELD_PyInterpreterState_gc);
	else if (layout_has(&runtime->layout, FIELD__PyRuntimeState_gc)) /* up to 3.8: one for all interpreters */
		gc = runtime->address + layout_offset(&runtime->layout, FIELD__PyRuntimeState_gc);
	else
		return false;
	return read_field(&opening->reader, &runtime->layout, gc, FIELD__gc_runtime_state_collecting, &collecting) &&
	       collecting != 0;
}

static void read_activity(struct opening *opening, uint64_t interpreter)
{
	struct runtime *runtime = opening->runtime;
	uint64_t finalizing;
	runtime->is_collecting |= is_collecting(opening, interpreter);
	if (read_field(&opening->reader, &runtime->layout, interpreter, FIELD_PyInterpreterState_finalizing,
	               &finalizing))
		runtime->is_finalizing |= finalizing != 0;
}

/* Appends the chain from head; 1 when it ended, 0 when it broke, a negative status when memory is out. */
static int follow_chain(struct opening *opening, uint64_t head, struct address_map *seen)
{
	struct runtime *runtime = opening->runtime;
	uint32_t count = 0;
	for (uint64_t at = head; at != 0; count++) {
		uint64_t next;
		if (count == LIMIT_INTERPRETERS || address_map_get(seen, at) != ADDRESS_MAP_NONE) {
			runtime_warn(runtime, "the chain of interpreters does not end; %" PRIu32 " are used", count);
			runtime_lose(runtime);
			return 0;
		}
		if (!read_field(&opening->reader, &runtime->layout, at, FIELD_PyInterpreterState_next, &next)) {
			runtime_warn(runtime, "interpreter 0x%" PRIx64 " cannot be read, nor those behind it", at);
			runtime_lose(runtime);
			return 0;
		}
		struct interpreter interpreter;
		read_interpreter(opening, at, &interpreter);
		if (!address_map_set(seen, at, count) || !array_push(&runtime->interpreters, interpreter))
			return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
		read_activity(opening, at);
		at = next;
	}
	return 1;
}

/* The chain has the newest at its head. */
static void put_main_first(struct runtime *runtime, uint64_t main_interpreter)
{
	struct interpreter *items = runtime->interpreters.items;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		if (items[i].address != main_interpreter)
			continue;
		const struct interpreter found = items[i];
		for (size_t j = i; j > 0; j--)
			items[j] = items[j - 1];
		items[0] = found;
		return;
	}
}

int find_interpreters(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	uint64_t head = 0, main_interpreter = 0, finalizing;
	(void)read_field(&opening->reader, &runtime->layout, runtime->address, FIELD__PyRuntimeState_interpreters_head,
	                 &head);
	(void)read_field(&opening->reader, &runtime->layout, runtime->address, FIELD__PyRuntimeState_interpreters_main,
	                 &main_interpreter);
	struct address_map seen = { 0 };
	int status = follow_chain(opening, head, &seen);
	/* A chain that breaks before the main interpreter, its last link, must not hide it. */
	if (status == 0 && main_interpreter != 0 && address_map_get(&seen, main_interpreter) == ADDRESS_MAP_NONE)
		status = follow_chain(opening, main_interpreter, &seen);
	address_map_clear(&seen);
	if (status < 0)
		return status;
	put_main_first(runtime, main_interpreter);
	if (read_field(&opening->reader, &runtime->layout, runtime->address, FIELD__PyRuntimeState_finalizing,
	               &finalizing))
		runtime->is_finalizing |= finalizing != 0;
	return OK;
}
