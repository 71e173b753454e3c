/* SPDX-License-Identifier: MIT */
#include "memory/native_stack.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* DWARF's numbers of x86-64 (System V ABI, AMD64 supplement, figure 3.36): rsp is 7, the return address 16. */
enum { REGISTER_SP = 7, REGISTER_IP = 16 };

struct native_stacks {
	Dwfl *dwfl;
	const struct address_space *space;
	struct reader reader;
	const struct native_thread *thread; /* that is read now */
	native_frame_array *frames; /* of it */
	const struct progress *progress;
	uint64_t steps;
	int status;
};

/* Every file is reported with its path, and the symbols of a stripped one are looked for by its build-id; no server is
 * asked. */
static const Dwfl_Callbacks finders = { .find_elf = dwfl_build_id_find_elf,
	                                .find_debuginfo = dwfl_build_id_find_debuginfo };

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret_word, void *context)
{
	struct native_stacks *stacks = context;
	(void)dwfl;
	return reader_u64(&stacks->reader, address, ret_word);
}

static pid_t next_thread(Dwfl *dwfl, void *context, void **ret_thread)
{
	(void)dwfl, (void)context, (void)ret_thread;
	return 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context, void **ret_thread)
{
	struct native_stacks *stacks = context;
	(void)dwfl, (void)tid;
	*ret_thread = stacks;
	return stacks->thread != NULL;
}

/* What a debugger says of a thread where the kernel said less. Both speak of one stop, or it is not believed. */
static bool ask_registers(const struct memory_registers *source, const struct native_thread *native,
                          uint64_t registers[NATIVE_REGISTERS])
{
	return source->read != NULL && source->read(source->context, native->tid, registers) &&
	       registers[REGISTER_SP] == native->stack_pointer && registers[REGISTER_IP] == native->instruction_pointer;
}

static bool set_registers(Dwfl_Thread *thread, void *context)
{
	const struct native_stacks *stacks = context;
	const struct native_thread *native = stacks->thread;
	const Dwarf_Word sp = native->stack_pointer, ip = native->instruction_pointer;
	uint64_t registers[NATIVE_REGISTERS];
	if (native->has_registers)
		return dwfl_thread_state_registers(thread, 0, NATIVE_REGISTERS, native->registers);
	if (ask_registers(&stacks->space->registers, native, registers))
		return dwfl_thread_state_registers(thread, 0, NATIVE_REGISTERS, registers);
	return dwfl_thread_state_registers(thread, REGISTER_SP, 1, &sp) &&
	       dwfl_thread_state_registers(thread, REGISTER_IP, 1, &ip);
}

static const Dwfl_Thread_Callbacks thread_finders = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static uint32_t file_of(const struct address_space *space, uint64_t address)
{
	for (uint32_t i = 0; i < space->files.count; i++)
		if (address >= space->files.items[i].start && address < space->files.items[i].end)
			return i;
	return UINT32_MAX;
}

static int take_frame(Dwfl_Frame *state, void *context)
{
	struct native_stacks *stacks = context;
	Dwarf_Addr at;
	GElf_Off offset;
	GElf_Sym symbol;
	bool is_activation;
	if (!dwfl_frame_pc(state, &at, &is_activation) || at == 0 || stacks->frames->count >= LIMIT_NATIVE_FRAMES)
		return DWARF_CB_ABORT;
	if (++stacks->steps % 1024 == 0 && progress_is_cancelled(stacks->progress)) {
		stacks->status = ERROR_CANCELLED;
		return DWARF_CB_ABORT;
	}
	/* A call may be the last instruction of its function. */
	const uint64_t within = is_activation ? at : at - 1;
	Dwfl_Module *module = dwfl_addrmodule(stacks->dwfl, within);
	const char *name =
	        module != NULL ? dwfl_module_addrinfo(module, within, &offset, &symbol, NULL, NULL, NULL) : NULL;
	struct native_frame frame = { .address = at, .file = file_of(stacks->space, within) };
	frame.function = name != NULL ? strdup(name) : NULL;
	if ((name == NULL || frame.function != NULL) && array_push(stacks->frames, frame))
		return DWARF_CB_OK;
	free(frame.function);
	stacks->status = ERROR_NO_MEMORY;
	return DWARF_CB_ABORT;
}

int native_stacks_read(struct native_stacks *stacks, const struct native_thread *thread,
                       const struct progress *progress, native_frame_array *ret_frames, bool *ret_ended)
{
	*ret_ended = false;
	if (thread == NULL || thread->stack_pointer == 0 || thread->instruction_pointer == 0)
		return OK;
	stacks->thread = thread;
	stacks->frames = ret_frames;
	stacks->progress = progress;
	stacks->status = OK;
	*ret_ended = dwfl_getthread_frames(stacks->dwfl, (pid_t)thread->tid, take_frame, stacks) == 0;
	stacks->thread = NULL;
	return stacks->status;
}

int native_stacks_open(struct native_stacks **ret_stacks, const struct address_space *space, struct error *error)
{
	*ret_stacks = NULL;
	struct native_stacks *stacks = calloc(1, sizeof *stacks);
	if (stacks == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the stacks of C code");
	stacks->space = space;
	reader_init(&stacks->reader, space);
	stacks->dwfl = dwfl_begin(&finders);
	size_t reported = 0;
	for (size_t i = 0; stacks->dwfl != NULL && i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (file->is_elf && file->local_path != NULL &&
		    dwfl_report_elf(stacks->dwfl, file->path, file->local_path, -1, file->load_bias, true) != NULL)
			reported++;
	}
	if (reported == 0 || dwfl_report_end(stacks->dwfl, NULL, NULL) != 0 ||
	    !dwfl_attach_state(stacks->dwfl, NULL, space->pid > 0 ? space->pid : 1, &thread_finders, stacks)) {
		native_stacks_close(stacks);
		return error_set(error, ERROR_NOT_FOUND,
		                 "the frames of C code cannot be unwound: none of the target's ELF files is at hand; "
		                 "name their folder with --sysroot");
	}
	*ret_stacks = stacks;
	return OK;
}

void native_stacks_close(struct native_stacks *stacks)
{
	if (stacks == NULL)
		return;
	if (stacks->dwfl != NULL)
		dwfl_end(stacks->dwfl);
	free(stacks);
}

void native_frames_clear(native_frame_array *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		free(frames->items[i].function);
	array_free(frames);
}
