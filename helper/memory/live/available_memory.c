/* SPDX-License-Identifier: MIT
 * Limits of control groups hold for everything below them, so each level from our own group up to the mount point
 * counts. The kernel gives pages of files that nobody used lately back before it kills: they are not in use. */
#include "memory/live/available_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "memory/live/procfs.h"

/* Where the control groups that account for memory are mounted, and which is ours. */
struct memory_group {
	bool is_unified; /* version 2 */
	char path[PATH_MAX]; /* of our group, below the mount point */
	char mount_root[PATH_MAX]; /* the group that the mount point shows */
	char mount_point[PATH_MAX];
};

/* The number after `name` and blanks at a line's beginning. */
static bool line_number(const char *content, const char *name, uint64_t *ret_number)
{
	size_t length = strlen(name);
	for (const char *line = content; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] == '\0' || strchr(": \t", line[length]) == NULL)
			continue;
		const char *number = line + length + strspn(line + length, ": \t");
		char *end;
		errno = 0;
		*ret_number = strtoull(number, &end, 10);
		return end != number && errno == 0;
	}
	return false;
}

static uint64_t machine_available(const char *root)
{
	struct text text = { .bytes = NULL };
	uint64_t kibibytes = UINT64_MAX;
	if (process_file_read(&text, "%s/proc/meminfo", root) != 0 ||
	    !line_number(text_string(&text), "MemAvailable", &kibibytes) || kibibytes > UINT64_MAX / 1024)
		kibibytes = UINT64_MAX / 1024 + 1;
	text_free(&text);
	return kibibytes > UINT64_MAX / 1024 ? UINT64_MAX : kibibytes * 1024;
}

/* Whether "memory" is one of the words of a list separated by commas. */
static bool has_memory(const char *list, size_t length)
{
	static const char word[] = "memory";
	for (const char *at = list, *end = list + length; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t size = (size_t)((comma != NULL ? comma : end) - at);
		if (size == strlen(word) && strncmp(at, word, size) == 0)
			return true;
		at += size + 1;
	}
	return false;
}

/* "9:memory:/group" of version 1, "0::/group" of version 2. */
static bool find_group(const char *root, bool is_unified, struct memory_group *group)
{
	struct text text = { .bytes = NULL };
	bool found = false;
	char *rest = NULL;
	if (process_file_read(&text, "%s/proc/self/cgroup", root) == 0 && text.length > 0)
		rest = text.bytes;
	for (char *line; !found && (line = strsep(&rest, "\n")) != NULL;) {
		const char *list = strchr(line, ':');
		const char *path = list != NULL ? strchr(list + 1, ':') : NULL;
		if (path == NULL)
			continue;
		size_t length = (size_t)(path - list - 1);
		found = is_unified ? length == 0 : has_memory(list + 1, length);
		if (found)
			found = snprintf(group->path, sizeof group->path, "%s", path + 1) < (int)sizeof group->path;
	}
	text_free(&text);
	group->is_unified = is_unified;
	return found;
}

/* "31 23 0:28 ROOT POINT rw,relatime shared:1 - cgroup2 SOURCE rw,memory" */
static bool find_mount(const char *root, struct memory_group *group)
{
	struct text text = { .bytes = NULL };
	bool found = false;
	char *rest = NULL;
	if (process_file_read(&text, "%s/proc/self/mountinfo", root) == 0 && text.length > 0)
		rest = text.bytes;
	for (char *line; !found && (line = strsep(&rest, "\n")) != NULL;) {
		char kind[32], options[1024];
		const char *separator = strstr(line, " - ");
		if (separator == NULL || sscanf(separator, " - %31s %*s %1023s", kind, options) != 2 ||
		    sscanf(line, "%*s %*s %*s %4095s %4095s", group->mount_root, group->mount_point) != 2)
			continue;
		found = group->is_unified ? strcmp(kind, "cgroup2") == 0
		                          : strcmp(kind, "cgroup") == 0 && has_memory(options, strlen(options));
	}
	text_free(&text);
	return found;
}

/* A file with one number; "max" and what is not there is no limit. */
static uint64_t group_number(const char *root, const struct memory_group *group, const char *path, const char *name)
{
	struct text text = { .bytes = NULL };
	uint64_t number = UINT64_MAX;
	if (process_file_read(&text, "%s%s%s/%s", root, group->mount_point, path, name) == 0 && text.length > 0 &&
	    text.bytes[0] >= '0' && text.bytes[0] <= '9')
		number = strtoull(text_string(&text), NULL, 10);
	text_free(&text);
	return number;
}

/* What the limit of one group leaves. */
static uint64_t group_available(const char *root, const struct memory_group *group, const char *path)
{
	struct text text = { .bytes = NULL };
	uint64_t limit, used, idle = 0;
	if (group->is_unified) {
		uint64_t high = group_number(root, group, path, "memory.high");
		limit = group_number(root, group, path, "memory.max");
		/* Above it every allocation is made to wait. */
		limit = high < limit ? high : limit;
		used = group_number(root, group, path, "memory.current");
	} else {
		limit = group_number(root, group, path, "memory.limit_in_bytes");
		used = group_number(root, group, path, "memory.usage_in_bytes");
	}
	if (limit == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	if (process_file_read(&text, "%s%s%s/memory.stat", root, group->mount_point, path) != 0 ||
	    !line_number(text_string(&text), group->is_unified ? "inactive_file" : "total_inactive_file", &idle))
		idle = 0;
	text_free(&text);
	used = used > idle ? used - idle : 0;
	return limit > used ? limit - used : 0;
}

static uint64_t groups_available(const char *root, bool is_unified)
{
	struct memory_group *group = calloc(1, sizeof *group);
	uint64_t least = UINT64_MAX;
	if (group != NULL && find_group(root, is_unified, group) && find_mount(root, group)) {
		/* A container may see only its own part of the tree, and its own path with or without the root of it.
		 */
		char *path = group->path;
		size_t length = strlen(group->mount_root);
		if (length > 1 && strncmp(path, group->mount_root, length) == 0 &&
		    (path[length] == '/' || path[length] == '\0'))
			path += length;
		for (;;) {
			char *slash = strrchr(path, '/');
			if (slash != NULL && slash[1] == '\0')
				*slash = '\0';
			uint64_t here = group_available(root, group, path);
			least = here < least ? here : least;
			if (*path == '\0')
				break;
			slash = strrchr(path, '/');
			*(slash != NULL ? slash : path) = '\0';
		}
	}
	free(group);
	return least;
}

uint64_t available_memory(const char *root, const char **ret_limit)
{
	uint64_t least = machine_available(root);
	*ret_limit = "the machine's free memory";
	for (int hierarchy = 1; hierarchy <= 2; hierarchy++) {
		uint64_t left = groups_available(root, hierarchy == 2);
		if (left < least) {
			least = left;
			*ret_limit = "the memory limit of the control group";
		}
	}
	return least;
}
