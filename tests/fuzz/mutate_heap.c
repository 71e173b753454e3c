/* SPDX-License-Identifier: MIT
 * mutate_heap: damages a real heap and asks every command of it. Each round changes words of the core that are not zero
 * (where objects are) into what torn, freed and hostile memory looks like, opens the copy and runs the commands; then
 * the words are put back. Nothing is compared: a crash, a sanitizer's finding or a command that does not end is the
 * failure. What happens depends on the arguments alone, so a round can be run again by its number.
 *
 *     mutate_heap CORE ROUNDS [FIRST [COMMAND]]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pydeepsize.h"

enum {
	MOST_CHANGES = 4096, /* in one round */
	SECONDS_PER_COMMAND = 60, /* more is taken for endless */
	HEADER_BYTES = 4096, /* of the core: ELF header, program headers: left alone, fuzz_core is for these */
	WAIT_MS = 1000,
};

struct change {
	off_t offset;
	uint64_t old;
};

struct heap {
	int descriptor; /* of the copy that is damaged */
	const uint64_t *words; /* of the copy, as it is now */
	size_t word_count;
	uint32_t *places; /* numbers of words that are not zero */
	size_t place_count;
	struct change changes[MOST_CHANGES];
	size_t change_count;
};

static const char *running = ""; /* for the message when time is up */
static uint32_t round_number;

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators) */
static uint64_t next_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void time_is_up(int number)
{
	(void)number;
	static const char text[] = "a command does not end\n";
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	(void)!write(STDERR_FILENO, running, strlen(running));
	abort();
}

static void open_copy(struct heap *heap, const char *path)
{
	int original = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (original < 0 || fstat(original, &status) != 0)
		die(path);
	heap->descriptor = memfd_create("heap", MFD_CLOEXEC);
	if (heap->descriptor < 0 || ftruncate(heap->descriptor, status.st_size) != 0)
		die("memfd");
	for (off_t from = 0, to = 0; from < status.st_size;) {
		ssize_t copied =
		        copy_file_range(original, &from, heap->descriptor, &to, (size_t)(status.st_size - from), 0);
		if (copied > 0)
			continue;
		/* Not between these two file systems. */
		static uint8_t block[1 << 20];
		ssize_t got = pread(original, block, sizeof block, from);
		if (got <= 0 || pwrite(heap->descriptor, block, (size_t)got, from) != got)
			die("copying the core");
		from += got;
		to += got;
	}
	close(original);
	heap->word_count = (size_t)status.st_size / sizeof(uint64_t);
	heap->words = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, heap->descriptor, 0);
	if (heap->words == MAP_FAILED)
		die("mmap");
	heap->places = malloc(heap->word_count * sizeof *heap->places);
	if (heap->places == NULL)
		die("malloc");
	for (size_t i = HEADER_BYTES / sizeof(uint64_t); i < heap->word_count; i++)
		if (heap->words[i] != 0)
			heap->places[heap->place_count++] = (uint32_t)i;
	if (heap->place_count == 0) {
		fprintf(stderr, "%s: nothing in it\n", path);
		exit(2);
	}
}

static uint64_t some_word(const struct heap *heap, uint64_t *random)
{
	return heap->words[heap->places[next_random(random) % heap->place_count]];
}

/* What may stand where `old` stood. */
static uint64_t replacement(const struct heap *heap, uint64_t old, uint64_t *random)
{
	static const uint64_t extremes[] = { 0,          1,         UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN,
		                             UINT32_MAX, INT32_MAX, 1u << 31,   1u << 24,  UINT64_C(1) << 40 };
	switch (next_random(random) % 8) {
	case 0:
		return extremes[next_random(random) % (sizeof extremes / sizeof extremes[0])];
	case 1:
		return old ^ UINT64_C(1) << next_random(random) % 64;
	case 2:
		return old + 8 * (next_random(random) % 64) - 256;
	case 3:
		return next_random(random) >> next_random(random) % 64;
	case 4: /* one byte, as a small struct's field */
		return (old & ~(UINT64_C(0xff) << 8 * (next_random(random) % 8))) |
		       (next_random(random) & 0xff) << 8 * (next_random(random) % 8);
	default: /* a pointer to something else is the most misleading of all */
		return some_word(heap, random);
	}
}

static void put(struct heap *heap, size_t word, uint64_t value)
{
	if (heap->change_count == MOST_CHANGES)
		return;
	struct change change = { (off_t)(word * sizeof value), heap->words[word] };
	if (pwrite(heap->descriptor, &value, sizeof value, change.offset) != sizeof value)
		die("pwrite");
	heap->changes[heap->change_count++] = change;
}

/* Few changes leave most of the heap to be gone through; many get at what is rare. */
static void damage(struct heap *heap, uint64_t *random)
{
	size_t count = (size_t)1 << next_random(random) % 12;
	for (size_t i = 0; i < count; i++) {
		size_t word = heap->places[next_random(random) % heap->place_count];
		if (next_random(random) % 16 != 0) {
			put(heap, word, replacement(heap, heap->words[word], random));
			continue;
		}
		/* An object's body where another one was. */
		size_t from = heap->places[next_random(random) % heap->place_count];
		for (size_t k = 0; k < 8 && word + k < heap->word_count && from + k < heap->word_count; k++)
			put(heap, word + k, heap->words[from + k]);
	}
}

static void mend(struct heap *heap)
{
	while (heap->change_count > 0) {
		const struct change *change = &heap->changes[--heap->change_count];
		if (pwrite(heap->descriptor, &change->old, sizeof change->old, change->offset) != sizeof change->old)
			die("pwrite");
	}
}

static bool run(pyds_session *session, const char *const *words, uint32_t count)
{
	pyds_job *job = NULL;
	running = words[0];
	alarm(SECONDS_PER_COMMAND);
	int32_t status = pyds_job_start(session, count, words, NULL, &job);
	if (status == PYDS_OK) {
		const char *output;
		uint64_t length;
		int32_t exit_status;
		while (pyds_job_wait(job, WAIT_MS) == 0)
			;
		status = pyds_job_result(job, &output, &length, &exit_status);
		if (exit_status < 0 || exit_status > 3) {
			fprintf(stderr, "round %" PRIu32 ": %s ends with %d\n", round_number, words[0], exit_status);
			abort();
		}
	}
	pyds_job_destroy(job);
	alarm(0);
	return status == PYDS_OK;
}

/* In the order of how much they look at. */
static const char *const commands[][6] = {
	{ "info" },
	{ "deepsize", "--no-retained", "sys.modules" },
	{ "deepsize", "--policy", "all", "sys.modules" },
	{ "deepsize", "--policy", "asizeof", "--no-retained", "sys.modules" },
	{ "deepsize", "-t", "__main__.__dict__" },
	{ "heap", "--retained" },
	{ "heap", "--allocated", "--by", "generation" },
	{ "top", "-t" },
	{ "top", "-t", "--allocated" },
	{ "frames" },
	{ "modules" },
	{ "objects", "-n", "0", "--allocated" },
	{ "path", "--merge", "dict" },
	{ "path", "-k", "5", "sys" },
	{ "referrers", "builtins.len" },
	{ "object", "--values", "sys" },
	{ "sizeof", "builtins.str", "sys.flags" },
};

int main(int argument_count, char **arguments)
{
	if (argument_count < 3) {
		fprintf(stderr, "usage: %s CORE ROUNDS [FIRST [COMMAND]]\n", arguments[0]);
		return 2;
	}
	static struct heap heap;
	open_copy(&heap, arguments[1]);
	signal(SIGALRM, time_is_up);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", heap.descriptor);
	const uint32_t first = argument_count > 3 ? (uint32_t)strtoul(arguments[3], NULL, 10) : 0;
	const uint32_t rounds = (uint32_t)strtoul(arguments[2], NULL, 10);
	uint32_t opened = 0, answered = 0;
	for (round_number = first; round_number < first + rounds; round_number++) {
		uint64_t random = round_number;
		damage(&heap, &random);
		struct pyds_open_options options = { .struct_size = sizeof options, .flags = PYDS_OPEN_IGNORE_FILES };
		pyds_session *session = pyds_session_create();
		if (session == NULL)
			die("session");
		running = "open";
		alarm(SECONDS_PER_COMMAND);
		int32_t status = pyds_open_core(session, path, &options, NULL);
		alarm(0);
		opened += status == PYDS_OK;
		for (size_t i = 0; status == PYDS_OK && i < sizeof commands / sizeof commands[0]; i++) {
			uint32_t count = 0;
			while (count < 6 && commands[i][count] != NULL)
				count++;
			if (argument_count <= 4 || strcmp(arguments[4], commands[i][0]) == 0)
				answered += run(session, commands[i], count);
		}
		pyds_session_destroy(session);
		mend(&heap);
	}
	printf("%" PRIu32 " rounds, %" PRIu32 " opened, %" PRIu32 " answers\n", rounds, opened, answered);
	/* Damage that no target survives would test nothing. */
	return opened > rounds / 4 || rounds < 8 ? 0 : 1;
}
