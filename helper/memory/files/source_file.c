/* SPDX-License-Identifier: MIT */
#include "memory/files/source_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "memory/live/procfs.h"

/* When a live process began, as seconds since 1970; 0: it is not known. Field 22 of /proc/PID/stat counts ticks since
 * the machine started (Documentation/filesystems/proc.rst). */
static int64_t process_began(int32_t pid)
{
	struct text text = { .bytes = NULL };
	struct timespec up, now;
	unsigned long long ticks = 0;
	if (process_file_read(&text, "/proc/%d/stat", pid) == 0) {
		const char *behind = strrchr(text_string(&text), ')');
		if (behind == NULL || sscanf(behind + 1,
		                             " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		                             "%*d %llu",
		                             &ticks) != 1)
			ticks = 0;
	}
	text_free(&text);
	const long in_second = sysconf(_SC_CLK_TCK);
	if (ticks == 0 || in_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &up) != 0 ||
	    clock_gettime(CLOCK_REALTIME, &now) != 0)
		return 0;
	return now.tv_sec - (up.tv_sec - (int64_t)(ticks / (unsigned long)in_second));
}

int64_t source_latest_time(const struct address_space *space)
{
	enum { ROUNDING = 1 }; /* of both clocks */
	struct stat core;
	if (space->kind == SPACE_CORE)
		return space->target_path != NULL && stat(space->target_path, &core) == 0
		               ? (int64_t)core.st_mtim.tv_sec + ROUNDING
		               : 0;
	const int64_t began = space->pid != 0 ? process_began(space->pid) : 0;
	return began != 0 ? began + ROUNDING : 0;
}

static bool find_lines(struct source_file *file)
{
	for (size_t at = 0; at < file->size && file->lines.count < LIMIT_SOURCE_LINES;) {
		if (!array_push(&file->lines, (uint32_t)at))
			return false;
		const char *end = memchr(file->bytes + at, '\n', file->size - at);
		at = end != NULL ? (size_t)(end - file->bytes) + 1 : file->size;
	}
	return true;
}

static bool read_bytes(struct source_file *file, int descriptor, size_t size)
{
	file->bytes = malloc(size + 1);
	while (file->bytes != NULL && file->size < size) {
		const ssize_t got = read(descriptor, file->bytes + file->size, size - file->size);
		if (got <= 0)
			break;
		file->size += (size_t)got;
	}
	return file->bytes != NULL && find_lines(file);
}

bool source_file_open(struct source_file *ret_file, const struct address_space *space, const char *path, int64_t latest)
{
	char local[PATH_MAX];
	struct stat status;
	*ret_file = (struct source_file){ .state = SOURCE_ABSENT };
	if (space->ignores_files || path[0] != '/')
		return true;
	const bool is_live = space->kind != SPACE_CORE && space->pid != 0;
	const int length = space->sysroot != NULL ? snprintf(local, sizeof local, "%s%s", space->sysroot, path)
	                   : is_live              ? snprintf(local, sizeof local, "/proc/%d/root%s", space->pid, path)
	                                          : snprintf(local, sizeof local, "%s", path);
	if (length < 0 || (size_t)length >= sizeof local)
		return true;
	const int descriptor = open(local, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0)
		return true;
	bool done = true;
	if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
	    status.st_size <= LIMIT_SOURCE_BYTES) {
		ret_file->state = latest == 0 || status.st_mtim.tv_sec > latest ? SOURCE_NEWER : SOURCE_AT_HAND;
		done = ret_file->state == SOURCE_NEWER || read_bytes(ret_file, descriptor, (size_t)status.st_size);
	}
	(void)close(descriptor);
	return done;
}

void source_folder_of_process(const struct address_space *space, struct text *text)
{
	char link[64], folder[PATH_MAX];
	if (space->kind == SPACE_CORE || space->pid == 0 || space->ignores_files)
		return;
	snprintf(link, sizeof link, "/proc/%d/cwd", space->pid);
	const ssize_t length = readlink(link, folder, sizeof folder);
	if (length > 0 && (size_t)length < sizeof folder && folder[0] == '/')
		text_append(text, folder, (size_t)length);
}

void source_file_close(struct source_file *file)
{
	free(file->bytes);
	array_free(&file->lines);
}

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\n' || character == '\f';
}

bool source_file_line(const struct source_file *file, int64_t number, const char **ret_bytes, size_t *ret_length)
{
	if (file->state != SOURCE_AT_HAND || number < 1 || (uint64_t)number > file->lines.count)
		return false;
	const char *begin = file->bytes + file->lines.items[number - 1];
	const char *end = file->bytes + ((uint64_t)number < file->lines.count ? file->lines.items[number] : file->size);
	while (begin < end && is_blank(*begin))
		begin++;
	while (end > begin && is_blank(end[-1]))
		end--;
	*ret_bytes = begin;
	*ret_length = (size_t)(end - begin);
	return true;
}
