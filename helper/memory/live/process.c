/* SPDX-License-Identifier: MIT
 * process: a live target, stopped by process_stop.c or by a debugger. Either its memory is copied and it is let go, or
 * it is read a block at a time as it is asked for. Nothing is written to it. */
#include "memory/live/available_memory.h"
#include "memory/files/elf_image.h"
#include "memory/files/mapped_files.h"
#include "memory/live/process_copy.h"
#include "memory/live/procfs.h"
#include "memory/live/process_stop.h"
#include "memory/live/usage.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/spill.h"

struct process {
	int32_t pid;
	int32_t thread_id; /* a thread that lives: /proc/PID of a process whose main thread has ended is empty */
	int memory; /* /proc/PID/mem, -1 if it could not be opened */
	bool is_direct; /* process_vm_readv() is tried: /proc/PID/mem, which leaves pages shared, could not be opened */
	atomic_bool *is_gone; /* the space's, while it is read in place; else NULL */
	struct process_stop *stop; /* NULL: a debugger holds the target */
	struct text maps; /* text of /proc/PID/maps, cut into strings */
	ARRAY(struct memory_mapping) mappings;
	struct process_copy *copy; /* NULL: it is read in place */
	int root; /* the target's root directory, -1: not opened; it stays when the process ends */
};

enum {
	/* Looking at an object or two in place, with all that must be found before, takes about as long as copying
	 * this much (some ms). */
	BRIEF_COPY_BYTES = 32 << 20,
	SPARE_BYTES = 64 << 20, /* memory left to others, beside an eighth of the copy for our own tables */
	LEAST_BYTES = 16 << 20, /* of tables, layouts and what is read of libraries, before any answer */
};

static uint64_t process_read(void *context, uint64_t address, void *buffer, uint64_t size)
{
	struct process *process = context;
	struct iovec local = { .iov_base = buffer, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	ssize_t got = -1;
	if (process->is_direct) {
		got = process_vm_readv(process->thread_id, &local, 1, &remote, 1, 0);
		/* Some seccomp filters know this call and not /proc. */
		if (got < 0 && (errno == ENOSYS || errno == EPERM))
			process->is_direct = false;
	}
	/* /proc/PID/mem can also read what is mapped without PROT_READ (code of some libraries). */
	const bool is_gone = got < 0 && errno == ESRCH;
	if ((got < 0 || (uint64_t)got != size) && process->memory >= 0 && address <= INT64_MAX)
		got = pread(process->memory, buffer, size, (off_t)address);
	/* Nothing, and no error: the address space is no more. */
	if (process->is_gone != NULL && got <= 0 && (is_gone || got == 0))
		atomic_store_explicit(process->is_gone, true, memory_order_relaxed);
	return got > 0 ? (uint64_t)got : 0;
}

static void process_close(void *context)
{
	struct process *process = context;
	/* First of all: the target waits. */
	process_stop_destroy(process->stop);
	process_copy_destroy(process->copy);
	if (process->memory >= 0)
		(void)close(process->memory);
	if (process->root >= 0)
		(void)close(process->root);
	text_free(&process->maps);
	array_free(&process->mappings);
	free(process);
}

/* Finds out whether pid can be a target at all, and its process id if it is some thread's. */
static int check_process(int32_t pid, int32_t *ret_pid, struct error *error)
{
	struct process_status status;
	if (pid <= 0)
		return error_set(error, ERROR_ARGUMENT, "%d is no process id", pid);
	int result = process_status_read(&status, pid);
	if (result == -ENOENT && access("/proc/self/status", R_OK) != 0)
		return error_set(error, ERROR_IO, "cannot look at process %d: /proc is not mounted", pid);
	if (result == -ENOENT || result == -ESRCH)
		return error_set(error, ERROR_NOT_FOUND,
		                 "there is no process %d (ids differ inside and outside of a container)", pid);
	if (result < 0)
		return error_set(error, ERROR_IO, "cannot look at process %d: %s", pid, strerror(-result));
	if (status.process_id == getpid())
		return error_set(error, ERROR_ARGUMENT, "process %d is this very program, which cannot stop itself",
		                 pid);
	if (process_is_kernel_thread(status.process_id))
		return error_set(error, ERROR_ARGUMENT, "process %d is a thread of the kernel, not a program", pid);
	*ret_pid = status.process_id;
	return OK;
}

/* Chooses a thread to read memory through, any that is not dead. */
static int choose_thread(struct process *process, struct error *error)
{
	thread_id_array threads = { .items = NULL };
	int result = process_threads_list(process->pid, &threads);
	for (size_t i = 0; i < threads.count && process->thread_id == 0; i++) {
		char state = process_thread_state(process->pid, threads.items[i]);
		if (state != '\0' && state != 'Z' && state != 'X')
			process->thread_id = threads.items[i];
	}
	array_free(&threads);
	if (process->thread_id != 0)
		return OK;
	return error_set(error, ERROR_NOT_FOUND,
	                 result < 0 ? "process %d is gone"
	                            : "process %d is a zombie: it has ended, and its memory is gone with it",
	                 process->pid);
}

static int stop_threads(struct address_space *space, struct process *process, struct error *error)
{
	stopped_thread_array stopped = { .items = NULL };
	int status = process_stop_create(&process->stop, process->pid, &stopped, error);
	for (size_t i = 0; i < stopped.count && status >= 0; i++) {
		const struct stopped_thread *thread = &stopped.items[i];
		struct native_thread native = { .tid = (uint64_t)thread->tid,
			                        .namespace_tid = process_namespace_tid(process->pid, thread->tid),
			                        .signal = thread->signal,
			                        .has_registers = thread->has_registers };
		memcpy(native.registers, thread->registers, sizeof native.registers);
		process_thread_registers(process->pid, thread->tid, &native);
		if (!array_push(&space->threads, native))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for threads");
		if (thread->state == 'D')
			address_space_warn(space,
			                   "thread %d is in uninterruptible sleep (state D) and could not be stopped; "
			                   "it runs no code of its own, but the kernel, or its child by vfork, may "
			                   "write to its memory",
			                   thread->tid);
	}
	array_free(&stopped);
	if (status >= 0)
		space->live.began = process_stop_began(process->stop);
	return status;
}

/* A debugger holds the target: the threads are only looked at. */
static int list_threads(struct address_space *space, const struct process *process, struct error *error)
{
	thread_id_array threads = { .items = NULL };
	int result = process_threads_list(process->pid, &threads);
	int status = result < 0 ? error_set(error, ERROR_NOT_FOUND, "process %d is gone", process->pid) : OK;
	size_t running = 0;
	for (size_t i = 0; i < threads.count && status >= 0 && i < LIMIT_THREADS; i++) {
		char state = process_thread_state(process->pid, threads.items[i]);
		struct native_thread native = { .tid = (uint64_t)threads.items[i],
			                        .namespace_tid =
			                                process_namespace_tid(process->pid, threads.items[i]) };
		process_thread_registers(process->pid, threads.items[i], &native);
		if (!array_push(&space->threads, native))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for threads");
		running += state != 't' && state != 'T' && state != 'Z' && state != 'X';
	}
	if (running > 0)
		address_space_warn(space,
		                   "%zu of %zu threads of process %d are not stopped: what they change meanwhile "
		                   "is seen half old, half new",
		                   running, threads.count, process->pid);
	array_free(&threads);
	return status;
}

/* "START-END rwxp OFFSET MAJOR:MINOR INODE      PATH", the path being all the rest. */
static bool parse_mapping(char *line, struct memory_mapping *mapping)
{
	char flags[5] = "";
	int path = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &mapping->start, &mapping->end, flags,
	           &mapping->file_offset, &path) != 4 ||
	    path == 0)
		return false;
	mapping->protection = (flags[0] == 'r' ? PROT_READ : 0u) | (flags[1] == 'w' ? PROT_WRITE : 0u) |
	                      (flags[2] == 'x' ? PROT_EXEC : 0u);
	mapping->is_shared = flags[3] == 's';
	mapping->path = line + path;
	return true;
}

static int read_mappings(struct process *process, struct error *error)
{
	text_free(&process->maps);
	process->mappings.count = 0;
	int result = process_file_read(&process->maps, "/proc/%d/task/%d/maps", process->pid, process->thread_id);
	if (result == -EACCES || result == -EPERM)
		return process_refused(error, process->pid, "cannot read the memory map of", -result);
	if (result < 0 || process->maps.length == 0)
		return error_set(error, ERROR_IO, "cannot read the memory map of process %d: %s", process->pid,
		                 result < 0 ? strerror(-result) : "it has no memory (a zombie?)");
	char *rest = process->maps.bytes;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		struct memory_mapping mapping;
		if (parse_mapping(line, &mapping) && !array_push(&process->mappings, mapping))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the map of process %d",
			                 process->pid);
	}
	return OK;
}

/* One byte of memory tells whether reading is allowed at all. */
static int check_reading(struct process *process, struct error *error)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/mem", process->pid, process->thread_id);
	if (process->memory >= 0)
		(void)close(process->memory);
	process->memory = open(path, O_RDONLY | O_CLOEXEC);
	int error_number = errno;
	process->is_direct = process->memory < 0;
	for (size_t i = 0; i < process->mappings.count; i++) {
		uint8_t byte;
		if ((process->mappings.items[i].protection & PROT_WRITE) != 0 &&
		    process_read(process, process->mappings.items[i].start, &byte, 1) == 1)
			return OK;
	}
	return process_refused(error, process->pid, "cannot read the memory of",
	                       process->memory < 0 ? error_number : EPERM);
}

static void read_command(struct address_space *space, const struct process *process)
{
	struct text text = { .bytes = NULL };
	if (process_file_read(&text, "/proc/%d/comm", process->pid) == 0 && text.length > 0)
		space->command = strndup(text.bytes, strcspn(text.bytes, "\n"));
	text_free(&text);
}

static void read_auxiliary_vector(const struct process *process, struct main_program *program)
{
	struct text text = { .bytes = NULL };
	if (process_file_read(&text, "/proc/%d/task/%d/auxv", process->pid, process->thread_id) != 0)
		text.length = 0;
	for (size_t at = 0; at + 16 <= text.length; at += 16) {
		const uint8_t *pair = (const uint8_t *)text.bytes + at;
		if (load_u64(pair) == AT_PHDR)
			program->program_headers_address = load_u64(pair + 8);
		else if (load_u64(pair) == AT_ENTRY)
			program->entry_address = load_u64(pair + 8);
	}
	text_free(&text);
}

static int check_machine(struct address_space *space, struct error *error)
{
	struct reader reader;
	struct elf_header header = { .word_bytes = 8, .machine = EM_X86_64 };
	reader_init(&reader, space);
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		const uint8_t *bytes = file->is_executable ? reader_at(&reader, file->start, sizeof(Elf64_Ehdr)) : NULL;
		struct elf_header found;
		if (bytes != NULL && elf_header_parse(bytes, sizeof(Elf64_Ehdr), &found))
			header = found;
	}
	space->machine = header.machine;
	space->word_bytes = header.word_bytes;
	space->big_endian = header.big_endian;
	if (header.word_bytes == 8 && !header.big_endian && header.machine == EM_X86_64)
		return OK;
	const char *name = elf_machine_name(&header);
	char number[32];
	(void)snprintf(number, sizeof number, "ELF machine %u, %u bits", header.machine, header.word_bytes * 8);
	return error_set(error, ERROR_UNSUPPORTED,
	                 "process %d is a program of %s; only those of x86-64 are read so far", space->pid,
	                 name != NULL ? name : number);
}

/* Plans a copy of the mappings that were read last. */
static int plan_copy(struct process *process, struct error *error)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/pagemap", process->pid, process->thread_id);
	int pagemap = open(path, O_RDONLY | O_CLOEXEC);
	int status = process_copy_plan(process->copy, pagemap, process->mappings.items, process->mappings.count, error);
	if (pagemap >= 0)
		(void)close(pagemap);
	return status;
}

/* Whether so many more bytes can be taken; if not, that is said. */
static bool has_room(struct live_record *live, uint64_t bytes, uint64_t most)
{
	const char *limit;
	if (spill_directory() != NULL)
		return true;
	uint64_t available = available_memory("", &limit);
	if (most != 0 && most < available) {
		available = most;
		limit = "--max-memory";
	}
	if (bytes + bytes / 8 + SPARE_BYTES <= available)
		return true;
	live->reason = IN_PLACE_NO_ROOM;
	live->available_bytes = available;
	live->limit = limit;
	return false;
}

static void read_in_place(struct live_record *live, struct process *process)
{
	live->wanted_bytes = process_copy_bytes(process->copy);
	process_copy_destroy(process->copy);
	process->copy = NULL;
}

/* Before the stop: decides whether there will be a copy, and makes room for it. What is not allowed is left for the
 * stop to complain about. */
static void prepare_copy(struct live_record *live, struct process *process, enum copy_choice choice, uint64_t most)
{
	struct process_status status;
	if (choice == COPY_NEVER || process_status_read(&status, process->thread_id) < 0 || status.tracer != 0 ||
	    read_mappings(process, NULL) < 0 || check_reading(process, NULL) < 0)
		return;
	process->copy = process_copy_create();
	if (process->copy == NULL)
		return;
	bool is_kept = plan_copy(process, NULL) >= 0;
	if (is_kept && choice == COPY_BRIEF && process_copy_bytes(process->copy) > BRIEF_COPY_BYTES) {
		live->reason = IN_PLACE_BRIEF;
		is_kept = false;
	}
	is_kept = is_kept && has_room(live, process_copy_bytes(process->copy), most);
	if (is_kept && !process_copy_prepare(process->copy)) {
		live->reason = IN_PLACE_NO_ADDRESSES;
		is_kept = false;
	}
	if (!is_kept)
		read_in_place(live, process);
}

/* During the stop. That there is no room after all is no failure. */
static int copy_memory(struct address_space *space, struct process *process, const struct memory_options *options,
                       struct error *error)
{
	uint64_t before = process_copy_bytes(process->copy);
	TRY(plan_copy(process, error));
	uint64_t bytes = process_copy_bytes(process->copy);
	if (bytes > before && !has_room(&space->live, bytes - before, options->max_memory)) {
		read_in_place(&space->live, process);
		return OK;
	}
	/* The kernel looks at every page for that, a second for 32 GB: only before all of them are copied. */
	const struct copy_source source = { .process_id = process->pid,
		                            .thread_id = process->thread_id,
		                            .memory = process->memory,
		                            .shares_pages = memory_usage_is_shared(process->pid),
		                            .progress = options->progress };
	int status = process_copy_run(process->copy, &source, &space->live.copied_bytes, error);
	if (status == ERROR_NO_MEMORY) {
		if (error != NULL)
			error_clear(error);
		space->live.reason = IN_PLACE_NO_ADDRESSES;
		read_in_place(&space->live, process);
		return OK;
	}
	TRY(status);
	return process_copy_give(process->copy, space, error);
}

/* The first pages of files, which say what file each is: the process may end as soon as it is let go. */
static void fetch_headers(struct address_space *space, const struct process *process)
{
	for (size_t i = 0; i < process->mappings.count; i++) {
		const struct memory_mapping *mapping = &process->mappings.items[i];
		const struct segment *segment = address_space_find(space, mapping->start);
		if (mapping->file_offset == 0 && mapping->path != NULL && mapping->path[0] == '/' && segment != NULL &&
		    segment->lazy != NULL)
			(void)segment_fetch(space, segment, mapping->start, 1);
	}
}

static void let_go(struct address_space *space, struct process *process)
{
	process_stop_destroy(process->stop);
	process->stop = NULL;
	space->live.ended = monotonic_nanoseconds();
	space->live.mode = LIVE_COPY;
	/* Its number may come to mean another program; what is open stays with this one. */
	process->is_direct = false;
	process->is_gone = NULL;
}

static int open_memory(struct address_space *space, struct process *process, bool already_stopped,
                       const struct memory_options *options, struct error *error)
{
	space->live.mode = already_stopped ? LIVE_ALREADY_STOPPED : LIVE_IN_PLACE;
	if (!already_stopped)
		prepare_copy(&space->live, process, options->copy, options->max_memory);
	TRY(already_stopped ? list_threads(space, process, error) : stop_threads(space, process, error));
	TRY(read_mappings(process, error));
	TRY(check_reading(process, error));
	if (process->copy != NULL)
		TRY(copy_memory(space, process, options, error));
	if (process->copy == NULL)
		return lazy_segments_create(space, process->mappings.items, process->mappings.count, error);
	fetch_headers(space, process);
	return OK;
}

static int open_space(struct address_space *space, int32_t pid, bool already_stopped,
                      const struct memory_options *options, struct error *error)
{
	struct process *process = calloc(1, sizeof *process);
	if (process == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory to open process %d", pid);
	*process = (struct process){
		.pid = pid, .memory = -1, .root = -1, .is_direct = true, .is_gone = &space->source->is_gone
	};
	space->pid = pid;
	if (already_stopped)
		space->registers = options->registers;
	space->source->read = process_read;
	space->source->close = process_close;
	space->source->context = process;
	TRY(choose_thread(process, error));
	address_space_limit(space, options->max_memory);
	if (spill_directory() == NULL)
		TRY(address_space_require(space, LEAST_BYTES, "looking at a process", error));
	TRY(open_memory(space, process, already_stopped, options, error));
	read_command(space, process);
	char directory[64], link[80], root[64], executable[PATH_MAX];
	(void)snprintf(directory, sizeof directory, "/proc/%d/task/%d", pid, process->thread_id);
	(void)snprintf(link, sizeof link, "%s/exe", directory);
	ssize_t length = readlink(link, executable, sizeof executable - 1);
	executable[length > 0 ? length : 0] = '\0';
	(void)snprintf(link, sizeof link, "%s/root", directory);
	process->root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(root, sizeof root, "/proc/self/fd/%d", process->root);
	struct main_program program = { .path = executable,
		                        .process_directory = directory,
		                        .root_directory = process->root >= 0 ? root : NULL,
		                        .is_running = process->copy != NULL };
	read_auxiliary_vector(process, &program);
	if (process->copy != NULL)
		let_go(space, process);
	TRY(mapped_files_find(space, process->mappings.items, process->mappings.count, &program, options, error));
	return check_machine(space, error);
}

int address_space_open_process(struct address_space **ret_space, int32_t pid, bool already_stopped,
                               const struct memory_options *options, struct error *error)
{
	*ret_space = NULL;
	TRY(check_process(pid, &pid, error));
	struct address_space *space;
	TRY(address_space_create(&space, SPACE_PROCESS, error));
	struct memory_options defaults = { .sysroot = NULL };
	int status = open_space(space, pid, already_stopped, options != NULL ? options : &defaults, error);
	if (status < 0) {
		address_space_close(space);
		return status;
	}
	*ret_space = space;
	return OK;
}
