/* SPDX-License-Identifier: MIT
 * /proc/PID/maps: "7f31c0200000-7f31c0201000 rw-s 00000000 00:19 41 /dev/shm/sem.mp-0b2f (deleted)". */
#include "memory/live/sharing_processes.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct mapped_inode {
	unsigned major, minor; /* of the device */
	uint64_t inode;
};

struct map_line {
	uint64_t start, end;
	struct mapped_inode file;
};

static bool parse(const char *line, struct map_line *ret_line)
{
	return sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*x %x:%x %" SCNu64, &ret_line->start, &ret_line->end,
	              &ret_line->file.major, &ret_line->file.minor, &ret_line->file.inode) == 5;
}

static bool find_file(int32_t pid, uint64_t address, struct mapped_inode *ret_file)
{
	struct text text = { .bytes = NULL };
	struct map_line line;
	bool is_found = false;
	if (process_file_read(&text, "/proc/%" PRId32 "/maps", pid) == 0)
		for (const char *at = text_string(&text); at != NULL && !is_found; at = process_file_next_line(at))
			is_found =
			        parse(at, &line) && address >= line.start && address < line.end && line.file.inode != 0;
	if (is_found)
		*ret_file = line.file;
	text_free(&text);
	return is_found;
}

static bool has_file(int32_t pid, const struct mapped_inode *file)
{
	struct text text = { .bytes = NULL };
	struct map_line line;
	bool is_found = false;
	if (process_file_read(&text, "/proc/%" PRId32 "/maps", pid) == 0)
		for (const char *at = text_string(&text); at != NULL && !is_found; at = process_file_next_line(at))
			is_found = parse(at, &line) && line.file.inode == file->inode &&
			           line.file.major == file->major && line.file.minor == file->minor;
	text_free(&text);
	return is_found;
}

bool sharing_processes_find(const struct address_space *space, uint64_t address, const struct progress *progress,
                            thread_id_array *processes)
{
	struct mapped_inode file;
	struct dirent *entry;
	bool done = true;
	if (space->live.mode == LIVE_NOT || space->pid <= 0 || !find_file(space->pid, address, &file))
		return true;
	DIR *folder = opendir("/proc");
	for (unsigned i = 0; folder != NULL && done && i < LIMIT_PROCESSES && (entry = readdir(folder)) != NULL; i++) {
		const int32_t pid = atoi(entry->d_name);
		if (progress_is_cancelled(progress) || processes->count >= LIMIT_SHARING_PROCESSES)
			break;
		if (pid > 0 && pid != space->pid && has_file(pid, &file))
			done = array_push(processes, pid);
	}
	if (folder != NULL)
		closedir(folder);
	return done;
}
