/* SPDX-License-Identifier: MIT */
#include "report/thread_words.h"

#include <inttypes.h>
#include <string.h>

#include "render/units.h"

enum { CALL_RESTART = 219 }; /* x86-64: restart_syscall, of which native_call.h did not find what it goes on with */

/* Behind calls that have a descriptor its number follows. */
static const struct {
	const char *call, *words;
} calls[] = {
	{ "read", "reads from" },
	{ "pread64", "reads from" },
	{ "readv", "reads from" },
	{ "write", "writes to" },
	{ "pwrite64", "writes to" },
	{ "writev", "writes to" },
	{ "recvfrom", "receives from" },
	{ "recvmsg", "receives from" },
	{ "sendto", "sends to" },
	{ "sendmsg", "sends to" },
	{ "connect", "connects" },
	{ "accept", "waits for connections to" },
	{ "accept4", "waits for connections to" },
	{ "fsync", "writes out" },
	{ "flock", "waits for a lock of" },
	{ "poll", "waits for files" },
	{ "ppoll", "waits for files" },
	{ "epoll_wait", "waits for the files of" },
	{ "epoll_pwait", "waits for the files of" },
	{ "epoll_pwait2", "waits for the files of" },
	{ "nanosleep", "sleeps" },
	{ "clock_nanosleep", "sleeps" },
	{ "pause", "waits for a signal" },
	{ "waitid", "waits for a child process" },
};

static const char *words_of(const char *call)
{
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (strcmp(calls[i].call, call) == 0)
			return calls[i].words;
	return NULL;
}

/* Those of which the arguments tell more. */
static bool add_by_arguments(const struct thread_row *row, const char *call, struct text *text)
{
	const uint64_t *arguments = row->native->call_arguments;
	if (strcmp(call, "select") == 0 || strcmp(call, "pselect6") == 0) {
		text_add(text, arguments[0] == 0 ? "   sleeps" : "   waits for files");
	} else if (strcmp(call, "fcntl") == 0 && row->wait.lock.kind == LOCK_FILE) {
		text_add(text, "   waits for a lock of");
	} else if (strcmp(call, "wait4") == 0) {
		text_add(text, "   waits for ");
		if ((int32_t)arguments[0] > 0)
			text_format(text, "the end of process %" PRId32, (int32_t)arguments[0]);
		else
			text_add(text, "a child process");
	} else {
		return false;
	}
	return true;
}

void thread_words_call(const struct thread_row *row, struct text *text)
{
	int32_t descriptor;
	const struct native_thread *native = row->native;
	if (native == NULL || !native->call_known)
		return;
	const char *call = thread_call_name(native, &descriptor);
	if (native->call < 0) {
		text_add(text, "   runs");
	} else if (native->call == CALL_RESTART) {
		text_add(text, "   in a system call that was interrupted and goes on: which one is not in the dump");
	} else if (call == NULL) {
		text_format(text, "   in system call %" PRId32, native->call);
	} else if (strcmp(call, "futex") != 0 && !add_by_arguments(row, call, text)) {
		const char *words = words_of(call);
		text_format(text, words != NULL ? "   %s" : "   in %s", words != NULL ? words : call);
		text_add(text, words == NULL && descriptor >= 0 ? " of" : "");
	}
}

static void add_sharing(const struct thread_wait *wait, struct text *text)
{
	enum { SHOWN = 5 };
	if (wait->sharing.count == 0)
		return;
	text_add(text, wait->sharing.count == 1 ? " (process " : " (processes ");
	for (size_t i = 0; i < wait->sharing.count && i < SHOWN; i++)
		text_format(text, i == 0 ? "%" PRId32 : ", %" PRId32, wait->sharing.items[i]);
	if (wait->sharing.count > SHOWN) {
		text_add(text, " and ");
		units_count(text, wait->sharing.count - SHOWN);
		text_add(text, " more");
	}
	text_add(text, wait->sharing.count == 1 ? " shares it)" : " share it)");
}

static void add_kernel(const struct thread_wait *wait, const struct address_space *space, struct text *text)
{
	text_add(text, ", held by ");
	if (wait->descriptor >= 0)
		text_format(text, "this process through descriptor %" PRId32, wait->descriptor);
	else if (wait->process == space->pid)
		text_add(text, "this process");
	else if (wait->process > 0)
		text_format(text, "process %" PRId32, wait->process);
	else
		text_add(text, "a process that cannot be seen from here");
	text_add(text, ", as the kernel says");
}

void thread_words_elsewhere(const struct thread_wait *wait, const struct address_space *space, struct text *text)
{
	switch (wait->elsewhere) {
	case ELSEWHERE_NOTHING:
		break;
	case ELSEWHERE_HELD:
		text_add(text, ", held by another process: its semaphore does not say which");
		add_sharing(wait, text);
		break;
	case ELSEWHERE_PERHAPS:
		text_add(text, wait->wakers.count > 0 ? "; another process may end that too"
		                                      : "; another process may end that");
		add_sharing(wait, text);
		break;
	case ELSEWHERE_KERNEL:
		add_kernel(wait, space, text);
		break;
	case ELSEWHERE_UNKNOWN:
		text_add(text, space->live.mode == LIVE_NOT
		                       ? "; who has it is not in a core, of a live process the kernel says it"
		                       : "; the kernel does not say who has it");
		break;
	}
}

const char *thread_words_source(enum owner_source source)
{
	switch (source) {
	case OWNER_FIELD:
		return ", as the lock itself says";
	case OWNER_WITH:
		return ", which is inside `with` of it";
	case OWNER_PERHAPS:
		return ", which knows it and calls acquire()";
	default:
		return "";
	}
}

const char *thread_words_source_name(enum owner_source source)
{
	static const char *const names[] = {
		[OWNER_UNKNOWN] = "unknown", [OWNER_FIELD] = "owner",     [OWNER_WITH] = "with", [OWNER_RUNS] = "runs",
		[OWNER_LAST] = "last",       [OWNER_PERHAPS] = "perhaps", [OWNER_USES] = "uses",
	};
	return names[source];
}
