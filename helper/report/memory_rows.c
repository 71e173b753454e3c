/* SPDX-License-Identifier: MIT */
#include "report/memory_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "render/table.h"
#include "render/units.h"

/* A table under construction: cells are set from left to right. */
struct sheet {
	struct report *report;
	struct table *table;
	struct table_row *row;
	uint32_t column;
};

static void next_row(struct sheet *sheet)
{
	sheet->row = table_add_row(sheet->table, NULL);
	sheet->column = 0;
}

static void take(struct sheet *sheet, struct text *cell)
{
	table_take(sheet->table, sheet->row, sheet->column++, cell);
	text_free(cell);
}

static void put_bytes(struct sheet *sheet, uint64_t bytes)
{
	struct text cell = { .bytes = NULL };
	report_bytes(sheet->report, &cell, bytes);
	take(sheet, &cell);
}

static void put_count(struct sheet *sheet, uint64_t count)
{
	struct text cell = { .bytes = NULL };
	units_count(&cell, count);
	take(sheet, &cell);
}

static void put_address(struct sheet *sheet, uint64_t address)
{
	struct text cell = { .bytes = NULL };
	text_format(&cell, "0x%" PRIx64, address);
	take(sheet, &cell);
}

static void put_words(struct sheet *sheet, const char *words)
{
	table_set(sheet->table, sheet->row, sheet->column++, words);
}

static int begin(struct sheet *sheet, struct report *report, const char *title, const struct table_column *columns,
                 uint32_t count)
{
	*sheet = (struct sheet){ .report = report };
	text_format(report->text, "\n%s\n", title);
	sheet->table = table_create(columns, count, report->style.width, true);
	return sheet->table != NULL ? OK : query_no_memory(&report->query, "a table");
}

static int end(struct sheet *sheet, uint64_t more)
{
	const int status = table_draw(sheet->table, sheet->report->text, sheet->report->error);
	table_destroy(sheet->table);
	report_more(sheet->report, more);
	return status;
}

static int show_malloc_arenas(struct report *report, const struct glibc_walk *walk)
{
	static const struct table_column columns[] = {
		{ "Arena", 0 },          { "From the system", TABLE_RIGHT }, { "In use", TABLE_RIGHT },
		{ "Free", TABLE_RIGHT }, { "Returnable", TABLE_RIGHT },      { "Threads", TABLE_RIGHT },
	};
	struct sheet sheet;
	const uint64_t limit = report->request->limit;
	TRY(begin(&sheet, report, "Arenas of malloc", columns, 6));
	for (size_t i = 0; i < walk->arenas.count && i < limit; i++) {
		const struct glibc_use *use = &walk->arenas.items[i];
		next_row(&sheet);
		put_address(&sheet, walk->glibc->arenas.items[i].address);
		put_bytes(&sheet, use->system);
		put_bytes(&sheet, use->used_bytes);
		put_bytes(&sheet, use->free_bytes + use->fast_bytes);
		put_bytes(&sheet, use->returnable);
		put_count(&sheet, walk->glibc->arenas.items[i].attached);
	}
	return end(&sheet, walk->arenas.count > limit ? walk->arenas.count - limit : 0);
}

/* pymalloc's arenas by what of them is in use, a row for each tenth. */
static int show_pymalloc_arenas(struct report *report, const struct memory_answer *answer)
{
	static const struct table_column columns[] = { { "In use", 0 },
		                                       { "Arenas", TABLE_RIGHT },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "of it in use", TABLE_RIGHT },
		                                       { "Emptiest", 0 } };
	enum { TENTHS = 10 };
	const struct pymalloc_arenas *arenas = &answer->map->allocators->pymalloc;
	struct {
		uint64_t count, bytes, used, least, emptiest;
	} rows[TENTHS] = { { 0 } };
	for (size_t i = 0; i < arenas->items.count; i++) {
		const struct pymalloc_arena *arena = &arenas->items.items[i];
		const uint64_t used = answer->map->arena_uses.items[i].used_bytes, all = arena->end - arena->start;
		const uint64_t tenth = used * TENTHS / all < TENTHS ? used * TENTHS / all : TENTHS - 1;
		if (rows[tenth].count == 0 || used < rows[tenth].least) {
			rows[tenth].least = used;
			rows[tenth].emptiest = arena->start;
		}
		rows[tenth].count++;
		rows[tenth].bytes += all;
		rows[tenth].used += used;
	}
	struct sheet sheet;
	TRY(begin(&sheet, report, "Arenas of pymalloc by what of them is in use", columns, 5));
	for (unsigned i = 0; i < TENTHS; i++) {
		struct text cell = { .bytes = NULL };
		if (rows[i].count == 0)
			continue;
		next_row(&sheet);
		text_format(&cell, "%u to %u %%", i * 10, i * 10 + 10);
		take(&sheet, &cell);
		put_count(&sheet, rows[i].count);
		put_bytes(&sheet, rows[i].bytes);
		put_bytes(&sheet, rows[i].used);
		put_address(&sheet, rows[i].emptiest);
	}
	return end(&sheet, 0);
}

static int show_pools(struct report *report, const struct memory_answer *answer)
{
	static const struct table_column columns[] = { { "Block size", TABLE_RIGHT },
		                                       { "Pools", TABLE_RIGHT },
		                                       { "In use", TABLE_RIGHT },
		                                       { "Free", TABLE_RIGHT },
		                                       { "Free bytes", TABLE_RIGHT } };
	const struct pymalloc_use *use = &answer->map->pymalloc;
	struct sheet sheet;
	TRY(begin(&sheet, report, "Pools of pymalloc by the size of their blocks", columns, 5));
	for (unsigned i = 0; i < PYMALLOC_CLASSES; i++) {
		const uint64_t bytes = (uint64_t)(i + 1) * PYMALLOC_ALIGNMENT;
		if (use->classes[i].pools == 0)
			continue;
		next_row(&sheet);
		put_count(&sheet, bytes);
		put_count(&sheet, use->classes[i].pools);
		put_count(&sheet, use->classes[i].used_blocks);
		put_count(&sheet, use->classes[i].free_blocks);
		put_bytes(&sheet, bytes * use->classes[i].free_blocks);
	}
	return end(&sheet, 0);
}

/* Blocks that types keep for their next objects. */
static int show_free_lists(struct report *report, const struct python_shares *shares)
{
	static const struct table_column columns[] = { { "Of", 0 },
		                                       { "Blocks", TABLE_RIGHT },
		                                       { "Bytes", TABLE_RIGHT } };
	struct sheet sheet;
	TRY(begin(&sheet, report, "Free lists: blocks that types keep for their next objects", columns, 3));
	for (size_t i = 0; i < shares->free_lists.count; i++) {
		if (shares->free_lists.items[i].count == 0)
			continue;
		next_row(&sheet);
		put_words(&sheet, shares->free_lists.items[i].name);
		put_count(&sheet, shares->free_lists.items[i].count);
		put_bytes(&sheet, shares->free_lists.items[i].bytes);
	}
	TRY(end(&sheet, 0));
	if (!shares->free_lists_are_known)
		text_add(report->text, "Where they begin is not known of this Python (up to 3.9 they are static "
		                       "variables).\n");
	if (shares->torn_free_lists > 0) {
		units_noun(report->text, shares->torn_free_lists, "list");
		text_add(report->text, " could not be followed to the end: at least so many.\n");
	}
	return OK;
}

static const char *owner_words(const struct report *report, const struct region *region)
{
	const struct address_space *space = report->target->space;
	if (region->kind == REGION_FILE)
		return space->files.items[region->index].path;
	return region_kind_name((enum region_kind)region->kind);
}

/* Regions of a process can be many: the largest are shown, those without an owner first. */
static int compare_regions(const void *left, const void *right)
{
	const struct region *a = *(const struct region *const *)left, *b = *(const struct region *const *)right;
	const bool a_other = a->kind == REGION_OTHER, b_other = b->kind == REGION_OTHER;
	if (a_other != b_other)
		return a_other ? -1 : 1;
	return query_compare_bytes(a->end - a->start, a->start, b->end - b->start, b->start);
}

static int show_regions(struct report *report, const struct memory_answer *answer)
{
	static const struct table_column columns[] = { { "From", 0 },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "Resident", TABLE_RIGHT },
		                                       { "In use", TABLE_RIGHT },
		                                       { "Free", TABLE_RIGHT },
		                                       { "Dump", 0 },
		                                       { "Access", 0 },
		                                       { "Owner", 0 } };
	const size_t count = answer->map->regions.count;
	const uint64_t limit = report->request->limit;
	const struct region **sorted = malloc((count + 1) * sizeof *sorted);
	struct sheet sheet;
	if (sorted == NULL)
		return query_no_memory(&report->query, "the regions");
	for (size_t i = 0; i < count; i++)
		sorted[i] = &answer->map->regions.items[i];
	qsort(sorted, count, sizeof *sorted, compare_regions);
	int status = begin(&sheet, report, "Regions: those of no known owner first, then by size", columns, 8);
	for (size_t i = 0; status == OK && i < count && i < limit; i++) {
		struct text owner = { .bytes = NULL };
		const char *words = owner_words(report, sorted[i]);
		next_row(&sheet);
		const struct region_use *use = &answer->regions.items.items[sorted[i] - answer->map->regions.items];
		put_address(&sheet, sorted[i]->start);
		put_bytes(&sheet, sorted[i]->end - sorted[i]->start);
		put_bytes(&sheet, use->resident);
		if (use->has_use) {
			put_bytes(&sheet, use->used);
			put_bytes(&sheet, use->free + use->cached);
		} else {
			put_words(&sheet, "");
			put_words(&sheet, "");
		}
		put_words(&sheet, use->present > 0 ? "yes" : "no");
		put_words(&sheet, sorted[i]->is_writable               ? "own"
		                  : sorted[i]->kind == REGION_RESERVED ? "none"
		                                                       : "read or shared");
		names_escape(&owner, words, strlen(words), false);
		take(&sheet, &owner);
	}
	free(sorted);
	return status == OK ? end(&sheet, count > limit ? count - limit : 0) : status;
}

/* The index of the first region from `from` on that is a thread's stack; of one cut in pieces, by a guard, the one that
 * its thread is in. As many as there are regions: none. */
static size_t next_stack(const struct memory_answer *answer, size_t from)
{
	while (from < answer->map->regions.count &&
	       (answer->map->regions.items[from].kind != REGION_STACK || !answer->regions.items.items[from].has_use))
		from++;
	return from;
}

static int show_stacks(struct report *report, const struct memory_answer *answer)
{
	static const struct table_column columns[] = { { "Thread", TABLE_RIGHT },
		                                       { "From", 0 },
		                                       { "Bytes", TABLE_RIGHT },
		                                       { "Resident", TABLE_RIGHT },
		                                       { "In use", TABLE_RIGHT } };
	const size_t count = answer->map->regions.count;
	struct sheet sheet;
	uint64_t shown = 0, more = 0;
	TRY(begin(&sheet, report, "Stacks: in use from the stack pointer on", columns, 5));
	for (size_t i = next_stack(answer, 0); i < count; i = next_stack(answer, i + 1)) {
		const struct region *region = &answer->map->regions.items[i];
		const struct region_use *use = &answer->regions.items.items[i];
		struct text cell = { .bytes = NULL };
		if (shown++ >= report->request->limit) {
			more++;
			continue;
		}
		next_row(&sheet);
		text_format(&cell, "%" PRIu64, report->target->space->threads.items[region->index].tid);
		take(&sheet, &cell);
		put_address(&sheet, region->start);
		put_bytes(&sheet, region->end - region->start);
		put_bytes(&sheet, use->resident);
		put_bytes(&sheet, use->used);
	}
	return end(&sheet, more);
}

static void json_stacks(struct report *report, const struct memory_answer *answer)
{
	struct json *json = &report->json;
	const size_t count = answer->map->regions.count;
	json_array(json, "stacks");
	for (size_t i = next_stack(answer, 0); i < count; i = next_stack(answer, i + 1)) {
		const struct region *region = &answer->map->regions.items[i];
		const struct region_use *use = &answer->regions.items.items[i];
		json_object(json, NULL);
		json_number(json, "thread", report->target->space->threads.items[region->index].tid);
		json_address(json, "start", region->start);
		json_number(json, "bytes", region->end - region->start);
		json_number(json, "resident", use->resident);
		json_number(json, "used", use->used);
		json_object_end(json);
	}
	json_array_end(json);
}

int memory_rows_show(struct report *report, const struct memory_answer *answer)
{
	if (request_has(report->request, OPTION_ARENAS)) {
		TRY(show_pymalloc_arenas(report, answer));
		for (size_t i = 0; i < answer->map->walks.count; i++)
			TRY(show_malloc_arenas(report, &answer->map->walks.items[i]));
	}
	if (request_has(report->request, OPTION_POOLS)) {
		TRY(show_pools(report, answer));
		TRY(show_free_lists(report, &answer->shares));
	}
	if (request_has(report->request, OPTION_REGIONS))
		TRY(show_regions(report, answer));
	return request_has(report->request, OPTION_STACKS) ? show_stacks(report, answer) : OK;
}

static void json_classes(struct json *json, const struct pymalloc_use *use)
{
	json_array(json, "pools");
	for (unsigned i = 0; i < PYMALLOC_CLASSES; i++) {
		if (use->classes[i].pools == 0)
			continue;
		json_object(json, NULL);
		json_number(json, "block_bytes", (uint64_t)(i + 1) * PYMALLOC_ALIGNMENT);
		json_number(json, "pools", use->classes[i].pools);
		json_number(json, "in_use", use->classes[i].used_blocks);
		json_number(json, "free", use->classes[i].free_blocks);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_arenas(struct json *json, const struct memory_answer *answer)
{
	json_array(json, "arenas");
	for (size_t i = 0; i < answer->map->walks.count; i++) {
		const struct glibc_walk *walk = &answer->map->walks.items[i];
		for (size_t j = 0; j < walk->arenas.count; j++) {
			const struct glibc_use *use = &walk->arenas.items[j];
			json_object(json, NULL);
			json_string(json, "allocator", "malloc");
			json_address(json, "address", walk->glibc->arenas.items[j].address);
			json_number(json, "bytes", use->system);
			json_number(json, "in_use", use->used_bytes);
			json_number(json, "free", use->free_bytes + use->fast_bytes);
			json_number(json, "returnable", use->returnable);
			json_object_end(json);
		}
	}
	const struct pymalloc_arenas *arenas = &answer->map->allocators->pymalloc;
	for (size_t i = 0; i < arenas->items.count; i++) {
		json_object(json, NULL);
		json_string(json, "allocator", "pymalloc");
		json_address(json, "address", arenas->items.items[i].start);
		json_number(json, "bytes", arenas->items.items[i].end - arenas->items.items[i].start);
		json_number(json, "in_use", answer->map->arena_uses.items[i].used_bytes);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_regions(struct report *report, const struct memory_answer *answer)
{
	struct json *json = &report->json;
	json_array(json, "regions");
	for (size_t i = 0; i < answer->map->regions.count; i++) {
		const struct region *region = &answer->map->regions.items[i];
		const struct region_use *use = &answer->regions.items.items[i];
		json_object(json, NULL);
		json_address(json, "start", region->start);
		json_number(json, "bytes", region->end - region->start);
		json_string(json, "kind", region_kind_name((enum region_kind)region->kind));
		if (region->kind == REGION_FILE)
			json_string(json, "file", owner_words(report, region));
		if (region->kind == REGION_STACK)
			json_number(json, "thread", report->target->space->threads.items[region->index].tid);
		json_bool(json, "writable", region->is_writable);
		json_bool(json, "present", region->is_present);
		json_number(json, "in_dump", use->present);
		json_number(json, "resident", use->resident);
		json_number(json, "resident_most", use->resident_most);
		if (use->has_use) {
			json_number(json, "in_use", use->used);
			json_number(json, "cached", use->cached);
			json_number(json, "free", use->free);
		} else {
			json_null(json, "in_use");
			json_null(json, "cached");
			json_null(json, "free");
		}
		json_object_end(json);
	}
	json_array_end(json);
}

void memory_rows_json(struct report *report, const struct memory_answer *answer)
{
	if (request_has(report->request, OPTION_POOLS))
		json_classes(&report->json, &answer->map->pymalloc);
	if (request_has(report->request, OPTION_ARENAS))
		json_arenas(&report->json, answer);
	if (request_has(report->request, OPTION_REGIONS))
		json_regions(report, answer);
	if (request_has(report->request, OPTION_STACKS))
		json_stacks(report, answer);
}
