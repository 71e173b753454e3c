/* SPDX-License-Identifier: MIT */
#include "query/memory/memory_verdict.h"

#include "base/quantity.h"

enum { /* percent of what the process has for itself */
       RETURNABLE_SHARE = 15,
       FRAGMENTED_SHARE = 15,
       NATIVE_SHARE = 30,
       UNKNOWN_SHARE = 30,
       TRACEMALLOC_SHARE = 15,
       GARBAGE_SHARE = 15,
       OBJECTS_SHARE = 60,
       MANY_ARENAS = 8,
       EMPTY_PART = 4, /* of an arena: less than one of so many is in use */
};

static const uint64_t worth_a_word = UINT64_C(64) << 20;

struct verdicts {
	const struct query *query;
	struct memory_answer *answer;
	uint64_t all;
};

static bool is_share(const struct verdicts *verdicts, uint64_t bytes, unsigned percent)
{
	return verdicts->all > 0 && (double)bytes * 100 >= (double)verdicts->all * percent;
}

static struct text *begin(struct verdicts *verdicts, enum verdict_kind kind, uint64_t bytes)
{
	struct memory_verdict verdict = { .kind = kind, .bytes = bytes };
	quantity_bytes(&verdict.text, bytes);
	if (!array_push(&verdicts->answer->verdicts, verdict)) {
		text_free(&verdict.text);
		return NULL;
	}
	return &verdicts->answer->verdicts.items[verdicts->answer->verdicts.count - 1].text;
}

/* Of malloc, less than a quarter in use. */
static uint64_t empty_arenas(const struct memory_answer *answer)
{
	uint64_t count = 0;
	for (size_t i = 0; i < answer->map->walks.count; i++)
		for (size_t j = 0; j < answer->map->walks.items[i].arenas.count; j++) {
			const struct glibc_use *use = &answer->map->walks.items[i].arenas.items[j];
			count += use->used_bytes < use->system / EMPTY_PART;
		}
	return count;
}

static int say_returnable(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	const uint64_t bytes = answer->returnable_resident;
	if (!answer->has_malloc || bytes < worth_a_word || !is_share(verdicts, bytes, RETURNABLE_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_RETURNABLE, bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text,
	         " are free in malloc and still resident: no objects hold them. malloc_trim(0) would return them");
	const uint64_t arenas = empty_arenas(answer);
	if (arenas > MANY_ARENAS) {
		text_add(text, "; ");
		quantity_count(text, arenas);
		text_add(text, " arenas are each less than a quarter in use: MALLOC_ARENA_MAX=2 keeps them fewer");
	}
	/* free() looks at the end of a heap only. */
	text_add(text, answer->malloc.top_bytes >= answer->malloc.returnable / 2
	                       ? "; MALLOC_TRIM_THRESHOLD_=131072 or jemalloc returns them by itself."
	                       : "; free() does not, as blocks in use lie above (memory --arenas names the last one): "
	                         "jemalloc returns them by itself.");
	return OK;
}

/* " 2,998 blocks keep 180.0 MiB of malloc's heaps less than a quarter in use" */
static void add_sparse(struct text *text, const struct pinned *pinned, const struct pymalloc_use *use)
{
	const struct sparse_heaps *heaps = &pinned->heaps;
	if (pinned->sparse_arenas > 0) {
		text_add(text, ": ");
		quantity_count(text, pinned->sparse_arenas);
		text_add(text, " of ");
		quantity_count(text, use->arenas);
		text_add(text, " arenas of pymalloc are less than a tenth in use and take ");
		quantity_bytes(text, pinned->sparse_bytes);
	}
	if (heaps->stretches.count > 0) {
		text_add(text, pinned->sparse_arenas > 0 ? "; " : ": ");
		quantity_bytes(text, heaps->bytes);
		text_add(text, " of malloc's heaps are less than a quarter in use, by ");
		quantity_count(text, heaps->used_blocks);
		text_add(text, heaps->used_blocks == 1 ? " block of " : " blocks of ");
		quantity_bytes(text, heaps->used_bytes);
		text_add(text, ", between which ");
		quantity_bytes(text, heaps->stranded_bytes);
		text_add(text, " are stranded");
	}
	if (pinned->sparse_arenas > 0 || heaps->stretches.count > 0)
		text_add(text, "; memory --arenas names the objects that pin them");
}

static int say_fragmented(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	const struct pymalloc_use *use = &answer->map->pymalloc;
	const uint64_t stranded = answer->malloc.free_bytes > answer->malloc.returnable && answer->has_malloc
	                                  ? answer->malloc.free_bytes - answer->malloc.returnable
	                                  : 0;
	const uint64_t free_bytes =
	        stranded + use->free_bytes + use->free_pool_bytes + answer->map->mimalloc.free_bytes;
	if (free_bytes < worth_a_word || !is_share(verdicts, free_bytes, FRAGMENTED_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_FRAGMENTED, free_bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text, " are free between blocks in use, and cannot be returned while those live (fragmentation)");
	add_sparse(text, &answer->pinned, use);
	text_add(text, ".");
	return OK;
}

static int say_native(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	if (answer->native_bytes < worth_a_word || !is_share(verdicts, answer->native_bytes, NATIVE_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_NATIVE, answer->native_bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text,
	         " are in use by C code: no Python size counts them. The command native lists the largest blocks.");
	return OK;
}

/* Only where it was asked what leads to blocks of C code: nothing else needs to know what is reachable. */
static int say_garbage(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	if (answer->native == NULL)
		return OK;
	const uint64_t native = answer->native->holders[NATIVE_GARBAGE].bytes;
	const uint64_t bytes = verdicts->query->target->heap->unreachable_bytes + native;
	if (bytes < worth_a_word || !is_share(verdicts, bytes, GARBAGE_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_GARBAGE, bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text, " are garbage: objects that nothing reaches");
	if (native > 0) {
		text_add(text, ", ~");
		quantity_bytes(text, native);
		text_add(text, " of it C code's for them");
	}
	text_add(text, ". The command garbage says what holds it together, and what a collection would free.");
	return OK;
}

static int say_tracemalloc(struct verdicts *verdicts)
{
	const uint64_t bytes = python_share_bytes(&verdicts->answer->shares, SHARE_TRACEMALLOC);
	if (bytes < worth_a_word || !is_share(verdicts, bytes, TRACEMALLOC_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_TRACEMALLOC, bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text, " are tracemalloc's own tables: tracemalloc.stop() gives them back, and fewer frames a trace "
	               "(PYTHONTRACEMALLOC=1) take less.");
	return OK;
}

static int say_unknown(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	const uint64_t bytes = answer->kinds[REGION_OTHER].resident;
	if (bytes < worth_a_word || !is_share(verdicts, bytes, UNKNOWN_SHARE))
		return OK;
	struct text *text = begin(verdicts, VERDICT_UNKNOWN, bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	if (answer->other_malloc != NULL)
		text_format(text,
		            " are in mappings of no allocator that can be gone through, most of them %s's; what of it "
		            "is free is not known.",
		            answer->other_malloc);
	else
		text_add(text, " are in mappings that no allocator known here made: mmap() by an extension, a device, "
		               "another runtime. memory --regions lists the largest.");
	return OK;
}

static int say_objects(struct verdicts *verdicts)
{
	const struct memory_answer *answer = verdicts->answer;
	const bool is_alone = answer->verdicts.count == 0;
	if (!is_share(verdicts, answer->objects_bytes, OBJECTS_SHARE) && !is_alone)
		return OK;
	struct text *text = begin(verdicts, VERDICT_OBJECTS, answer->objects_bytes);
	if (text == NULL)
		return query_no_memory(verdicts->query, "the verdict");
	text_add(text, is_share(verdicts, answer->objects_bytes, OBJECTS_SHARE)
	                       ? " are Python objects: top says what keeps them, garbage which of them nothing keeps."
	                       : " are Python objects; nothing here is out of proportion.");
	return OK;
}

int memory_verdicts_make(const struct query *query, struct memory_answer *answer)
{
	struct verdicts verdicts = { query, answer, answer->private_bytes };
	TRY(say_returnable(&verdicts));
	TRY(say_fragmented(&verdicts));
	TRY(say_native(&verdicts));
	TRY(say_garbage(&verdicts));
	TRY(say_tracemalloc(&verdicts));
	TRY(say_unknown(&verdicts));
	return say_objects(&verdicts);
}
