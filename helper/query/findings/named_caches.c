/* SPDX-License-Identifier: MIT
 * Dicts that a module or a class calls a cache, with many entries: nothing bounds them, and they hold what they have
 * strongly. */
#include <ctype.h>
#include <string.h>

#include "object/value.h"
#include "query/findings/rule.h"

enum { LEAST_ENTRIES = 1000 };

static bool contains(const char *name, const char *word)
{
	const size_t length = strlen(word);
	for (; *name != '\0'; name++) {
		size_t same = 0;
		while (same < length && tolower((unsigned char)name[same]) == word[same])
			same++;
		if (same == length)
			return true;
	}
	return false;
}

static bool is_called_cache(const char *name)
{
	const char *last = strrchr(name, '.');
	last = last != NULL ? last + 1 : name;
	return contains(last, "cache") || (contains(last, "memo") && !contains(last, "memor"));
}

/* Entries of a dict or a class derived from it; 0: it is none. */
static uint64_t entries_of(struct rule_run *run, uint64_t address)
{
	const struct type_info *type = rule_type(run, address);
	const char *id = type != NULL ? type->entry->id : "";
	uint64_t used = 0;
	if (strcmp(id, "dict") == 0 || strcmp(id, "ordered_dict") == 0 || strcmp(id, "defaultdict") == 0)
		(void)value_field(&run->decoder->objects, address, FIELD_PyDictObject_ma_used, &used);
	return used;
}

static int say(struct rule_run *run, const struct owner *owner, uint64_t entries)
{
	struct text *text;
	TRY(rule_found_object(run, owner->retained, owner->number, "deepsize:-t path", &text));
	if (text == NULL)
		return OK;
	text_format(text, "%s has ", owner->name);
	rule_say_count(text, entries, "key");
	text_add(text, " and keeps ");
	rule_say_share(run, text, owner->retained);
	text_add(text,
	         " of the heap alive; a dict never lets go of one by itself. Use functools.lru_cache(maxsize=...), "
	         "or a weakref.WeakValueDictionary, whose entries go with the last other user of the value.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const owner_array *owners;
	(void)state;
	TRY(rule_owners(run, &owners));
	for (size_t i = 0; i < owners->count; i++) {
		const struct owner *owner = &owners->items[i];
		if (owner->is_local || owner->retained < run->answer->threshold || !is_called_cache(owner->name))
			continue;
		const uint64_t entries = entries_of(run, owner->address);
		if (entries >= LEAST_ENTRIES)
			TRY(say(run, owner, entries));
	}
	return OK;
}

const struct rule named_caches_rule = { .end = end };
