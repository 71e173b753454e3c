/* SPDX-License-Identifier: MIT
 * functools.lru_cache(maxsize=None) and functools.cache: nothing ever leaves them (Modules/_functoolsmodule.c: maxsize
 * is -1). Hits and misses stand in the object. */
#include <inttypes.h>

#include "object/value.h"
#include "query/findings/rule.h"

enum { MANY = 10000 /* entries: a bound that high is none in practice */ };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "lru_cache");
}

static uint64_t entries_of(struct rule_run *run, const struct looked *looked)
{
	uint64_t cache, used = 0;
	if (value_field(&run->decoder->objects, looked->address, FIELD_lru_cache_object_cache, &cache))
		(void)value_field(&run->decoder->objects, cache, FIELD_PyDictObject_ma_used, &used);
	return used;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct text *text, name = { .bytes = NULL };
	uint64_t maxsize, hits = 0, misses = 0, function;
	const uint64_t bytes = run->heap->bytes[looked->number];
	(void)state;
	if (!value_field(&run->decoder->objects, looked->address, FIELD_lru_cache_object_maxsize, &maxsize) ||
	    ((int64_t)maxsize >= 0 && maxsize <= MANY))
		return OK;
	const uint64_t entries = entries_of(run, looked);
	(void)value_field(&run->decoder->objects, looked->address, FIELD_lru_cache_object_hits, &hits);
	(void)value_field(&run->decoder->objects, looked->address, FIELD_lru_cache_object_misses, &misses);
	TRY(rule_found_object(run, bytes, looked->number, "deepsize:-t object", &text));
	if (text == NULL)
		return OK;
	if (!naming_number(run->naming, looked->number, &name) &&
	    value_field(&run->decoder->objects, looked->address, FIELD_lru_cache_object_func, &function))
		names_describe(run->decoder, function, &run->query->names, &name);
	text_format(text, "%s is a cache of functools %s and keeps ", text_string(&name),
	            (int64_t)maxsize < 0 ? "without a bound" : "with a very high bound");
	rule_say_count(text, entries, "result");
	text_add(text, ", ");
	rule_say_share(run, text, bytes);
	text_format(text, " of the heap; %" PRIu64 " of %" PRIu64 " calls were answered by it", hits, hits + misses);
	text_add(text, ". Give it a maxsize; on a method it also keeps every self alive: use functools.cached_property "
	               "or a cache in the instance.");
	text_free(&name);
	return OK;
}

const struct rule unbounded_cache_rule = { .wants = wants, .look = look };
