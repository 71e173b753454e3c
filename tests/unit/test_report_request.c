/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/request.h"

enum { MOST = 12 };

static int parse(struct request *request, struct error *error, const char *const *arguments)
{
	uint32_t count = 0;
	while (count < MOST && arguments[count] != NULL)
		count++;
	error_clear(error);
	return request_parse(request, count, arguments, error);
}

#define PARSE(...) parse(&request, &error, (const char *const[MOST + 1]){ __VA_ARGS__ })

static void options_in_every_spelling(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("deepsize", "a.b['-x']", "-tn5", "--min=1.5K", "--sort", "count", "--", "-y"), OK);
	assert_int_equal(request.limit, 5);
	assert_int_equal(request.min_bytes, 1536);
	assert_int_equal(request.sort, 1);
	assert_int_equal(request.policy, POLICY_DATA);
	assert_true(request_has(&request, OPTION_TREE));
	assert_false(request_has(&request, OPTION_JSON));
	assert_int_equal(request.targets.count, 2);
	assert_string_equal(request.targets.items[0], "a.b['-x']");
	assert_string_equal(request.targets.items[1], "-y");
	request_clear(&request);
	assert_int_equal(PARSE("py-deepsize", "-n", "0", "--policy", "gc", "x"), OK);
	assert_int_equal(request.limit, UINT64_MAX);
	assert_int_equal(request.policy, POLICY_GC);
	request_clear(&request);
}

static void default_limit_depends_on_json(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("referents", "x"), OK);
	assert_int_equal(request.limit, 20);
	request_clear(&request);
	assert_int_equal(PARSE("referents", "x", "--json"), OK);
	assert_int_equal(request.limit, UINT64_MAX);
	request_clear(&request);
}

static void mistakes_are_sentences(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	static const struct {
		const char *arguments[MOST + 1];
		const char *part; /* of the sentence */
	} wrong[] = {
		{ { NULL }, "no command" },
		{ { "nonsense" }, "no command 'nonsense'" },
		{ { "sizeof" }, "needs a target" },
		{ { "info", "x" }, "takes no target" },
		{ { "info", "--policy", "gc" }, "no option '--policy'" },
		{ { "sizeof", "x", "--bogus" }, "no option '--bogus'" },
		{ { "sizeof", "x", "-q" }, "no option '-q'" },
		{ { "sizeof", "-" }, "standard input" },
		{ { "deepsize", "x", "--limit" }, "needs a value" },
		{ { "deepsize", "x", "--limit", "many" }, "not 'many'" },
		{ { "deepsize", "x", "-n99999999999999999999" }, "number of rows" },
		{ { "deepsize", "x", "--min", "big" }, "not 'big'" },
		{ { "deepsize", "x", "--policy", "none" }, "no policy 'none'" },
		{ { "deepsize", "x", "-t", "--policy", "asizeof" }, "every policy but asizeof" },
		{ { "deepsize", "x", "--sort", "size" }, "shallow count type" },
		{ { "deepsize", "x", "--json=1" }, "takes no value" },
		{ { "path" }, "needs a target" },
		{ { "path", "x", "-k0" }, "1 to 100" },
		{ { "path", "x", "-k", "101" }, "1 to 100" },
		{ { "path", "x", "-k", "99999999999" }, "1 to 100" },
		{ { "path", "x", "--merge", "dict" }, "no target" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(parse(&request, &error, wrong[i].arguments), ERROR_ARGUMENT);
		assert_non_null(strstr(error.message, wrong[i].part));
		assert_int_equal(request.targets.count, 0);
	}
}

static void paths_and_merging(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("path", "x"), OK);
	assert_int_equal(request.paths, 1);
	request_clear(&request);
	assert_int_equal(PARSE("path", "-k12", "--through", "y", "x"), OK);
	assert_int_equal(request.paths, 12);
	assert_string_equal(request.through, "y");
	request_clear(&request);
	assert_int_equal(PARSE("path", "--merge", "app.*"), OK);
	assert_string_equal(request.merge, "app.*");
	assert_int_equal(request.targets.count, 0);
	request_clear(&request);
}

static void help_needs_no_target(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("sizeof", "--help"), OK);
	assert_true(request_has(&request, OPTION_HELP));
	request_clear(&request);
}

static void filters_by_type_and_module(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("deepsize", "x", "--type", "app.*.S?", "--module", "app"), OK);
	assert_true(request_matches_type(&request, "app.models.S1"));
	assert_false(request_matches_type(&request, "app.models.Session"));
	assert_false(request_matches_type(&request, "dict"));
	request_clear(&request);
	assert_int_equal(PARSE("deepsize", "x", "--module", "builtins"), OK);
	assert_true(request_matches_type(&request, "dict"));
	assert_false(request_matches_type(&request, "collections.deque"));
	request_clear(&request);
	assert_int_equal(PARSE("deepsize", "x", "--module", "app"), OK);
	assert_true(request_matches_type(&request, "app.C"));
	assert_false(request_matches_type(&request, "apple.C"));
	request_clear(&request);
}

/* Two options may have one name. */
static bool takes_option_named(const struct command *command, const char *name)
{
	int count = 0;
	for (int option = 0; option < OPTION_COUNT; option++)
		count += (command->options & option_bit((enum option_id)option)) != 0 &&
		         strcmp(option_table[option].name, name) == 0;
	assert_true(count <= 1);
	return count == 1;
}

/* Every option of every command is in its help and in its completion, and the other way round. */
static void the_table_is_consistent(void **state)
{
	(void)state;
	const struct command *command;
	for (uint32_t i = 0; (command = command_at(i)) != NULL; i++) {
		assert_ptr_equal(command_find(command->name), command);
		assert_true(strncmp(command->usage, command->name, strlen(command->name)) == 0);
		assert_int_equal((command->options & option_bit(OPTION_SORT)) != 0, command->sort_keys[0] != '\0');
		for (int option = 0; option < OPTION_COUNT; option++) {
			char spelling[32], with_space[34];
			(void)strcpy(spelling, "--");
			(void)strcat(spelling, option_table[option].name);
			(void)strcat(strcpy(with_space, spelling), " ");
			const bool has = takes_option_named(command, option_table[option].name);
			assert_int_equal(strstr(command->option_names, with_space) != NULL, has);
			const char *lines = strstr(command->help, "\nOptions:\n");
			assert_non_null(lines);
			assert_int_equal(strstr(lines, with_space) != NULL, has);
		}
		for (const char *line = command->help; *line != '\0'; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
	}
}

/* Of an option that is given again the last counts, and each can be had. */
static void a_word_of_each_time(void **state)
{
	(void)state;
	struct request request;
	struct error error;
	assert_int_equal(PARSE("diff", "--exe", "a", "b.core", "--sysroot=/c", "--exe=d"), OK);
	assert_string_equal(request_word(&request, OPTION_EXE), "d");
	assert_string_equal(request_word_at(&request, OPTION_EXE, 0), "a");
	assert_string_equal(request_word_at(&request, OPTION_EXE, 1), "d");
	assert_null(request_word_at(&request, OPTION_EXE, 2));
	assert_string_equal(request_word_at(&request, OPTION_SYSROOT, 0), "/c");
	assert_null(request_word_at(&request, OPTION_SYSROOT, 1));
	request_clear(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_of_each_time),           cmocka_unit_test(options_in_every_spelling),
		cmocka_unit_test(default_limit_depends_on_json), cmocka_unit_test(mistakes_are_sentences),
		cmocka_unit_test(help_needs_no_target),          cmocka_unit_test(paths_and_merging),
		cmocka_unit_test(filters_by_type_and_module),    cmocka_unit_test(the_table_is_consistent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
