/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

/* Length of the well-formed UTF-8 sequence at bytes (Unicode 15, table 3-7), and its character; 0: ill-formed. */
static unsigned utf8_character(const uint8_t *bytes, size_t length, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = bytes[0];
	unsigned size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;

	if (size == 0 || size > length)
		return 0;
	uint32_t character = size == 1 ? lead : lead & (0x7fu >> size);
	for (unsigned i = 1; i < size; i++) {
		if (bytes[i] >> 6 != 2)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < least[size] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return 0;
	*ret_character = character;
	return size;
}

/* Characters that a terminal or a reader would not see as themselves: bidi controls (UAX 9), line and paragraph
 * separators, zero-width space and BOM, interlinear marks, noncharacters' neighbours and tags. */
static bool is_deceptive(uint32_t character)
{
	return character == 0x061c || character == 0x200b || character == 0x200e || character == 0x200f ||
	       (character >= 0x2028 && character <= 0x202e) || (character >= 0x2060 && character <= 0x206f) ||
	       character == 0xfeff || (character >= 0xfff9 && character <= 0xfffb) ||
	       (character >= 0xe0000 && character <= 0xe007f);
}

void text_escape(struct text *text, const char *bytes, size_t length, bool quote)
{
	const uint8_t *source = (const uint8_t *)bytes;
	size_t plain = 0; /* start of what can be copied as it is */

	for (size_t i = 0; i < length;) {
		uint32_t character;
		unsigned size = utf8_character(source + i, length - i, &character);
		bool is_control = size != 0 && (character < 0x20 || (character >= 0x7f && character < 0xa0));
		bool is_quoted = size != 0 && quote && (character == '\'' || character == '\\');
		if (size != 0 && !is_control && !is_quoted && !is_deceptive(character)) {
			i += size;
			continue;
		}
		text_append(text, bytes + plain, i - plain);
		if (size == 0)
			text_format(text, "\\x%02x", source[i]);
		else if (is_quoted)
			text_format(text, "\\%c", (int)character);
		else if (is_control)
			text_format(text, "\\x%02x", character);
		else if (character < 0x10000)
			text_format(text, "\\u%04x", character);
		else
			text_format(text, "\\U%08x", character);
		i += size == 0 ? 1 : size;
		plain = i;
	}
	if (length > plain)
		text_append(text, bytes + plain, length - plain);
}
