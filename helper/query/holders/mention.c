/* SPDX-License-Identifier: MIT */
#include "query/holders/mention.h"

#include <inttypes.h>

void mention_object(const struct query *query, struct naming *naming, uint64_t object, struct text *text)
{
	if (!naming_object(naming, object, text))
		names_describe(&query->target->naming, object, &query->names, text);
	text_format(text, " 0x%" PRIx64, object);
}

bool mention_keeper(const struct query *query, struct naming *naming, uint32_t number, struct text *text)
{
	uint32_t holder;
	if (number == UINT32_MAX)
		return false;
	const uint64_t object = retained_node(naming_references(naming)->heap, number, &holder);
	if (object == 0)
		return false;
	if (naming_number(naming, number, text))
		text_add(text, "  ");
	names_describe(&query->target->naming, object, &query->names, text);
	text_format(text, "  0x%" PRIx64, object);
	return true;
}
