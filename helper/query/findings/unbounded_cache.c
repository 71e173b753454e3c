/* SPDX-License-Identifier: MIT
 * functools.lru_cache(maxsize=None) and functools.cache: nothing ever leaves them (Modules/_functoolsmodule.c: maxsize
 * is -1). Hits and misses stand in the object. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
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

/* The class whose instances are kept as the first argument: that of the first key, if the function is one of its
 * methods. A key is a tuple of the arguments (lru_cache_make_key(); one int or str alone is none of these). */
static const struct type_info *kept_self(struct rule_run *run, const struct looked *looked)
{
	struct object_reader *objects = &run->decoder->objects;
	struct dict_cursor cursor;
	struct text name = { .bytes = NULL };
	uint64_t cache, function, qualname, key, value, count, items, first;
	const struct type_info *found = NULL;
	if (!value_field(objects, looked->address, FIELD_lru_cache_object_cache, &cache) ||
	    !value_field(objects, looked->address, FIELD_lru_cache_object_func, &function) ||
	    !value_field(objects, function, FIELD_PyFunctionObject_func_qualname, &qualname) ||
	    !dict_cursor_open(&cursor, objects, cache) || !dict_cursor_next(&cursor, &key, &value))
		return NULL;
	first = key;
	if (value_items(objects, key, &count, &items) && count > 0 && !reader_u64(&run->decoder->reader, items, &first))
		return NULL;
	const struct type_info *type = rule_type(run, first);
	(void)value_str(objects, qualname, LIMIT_TYPE_NAME_BYTES, &name);
	char *dot = name.bytes != NULL ? strrchr(name.bytes, '.') : NULL;
	if (dot != NULL && type != NULL && (type->flags & TYPE_IS_PYTHON_CLASS) != 0) {
		*dot = '\0';
		const size_t length = strlen(type->name), class_length = strlen(name.bytes);
		if (length > class_length && strcmp(type->name + length - class_length, name.bytes) == 0 &&
		    type->name[length - class_length - 1] == '.')
			found = type;
	}
	text_free(&name);
	return found;
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
	text_add(text, ".");
	const struct type_info *self = kept_self(run, looked);
	if (self != NULL) {
		text_add(text, " It is on a method: each ");
		names_type(text, self);
		text_add(text, " is kept by it as self. Use functools.cached_property, or a cache in the instance.");
	} else {
		text_add(text, " Give it a maxsize.");
	}
	text_free(&name);
	return OK;
}

const struct rule unbounded_cache_rule = { .wants = wants, .look = look };
