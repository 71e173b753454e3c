/* SPDX-License-Identifier: MIT
 * style: how wide an answer may be, and what of it stands out, for whoever shows it. */
#ifndef PYDS_RENDER_STYLE_H
#define PYDS_RENDER_STYLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct style {
	uint32_t width; /* columns */
	bool colour; /* a terminal's sequences may be written */
	bool prefix; /* commands are "py-sizeof" */
};

/* Around words that stand out. */
void style_bold(const struct style *style, struct text *text);
void style_plain(const struct style *style, struct text *text);
/* "py-" or "": before the name of a command. */
const char *style_prefix(const struct style *style);

#endif
