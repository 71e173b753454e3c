/* SPDX-License-Identifier: MIT
 * /proc/locks has a line for each lock, "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF"; behind it, with the same
 * number and an arrow, "1: -> FLOCK ...", those that wait for it. /proc/PID/fdinfo/N has the line of the lock that the
 * open file N has, after "lock:" (Documentation/filesystems/proc.rst). The device is not compared: for files of layered
 * file systems stat() tells another. */
#include "memory/live/file_locks.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "memory/live/procfs.h"

struct lock_line {
	int64_t number;
	uint64_t inode;
	int32_t process;
	bool waits;
};

static bool parse(const char *line, struct lock_line *ret_line)
{
	char arrow[3] = "";
	*ret_line = (struct lock_line){ .waits = sscanf(line, "%*d: %2s", arrow) == 1 && strcmp(arrow, "->") == 0 };
	const char *format = ret_line->waits ? "%" SCNd64 ": -> %*s %*s %*s %" SCNd32 " %*x:%*x:%" SCNu64
	                                     : "%" SCNd64 ": %*s %*s %*s %" SCNd32 " %*x:%*x:%" SCNu64;
	return sscanf(line, format, &ret_line->number, &ret_line->process, &ret_line->inode) == 3;
}

/* The first lock on a file, of that number if it is not -1. */
static bool find_held(const char *table, uint64_t inode, int64_t number, struct file_lock *ret_lock)
{
	struct lock_line line;
	unsigned looked_at = 0;
	for (const char *at = table; at != NULL && looked_at < LIMIT_FILE_LOCKS;
	     at = process_file_next_line(at), looked_at++)
		if (parse(at, &line) && !line.waits && line.inode == inode && (number < 0 || line.number == number)) {
			*ret_lock = (struct file_lock){ .process = line.process, .descriptor = -1 };
			return true;
		}
	return false;
}

/* The number of the lock that a process waits for on a file; -1: for none. */
static int64_t number_waited_for(const char *table, uint64_t inode, int32_t process)
{
	struct lock_line line;
	unsigned looked_at = 0;
	for (const char *at = table; at != NULL && looked_at < LIMIT_FILE_LOCKS;
	     at = process_file_next_line(at), looked_at++)
		if (parse(at, &line) && line.waits && line.inode == inode && line.process == process)
			return line.number;
	return -1;
}

/* A descriptor of the target whose open file has the lock, other than `asking`; -1. */
static int32_t find_descriptor(const struct address_space *space, uint64_t inode, int32_t asking)
{
	char path[PATH_MAX];
	int32_t found = -1;
	struct lock_line line;
	struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%d/fdinfo", space->pid);
	DIR *folder = opendir(path);
	for (unsigned i = 0; folder != NULL && found < 0 && i < LIMIT_DESCRIPTORS && (entry = readdir(folder)) != NULL;
	     i++) {
		struct text text = { .bytes = NULL };
		const int32_t descriptor = entry->d_name[0] != '.' ? atoi(entry->d_name) : asking;
		if (descriptor == asking ||
		    process_file_read(&text, "/proc/%d/fdinfo/%" PRId32, space->pid, descriptor) != 0) {
			text_free(&text);
			continue;
		}
		const char *lock = strstr(text_string(&text), "lock:");
		if (lock != NULL && parse(lock + strlen("lock:"), &line) && line.inode == inode)
			found = descriptor;
		text_free(&text);
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static bool find(const struct address_space *space, const char *path, int32_t asking, struct file_lock *ret_lock)
{
	struct stat status;
	struct text table = { .bytes = NULL };
	bool is_found =
	        stat(path, &status) == 0 && S_ISREG(status.st_mode) && process_file_read(&table, "/proc/locks") == 0;
	if (is_found) {
		const int64_t number = number_waited_for(text_string(&table), status.st_ino, space->pid);
		is_found = find_held(text_string(&table), status.st_ino, number, ret_lock);
	}
	if (is_found && (ret_lock->process == space->pid || ret_lock->process <= 0))
		ret_lock->descriptor = find_descriptor(space, status.st_ino, asking);
	text_free(&table);
	return is_found;
}

bool file_lock_of_descriptor(const struct address_space *space, int32_t descriptor, struct file_lock *ret_lock)
{
	char path[64];
	if (space->live.mode == LIVE_NOT || space->pid <= 0 || descriptor < 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/fd/%" PRId32, space->pid, descriptor);
	return find(space, path, descriptor, ret_lock);
}

bool file_lock_of_path(const struct address_space *space, const char *path, struct file_lock *ret_lock)
{
	char inside[PATH_MAX];
	if (space->live.mode == LIVE_NOT || space->pid <= 0)
		return false;
	/* The target's own root and folder. */
	const int length = snprintf(inside, sizeof inside, path[0] == '/' ? "/proc/%d/root%s" : "/proc/%d/cwd/%s",
	                            space->pid, path);
	return length > 0 && (size_t)length < sizeof inside && find(space, inside, -1, ret_lock);
}
