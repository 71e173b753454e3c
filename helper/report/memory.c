/* SPDX-License-Identifier: MIT */
#include "query/memory/memory.h"

#include <inttypes.h>
#include <stdlib.h>

#include "query/memory/native_beside.h"
#include "render/table.h"
#include "render/units.h"
#include "report/memory_rows.h"
#include "report/pinned_rows.h"
#include "report/report.h"

static const char *const residency_words[] = {
	[RESIDENCY_NOT_ZERO] = "at least: pages with anything in them",
	[RESIDENCY_HOLES] = "resident or swapped: pages that the core has",
	[RESIDENCY_PAGEMAP] = "as its pagemap says",
};

static void head_line(struct report *report, const char *name, uint64_t bytes, const char *note)
{
	if (bytes > 0)
		report_size_line(report, name, bytes, note);
}

static void show_head(struct report *report, const struct memory_answer *answer)
{
	report_size_line(report, "mapped", answer->mapped, NULL);
	report_size_line(report, "resident", answer->resident, residency_words[answer->residency]);
	report_size_line(report, "its own", answer->private_bytes, "of the resident: writable and private");
	struct text note = { .bytes = NULL };
	units_percent(&note, answer->named_bytes, answer->private_bytes);
	text_add(&note, "% of these have an owner that is known");
	report_size_line(report, "explained", answer->named_bytes, text_string(&note));
	if (answer->native != NULL) {
		text_reset(&note);
		units_percent(&note, answer->owned_bytes, answer->private_bytes);
		text_add(&note, "% without blocks of C code that nothing seen leads to");
		report_size_line(report, "named", answer->owned_bytes, text_string(&note));
	}
	text_free(&note);
	if (answer->has_usage) {
		head_line(report, "Rss", answer->usage.rss, "as the kernel counts");
		head_line(report, "Pss", answer->usage.pss, "pages of several processes in equal shares");
		head_line(report, "private", answer->usage.private_bytes, "what its end would free");
		head_line(report, "shared", answer->usage.shared_bytes, NULL);
		head_line(report, "Swap", answer->usage.swap, NULL);
	}
	text_add(report->text, "\n");
}

static void add_part(struct report *report, struct table *table, const struct memory_part *part,
                     struct table_row *parents[])
{
	struct text cell = { .bytes = NULL };
	struct table_row *row = table_add_row(table, part->level > 0 ? parents[part->level - 1] : NULL);
	parents[part->level] = row;
	table_set(table, row, 0, part->name);
	report_bytes(report, &cell, part->bytes);
	table_take(table, row, 1, &cell);
	if (part->has_resident) {
		report_bytes(report, &cell, part->resident);
		table_take(table, row, 2, &cell);
	}
	if (part->count > 0) {
		units_count(&cell, part->count);
		table_take(table, row, 3, &cell);
	}
	text_free(&cell);
}

static int show_tree(struct report *report, const struct memory_answer *answer)
{
	static const struct table_column columns[] = {
		{ "", TABLE_TREE }, { "Bytes", TABLE_RIGHT }, { "Resident", TABLE_RIGHT }, { "Count", TABLE_RIGHT }
	};
	struct table *table = table_create(columns, 4, report->style.width, true);
	struct table_row *parents[4] = { NULL };
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->parts.count; i++)
		add_part(report, table, &answer->parts.items[i], parents);
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

static void show_end(struct report *report, const struct memory_answer *answer)
{
	text_add(report->text, "\n");
	for (size_t i = 0; i < answer->verdicts.count; i++)
		text_format(report->text, "%s\n", text_string(&answer->verdicts.items[i].text));
	if (answer->refusal != NULL)
		text_format(report->text,
		            "malloc's heaps were not gone through: %s (0x%" PRIx64 "); what of them is free is not "
		            "known.\n",
		            answer->refusal, answer->refused_at);
	else if (answer->other_malloc != NULL && answer->map->allocators->jemalloc.file == NULL)
		text_format(report->text,
		            "%s stands in for malloc and is not gone through; what of it is free is not known.\n",
		            answer->other_malloc);
	else if (!answer->has_malloc && answer->map->allocators->jemalloc.file == NULL)
		text_add(report->text, "No heap of glibc's malloc was found; what C code has is not known.\n");
	if (answer->native == NULL && answer->native_bytes >= NATIVE_WORTH_BYTES &&
	    answer->native_bytes >= answer->private_bytes / NATIVE_WORTH_SHARE) {
		text_add(report->text, "What leads to the ");
		report_bytes(report, report->text, answer->native_bytes);
		text_add(report->text, " of C code was not looked for: memory --native does.\n");
	}
	if (!answer->has_usage)
		text_add(report->text,
		         "RSS, PSS and swap are in no core; pages of files that were only read neither.\n");
}

static int show_text(struct report *report, const struct memory_answer *answer)
{
	show_head(report, answer);
	TRY(show_tree(report, answer));
	if (request_has(report->request, OPTION_ARENAS))
		TRY(pinned_rows_show(report, &answer->pinned));
	TRY(memory_rows_show(report, answer));
	show_end(report, answer);
	report_coverage(report, &answer->coverage);
	static const char *const next[] = {
		[VERDICT_OBJECTS] = "top heap memory:--arenas",
		[VERDICT_RETURNABLE] = "memory:--arenas memory:--regions top",
		[VERDICT_FRAGMENTED] = "memory:--arenas memory:--regions top",
		[VERDICT_NATIVE] = "native memory:--native memory:--arenas",
		[VERDICT_GARBAGE] = "garbage top native",
		[VERDICT_TRACEMALLOC] = "tracemalloc top memory:--pools",
		[VERDICT_UNKNOWN] = "memory:--regions native top",
	};
	if (answer->verdicts.count > 0)
		report_next(report, next[answer->verdicts.items[0].kind], 0);
	return OK;
}

static void json_part(struct json *json, const struct memory_part *part)
{
	json_object(json, NULL);
	json_string(json, "name", part->name);
	json_number(json, "bytes", part->bytes);
	if (part->has_resident)
		json_number(json, "resident", part->resident);
	if (part->count > 0)
		json_number(json, "count", part->count);
}

/* The parts from *next on that are of `level` or below. */
static void json_parts(struct json *json, const struct memory_answer *answer, size_t *next, uint32_t level)
{
	const struct memory_part *parts = answer->parts.items;
	const size_t count = answer->parts.count;
	while (*next < count && parts[*next].level == level) {
		json_part(json, &parts[(*next)++]);
		json_array(json, "of_which");
		for (; *next < count && parts[*next].is_of_which; (*next)++) {
			json_part(json, &parts[*next]);
			json_object_end(json);
		}
		json_array_end(json);
		json_array(json, "parts");
		json_parts(json, answer, next, level + 1);
		json_array_end(json);
		json_object_end(json);
	}
}

static void json_share(struct json *json, const char *name, const struct memory_answer *answer, enum python_share share)
{
	json_object(json, name);
	json_number(json, "count", python_share_count(&answer->shares, share));
	json_number(json, "bytes", python_share_bytes(&answer->shares, share));
}

/* Sums over all allocators of what the tree has of them. */
static void json_shares(struct json *json, const struct memory_answer *answer)
{
	const struct python_shares *shares = &answer->shares;
	json_object(json, "of_which");
	json_share(json, "collector_heads", answer, SHARE_COLLECTOR);
	json_object_end(json);
	json_share(json, "code", answer, SHARE_CODE);
	json_object_end(json);
	json_share(json, "interned", answer, SHARE_INTERNED);
	json_bool(json, "known", shares->interned.is_known);
	json_number(json, "strings", shares->interned.count);
	json_number(json, "static", shares->interned.static_count);
	json_number(json, "immortal", shares->interned.immortal_count);
	json_number(json, "immortal_bytes", shares->interned.immortal_bytes);
	json_number(json, "dict_bytes", shares->interned.dict_bytes);
	json_object_end(json);
	json_share(json, "free_lists", answer, SHARE_FREE_LISTS);
	json_bool(json, "known", shares->free_lists_are_known);
	json_number(json, "torn", shares->torn_free_lists);
	json_array(json, "lists");
	for (size_t i = 0; i < shares->free_lists.count; i++) {
		json_object(json, NULL);
		json_string(json, "of", shares->free_lists.items[i].name);
		json_number(json, "count", shares->free_lists.items[i].count);
		json_number(json, "bytes", shares->free_lists.items[i].bytes);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	json_share(json, "tracemalloc", answer, SHARE_TRACEMALLOC);
	json_number(json, "tracemalloc_memory", shares->traced_bytes);
	json_object_end(json);
	json_object_end(json);
}

/* What C code has, by what leads to it, over all allocators; null: nobody asked. */
static void json_native(struct json *json, const struct memory_answer *answer)
{
	static const char *const names[NATIVE_UNSEEN + 1] = { [NATIVE_OBJECT] = "owned",
		                                              [NATIVE_GARBAGE] = "garbage",
		                                              [NATIVE_STATIC] = "static",
		                                              [NATIVE_TREES] = "trees",
		                                              [NATIVE_UNSEEN] = "unseen" };
	if (answer->native == NULL) {
		json_null(json, "native");
		return;
	}
	json_object(json, "native");
	for (int holder = NATIVE_OBJECT; holder <= NATIVE_UNSEEN; holder++) {
		json_object(json, names[holder]);
		json_number(json, "count", answer->native->holders[holder].blocks);
		json_number(json, "bytes", answer->native->holders[holder].bytes);
		json_object_end(json);
	}
	json_object_end(json);
}

static void json_malloc(struct report *report, const struct memory_answer *answer)
{
	struct json *json = &report->json;
	const struct glibc_use *use = &answer->malloc;
	json_object(json, "malloc");
	json_bool(json, "confirmed", answer->has_malloc);
	if (answer->refusal != NULL)
		json_string(json, "refusal", answer->refusal);
	if (answer->other_malloc != NULL)
		json_string(json, "replaced_by", answer->other_malloc);
	json_number(json, "in_use", use->used_bytes + answer->malloc_mapped);
	json_number(json, "free", use->free_bytes + use->fast_bytes);
	json_number(json, "returnable", use->returnable);
	json_number(json, "returnable_resident", answer->returnable_resident);
	json_number(json, "mapped", answer->malloc_mapped);
	json_number(json, "cached", use->cached_bytes);
	json_object(json, "mallinfo2");
	json_number(json, "arena", use->system);
	json_number(json, "ordblks", use->free_blocks);
	json_number(json, "smblks", use->fast_blocks);
	json_number(json, "hblks", answer->malloc_mapped_blocks);
	json_number(json, "hblkhd", answer->malloc_mapped);
	json_number(json, "fsmblks", use->fast_bytes);
	json_number(json, "uordblks", use->system - use->free_bytes - use->fast_bytes);
	json_number(json, "fordblks", use->free_bytes + use->fast_bytes);
	json_number(json, "keepcost", use->top_bytes);
	json_object_end(json);
	pinned_rows_json_heaps(report, &answer->pinned);
	json_object_end(json);
}

static void json_pymalloc(struct report *report, const struct memory_answer *answer)
{
	struct json *json = &report->json;
	const struct pymalloc_use *use = &answer->map->pymalloc;
	json_object(json, "pymalloc");
	json_number(json, "arenas", use->arenas);
	json_number(json, "arena_bytes", answer->map->allocators->pymalloc.arena_bytes);
	json_number(json, "in_use", use->used_bytes);
	json_number(json, "free", use->free_bytes + use->free_pool_bytes);
	json_number(json, "free_in_pools", use->free_bytes);
	json_number(json, "free_pools", use->free_pool_bytes);
	json_number(json, "headers", use->header_bytes);
	json_number(json, "quantization", use->quantization_bytes);
	json_number(json, "alignment", use->alignment_bytes);
	json_number(json, "sparse_arenas", answer->pinned.sparse_arenas);
	json_number(json, "sparse_bytes", answer->pinned.sparse_bytes);
	pinned_rows_json(report, &answer->pinned, PINNED_ARENAS);
	json_object_end(json);
}

static void json_jemalloc(struct json *json, const struct jemalloc *jemalloc)
{
	json_object(json, "jemalloc");
	json_number(json, "allocated", jemalloc->allocated);
	json_number(json, "active", jemalloc->bytes[JEMALLOC_ACTIVE]);
	json_number(json, "dirty", jemalloc->bytes[JEMALLOC_DIRTY]);
	json_number(json, "muzzy", jemalloc->bytes[JEMALLOC_MUZZY]);
	json_number(json, "retained", jemalloc->bytes[JEMALLOC_RETAINED]);
	json_object_end(json);
}

static void json_usage(struct json *json, const struct memory_usage *usage)
{
	json_object(json, "kernel");
	json_number(json, "rss", usage->rss);
	json_number(json, "pss", usage->pss);
	json_number(json, "swap", usage->swap);
	json_number(json, "private", usage->private_bytes);
	json_number(json, "shared", usage->shared_bytes);
	json_object_end(json);
}

static void json_verdicts(struct json *json, const struct memory_answer *answer)
{
	static const char *const kinds[] = { "objects", "returnable",  "fragmented", "native",
		                             "garbage", "tracemalloc", "unknown" };
	json_array(json, "verdict");
	for (size_t i = 0; i < answer->verdicts.count; i++) {
		json_object(json, NULL);
		json_string(json, "kind", kinds[answer->verdicts.items[i].kind]);
		json_text(json, "text", &answer->verdicts.items[i].text);
		json_number(json, "bytes", answer->verdicts.items[i].bytes);
		json_object_end(json);
	}
	json_array_end(json);
}

static void show_json(struct report *report, const struct memory_answer *answer)
{
	static const char *const sources[] = { "not_zero", "holes", "pagemap" };
	struct json *json = &report->json;
	report_json_begin(report);
	json_object(json, "total");
	json_number(json, "mapped", answer->mapped);
	json_number(json, "resident", answer->resident);
	json_string(json, "resident_by", sources[answer->residency]);
	json_number(json, "private", answer->private_bytes);
	json_number(json, "objects", answer->objects_bytes);
	json_number(json, "native", answer->native_bytes);
	json_object_end(json);
	json_number(json, "explained", answer->named_bytes);
	if (answer->native != NULL)
		json_number(json, "named", answer->owned_bytes);
	else
		json_null(json, "named");
	json_array(json, "tree");
	size_t next = 0;
	json_parts(json, answer, &next, 0);
	json_array_end(json);
	json_shares(json, answer);
	json_native(json, answer);
	json_malloc(report, answer);
	json_pymalloc(report, answer);
	if (answer->map->allocators->jemalloc.file != NULL)
		json_jemalloc(json, &answer->map->allocators->jemalloc);
	if (answer->has_usage)
		json_usage(json, &answer->usage);
	json_verdicts(json, answer);
	memory_rows_json(report, answer);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int memory_report(struct report *report)
{
	const struct memory_question question = { .with_owners = request_has(report->request, OPTION_ARENAS),
		                                  .with_regions = request_has(report->request, OPTION_REGIONS) ||
		                                                  request_has(report->request, OPTION_STACKS),
		                                  .with_native = request_has(report->request, OPTION_LEADS),
		                                  .limit = report->request->limit };
	struct memory_answer answer;
	int status = query_memory(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	memory_answer_clear(&answer);
	return status;
}
