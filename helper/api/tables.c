/* SPDX-License-Identifier: MIT */
#include "api/tables.h"

#include <stdlib.h>

void tables_clear(struct session_tables *tables)
{
	array_free(&tables->frames);
	array_free(&tables->locals);
	array_free(&tables->types);
	array_free(&tables->modules);
	for (size_t i = 0; i < tables->strings.count; i++)
		free(tables->strings.items[i]);
	array_free(&tables->strings);
	tables->has_frames = tables->has_types = tables->has_modules = false;
}

const char *tables_keep(struct session_tables *tables, struct text *text)
{
	text_add(text, ""); /* an empty one is a string too */
	if (text->failed || !array_push(&tables->strings, text->bytes))
		return NULL;
	const char *string = text->bytes;
	*text = (struct text){ .bytes = NULL };
	return string;
}
