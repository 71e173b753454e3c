/* SPDX-License-Identifier: MIT
 * text_escape and names_key_is_shown: nothing that a terminal acts on gets through, and no content that was not asked
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"
#include "names/names.h"
#include "base/error.h"
#include "base/escape.h"
#include "names/names.h"

static void assert_escaped(const char *bytes, size_t length, bool quote, const char *wanted)
{
	struct text text = { 0 };

	text_escape(&text, bytes, length, quote);
	assert_false(text.failed);
	assert_string_equal(text_string(&text), wanted);
	text_free(&text);
}

#define ESCAPED(literal, wanted) assert_escaped(literal, sizeof literal - 1, false, wanted)

static void test_plain(void **state)
{
	(void)state;
	ESCAPED("", "");
	ESCAPED("plain text 'quoted' \\ too", "plain text 'quoted' \\ too");
	assert_escaped("it's \\", 6, true, "it\\'s \\\\");
	ESCAPED("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	ESCAPED("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
}

static void test_controls(void **state)
{
	(void)state;
	ESCAPED("\x1b[31mred", "\\x1b[31mred");
	ESCAPED("a\0b\n\r\t\x7f", "a\\x00b\\x0a\\x0d\\x09\\x7f");
	ESCAPED("\xc2\x9b"
	        "31m\xc2\x80\xc2\x9f\xc2\xa0",
	        "\\x9b31m\\x80\\x9f\xc2\xa0");
}

static void test_deceptive(void **state)
{
	(void)state;
	ESCAPED("a\xe2\x80\xae"
	        "b",
	        "a\\u202eb");
	ESCAPED("\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c\xe2\x80\x8e", "\\u2066\\u2069\\u061c\\u200e");
	ESCAPED("\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf", "\\u2028\\u2029\\ufeff");
	ESCAPED("\xf3\xa0\x81\x81", "\\U000e0041");
}

static void test_ill_formed(void **state)
{
	(void)state;
	ESCAPED("\xff\xfe", "\\xff\\xfe");
	ESCAPED("\x80", "\\x80");
	ESCAPED("\xc0\xaf", "\\xc0\\xaf"); /* overlong */
	ESCAPED("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	ESCAPED("ok\xe2\x82", "ok\\xe2\\x82"); /* cut off */
	ESCAPED("\xc3(", "\\xc3(");
}

/* Whatever goes in, what comes out is printable: all pairs of bytes. */
static void test_all_pairs(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 65536; pair++) {
		char bytes[2] = { (char)(pair >> 8), (char)pair };
		struct text text = { 0 };
		text_escape(&text, bytes, 2, true);
		for (size_t i = 0; i < text.length; i++) {
			unsigned char byte = (unsigned char)text.bytes[i];
			assert_true(byte >= 0x20 && byte != 0x7f);
			assert_false(byte == 0xc2 && (unsigned char)text.bytes[i + 1] < 0xa0);
		}
		text_free(&text);
	}
}

static void test_keys(void **state)
{
	struct name_options options = { .show_values = false };
	static const char *const shown[] = { "plain", "_x", "app.models.Session", "item_12", "\xc3\xa9t\xc3\xa9" };
	static const char *const kept[] = {
		"",    "u:1",        "a b", "a.",
		".a",  "a..b",       "1st", "mail@example.org",
		"a-b", "a1b2c3d4e5", "x\n", "a_name_that_is_much_longer_than_forty_bytes_"
	};

	(void)state;
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		assert_true(names_key_is_shown(&options, shown[i], strlen(shown[i])));
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		assert_false(names_key_is_shown(&options, kept[i], strlen(kept[i])));
	assert_false(names_key_is_shown(&options, "a\0b", 3));
	options.show_values = true;
	assert_true(names_key_is_shown(&options, "user@example.com", 16));
	options.hide_keys = true;
	assert_false(names_key_is_shown(&options, "rows", 4));
}

/* A path, a name or a message of the target in a sentence of ours. */
static void errors_are_harmless(void **state)
{
	(void)state;
	struct error error = { 0 };
	(void)error_set(&error, ERROR_IO, "cannot open %s", "/tmp/\x1b]0;owned\x07\x1b[31m\xff\xc3\xa9");
	assert_string_equal(error.message, "cannot open /tmp/\\x1b]0;owned\\x07\\x1b[31m\\xff\xc3\xa9");
	error_note(&error, "see %s", "\xe2\x80\xaegpj.exe");
	assert_non_null(strstr(error.message, "see \\u202egpj.exe"));
	assert_null(strchr(error.message, 0x1b));
	char many[2 * ERROR_MESSAGE_BYTES];
	memset(many, 1, sizeof many - 1);
	many[sizeof many - 1] = '\0';
	(void)error_set(&error, ERROR_IO, "%s", many);
	assert_true(strlen(error.message) < ERROR_MESSAGE_BYTES);
	assert_null(strchr(error.message, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),      cmocka_unit_test(test_controls),
		cmocka_unit_test(test_deceptive),  cmocka_unit_test(errors_are_harmless),
		cmocka_unit_test(test_ill_formed), cmocka_unit_test(test_all_pairs),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
