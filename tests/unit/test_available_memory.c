/* SPDX-License-Identifier: MIT
 * How much memory may be taken: made-up /proc and control groups of both versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/live/available_memory.h"

static int set_up(void **state)
{
	char *root = strdup("/tmp/pydeepsize-available-XXXXXX");
	*state = root;
	return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
	char command[256];
	(void)snprintf(command, sizeof command, "rm -r '%s'", (char *)*state);
	int status = system(command);
	free(*state);
	return status;
}

static void put(const char *root, const char *path, const char *content)
{
	char name[512];
	assert_true(snprintf(name, sizeof name, "%s%s", root, path) < (int)sizeof name);
	for (char *at = name + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(name, 0700);
		*at = '/';
	}
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void put_machine(const char *root)
{
	put(root, "/proc/meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:    8000 kB\n");
}

static void expect(const char *root, uint64_t bytes, const char *word)
{
	const char *limit = NULL;
	assert_int_equal(available_memory(root, &limit), bytes);
	assert_non_null(strstr(limit, word));
}

static void nothing_known_is_no_limit(void **state)
{
	expect(*state, UINT64_MAX, "machine");
}

static void of_the_machine(void **state)
{
	put_machine(*state);
	expect(*state, 8000 * 1024, "machine");
	put(*state, "/proc/self/cgroup", "0::/user\n");
	put(*state, "/proc/self/mountinfo", "30 23 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
	put(*state, "/cg/user/memory.max", "max\n");
	put(*state, "/cg/user/memory.current", "5000\n");
	expect(*state, 8000 * 1024, "machine");
}

static void of_version_2(void **state)
{
	const char *root = *state;
	put_machine(root);
	put(root, "/proc/self/cgroup", "0::/a/b\n");
	put(root, "/proc/self/mountinfo",
	    "20 1 0:5 / /proc rw - proc proc rw\n30 23 0:27 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
	put(root, "/cg/a/b/memory.max", "700000\n");
	put(root, "/cg/a/b/memory.current", "200000\n");
	put(root, "/cg/a/b/memory.stat", "anon 3\ninactive_file 50000\n");
	expect(root, 550000, "control group");
	/* memory.high makes whoever exceeds it wait. */
	put(root, "/cg/a/b/memory.high", "400000\n");
	expect(root, 250000, "control group");
	/* A limit further up counts as well, and one that is exceeded leaves nothing. */
	put(root, "/cg/a/memory.max", "300000\n");
	put(root, "/cg/a/memory.current", "299000\n");
	expect(root, 1000, "control group");
	put(root, "/cg/a/memory.current", "310000\n");
	expect(root, 0, "control group");
}

static void of_version_1(void **state)
{
	const char *root = *state;
	put_machine(root);
	put(root, "/proc/self/cgroup", "9:cpu,cpuacct:/x\n4:memory:/docker/1234\n0::/\n");
	/* As in a container: the mount shows the group itself. */
	put(root, "/proc/self/mountinfo",
	    "33 31 0:31 /docker/1234 /cg/cpu ro - cgroup cgroup rw,cpu\n"
	    "35 31 0:32 /docker/1234 /cg/memory ro - cgroup cgroup rw,memory\n");
	put(root, "/cg/memory/memory.limit_in_bytes", "600000\n");
	put(root, "/cg/memory/memory.usage_in_bytes", "400000\n");
	put(root, "/cg/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 30000\n");
	expect(root, 230000, "control group");
	/* The kernel's "no limit" is a large number. */
	put(root, "/cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
	expect(root, 8000 * 1024, "machine");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_known_is_no_limit),
		TEST(of_the_machine),
		TEST(of_version_2),
		TEST(of_version_1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
