/* SPDX-License-Identifier: MIT */
#include "memory/live/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPABILITY_PTRACE = 19, PF_KTHREAD_BIT = 0x00200000 };

int process_file_read(struct text *text, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list arguments;
	va_start(arguments, path_format);
	int length = vsnprintf(path, sizeof path, path_format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof path)
		return -ENAMETOOLONG;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return -errno;
	char buffer[16384];
	ssize_t size;
	while ((size = read(descriptor, buffer, sizeof buffer)) > 0 || (size < 0 && errno == EINTR))
		if (size > 0)
			text_append(text, buffer, (size_t)size);
	int status = size < 0 ? -errno : 0;
	(void)close(descriptor);
	return text->failed ? -ENOMEM : status;
}

/* The value after "Name:\t", NULL if there is no such line. */
static const char *status_line(const char *status, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = status; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

int process_status_read(struct process_status *status, int32_t thread_id)
{
	struct text text = { .bytes = NULL };
	int result = process_file_read(&text, "/proc/%d/status", thread_id);
	if (result == 0) {
		const char *content = text_string(&text);
		const char *process = status_line(content, "Tgid"), *tracer = status_line(content, "TracerPid");
		const char *user = status_line(content, "Uid"), *state = status_line(content, "State");
		*status = (struct process_status){ .process_id = process != NULL ? atoi(process) : thread_id,
			                           .tracer = tracer != NULL ? atoi(tracer) : 0,
			                           .user_id = user != NULL ? atoll(user) : -1,
			                           .state = state != NULL ? *state : '?' };
	}
	text_free(&text);
	return result;
}

void process_children_list(int32_t pid, thread_id_array *children)
{
	thread_id_array threads = { .items = NULL };
	if (process_threads_list(pid, &threads) < 0)
		threads.count = 0;
	for (size_t i = 0; i < threads.count; i++) {
		struct text text = { .bytes = NULL };
		const char *at = "";
		if (process_file_read(&text, "/proc/%d/task/%d/children", pid, threads.items[i]) == 0)
			at = text_string(&text);
		while (*at >= '0' && *at <= '9' && array_push(children, atoi(at))) {
			at += strspn(at, "0123456789");
			at += strspn(at, " ");
		}
		text_free(&text);
	}
	array_free(&threads);
}

const char *process_file_next_line(const char *line)
{
	const char *end = strchr(line, '\n');
	return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

uint64_t process_namespace_tid(int32_t pid, int32_t thread_id)
{
	struct text text = { .bytes = NULL };
	uint64_t tid = 0;
	if (process_file_read(&text, "/proc/%d/task/%d/status", pid, thread_id) == 0) {
		/* "NSpid:\t4242\t17": outermost first */
		const char *numbers = status_line(text_string(&text), "NSpid");
		while (numbers != NULL && *numbers >= '0' && *numbers <= '9') {
			char *end;
			tid = strtoull(numbers, &end, 10);
			numbers = end + strspn(end, " \t");
		}
	}
	text_free(&text);
	return tid;
}

/* Fields of /proc/PID/stat follow the command's name, which may hold anything, so the last ')' counts. */
static const char *stat_fields(struct text *text, int32_t pid, int32_t thread_id)
{
	if (process_file_read(text, "/proc/%d/task/%d/stat", pid, thread_id) != 0)
		return NULL;
	const char *close = strrchr(text_string(text), ')');
	return close != NULL && close[1] == ' ' ? close + 2 : NULL;
}

bool process_is_kernel_thread(int32_t pid)
{
	struct text text = { .bytes = NULL };
	unsigned flags = 0;
	const char *fields = stat_fields(&text, pid, pid);
	if (fields == NULL || sscanf(fields, "%*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		flags = 0;
	text_free(&text);
	return (flags & PF_KTHREAD_BIT) != 0;
}

char process_thread_state(int32_t pid, int32_t thread_id)
{
	struct text text = { .bytes = NULL };
	const char *fields = stat_fields(&text, pid, thread_id);
	char state = fields != NULL ? *fields : '\0';
	text_free(&text);
	return state;
}

int process_threads_list(int32_t pid, thread_id_array *threads)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	if (directory == NULL)
		return -errno;
	int status = 0;
	const struct dirent *entry;
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		int32_t thread_id = atoi(entry->d_name);
		if (thread_id > 0 && !array_push(threads, thread_id))
			status = -ENOMEM;
	}
	(void)closedir(directory);
	return status;
}

bool process_waits_for_vfork(int32_t pid, int32_t thread_id)
{
	/* The other sleeps of these calls are short. */
	enum { CALL_CLONE = 56, CALL_VFORK = 58, CALL_CLONE3 = 435 }; /* x86-64 */
	struct text text = { .bytes = NULL };
	int call = -1;
	if (process_file_read(&text, "/proc/%d/task/%d/syscall", pid, thread_id) != 0 ||
	    sscanf(text_string(&text), "%d", &call) != 1)
		call = -1;
	text_free(&text);
	return call == CALL_CLONE || call == CALL_VFORK || call == CALL_CLONE3;
}

void process_thread_registers(int32_t pid, int32_t thread_id, struct native_thread *thread)
{
	/* "NUMBER six arguments SP PC" inside a system call, "-1 SP PC" outside, "running". */
	struct text text = { .bytes = NULL };
	thread->stack_pointer = thread->instruction_pointer = 0;
	thread->call = -1;
	thread->call_known = false;
	if (process_file_read(&text, "/proc/%d/task/%d/syscall", pid, thread_id) == 0) {
		const char *line = text_string(&text);
		uint64_t *arguments = thread->call_arguments;
		uint64_t *sp = &thread->stack_pointer, *ip = &thread->instruction_pointer;
		if (sscanf(line, "-1 %" SCNx64 " %" SCNx64, sp, ip) == 2)
			thread->call_known = true;
		else if (sscanf(line,
		                "%" SCNd32 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %*x %*x %*x %" SCNx64 " %" SCNx64,
		                &thread->call, &arguments[0], &arguments[1], &arguments[2], sp, ip) == 6)
			thread->call_known = true;
		else
			thread->call = -1;
	}
	text_free(&text);
}

static bool has_ptrace_capability(void)
{
	struct text text = { .bytes = NULL };
	uint64_t effective = 0;
	if (process_file_read(&text, "/proc/self/status") == 0) {
		const char *line = status_line(text_string(&text), "CapEff");
		if (line != NULL)
			effective = strtoull(line, NULL, 16);
	}
	text_free(&text);
	return (effective >> CAPABILITY_PTRACE & 1) != 0;
}

/* kernel.yama.ptrace_scope: 0 to 3; -1 where the kernel has no Yama. */
static int ptrace_scope(void)
{
	struct text text = { .bytes = NULL };
	int scope = -1;
	if (process_file_read(&text, "/proc/sys/kernel/yama/ptrace_scope") == 0)
		scope = atoi(text_string(&text));
	text_free(&text);
	return scope;
}

int process_refused(struct error *error, int32_t pid, const char *what, int error_number)
{
	struct process_status target = { .user_id = -1 };
	if (process_status_read(&target, pid) == -ENOENT)
		return error_set(error, ERROR_NOT_FOUND, "process %d is gone", pid);
	if (target.tracer != 0) {
		/* The kernel names the tracing thread. */
		struct process_status tracer;
		bool known = process_status_read(&tracer, target.tracer) == 0;
		return error_set(error, ERROR_PERMISSION,
		                 "%s process %d: process %d traces it already; use that debugger, or let it detach",
		                 what, pid, known ? tracer.process_id : target.tracer);
	}
	int scope = ptrace_scope();
	bool capable = has_ptrace_capability();
	bool same_user = target.user_id == (int64_t)getuid();
	(void)error_set(error, ERROR_PERMISSION,
	                "%s process %d of uid %" PRId64 ": %s; this is uid %u, %s CAP_SYS_PTRACE", what, pid,
	                target.user_id, strerror(error_number), getuid(), capable ? "with" : "without");
	if (scope >= 0)
		error_note(error, "kernel.yama.ptrace_scope is %d", scope);
	if (scope == 3)
		error_note(error,
		           "no process can be traced until the next boot: make a core instead (kill -ABRT, or gcore "
		           "by the process itself)");
	else if (capable)
		error_note(error,
		           "a seccomp filter or another security module forbids it: run outside of the container, "
		           "or give it --cap-add=SYS_PTRACE");
	else if (same_user && scope == 1)
		error_note(error,
		           "run as root, or set kernel.yama.ptrace_scope to 0, or give the container CAP_SYS_PTRACE");
	else
		error_note(error, "run as root, or give the container CAP_SYS_PTRACE");
	return ERROR_PERMISSION;
}
