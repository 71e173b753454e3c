/* SPDX-License-Identifier: MIT
 * From /proc/PID: fd, net/tcp, net/udp, net/unix (Documentation/filesystems/proc.rst). */
#include "memory/live/descriptor_name.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "memory/live/file_locks.h"

enum { LONGEST_LINE = 512, PATH_BYTES = 64 };

/* An address as the tables of sockets have it: words of four bytes in the host's order, a colon, the port. */
static bool add_address(const char *hex, struct text *text)
{
	uint32_t words[4];
	char name[INET6_ADDRSTRLEN];
	const char *colon = strchr(hex, ':');
	const size_t count = colon != NULL ? (size_t)(colon - hex) / 8 : 0;
	if (count != 1 && count != 4)
		return false;
	for (size_t i = 0; i < count; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &words[i]) != 1)
			return false;
	const uint64_t port = strtoul(colon + 1, NULL, 16);
	if (inet_ntop(count == 1 ? AF_INET : AF_INET6, words, name, sizeof name) == NULL)
		return false;
	text_format(text, count == 1 ? "%s:%" PRIu64 : "[%s]:%" PRIu64, name, port);
	return true;
}

static FILE *open_table(const struct address_space *space, const char *table)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "/proc/%d/net/%s", space->pid, table);
	return fopen(path, "re");
}

/* The socket of an inode in a table of internet sockets. */
static bool find_internet(const struct address_space *space, const char *table, uint64_t inode, struct text *text)
{
	enum { LISTENS = 0x0a };
	FILE *file = open_table(space, table);
	char line[LONGEST_LINE], local[48], remote[48];
	unsigned state;
	uint64_t found;
	bool is_found = false;
	while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "%*s %47s %47s %x %*s %*s %*s %*s %*s %" SCNu64, local, remote, &state, &found) != 4 ||
		    found != inode)
			continue;
		text_add(text, "socket ");
		is_found = add_address(local, text);
		text_add(text, state == LISTENS ? ", listening" : " to ");
		if (state != LISTENS)
			is_found = is_found && add_address(remote, text);
	}
	if (file != NULL)
		fclose(file);
	return is_found;
}

static bool find_unix(const struct address_space *space, uint64_t inode, struct text *text)
{
	FILE *file = open_table(space, "unix");
	char line[LONGEST_LINE], path[LONGEST_LINE];
	uint64_t found;
	bool is_found = false;
	while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
		path[0] = '\0';
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %" SCNu64 " %511[^\n]", &found, path) < 1 || found != inode)
			continue;
		text_add(text, path[0] != '\0' ? "unix socket " : "unix socket");
		text_escape(text, path, strlen(path), false);
		is_found = true;
	}
	if (file != NULL)
		fclose(file);
	return is_found;
}

static void add_socket(const struct address_space *space, uint64_t inode, struct text *text)
{
	static const char *const tables[] = { "tcp", "tcp6", "udp", "udp6" };
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (find_internet(space, tables[i], inode, text))
			return;
	if (!find_unix(space, inode, text))
		text_add(text, "socket");
}

bool descriptor_name(const struct address_space *space, int32_t descriptor, struct text *text)
{
	char path[PATH_BYTES], target[PATH_MAX];
	uint64_t inode;
	if (space->live.mode == LIVE_NOT || space->pid <= 0 || descriptor < 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/fd/%" PRId32, space->pid, descriptor);
	const ssize_t length = readlink(path, target, sizeof target - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1) {
		add_socket(space, inode, text);
	} else if (strncmp(target, "pipe:", strlen("pipe:")) == 0) {
		text_add(text, "pipe");
	} else {
		text_escape(text, target, (size_t)length, false);
		struct file_lock lock;
		if (file_lock_of_descriptor(space, descriptor, &lock) && lock.process > 0)
			text_format(text, ", locked by process %" PRId32, lock.process);
	}
	return true;
}
