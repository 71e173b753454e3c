/* SPDX-License-Identifier: MIT */
#include "export/hidden_name.h"

#include "query/holders/holder.h"

void hidden_name(const struct tables *tables, const char *bytes, size_t length, struct text *text)
{
	uint64_t hash = tables->content_key;
	for (size_t i = 0; i < length; i++) {
		hash = (hash ^ ((unsigned char)bytes[i] + UINT64_C(1))) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	text_format(text, "name-%08x", (unsigned)(hash >> 32));
}

void hidden_holder(struct tables *tables, uint32_t holder, bool is_hidden, struct text *text)
{
	const enum holder_kind kind = holders_kind(&tables->heap->graph->roots.holders, holder);
	struct text name = { .bytes = NULL };
	if (!is_hidden || (kind != HOLDER_FRAME && kind != HOLDER_STATIC)) {
		tables_holder(tables, holder, text);
		return;
	}
	tables_holder(tables, holder, &name);
	text_format(text, "%s ", holder_kind_name(kind));
	hidden_name(tables, text_string(&name), name.length, text);
	text->failed |= name.failed;
	text_free(&name);
}
