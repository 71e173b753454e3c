/* SPDX-License-Identifier: MIT
 * The parser of targets: what it takes apart, and that it survives what it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/expression.h"

static void parse(struct expression *expression, const char *source)
{
	struct error error = { 0 };

	if (expression_parse(expression, source, &error) != 0)
		fail_msg("%s: %s", source, error.message);
}

static const struct expression_key *key_of(const struct expression *expression, size_t step)
{
	assert_true(step < expression->steps.count && expression->steps.items[step].is_subscript);
	return &expression->keys.items[expression->steps.items[step].key];
}

static void test_path(void **state)
{
	struct expression expression;

	(void)state;
	parse(&expression, "app.cache.SESSIONS['u:1'].items[3].name");
	assert_int_equal(expression.steps.count, 7);
	assert_string_equal(expression_name(&expression, &expression.steps.items[2]), "SESSIONS");
	assert_int_equal(key_of(&expression, 3)->kind, KEY_STR);
	assert_memory_equal(expression.text.bytes + key_of(&expression, 3)->text_offset, "u:1", 4);
	assert_int_equal(key_of(&expression, 5)->integer, 3);
	assert_string_equal(expression_name(&expression, &expression.steps.items[6]), "name");
	assert_int_equal(expression.steps.items[2].source_end, 18);
	expression_clear(&expression);
}

static void test_prefixes(void **state)
{
	struct expression expression;

	(void)state;
	parse(&expression, "interp:1.thread:4243.frame:12.rows");
	assert_true(expression.has_interpreter && expression.has_thread && expression.has_frame);
	assert_int_equal(expression.interpreter, 1);
	assert_int_equal(expression.thread, 4243);
	assert_int_equal(expression.frame, 12);
	assert_int_equal(expression.steps.count, 1);
	expression_clear(&expression);
	parse(&expression, "0x7f31c02a8e40 (class app.<locals>.Made (of 3)).table[0]");
	assert_true(expression.has_address && expression.address == 0x7f31c02a8e40);
	assert_int_equal(expression.steps.count, 2);
	expression_clear(&expression);
	parse(&expression, "module:json.decoder");
	assert_true(expression.has_module && !expression.has_address);
	assert_int_equal(expression.steps.count, 2);
	expression_clear(&expression);
	parse(&expression, " 0x7f31c02a8e40[0].x ");
	assert_true(expression.has_address && expression.address == 0x7f31c02a8e40);
	assert_int_equal(expression.steps.count, 2);
	expression_clear(&expression);
	/* A name may begin like a prefix. */
	parse(&expression, "frame.f_back");
	assert_false(expression.has_frame);
	expression_clear(&expression);
}

static void assert_integer(const char *source, int64_t wanted)
{
	struct expression expression;

	parse(&expression, source);
	assert_int_equal(key_of(&expression, 1)->kind, KEY_INTEGER);
	assert_true(key_of(&expression, 1)->integer == wanted);
	expression_clear(&expression);
}

static void assert_string(const char *source, enum key_kind kind, const char *wanted, size_t length)
{
	struct expression expression;

	parse(&expression, source);
	const struct expression_key *key = key_of(&expression, 1);
	assert_int_equal(key->kind, kind);
	assert_int_equal(key->text_length, length);
	assert_memory_equal(expression.text.bytes + key->text_offset, wanted, length);
	expression_clear(&expression);
}

static void test_keys(void **state)
{
	(void)state;
	assert_integer("a[-1]", -1);
	assert_integer("a[ +7 ]", 7);
	assert_integer("a[0b101]", 5);
	assert_integer("a[0o17]", 15);
	assert_integer("a[1_000]", 1000);
	assert_integer("a[0xffffffffffffffff]", -1);
	assert_integer("a[-9223372036854775808]", INT64_MIN);
	assert_string("a[\"it's\"]", KEY_STR, "it's", 4);
	assert_string("a['\\n\\x41\\101\\0\\'\\q']", KEY_STR, "\nAA\0'\\q", 7);
	assert_string("a['\\u20ac\\U0001f600']", KEY_STR, "\xe2\x82\xac\xf0\x9f\x98\x80", 7);
	assert_string("a['\\ud800']", KEY_STR, "\xef\xbf\xbd", 3);
	assert_string("a[r'\\n\\'']", KEY_STR, "\\n\\'", 4);
	assert_string("a[b'\\xff\\u0041']", KEY_BYTES, "\xff\\u0041", 7);
	assert_string("a[Rb'\\x']", KEY_BYTES, "\\x", 2);
	assert_string("a['']", KEY_STR, "", 0);
	assert_string("a[']']", KEY_STR, "]", 1);
}

static void test_tuples(void **state)
{
	struct expression expression;

	(void)state;
	parse(&expression, "a[('x', (1, None), True)][1, 'y'][()][(2)][(3,)][key 4 of 9]");
	const struct expression_key *keys = expression.keys.items;
	assert_int_equal(key_of(&expression, 1)->kind, KEY_TUPLE);
	assert_int_equal(key_of(&expression, 1)->item_count, 3);
	assert_int_equal(keys[1].kind, KEY_STR);
	assert_int_equal(keys[2].kind, KEY_TUPLE);
	assert_int_equal(keys[2].next, 5);
	assert_int_equal(keys[5].kind, KEY_TRUE);
	assert_int_equal(keys[0].next, 6);
	assert_int_equal(key_of(&expression, 2)->kind, KEY_TUPLE);
	assert_int_equal(key_of(&expression, 2)->item_count, 2);
	assert_int_equal(keys[expression.steps.items[2].key + 1].next, expression.steps.items[2].key + 2);
	assert_int_equal(key_of(&expression, 3)->item_count, 0);
	assert_int_equal(key_of(&expression, 4)->kind, KEY_INTEGER);
	assert_int_equal(key_of(&expression, 5)->item_count, 1);
	assert_int_equal(key_of(&expression, 6)->kind, KEY_POSITION);
	assert_int_equal(key_of(&expression, 6)->integer, 3);
	expression_clear(&expression);
}

static void test_mistakes(void **state)
{
	static const char *const sources[] = {
		"",
		" ",
		".",
		"[",
		"a.",
		"a[",
		"a[]",
		"a['",
		"a[\"x']",
		"a[1",
		"a[1)]",
		"a[1 2]",
		"a[1.5]",
		"a[x]",
		"a['\\x4']",
		"a['\\",
		"a['\\u12']",
		"a['\\U00110000']",
		"a['\\N{X}']",
		"a[99999999999999999999]",
		"0x",
		"0xg",
		"0x10000000000000000",
		"frame:",
		"frame:1",
		"frame:1.",
		"frame:-1.x",
		"frame:1,x",
		"thread:x.y",
		"interp:.a",
		"interp:0.0x10",
		"a b",
		"a[(1]",
		"a[(1,2]",
		"a[,]",
		"a[(,)]",
		"1a",
		"a.1",
		"a[key]",
		"a[key 0]",
		"a[key x]",
		"a[-]",
		"a[--1]",
		"a[b]",
		"a[br]",
		"a[-0x8000000000000001]",
		"a[bu'x']",
		"a[(key 1)]",
		"a[0b2]",
		"a[_1]",
		"a[1__]]",
		"frame:0.module:a",
		"module:0x10",
		"module:",
		"0x10 (class A",
		"0x10 class A",
	};
	struct expression expression;

	(void)state;
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		struct error error = { 0 };
		if (expression_parse(&expression, sources[i], &error) != ERROR_ARGUMENT)
			fail_msg("'%s' is accepted", sources[i]);
		assert_true(error.message[0] != '\0');
		expression_clear(&expression);
	}
}

/* Any string of the grammar's own pieces is taken or refused, and never read beyond. */
static void test_any_input(void **state)
{
	static const char *const pieces[] = { "a",  "[",    "]",       "'",    "\"", "\\", "(",      ")",   ",",
		                              ".",  "0x1f", "-",       "7",    "b",  "r",  "frame:", "key", " ",
		                              "of", "\\x",  "thread:", "True", "\n", "_",  "\xff" };
	uint64_t random = 88172645463325252u;

	(void)state;
	for (unsigned run = 0; run < 200000; run++) {
		char source[128] = "";
		struct expression expression;
		for (unsigned i = 0; i < 1 + run % 12; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			strcat(source, pieces[random % (sizeof pieces / sizeof pieces[0])]);
		}
		char *copy = strdup(source); /* its end is an end for AddressSanitizer too */
		int status = expression_parse(&expression, copy, NULL);
		assert_true(status == 0 || status == ERROR_ARGUMENT);
		if (status == 0)
			assert_true(expression.has_address || expression.steps.count > 0);
		expression_clear(&expression);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),   cmocka_unit_test(test_prefixes), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_tuples), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_any_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
