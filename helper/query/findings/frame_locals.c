/* SPDX-License-Identifier: MIT
 * A call under way that alone keeps a tenth of the heap alive, through one local. */
#include "query/findings/rule.h"

enum { LEAST_PERCENT = 10 };

static const uint64_t least_bytes = UINT64_C(2) << 20;

static int end(struct rule_run *run, void *state)
{
	const owner_array *owners;
	(void)state;
	TRY(rule_owners(run, &owners));
	for (size_t i = 0; i < owners->count; i++) {
		const struct owner *owner = &owners->items[i];
		struct text *text;
		if (!owner->is_local || owner->retained < least_bytes ||
		    owner->retained / LEAST_PERCENT * 100 < run->heap->total)
			continue;
		TRY(rule_found_object(run, owner->retained, owner->number, "deepsize:-t object", &text));
		if (text == NULL)
			continue;
		text_format(text, "%s keeps ", owner->name);
		rule_say_share(run, text, owner->retained);
		text_add(text,
		         " of the heap alive while the call lasts. If it is no longer needed there, del it; if it "
		         "is read once, read it in parts (a generator, fetchmany).");
	}
	return OK;
}

const struct rule frame_locals_rule = { .end = end, .says_where = true };
