/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "render/json.h"

static void a_document(void **state)
{
	(void)state;
	struct text text = { .bytes = NULL };
	struct json json;
	json_begin(&json, &text);
	json_object(&json, NULL);
	json_string(&json, "schema", "pydeepsize/x/1");
	json_array(&json, "objects");
	json_object(&json, NULL);
	json_address(&json, "address", 0x7f31c02a8e40);
	json_number(&json, "shallow", UINT64_MAX);
	json_object_end(&json);
	json_null(&json, NULL);
	json_array(&json, NULL);
	json_array_end(&json);
	json_array_end(&json);
	json_bool(&json, "approximate", false);
	json_signed(&json, "pid", -1);
	json_object_end(&json);
	json_end(&json);
	assert_string_equal(text_string(&text),
	                    "{\"schema\":\"pydeepsize/x/1\",\"objects\":[{\"address\":\"0x7f31c02a8e40\","
	                    "\"shallow\":18446744073709551615},null,[]],\"approximate\":false,\"pid\":-1}\n");
	text_free(&text);
}

static void assert_string(const char *string, const char *expected)
{
	struct text text = { .bytes = NULL };
	struct json json;
	json_begin(&json, &text);
	json_string(&json, NULL, string);
	assert_string_equal(text_string(&text), expected);
	text_free(&text);
}

static void strings_are_safe(void **state)
{
	(void)state;
	assert_string("a\"b\\c\n\t", "\"a\\\"b\\\\c\\n\\t\"");
	assert_string("\x1b[31m\x07\x7f", "\"\\u001b[31m\\u0007\\u007f\"");
	assert_string("h\xC3\xA9 \xF0\x9F\x90\x8D", "\"h\xC3\xA9 \xF0\x9F\x90\x8D\"");
	/* C1 control, right-to-left override, line separator */
	assert_string("\xC2\x9B\xE2\x80\xAE\xE2\x80\xA8", "\"\\u009b\\u202e\\u2028\"");
	/* stray, overlong, surrogate, cut short */
	assert_string("\xFF\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	assert_string("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	assert_string("\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
	assert_string("\xF4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document),
		cmocka_unit_test(strings_are_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
