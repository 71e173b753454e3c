/* SPDX-License-Identifier: MIT */
#include "render/style.h"

/* ECMA-48, SGR. */
static void add_sequence(const struct style *style, const char *sequence, struct text *text)
{
	if (style->colour)
		text_add(text, sequence);
}

void style_bold(const struct style *style, struct text *text)
{
	add_sequence(style, "\033[1m", text);
}

void style_plain(const struct style *style, struct text *text)
{
	add_sequence(style, "\033[0m", text);
}

const char *style_prefix(const struct style *style)
{
	return style->prefix ? "py-" : "";
}
