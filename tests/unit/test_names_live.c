/* SPDX-License-Identifier: MIT
 * Names and values against live interpreters: names_program.py makes objects and says what it expects of them (its head
 * lists the lines); here each line is checked from outside, in every Python that is found. */
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/value.h"
#include "names/line_table.h"
#include "names/names.h"

enum { MOST_WORDS = 8192, MOST_PYTHONS = 64 };

struct target {
	pid_t pid;
	int input; /* closing it ends the program */
	char *lines; /* everything it said */
	struct address_space *space;
	struct runtime *runtime;
	struct decode_context *context;
	struct decoder decoder;
	struct frame_list frames;
	unsigned failures, checks;
	int64_t here; /* line where the main thread stands */
	bool lacks_files; /* names compiled into the program cannot be known */
};

static const struct name_options hidden = { 0 };
static const struct name_options shown = { .show_values = true };

/* ---- The program ---- */

static void start_program(struct target *target, const char *python)
{
	int to_child[2], from_child[2];
	size_t length = 0, capacity = 1 << 22;

	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(from_child), 0);
	target->pid = fork();
	assert_true(target->pid >= 0);
	if (target->pid == 0) {
		dup2(to_child[0], 0);
		dup2(from_child[1], 1);
		close(to_child[1]);
		close(from_child[0]);
		setenv("PYTHONIOENCODING", "utf-8", 1);
		setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
		execl(python, python, PYDS_SOURCE_DIR "/tests/unit/names_program.py", (char *)NULL);
		_exit(127);
	}
	close(to_child[0]);
	close(from_child[1]);
	target->input = to_child[1];
	target->lines = malloc(capacity);
	assert_non_null(target->lines);
	for (;;) {
		assert_true(length < capacity - 1);
		ssize_t count = read(from_child[0], target->lines + length, capacity - 1 - length);
		assert_true(count > 0); /* the end comes before "ready": the program failed */
		length += (size_t)count;
		target->lines[length] = '\0';
		if (length >= 6 && strcmp(target->lines + length - 6, "ready\n") == 0)
			break;
	}
	close(from_child[0]);
}

/* core NULL: the live process. */
static void open_target(struct target *target, const char *core, bool ignore_files)
{
	struct memory_options memory = { .ignore_files = ignore_files };
	struct runtime_options options = { 0 };
	struct error error = { 0 };
	bool truncated;

	target->lacks_files = ignore_files;
	int status = core != NULL ? address_space_open_core(&target->space, core, &memory, &error)
	                          : address_space_open_process(&target->space, target->pid, false, &memory, &error);
	if (status != 0 || runtime_open(&target->runtime, target->space, &options, &error) != 0 ||
	    decode_context_open(&target->context, target->runtime, &error) != 0)
		fail_msg("%s", error.message);
	decoder_init(&target->decoder, target->context);
	for (size_t i = 0; i < target->runtime->threads.count; i++) {
		if (target->runtime->threads.items[i].is_main)
			assert_int_equal(runtime_frames(target->runtime, &target->runtime->threads.items[i],
			                                &target->frames, &truncated, &error),
			                 0);
	}
}

static void close_target(struct target *target)
{
	frame_list_clear(&target->frames);
	decoder_clear(&target->decoder);
	decode_context_close(target->context);
	runtime_close(target->runtime);
	address_space_close(target->space);
}

static void end_program(struct target *target)
{
	close(target->input);
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
}

/* ---- Checks: one for each word a line may begin with ---- */

static void expect(struct target *target, bool holds, const char *subject, const char *found, const char *wanted)
{
	target->checks++;
	if (holds)
		return;
	target->failures++;
	if (target->failures <= 40)
		print_error("  %s: found %s, wanted %s\n", subject, found, wanted);
}

static void expect_number(struct target *target, const char *subject, uint64_t found, uint64_t wanted)
{
	char left[32], right[32];

	snprintf(left, sizeof left, "%#llx", (unsigned long long)found);
	snprintf(right, sizeof right, "%#llx", (unsigned long long)wanted);
	expect(target, found == wanted, subject, left, right);
}

static uint64_t number(const char *word)
{
	return strtoull(word, NULL, 16);
}

static void check_resolve(struct target *target, char **words, size_t count)
{
	struct error error = { 0 };
	uint64_t object = 0;

	(void)count;
	if (names_resolve(&target->decoder, words[1], &hidden, &object, &error) != 0)
		expect(target, false, words[1], error.message, words[2]);
	else
		expect_number(target, words[1], object, number(words[2]));
}

static void check_error(struct target *target, char **words, size_t count)
{
	struct error error = { 0 };
	uint64_t object = 0;

	(void)count;
	int status = names_resolve(&target->decoder, words[1], &hidden, &object, &error);
	bool is_expected = status == ERROR_NOT_FOUND || status == ERROR_ARGUMENT;
	expect(target, is_expected && strstr(error.message, words[2]) != NULL, words[1],
	       status == 0 ? "an object" : error.message, words[2]);
	expect(target, strchr(error.message, '\x1b') == NULL, words[1], "an escape character", "none");
}

static void check_description(struct target *target, char **words, size_t count)
{
	struct text text = { 0 };

	(void)count;
	if (target->lacks_files && strncmp(words[2], "built-in function", 17) == 0)
		return;
	names_describe(&target->decoder, number(words[1]), strcmp(words[0], "values") == 0 ? &shown : &hidden, &text);
	expect(target, strcmp(text_string(&text), words[2]) == 0, words[0], text_string(&text), words[2]);
	text_free(&text);
}

static void check_label(struct target *target, char **words, size_t count)
{
	struct text text[2] = { { 0 }, { 0 } };
	bool found = false;

	(void)count;
	expect(target, decode_object(&target->decoder, number(words[1])), words[1], "no object", "an object");
	for (size_t i = 0; i < target->decoder.out.runs.count && !found; i++) {
		struct run run = target->decoder.out.runs.items[i];
		if (run.label == LABEL_DICT_KEY)
			continue;
		for (uint64_t k = 0; k < run.count && !found; k++) {
			found = run_target(&run, k) == number(words[2]);
			if (found) {
				names_label(&target->decoder, &run, k, &hidden, &text[0]);
				names_label(&target->decoder, &run, k, &shown, &text[1]);
			}
		}
	}
	for (int i = 0; i < 2; i++) {
		expect(target, strcmp(text_string(&text[i]), words[3 + i]) == 0, found ? "label" : "no reference",
		       text_string(&text[i]), words[3 + i]);
		text_free(&text[i]);
	}
}

static void check_frame(struct target *target, char **words, size_t count)
{
	struct text function = { 0 }, file = { 0 };
	size_t index = strtoull(words[1], NULL, 10);
	char found[256];
	int64_t line;

	(void)count;
	if (index >= target->frames.count) {
		expect(target, false, "frame", "too few frames", words[1]);
		return;
	}
	const struct python_frame frame = frame_list_at(&target->frames, index);
	names_frame(&target->decoder, &frame, &function, &file, &line);
	const char *name = strrchr(text_string(&file), '/');
	snprintf(found, sizeof found, "%s %s:%lld", text_string(&function), name == NULL ? "?" : name + 1,
	         (long long)line);
	char wanted[256];
	int64_t wanted_line = strcmp(words[4], "here") == 0 ? target->here : atoll(words[4]);
	snprintf(wanted, sizeof wanted, "%s %s:%lld", words[2], words[3], (long long)wanted_line);
	expect(target, strcmp(found, wanted) == 0, "frame", found, wanted);
	text_free(&function);
	text_free(&file);
}

static void check_lines(struct target *target, char **words, size_t count)
{
	const struct layout *layout = target->decoder.layout;
	uint64_t code = number(words[1]);
	bool is_address = layout_has(layout, FIELD_PyCodeObject_co_code_adaptive);
	uint64_t start = is_address ? code + layout_offset(layout, FIELD_PyCodeObject_co_code_adaptive) : 0;

	for (size_t i = 2; i < count; i++) {
		char *colon;
		uint64_t offset = strtoull(words[i], &colon, 10);
		char found[64];
		int64_t line = line_of_instruction(&target->decoder, code, start + offset, is_address);
		snprintf(found, sizeof found, "%llu:%lld", (unsigned long long)offset, (long long)line);
		expect(target, strcmp(found, words[i]) == 0, words[1], found, words[i]);
	}
	if (is_address) {
		uint64_t first;
		assert_true(value_field(&target->decoder.objects, code, FIELD_PyCodeObject_co_firstlineno, &first));
		expect_number(target, "first line",
		              (uint64_t)line_of_instruction(&target->decoder, code, UINT64_MAX, true), first);
		expect_number(target, "line before the code",
		              (uint64_t)line_of_instruction(&target->decoder, code, start - 4, true), 0);
	}
}

static void append_hex(struct text *hex, const struct text *bytes)
{
	for (size_t i = 0; i < bytes->length; i++)
		text_format(hex, "%02x", (unsigned char)bytes->bytes[i]);
}

static void check_text(struct target *target, char **words, size_t count)
{
	struct text bytes = { 0 }, hex = { 0 }, part = { 0 };
	bool is_str = strcmp(words[0], "str") == 0;
	uint64_t address = number(words[1]);
	const char *wanted = count > 3 ? words[3] : "";

	int64_t length = is_str ? value_str(&target->decoder.objects, address, UINT64_MAX, &bytes)
	                        : value_bytes(&target->decoder.objects, address, UINT64_MAX, &bytes);
	append_hex(&hex, &bytes);
	expect_number(target, words[0], (uint64_t)length, strtoull(words[2], NULL, 10));
	expect(target, strcmp(text_string(&hex), wanted) == 0, words[0], text_string(&hex), wanted);
	if (is_str) {
		expect(target, value_str_matches(&target->decoder.objects, address, text_string(&bytes), bytes.length),
		       "str", "unequal", "equal");
		expect(target,
		       length == 0 || !value_str_matches(&target->decoder.objects, address, text_string(&bytes),
		                                         bytes.length - 1),
		       "str", "equal", "unequal");
		expect_number(target, "str, cut", (uint64_t)value_str(&target->decoder.objects, address, 2, &part),
		              (uint64_t)length);
		expect(target,
		       part.length <= 8 && (bytes.length == 0 || memcmp(part.bytes, bytes.bytes, part.length) == 0),
		       "str, cut", text_string(&part), "a prefix");
	}
	text_free(&bytes);
	text_free(&hex);
	text_free(&part);
}

static void check_int(struct target *target, char **words, size_t count)
{
	int64_t value;
	char found[32] = "none";

	(void)count;
	if (value_int(&target->decoder.objects, number(words[1]), &value))
		snprintf(found, sizeof found, "%lld", (long long)value);
	expect(target, strcmp(found, words[2]) == 0, "int", found, words[2]);
}

static void check_float(struct target *target, char **words, size_t count)
{
	double value = -1, wanted = strtod(words[2], NULL);

	(void)count;
	bool is_float = value_float(&target->decoder.objects, number(words[1]), &value);
	expect(target, is_float && memcmp(&value, &wanted, sizeof value) == 0, "float", "another", words[2]);
}

static void check_dict(struct target *target, char **words, size_t count)
{
	struct dict_cursor cursor;
	uint64_t key = 0, value = 0;
	char found[64];

	expect(target, dict_cursor_open(&cursor, &target->decoder.objects, number(words[1])), words[1], "no dict",
	       "a dict");
	for (size_t i = 2; i < count && *words[i] != '\0'; i++) {
		if (!dict_cursor_next(&cursor, &key, &value))
			key = value = 0;
		snprintf(found, sizeof found, "%llx=%llx", (unsigned long long)key, (unsigned long long)value);
		expect(target, strcmp(found, words[i]) == 0, words[1], found, words[i]);
	}
	expect(target, !dict_cursor_next(&cursor, &key, &value), words[1], "another entry", "the end");
}

static void check_items(struct target *target, char **words, size_t count)
{
	uint64_t found_count = 0, items = 0, item;

	expect(target, value_items(&target->decoder.objects, number(words[1]), &found_count, &items), words[1],
	       "no sequence", "items");
	size_t wanted = count > 2 && *words[2] != '\0' ? count - 2 : 0;
	expect_number(target, "item count", found_count, wanted);
	for (size_t i = 0; i < wanted && i < found_count; i++) {
		assert_true(reader_u64(&target->decoder.reader, items + i * 8, &item));
		expect_number(target, "item", item, number(words[2 + i]));
	}
}

static void check_attribute(struct target *target, char **words, size_t count)
{
	(void)count;
	/* Its name stands in a PyMemberDef of the program; paths know it from names/attributes.def. */
	if (target->lacks_files && strcmp(words[2], "__closure__") == 0)
		return;
	expect_number(target, words[2], value_attribute(&target->decoder.objects, number(words[1]), words[2]),
	              number(words[3]));
}

/* Every reader says no to an address that is no object. */
static void check_wild(struct target *target, char **words, size_t count)
{
	struct decoder *decoder = &target->decoder;
	uint64_t address = number(words[1]), left, right;
	struct dict_cursor cursor;
	struct text text = { 0 };
	int64_t integer;
	double real;

	(void)count;
	bool denies =
	        value_type(&decoder->objects, address, NULL) == 0 &&
	        value_str(&decoder->objects, address, 10, &text) < 0 &&
	        value_bytes(&decoder->objects, address, 10, &text) < 0 &&
	        !value_int(&decoder->objects, address, &integer) && !value_float(&decoder->objects, address, &real) &&
	        !dict_cursor_open(&cursor, &decoder->objects, address) &&
	        !value_items(&decoder->objects, address, &left, &right) &&
	        value_attribute(&decoder->objects, address, "x") == 0 &&
	        dict_get_str(&decoder->objects, address, "x") == 0 &&
	        keys_entry_key(&decoder->objects, address, 0) == 0 && value_type_dict(&decoder->objects, address) == 0;
	expect(target, denies, words[1], "something", "nothing");
	text_free(&text);
}

static const struct {
	const char *word;
	size_t least_words;
	void (*check)(struct target *target, char **words, size_t count);
} checks[] = {
	{ "resolve", 3, check_resolve },
	{ "error", 3, check_error },
	{ "describe", 3, check_description },
	{ "values", 3, check_description },
	{ "label", 5, check_label },
	{ "frame", 5, check_frame },
	{ "lines", 2, check_lines },
	{ "str", 3, check_text },
	{ "bytes", 3, check_text },
	{ "int", 3, check_int },
	{ "float", 3, check_float },
	{ "dict", 2, check_dict },
	{ "items", 2, check_items },
	{ "attribute", 4, check_attribute },
	{ "wild", 2, check_wild },
};

static void check_line(struct target *target, char *line, unsigned *used)
{
	static char *words[MOST_WORDS];
	size_t count = 0;

	for (char *word = line; word != NULL && count < MOST_WORDS;)
		words[count++] = strsep(&word, "\t");
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		if (strcmp(words[0], checks[i].word) == 0) {
			assert_true(count >= checks[i].least_words);
			checks[i].check(target, words, count);
			used[i]++;
			return;
		}
	}
	assert_true(strcmp(words[0], "here") == 0 || strcmp(words[0], "ready") == 0 || words[0][0] == '\0');
}

static void check_all(struct target *target, const char *core, bool ignore_files)
{
	unsigned used[sizeof checks / sizeof checks[0]] = { 0 };
	char *lines = strdup(target->lines);

	assert_non_null(lines);
	target->checks = target->failures = 0;
	open_target(target, core, ignore_files);
	char *here = strstr(lines, "\nhere\t");
	assert_non_null(here);
	target->here = atoll(here + 6);
	char *rest = lines;
	while (rest != NULL)
		check_line(target, strsep(&rest, "\n"), used);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		assert_true(used[i] > 0);
	print_message("  %s, %s%s: %u checks, %u failures\n", target->runtime->version_text,
	              core == NULL ? "live" : "core", ignore_files ? " without files" : "", target->checks,
	              target->failures);
	free(lines);
	close_target(target);
}

static void test_python(void **state)
{
	struct target target = { 0 };

	start_program(&target, *state);
	check_all(&target, NULL, false);
	end_program(&target);
	free(target.lines);
	assert_int_equal(target.failures, 0);
}

/* One Python as a core of gcore: the same answers, and nearly the same with no file at hand but the core. */
static void test_core(void **state)
{
	struct target target = { 0 };
	char core[] = "/tmp/pyds-names-XXXXXX", command[256];
	int file = mkstemp(core);

	assert_true(file >= 0);
	close(file);
	start_program(&target, *state);
	snprintf(command, sizeof command, "gdb -nx -batch -p %d -ex 'gcore %s' >/dev/null 2>&1", (int)target.pid, core);
	int status = system(command);
	end_program(&target);
	if (status != 0) {
		unlink(core);
		free(target.lines);
		print_message("  gdb made no core: skipped\n");
		skip();
	}
	check_all(&target, core, false);
	unsigned failures = target.failures;
	check_all(&target, core, true);
	unlink(core);
	free(target.lines);
	assert_int_equal(failures, 0);
	assert_int_equal(target.failures, 0);
}

/* ---- Which Pythons ---- */

/* "…/3.9…" of 3.8 or later; a python3 without a number in its path is taken as it is. */
static bool is_supported(const char *path)
{
	const char *three = strstr(path, "3.");

	return three == NULL || (atoi(three + 2) >= 8 && atoi(three + 2) <= 15);
}

static void add_python(struct CMUnitTest *tests, size_t *count, const char *path)
{
	if (*count + 1 < MOST_PYTHONS && access(path, X_OK) == 0 && is_supported(path)) {
		char *name = strdup(path);
		tests[(*count)++] =
		        (struct CMUnitTest){ .name = name, .test_func = test_python, .initial_state = name };
	}
}

static void add_pattern(struct CMUnitTest *tests, size_t *count, const char *pattern)
{
	glob_t found;

	if (glob(pattern, GLOB_TILDE, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_python(tests, count, found.gl_pathv[i]);
	}
	globfree(&found);
}

int main(void)
{
	static struct CMUnitTest tests[MOST_PYTHONS];
	size_t count = 0;
	const char *given = getenv("PYDS_TEST_PYTHONS");

	if (given != NULL) {
		char *list = strdup(given);
		for (char *path = strtok(list, ":"); path != NULL; path = strtok(NULL, ":"))
			add_python(tests, &count, path);
		free(list);
	} else {
		add_pattern(tests, &count, "/usr/bin/python3.[0-9]*[0-9]");
		add_pattern(tests, &count, "~/.pyenv/versions/*/bin/python3");
	}
	if (count > 0) {
		tests[count] = tests[0];
		tests[count].name = "core of the first";
		tests[count].test_func = test_core;
		count++;
	}
	return count == 0 ? 77 : _cmocka_run_group_tests("names in live Pythons", tests, count, NULL, NULL);
}
